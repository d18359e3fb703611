/*
 * Protocol requests through the dispatcher, with the real provider
 *
 * The input is a sequence of requests: a byte for the method, two bytes for the length (low byte
 * first), then so many bytes of message. Every request must be answered exactly once by the end,
 * and the engine of the configured provider must be whole.
 *
 * Configuring can name files and programs. Programs are never started here (state_child_start is
 * replaced by the linker), and a configuration that could lead out of the folder is skipped.
 */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/dispatch.h"
#include "fuzz/estate_state.h"
#include "proto/dispatch.h"
#include "provider/claims.h"
#include "provider/estate.h"
#include "provider/state_internal.h"

#define REQUESTS_MAX 64

struct state_child *__wrap_state_child_start(const char *file, const char *const *argv,
                                             const char *directory, size_t max_bytes,
                                             uint64_t now_ms, int *error);
struct state_child *__wrap_state_child_start(const char *file, const char *const *argv,
                                             const char *directory, size_t max_bytes,
                                             uint64_t now_ms, int *error)
{
    (void)file;
    (void)argv;
    (void)directory;
    (void)max_bytes;
    (void)now_ms;
    *error = ENOENT;
    return NULL;
}

static struct estate *estate;

static enum outcome configure(struct call *c, const struct value *config, const char *version,
                              void **state)
{
    enum outcome out = provider_configure(c, config, version, state);
    estate = *state;
    return out;
}

static unsigned answers[REQUESTS_MAX];

static void answered(void *ctx, void *tag, int status, const char *message, struct bytes body)
{
    (void)ctx;
    FUZZ_REQUIRE(status == STATUS_OK || (message && body.len == 0));
    for (size_t i = 0; i < body.len; i++) /* all of it can be read */
        if (body.data[i] == 0 && i == SIZE_MAX)
            abort();
    answers[(uintptr_t)tag]++;
}

static bool leads_away(const uint8_t *bytes, size_t len)
{
    return memchr(bytes, '/', len) || memmem(bytes, len, "..", 2);
}

static void prepare_folder(void)
{
    fuzz_folder();
    fuzz_write("terraform.tfstate", estate_state, strlen(estate_state));
    unlink("terraform.tfstate" JOURNAL_SUFFIX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct provider provider = ipam_provider;
    uint64_t now = 1000;
    size_t count = 0;
    provider.configure = configure;
    estate = NULL;
    memset(answers, 0, sizeof answers);
    prepare_folder();
    struct runtime *r = runtime_new(&provider, answered, NULL);
    FUZZ_REQUIRE(r);
    while (size >= 3 && count < REQUESTS_MAX) {
        const char *method = fuzz_methods[data[0] % FUZZ_METHODS];
        size_t len = data[1] | (size_t)data[2] << 8;
        data += 3;
        size -= 3;
        len = len < size ? len : size;
        if (strcmp(method, FUZZ_CONFIGURE) != 0 || !leads_away(data, len))
            runtime_request(r, method, (struct bytes){data, len}, (void *)count, now);
        else
            answers[count] = 1;
        count++;
        data += len;
        size -= len;
        uint64_t due = runtime_tick(r, ++now);
        if (runtime_waiting(r) > 0 && due != UINT64_MAX && due > now)
            now = due;
    }
    for (unsigned i = 0; runtime_waiting(r) > 0 && i < 1000; i++)
        now = runtime_tick(r, now);
    if (estate)
        FUZZ_REQUIRE(engine_check(estate->engine) && engine_check(estate->insides));
    runtime_free(r);
    for (size_t i = 0; i < count; i++)
        FUZZ_REQUIRE(answers[i] == 1);
    return 0;
}
