/*
 * replay - runs a fuzz target once over every file of the folders given
 *
 * So the corpus and every former finding are part of the ordinary tests, without libFuzzer. Each
 * input is handed over in a block of its own size, so that reading beyond its end is caught.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static unsigned long replayed;

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    FUZZ_REQUIRE(f && fseek(f, 0, SEEK_END) == 0);
    long size = ftell(f);
    FUZZ_REQUIRE(size >= 0 && fseek(f, 0, SEEK_SET) == 0);
    uint8_t *bytes = malloc(size ? (size_t)size : 1);
    FUZZ_REQUIRE(bytes && fread(bytes, 1, (size_t)size, f) == (size_t)size);
    fclose(f);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(bytes, (size_t)size);
    free(bytes);
    replayed++;
}

static void replay_folder(const char *path)
{
    DIR *d = opendir(path);
    FUZZ_REQUIRE(d);
    for (struct dirent *e; (e = readdir(d));) {
        char file[PATH_MAX];
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        replay_file(file);
    }
    closedir(d);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay_folder(argv[i]);
    printf("%lu inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}
