/*
 * ids - identifiers and ARNs in AWS's forms
 *
 * An id is a prefix and lowercase hex digits of which the first is 0. New objects get random ones.
 * Objects that exist only as a consequence of another (the allocation behind a VPC's CIDR, a pool
 * CIDR's own id) get theirs by SHA-256 from what identifies them: every run and every reader
 * computes the same id, so nothing has to remember it, and an import finds it again.
 */
#include "provider/estate.h"

#include <ctype.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

static const char *hex_id(struct arena *a, const char *prefix, unsigned digits,
                          const uint8_t *bytes)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = strlen(prefix);
    char *id = arena_alloc(a, n + digits + 1);
    memcpy(id, prefix, n);
    id[n] = '0';
    for (unsigned i = 1; i < digits; i++) {
        uint8_t b = bytes[(i - 1) / 2];
        id[n + i] = hex[(i - 1) % 2 ? b & 15 : b >> 4];
    }
    return id;
}

const char *id_new(struct call *c, const char *prefix, unsigned digits)
{
    uint8_t bytes[32];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        diag_error(c->diags, NULL, "creating an identifier",
                   "The operating system gave no random bytes (getrandom). Nothing was created; "
                   "run the same command again.");
        return NULL;
    }
    return hex_id(c->arena, prefix, digits, bytes);
}

const char *id_derive(struct arena *a, const char *prefix, unsigned digits, const char *x,
                      const char *y)
{
    const char *text = arena_printf(a, "%s\n%s\n%s", prefix, x, y);
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};
    /* SHA-256 of memory fails only without memory; then the guard's rules apply. */
    if (!EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL))
        arena_calloc(a, SIZE_MAX, SIZE_MAX);
    return hex_id(a, prefix, digits, digest);
}

bool id_has_form(const char *id, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(id, prefix, n) != 0)
        return false;
    size_t digits = 0;
    for (const char *p = id + n; *p; p++, digits++)
        if (!isxdigit((unsigned char)*p) || isupper((unsigned char)*p) || digits >= 40)
            return false;
    return digits >= 8;
}

const char *arn_make(struct arena *a, const char *service, const char *region, const char *account,
                     const char *path, const char *id)
{
    return arena_printf(a, "arn:aws:%s:%s:%s:%s/%s", service, region, account, path, id);
}

const char *allocation_id_of(struct arena *a, const char *resource_id, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    return id_derive(a, "ipam-pool-alloc-", ID_ALLOCATION_DIGITS, resource_id,
                     cidr_format(c, text));
}
