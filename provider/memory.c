/*
 * memory - the attributes that the engine has no use for, and data sources have
 *
 * The engine holds CIDRs, rules and owners. Descriptions of IPAMs, tiers, tags of pools, VPCs
 * without a pool are in the state only, and Terraform does not show a provider the state again
 * after it was configured. So what hydration reads is remembered here, and every answer to a read
 * or an apply brings it up to date: a data source that is read late in a run sees what the run has
 * made.
 *
 * Two kinds, because an estate has thousands of pools and perhaps 100,000 VPCs:
 *   - IPAMs, scopes, pools, resource discoveries with their associations and who administers IPAM
 *     are kept whole, as the JSON text of their attributes; it is decoded only when somebody asks;
 *   - of what stands in a network (VPCs, their associations, subnets) the facts that cannot be
 *     derived are kept, in one block of memory each, some 200 bytes. Which resources these are is
 *     told by their schemas: they have cidr_block or ipv6_cidr_block.
 *
 * Remembering is a convenience and never decides what is issued. When there is no memory for it,
 * what was known is marked as incomplete, and data sources refuse instead of telling half.
 *
 * The indexes are the C library's binary trees (tsearch): ordered, and in the same order whatever
 * came first.
 */
#include "provider/estate.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "provider/occupied.h"

struct whole {
    const char *id; /* first: what the trees compare */
    const struct resource *resource;
    size_t len;
    bool leaves; /* a plan removes it */
    const char *json;
    char bytes[]; /* id, json */
};

struct memory {
    void *wholes;                  /* tree of struct whole */
    void *networks[NETWORK_KINDS]; /* trees of struct network */
    bool incomplete;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct memory *memory_new(void)
{
    return calloc(1, sizeof(struct memory));
}

void memory_free(struct memory *m)
{
    if (!m)
        return;
    tdestroy(m->wholes, free);
    for (size_t i = 0; i < NETWORK_KINDS; i++)
        tdestroy(m->networks[i], free);
    free(m);
}

bool memory_is_whole(const struct memory *m)
{
    return !m->incomplete;
}

/* --- the trees --- */

static void drop(void **tree, const char *id)
{
    void *node = tfind(&id, tree, by_id);
    if (!node)
        return;
    void *item = *(void **)node;
    tdelete(item, tree, by_id);
    free(item);
}

/* Takes the item over; what had its id goes. NULL: memory was out when it was made. */
static void keep(struct memory *m, void **tree, void *item)
{
    if (item)
        drop(tree, *(const char **)item);
    if (!item || !tsearch(item, tree, by_id)) {
        free(item);
        m->incomplete = true;
    }
}

/* --- whole objects --- */

static bool is_whole(const struct resource *r)
{
    return r == &ipam_resource || r == &scope_resource || r == &pool_resource ||
           r == &org_admin_resource || r == &discovery_resource ||
           r == &discovery_association_resource;
}

static struct whole *whole_new(const struct resource *r, const char *id, const char *json,
                               size_t len)
{
    size_t id_size = strlen(id) + 1;
    struct whole *w = malloc(sizeof *w + id_size + len);
    if (!w)
        return NULL;
    w->id = memcpy(w->bytes, id, id_size);
    w->json = memcpy(w->bytes + id_size, json, len);
    w->resource = r;
    w->len = len;
    return w;
}

static struct whole *find_whole(const struct memory *m, const char *id)
{
    void *node = tfind(&id, &m->wholes, by_id);
    return node ? *(struct whole **)node : NULL;
}

static void remember_whole(struct memory *m, const struct resource *r, const char *id,
                           const struct facts *f)
{
    const struct whole *before = find_whole(m, id);
    struct whole *now = NULL;
    if (f->json) {
        const char *json = json_object_to_json_string_ext(f->json, JSON_C_TO_STRING_PLAIN);
        now = json ? whole_new(r, id, json, strlen(json)) : NULL;
    } else {
        struct bytes json = json_encode(f->arena, schema_type(f->arena, r->schema), f->value);
        now = whole_new(r, id, (const char *)json.data, json.len);
    }
    if (now) /* a plan may read an object after it has said that it goes */
        now->leaves = before && before->leaves;
    keep(m, &m->wholes, now);
}

void memory_leave(struct memory *m, const char *id)
{
    struct whole *w = find_whole(m, id);
    if (w)
        w->leaves = true;
}

bool memory_leaves(const struct memory *m, const char *id)
{
    const struct whole *w = find_whole(m, id);
    return w && w->leaves;
}

const struct value *memory_object(const struct memory *m, struct arena *a, const struct resource *r,
                                  const char *id)
{
    const struct whole *w = find_whole(m, id);
    const char *error;
    if (!w || w->resource != r)
        return &value_null;
    const struct value *v =
        json_decode(a, schema_type(a, r->schema), (struct bytes){(const uint8_t *)w->json, w->len},
                    JSON_LENIENT, &error);
    return v ? v : &value_null; /* it was loaded, so what it says of CIDRs and rules is known */
}

struct id_walk {
    const struct resource *resource;
    id_visit fn;
    void *ctx;
};

static void walk_id(const void *node, VISIT visit, void *ctx)
{
    const struct id_walk *w = ctx;
    const struct whole *one = *(const struct whole *const *)node;
    if ((visit == postorder || visit == leaf) && one->resource == w->resource)
        w->fn(w->ctx, one->id);
}

void memory_each_id(const struct memory *m, const struct resource *r, id_visit fn, void *ctx)
{
    struct id_walk w = {r, fn, ctx};
    twalk_r(m->wholes, walk_id, &w);
}

/* --- networks --- */

static bool is_network(const struct resource *r)
{
    return schema_attribute(r->schema, "cidr_block") ||
           schema_attribute(r->schema, "ipv6_cidr_block");
}

static enum network_kind kind_of(const struct resource *r)
{
    for (const char *const *name = r->names; *name; name++) {
        if (strcmp(*name, "aws_vpc") == 0)
            return NETWORK_VPC;
        if (strcmp(*name, "aws_subnet") == 0)
            return NETWORK_SUBNET;
    }
    return NETWORK_ASSOCIATION;
}

static const char *put(char **at, const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = memcpy(*at, s, n);
    *at += n;
    return copy;
}

/* One block: the struct, the tags, then all texts. */
static struct network *network_copy(const struct network *n)
{
    const char *const texts[] = {n->id, n->vpc_id, n->region, n->owner, n->zone, n->tenancy};
    size_t size = sizeof *n + n->tags.count * sizeof(struct tag);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += strlen(texts[i]) + 1;
    for (size_t i = 0; i < n->tags.count; i++)
        size += strlen(n->tags.items[i].key) + strlen(n->tags.items[i].value) + 2;
    struct network *copy = malloc(size);
    if (!copy)
        return NULL;
    struct tag *tags = (struct tag *)(copy + 1);
    char *at = (char *)(tags + n->tags.count);
    *copy = *n;
    copy->id = put(&at, n->id);
    copy->vpc_id = put(&at, n->vpc_id);
    copy->region = put(&at, n->region);
    copy->owner = put(&at, n->owner);
    copy->zone = put(&at, n->zone);
    copy->tenancy = put(&at, n->tenancy);
    for (size_t i = 0; i < n->tags.count; i++)
        tags[i] = (struct tag){put(&at, n->tags.items[i].key), put(&at, n->tags.items[i].value)};
    copy->tags.items = tags;
    return copy;
}

static const char *text_of(const struct facts *f, const char *name)
{
    const char *s = fact_string(f, name);
    return s ? s : "";
}

static void remember_network(struct memory *m, const struct resource *r, const char *id,
                             const struct facts *f)
{
    struct network n = {
        .id = id,
        .kind = kind_of(r),
        .region = text_of(f, "region"),
        .owner = text_of(f, "owner_id"),
        .zone = text_of(f, "availability_zone_id"),
        .tenancy = text_of(f, "instance_tenancy"),
        .tags = fact_tags(f, "tags_all"),
        .where = f->where ? f->where : "",
        .dns_support = fact_bool(f, "enable_dns_support"),
        .dns_hostnames = fact_bool(f, "enable_dns_hostnames"),
        .address_metrics = fact_bool(f, "enable_network_address_usage_metrics"),
    };
    n.vpc_id = n.kind == NETWORK_VPC ? id : text_of(f, "vpc_id");
    if (!fact_cidr(f, "cidr_block", &n.v4))
        n.v4 = (struct cidr){0};
    if (!fact_cidr(f, "ipv6_cidr_block", &n.v6))
        n.v6 = (struct cidr){0};
    if (cidr_is_set(&n.v4) || cidr_is_set(&n.v6))
        keep(m, &m->networks[n.kind], network_copy(&n));
    else
        drop(&m->networks[n.kind], id); /* imported by id alone: its CIDR is not known yet */
}

const struct network *memory_network(const struct memory *m, const char *id)
{
    void *node = NULL;
    for (size_t i = 0; i < NETWORK_KINDS && !node; i++)
        node = tfind(&id, &m->networks[i], by_id);
    return node ? *(struct network **)node : NULL;
}

struct walk {
    network_visit fn;
    void *ctx;
};

static void walk_one(const void *node, VISIT visit, void *ctx)
{
    const struct walk *w = ctx;
    if (visit == postorder || visit == leaf)
        w->fn(w->ctx, *(const struct network *const *)node);
}

void memory_each_network(const struct memory *m, enum network_kind kind, network_visit fn,
                         void *ctx)
{
    struct walk w = {fn, ctx};
    twalk_r(m->networks[kind], walk_one, &w);
}

/* --- what comes and goes --- */

void memory_remember(struct memory *m, const struct resource *r, const struct facts *f)
{
    const char *id = fact_string(f, "id");
    if (id && is_whole(r))
        remember_whole(m, r, id, f);
    else if (id && is_network(r))
        remember_network(m, r, id, f);
}

void memory_forget(struct memory *m, const struct resource *r, const char *id)
{
    if (is_whole(r))
        drop(&m->wholes, id);
    else if (is_network(r))
        drop(&m->networks[kind_of(r)], id);
}

void provider_observe(struct call *c, const struct resource *r, const struct value *prior,
                      const struct value *now)
{
    struct memory *m = estate_of(c) ? estate_of(c)->memory : NULL;
    if (!m)
        return;
    const char *id = value_str(value_get(prior, "id"), NULL);
    const struct network *before = id && is_network(r) ? memory_network(m, id) : NULL;
    const char *where = before ? before->where : NULL;
    if (!value_is_known(now) && id)
        memory_forget(m, r, id);
    else if (value_is_known(now))
        memory_remember(m, r, &(struct facts){.arena = c->arena, .value = now, .where = where});
    if (is_network(r))
        occupied_observe(c, r, prior, now);
}
