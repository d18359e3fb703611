/*
 * A journal of claims: reading it, and what follows for an engine
 *
 * Lines carry a checksum that no fuzzer guesses, so the input is the text of the lines and the
 * checksums are put before them here; a line that begins with `!` is taken as it is, without.
 * Whatever the journal says, it is refused or the engine is whole, and a record that is appended
 * afterwards is read back.
 */
#include "fuzz/fuzz.h"

#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "fuzz/estate_state.h"
#include "provider/claims.h"
#include "provider/estate.h"

#define ROUNDS 40

static size_t add_line(char *out, const char *line, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n = 0;
    if (len > 0 && line[0] == '!') {
        memcpy(out, line + 1, len - 1);
        n = len - 1;
    } else {
        FUZZ_REQUIRE(EVP_Digest(line, len, digest, NULL, EVP_sha256(), NULL));
        n = (size_t)sprintf(out, "%02x%02x%02x%02x ", digest[0], digest[1], digest[2], digest[3]);
        memcpy(out + n, line, len);
        n += len;
    }
    return n;
}

static void write_journal(const char *data, size_t size)
{
    size_t lines = 1, at = 0, n = 0;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    char *text = malloc(size + lines * 10);
    FUZZ_REQUIRE(text);
    while (at < size) {
        const char *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - data) - at : size - at;
        n += add_line(text + n, data + at, len);
        if (end)
            text[n++] = '\n';
        at += len + 1;
    }
    fuzz_write("terraform.tfstate" JOURNAL_SUFFIX, text, n);
    free(text);
}

static bool count(void *ctx, struct json_object *record, size_t bytes)
{
    FUZZ_REQUIRE(record && bytes > 0);
    ++*(size_t *)ctx;
    return true;
}

/* One more record: then there is one more to read. */
static void check_append(void)
{
    bool restarted;
    size_t before = 0, after = 0;
    struct journal *j = journal_new("terraform.tfstate" JOURNAL_SUFFIX);
    FUZZ_REQUIRE(j && journal_lock(j) == JOURNAL_OK);
    if (journal_read(j, count, &before, &restarted) == JOURNAL_OK) {
        struct json_object *r = json_object_new_object();
        json_object_object_add(r, "cancel", json_object_new_string("nothing"));
        FUZZ_REQUIRE(journal_append(j, &r, 1, false) == JOURNAL_OK);
        json_object_put(r);
        journal_free(j);
        j = journal_new("terraform.tfstate" JOURNAL_SUFFIX);
        FUZZ_REQUIRE(j && journal_read(j, count, &after, &restarted) == JOURNAL_OK);
        FUZZ_REQUIRE(after == before + 1);
    }
    journal_free(j);
}

static void join(struct estate *e, struct arena *a, const struct state *s)
{
    struct diags d;
    const struct claims_options options = {.lineage = state_lineage(s), .lock_timeout_ms = 1000};
    enum state_status status = STATE_WAIT;
    diags_init(&d, a);
    e->origin = "terraform.tfstate";
    e->state_path = arena_printf(a, "%s/terraform.tfstate", fuzz_folder());
    e->account_id = DEFAULT_ACCOUNT_ID;
    FUZZ_REQUIRE(estate_hydrate(e, s, &d));
    e->claims = claims_new(e, &options);
    FUZZ_REQUIRE(e->claims);
    for (unsigned i = 1; status == STATE_WAIT && i < ROUNDS; i++)
        status = claims_join(e->claims, &d, i * 1000u);
    FUZZ_REQUIRE(status != STATE_WAIT && (status == STATE_FAILED) == (d.errors > 0));
    FUZZ_REQUIRE(engine_check(e->engine));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[200];
    fuzz_folder();
    fuzz_write("terraform.tfstate", estate_state, strlen(estate_state));
    write_journal((const char *)data, size);
    struct arena *a = arena_new();
    struct estate *e = estate_new();
    struct state *s = state_parse(estate_state, strlen(estate_state), "terraform.tfstate", NULL,
                                  error, sizeof error);
    FUZZ_REQUIRE(a && e && s);
    join(e, a, s);
    estate_free(e);
    state_free(s);
    arena_free(a);
    check_append();
    return 0;
}
