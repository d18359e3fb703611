/*
 * organization - the accounts of an organization, and whom a share names
 *
 * Nobody can be asked offline which accounts are below an OU, so the provider block says it, in one
 * map from account to the path of its OUs:
 *
 *   organization {
 *     id                    = "o-exampleorgid"
 *     management_account_id = "111122223333"
 *     accounts = {
 *       "222233334444" = ""                                      # directly below the root
 *       "333344445555" = "ou-work-11111111/ou-prod-abcd1234"     # below an OU of an OU
 *     }
 *   }
 *
 * A map, because it can come from a local value or a file and be given to every alias of the
 * provider; paths, because they cannot contain a cycle. That an OU is in two places is the one
 * mistake left, and is refused.
 *
 * To the engine an account goes by groups: its organization and each OU on its path, so a share
 * with an OU reaches the accounts of nested OUs. A group's name is the end of its ARN,
 * `o-exampleorgid` or `o-exampleorgid/ou-prod-abcd1234`: unique, and the same in every partition.
 *
 * Without the block nothing is known: accounts that are named by their id can draw, OUs and
 * organizations stand for no account.
 */
#include "provider/estate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names --- */

/* `n` at least `min`, at most `max` characters of a-z and 0-9. */
static bool is_word(const char *s, size_t n, size_t min, size_t max)
{
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]))
            return false;
    return n >= min && n <= max;
}

static bool is_organization_id(const char *s, size_t n)
{
    return n > 2 && strncmp(s, "o-", 2) == 0 && is_word(s + 2, n - 2, 10, 32);
}

/* ou-<root>-<unit> */
static bool is_unit_id(const char *s, size_t n)
{
    if (n < 4 || strncmp(s, "ou-", 3) != 0)
        return false;
    const char *dash = memchr(s + 3, '-', n - 3);
    return dash && is_word(s + 3, (size_t)(dash - s - 3), 4, 32) &&
           is_word(dash + 1, n - (size_t)(dash + 1 - s), 8, 32);
}

static const char *check_organization_id(struct arena *a, const char *text)
{
    if (is_organization_id(text, strlen(text)))
        return NULL;
    return arena_printf(a, "\"%.60s\" is not an organization id such as \"o-exampleorgid\"", text);
}

static const char *check_unit_path(struct arena *a, const char *text)
{
    unsigned depth = 0;
    for (const char *p = text; *text; p++) {
        size_t n = strcspn(p, "/");
        if (!is_unit_id(p, n))
            return arena_printf(a,
                                "\"%.200s\" is not a path of OU ids from the root down, such as "
                                "\"ou-work-11111111/ou-prod-abcd1234\" (\"\" is the root)",
                                text);
        if (++depth > ORGANIZATION_DEPTH_MAX)
            return arena_printf(a, "\"%.200s\" is deeper than %d OUs", text,
                                ORGANIZATION_DEPTH_MAX);
        p += n;
        if (!*p)
            break;
    }
    return NULL;
}

const char *arn_part(struct arena *a, const char *arn, unsigned n)
{
    for (; n > 0; n--) {
        arn = strchr(arn, ':');
        if (!arn)
            return "";
        arn++;
    }
    return arena_strndup(a, arn, strcspn(arn, ":"));
}

/* --- principals --- */

static const char wrong_principal[] =
    "is none of: an account id of 12 digits, the ARN of an organization "
    "(arn:aws:organizations::ACCOUNT:organization/o-...), of an OU "
    "(arn:aws:organizations::ACCOUNT:ou/o-.../ou-...), of an IAM role or user";

/* What follows `prefix` in text, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static bool parse_group(struct arena *a, const char *path, struct principal *out)
{
    const char *rest = after(path, "organization/");
    if (rest) {
        out->kind = PRINCIPAL_ORGANIZATION;
        out->organization = out->name = rest;
        return is_organization_id(rest, strlen(rest));
    }
    rest = after(path, "ou/");
    const char *slash = rest ? strchr(rest, '/') : NULL;
    if (!slash || !is_organization_id(rest, (size_t)(slash - rest)))
        return false;
    out->kind = PRINCIPAL_UNIT;
    out->name = rest;
    out->organization = arena_strndup(a, rest, (size_t)(slash - rest));
    out->unit = slash + 1;
    return is_unit_id(slash + 1, strlen(slash + 1));
}

const char *principal_parse(struct arena *a, const char *text, struct principal *out)
{
    *out = (struct principal){.kind = PRINCIPAL_ACCOUNT, .name = text, .account = text};
    if (!check_account(a, text))
        return NULL;
    const char *service = arn_part(a, text, 2), *path = arn_part(a, text, 5);
    bool whole = strncmp(text, "arn:aws", 7) == 0 && strlen(text) <= 2048;
    out->account = arn_part(a, text, 4);
    if (whole && !check_account(a, out->account)) {
        const char *name = after(path, "role/");
        name = name ? name : after(path, "user/");
        if (strcmp(service, "iam") == 0 && name && *name) {
            out->kind = PRINCIPAL_IDENTITY;
            out->name = out->account;
            return NULL;
        }
        if (strcmp(service, "organizations") == 0 && parse_group(a, path, out))
            return NULL;
    }
    return arena_printf(a, "\"%.200s\" %s", text, wrong_principal);
}

const char *check_principal(struct arena *a, const char *text)
{
    struct principal p;
    return principal_parse(a, text, &p);
}

/* --- the block --- */

static const struct attribute attributes[] = {
    {.name = "id",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(CHECKED_BY(check_organization_id, "an organization id, `o-...`")),
     .description = "Id of the organization."},
    {.name = "management_account_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(CHECKED_BY(check_account, "12 digits")),
     .description = "Account that the organization belongs to. It need not be among `accounts`."},
    {.name = "accounts",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(0, ORGANIZATION_ACCOUNTS_MAX),
            CHECKED_BY(check_unit_path, "OU ids from the root down, joined by `/`, at most 5")),
     .description = "The accounts: id => the OUs that it is in, from the root down, "
                    "`ou-.../ou-...`; `\"\"` for an account directly below the root."},
    {.name = "organizational_units",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(0, ORGANIZATION_UNITS_MAX),
            CHECKED_BY(check_unit_path, "OU ids from the root down, joined by `/`, at most 5")),
     .description = "Paths of OUs that have no account yet."},
    END_ATTRIBUTES,
};
const struct block organization_block = {
    .description = "The accounts of the organization.",
    .attributes = attributes,
};

static struct path *path_of(struct arena *a, const char *name)
{
    return path_copy(a, PATH_ATTR(PATH_ELEMENT(PATH_ATTR(NULL, "organization"), 0), name));
}

struct unit {
    const char *id;
    const char *path; /* of the OU itself */
};

struct units {
    struct unit *items;
    size_t count;
};

static int unit_order(const void *x, const void *y)
{
    const struct unit *a = x, *b = y;
    int order = strcmp(a->id, b->id);
    return order ? order : strcmp(a->path, b->path);
}

/* Every OU on the path; the paths are not longer than ORGANIZATION_DEPTH_MAX. */
static void add_units(struct arena *a, struct units *u, const char *path)
{
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        u->items[u->count++] = (struct unit){
            .id = arena_strndup(a, p, n),
            .path = arena_strndup(a, path, (size_t)(p - path) + n),
        };
        p += n + (p[n] == '/');
    }
}

/* The ids, each once; false (reported) when one is in two places. */
static bool settle_units(struct call *c, struct units *u, struct arena *a, struct organization *o)
{
    const char **ids = arena_calloc(a, u->count, sizeof *ids);
    if (u->count > 0)
        qsort(u->items, u->count, sizeof *u->items, unit_order);
    for (size_t i = 0; i < u->count; i++) {
        if (i == 0 || strcmp(u->items[i].id, u->items[i - 1].id) != 0) {
            ids[o->unit_count++] = u->items[i].id;
            continue;
        }
        if (strcmp(u->items[i].path, u->items[i - 1].path) == 0)
            continue;
        diag_error(c->diags, path_of(c->arena, "accounts"), "An OU is in two places",
                   "The OU %s is at %s and at %s. An OU has one place in its organization. "
                   "Correct the paths.",
                   u->items[i].id, u->items[i - 1].path, u->items[i].path);
        return false;
    }
    o->units = ids;
    return true;
}

static bool read_accounts(struct call *c, const struct value *map, struct arena *a,
                          struct organization *o, struct units *u)
{
    size_t n = map->kind == VALUE_MAP ? map->map.count : 0;
    struct org_account *accounts = arena_calloc(a, n + 1, sizeof *accounts);
    bool managed = false;
    for (size_t i = 0; i < n; i++) {
        const char *id = map->map.members[i].key;
        const char *wrong = check_account(c->arena, id);
        if (wrong) {
            diag_error(c->diags, path_of(c->arena, "accounts"), "Invalid account", "%s.", wrong);
            return false;
        }
        /* The members are sorted, and so is what comes of them. */
        int order = managed ? -1 : strcmp(o->management_account, id);
        if (order < 0 && !managed)
            accounts[o->account_count++] = (struct org_account){o->management_account, ""};
        managed = managed || order <= 0;
        accounts[o->account_count++] = (struct org_account){
            arena_strdup(a, id), arena_strdup(a, value_str(map->map.members[i].value, ""))};
        add_units(a, u, accounts[o->account_count - 1].path);
    }
    if (!managed)
        accounts[o->account_count++] = (struct org_account){o->management_account, ""};
    o->accounts = accounts;
    return true;
}

const struct organization *organization_read(struct call *c, const struct value *block,
                                             struct arena *a)
{
    const struct value *id = value_get(block, "id");
    const struct value *management = value_get(block, "management_account_id");
    const struct value *map = value_get(block, "accounts");
    const struct value *more = value_get(block, "organizational_units");
    /* A value that is not known yet can only be in a plan; then as much as nothing is known. */
    if (!value_is_known(id) || !value_is_known(management) || !value_is_wholly_known(map) ||
        !value_is_wholly_known(more))
        return NULL;
    size_t accounts = map->kind == VALUE_MAP ? map->map.count : 0;
    size_t units = more->kind == VALUE_SEQ ? more->seq.count : 0;
    struct organization *o = arena_calloc(a, 1, sizeof *o);
    struct units u = {.items = arena_calloc(c->arena, (accounts + units) * ORGANIZATION_DEPTH_MAX,
                                            sizeof *u.items)};
    o->id = arena_strdup(a, value_str(id, ""));
    o->management_account = arena_strdup(a, value_str(management, ""));
    if (!read_accounts(c, map, a, o, &u))
        return NULL;
    for (size_t i = 0; i < units; i++)
        add_units(a, &u, value_str(more->seq.items[i], ""));
    return settle_units(c, &u, a, o) ? o : NULL;
}

bool organization_load(const struct organization *o, struct engine *e)
{
    for (size_t i = 0; i < o->account_count; i++) {
        const struct org_account *account = &o->accounts[i];
        if (engine_load_member(e, account->id, o->id) != ENGINE_OK)
            return false;
        for (const char *p = account->path; *p;) {
            char name[128];
            size_t n = strcspn(p, "/");
            snprintf(name, sizeof name, "%s/%.*s", o->id, (int)n, p);
            if (engine_load_member(e, account->id, name) != ENGINE_OK)
                return false;
            p += n + (p[n] == '/');
        }
    }
    return true;
}

static int by_id(const void *key, const void *account)
{
    return strcmp(key, ((const struct org_account *)account)->id);
}

bool organization_has_account(const struct organization *o, const char *account)
{
    return bsearch(account, o->accounts, o->account_count, sizeof *o->accounts, by_id) != NULL;
}

static int by_name(const void *key, const void *unit)
{
    return strcmp(key, *(const char *const *)unit);
}

bool organization_has_unit(const struct organization *o, const char *unit)
{
    return o->unit_count > 0 &&
           bsearch(unit, o->units, o->unit_count, sizeof *o->units, by_name) != NULL;
}
