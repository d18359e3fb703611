/*
 * inventory_own - the own format of inventories
 *
 * For what no tool can print: networks of a data centre, addresses behind a partner's VPN, what is
 * promised to somebody. Its keys are few, and one that is not known is an error: a misspelt `cidrs`
 * would otherwise be a network without any.
 *
 * What a network does not say of itself, it has from its surroundings: a subnet from its network, a
 * network from the top of the file, that from the file that includes it.
 */
#include "provider/inventory_internal.h"

#include <string.h>

static bool check_names(struct reader *r, const struct node *map, const struct path *p,
                        const char *const *known)
{
    if (!expect_map(r, map, p))
        return false;
    for (const struct node *k = map->first; k; k = k->next->next) {
        const char *const *name = known;
        const char *all = "";
        while (*name && strcmp(*name, k->text) != 0)
            name++;
        if (*name)
            continue;
        for (name = known; *name; name++)
            all = arena_printf(r->arena, "%s%s%s", all, *all ? ", " : "", *name);
        return reader_fail(r, k, p, "has the key \"%.100s\", and only these are known here: %s",
                           k->text, all);
    }
    return true;
}

static bool read_tags(struct reader *r, const struct node *map, const struct path *p,
                      struct tags *out)
{
    const struct node *tags = node_get(map, "tags");
    const struct path *here = PATH_ATTR(p, "tags");
    if (!tags)
        return true;
    if (!expect_map(r, tags, here))
        return false;
    struct tag *items = arena_calloc(r->arena, tags->count / 2, sizeof *items);
    for (const struct node *k = tags->first; k; k = k->next->next) {
        struct tag *t = &items[out->count++];
        t->key = k->text;
        if (!read_text(r, tags, here, k->text, &t->value))
            return false;
    }
    out->items = items;
    return true;
}

static bool add_cidr(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    return read_cidr(r, n, p, ctx);
}

/* `cidr` or `cidrs`; there must be one of them. */
static bool read_cidrs(struct reader *r, const struct node *map, const struct path *p,
                       struct cidr_list *out)
{
    const struct node *one = node_get(map, "cidr"), *list;
    if (!read_list(r, map, p, "cidrs", &list))
        return false;
    if (!one == !list)
        return reader_fail(r, map, p, "needs either cidr or cidrs");
    return one ? read_cidr(r, one, PATH_ATTR(p, "cidr"), out)
               : each_element(r, list, PATH_ATTR(p, "cidrs"), add_cidr, out);
}

/* A text of the map, else what the surroundings say. */
static bool read_or(struct reader *r, const struct node *map, const struct path *p, const char *key,
                    const char *fallback, const char **out)
{
    if (!read_text(r, map, p, key, out))
        return false;
    if (!**out)
        *out = fallback;
    return true;
}

/* What all three kinds have. `around` is the network of a subnet. */
static bool read_common(struct reader *r, const struct node *map, const struct path *p,
                        const struct sighting *around, struct sighting *out,
                        struct cidr_list *cidrs)
{
    return read_text(r, map, p, "id", &out->id) && read_text(r, map, p, "name", &out->name) &&
           read_text(r, map, p, "zone", &out->zone) &&
           read_or(r, map, p, "account", around->owner, &out->owner) &&
           read_or(r, map, p, "region", around->region, &out->region) &&
           read_or(r, map, p, "cloud", around->cloud, &out->cloud) &&
           (out->kind == SIGHTED_SUBNET ||
            read_or(r, map, p, "scope", around->scope_id, &out->scope_id)) &&
           read_tags(r, map, p, &out->tags) && read_cidrs(r, map, p, cidrs);
}

static bool read_subnet(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    static const char *const known[] = {"id",    "cidr", "cidrs", "account", "region",
                                        "cloud", "zone", "name",  "tags",    NULL};
    const struct sighting *network = ctx;
    struct sighting one = {
        .kind = SIGHTED_SUBNET, .network_id = network->id, .scope_id = network->scope_id};
    struct cidr_list cidrs = {0};
    return check_names(r, n, p, known) && read_common(r, n, p, network, &one, &cidrs) &&
           add_sighting(r, n, &one, &cidrs);
}

static struct sighting surroundings(const struct reader *r)
{
    return (struct sighting){.owner = r->defaults.account,
                             .region = r->defaults.region,
                             .cloud = r->defaults.cloud,
                             .scope_id = r->defaults.scope};
}

static bool read_network(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    static const char *const known[] = {"id",   "cidr", "cidrs", "account", "region",  "cloud",
                                        "zone", "name", "tags",  "scope",   "subnets", NULL};
    (void)ctx;
    const struct sighting around = surroundings(r);
    struct sighting one = {.kind = SIGHTED_NETWORK};
    struct cidr_list cidrs = {0};
    const struct node *subnets;
    if (!check_names(r, n, p, known) || !read_common(r, n, p, &around, &one, &cidrs) ||
        !read_list(r, n, p, "subnets", &subnets))
        return false;
    one.network_id = one.id;
    return add_sighting(r, n, &one, &cidrs) &&
           each_element(r, subnets, PATH_ATTR(p, "subnets"), read_subnet, &one);
}

static bool read_prefix(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    static const char *const known[] = {"id",   "cidr", "cidrs", "account", "region", "cloud",
                                        "zone", "name", "tags",  "scope",   NULL};
    (void)ctx;
    struct sighting one = surroundings(r);
    struct cidr_list cidrs = {0};
    one.kind = SIGHTED_PREFIX;
    if (n->kind == NODE_TEXT)
        return read_cidr(r, n, p, &cidrs) && add_sighting(r, n, &one, &cidrs);
    const struct sighting around = one;
    return check_names(r, n, p, known) && read_common(r, n, p, &around, &one, &cidrs) &&
           add_sighting(r, n, &one, &cidrs);
}

bool read_own(struct reader *r, const struct node *document)
{
    static const char *const known[] = {"version", "account", "region",   "cloud",    "scope",
                                        "covers",  "include", "networks", "prefixes", NULL};
    const char *version;
    const struct node *networks, *prefixes;
    if (!check_names(r, document, NULL, known) ||
        !read_required(r, document, NULL, "version", &version))
        return false;
    if (strcmp(version, "1") != 0)
        return reader_fail(r, node_get(document, "version"), PATH_ATTR(NULL, "version"),
                           "is \"%.20s\", and only 1 is known", version);
    return read_list(r, document, NULL, "networks", &networks) &&
           read_list(r, document, NULL, "prefixes", &prefixes) &&
           each_element(r, networks, PATH_ATTR(NULL, "networks"), read_network, NULL) &&
           each_element(r, prefixes, PATH_ATTR(NULL, "prefixes"), read_prefix, NULL);
}
