/*
 * fuzz - what the fuzz targets share
 *
 * A target is one file with LLVMFuzzerTestOneInput. libFuzzer calls it with inputs that it makes
 * up; replay.c calls it with the files of the corpus, in the ordinary sanitize build. A target
 * looks for more than crashes: FUZZ_REQUIRE states what must hold for every input.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A fresh folder in memory, removed at the end of the program; the working directory is changed to
 * it, so that nothing that an input names can be a file of the machine. */
const char *fuzz_folder(void);
/* Writes a file in the folder (mode 0600), replacing what is there. */
void fuzz_write(const char *name, const void *bytes, size_t len);

#endif
