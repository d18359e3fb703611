/*
 * discovered - networks of other providers, as Terraform's states show them
 *
 * Every cloud writes the same few facts under other names, so what is known of a type of resource
 * is a line of a table, and one function reads them all. A line says in two small languages where
 * things are:
 *
 *   A text is `a.b`, a path of attributes, with `|` between alternatives of which the first that
 *   has a text is taken. A part of that text is meant by `arn:4` (the fifth between colons), `id/2`
 *   (the third between slashes), `network/-1` (the last one), `id</subnets/` (all before it).
 *
 *   CIDRs are paths with spaces between them, and all count. Lists and nested blocks on the way are
 *   walked through.
 *
 * A CIDR that was added to a VPC later is a resource of its own in AWS. It is counted as the VPC's
 * when the VPC is in the same state; otherwise it is a network of its own, which says what VPC it
 * belongs to. That is why a state is walked twice: first for those.
 *
 * What is not understood belongs to somebody else, so it stops nothing here; but its space cannot
 * be kept free, so it is noted and reported. A CIDR with host bits is noted, and counts as the
 * network that it is in.
 */
#include "provider/discovered.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "provider/estate.h"

#define ARENA_OF_INSTANCES (256u << 10)

struct network_type {
    const char *type, *cloud;
    enum sighting_kind kind;
    bool part; /* of the network whose id is `network` */
    const char *cidrs, *id, *network, *owner, *region, *zone, *name;
    const char *tags[2];             /* the first of these maps that has any */
    const char *inner;               /* nested blocks that are subnets */
    const struct network_type *like; /* what these are read as */
};

#define AWS_COMMON                                                                                 \
    .cloud = "aws", .id = "id", .owner = "owner_id|arn:4", .region = "region|arn:3",               \
    .name = "tags_all.Name|tags.Name", .tags = {"tags_all", "tags"}
#define AZURE_COMMON                                                                               \
    .cloud = "azure", .id = "id", .owner = "id/2", .region = "location", .name = "name",           \
    .tags = {"tags"}

static const struct network_type azure_inline_subnet = {
    .kind = SIGHTED_SUBNET,
    .cidrs = "address_prefixes address_prefix",
    AZURE_COMMON,
};

static const struct network_type types[] = {
    {"aws_vpc", .kind = SIGHTED_NETWORK, .cidrs = "cidr_block ipv6_cidr_block", AWS_COMMON},
    {"aws_default_vpc", .kind = SIGHTED_NETWORK, .cidrs = "cidr_block ipv6_cidr_block", AWS_COMMON},
    {"aws_subnet", .kind = SIGHTED_SUBNET, .cidrs = "cidr_block ipv6_cidr_block",
     .network = "vpc_id", .zone = "availability_zone", AWS_COMMON},
    {"aws_default_subnet", .kind = SIGHTED_SUBNET, .cidrs = "cidr_block ipv6_cidr_block",
     .network = "vpc_id", .zone = "availability_zone", AWS_COMMON},
    {"aws_vpc_ipv4_cidr_block_association", .part = true, .cidrs = "cidr_block",
     .network = "vpc_id", AWS_COMMON},
    {"aws_vpc_ipv6_cidr_block_association", .part = true, .cidrs = "ipv6_cidr_block",
     .network = "vpc_id", AWS_COMMON},

    {"azurerm_virtual_network", .kind = SIGHTED_NETWORK, .cidrs = "address_space",
     .inner = "subnet", .like = &azure_inline_subnet, AZURE_COMMON},
    {"azurerm_subnet", .kind = SIGHTED_SUBNET, .cidrs = "address_prefixes address_prefix",
     .network = "id</subnets/", AZURE_COMMON},
    {"azurerm_virtual_hub", .kind = SIGHTED_NETWORK, .cidrs = "address_prefix", AZURE_COMMON},

    /* In auto mode its subnets are made by Google and are in no state. */
    {"google_compute_network", "google", SIGHTED_NETWORK, .cidrs = "ipv4_range internal_ipv6_range",
     .id = "self_link|id", .owner = "project|id/1", .name = "name"},
    {"google_compute_subnetwork", "google", SIGHTED_SUBNET,
     .cidrs = "ip_cidr_range secondary_ip_range.ip_cidr_range ipv6_cidr_range "
              "internal_ipv6_prefix external_ipv6_prefix",
     .id = "self_link|id", .network = "network", .owner = "project|id/1", .region = "region/-1",
     .name = "name"},

    {"alicloud_vpc", "alicloud", SIGHTED_NETWORK,
     .cidrs = "cidr_block secondary_cidr_blocks ipv6_cidr_block", .id = "id",
     .name = "vpc_name|name", .tags = {"tags"}},
    {"alicloud_vpc_ipv4_cidr_block", "alicloud", .part = true, .cidrs = "secondary_cidr_block",
     .id = "id", .network = "vpc_id"},
    {"alicloud_vswitch", "alicloud", SIGHTED_SUBNET, .cidrs = "cidr_block ipv6_cidr_block",
     .id = "id", .network = "vpc_id", .zone = "zone_id|availability_zone",
     .name = "vswitch_name|name", .tags = {"tags"}},
    {"digitalocean_vpc", "digitalocean", SIGHTED_NETWORK, .cidrs = "ip_range", .id = "id",
     .region = "region", .name = "name"},
    {"hcloud_network", "hcloud", SIGHTED_NETWORK, .cidrs = "ip_range", .id = "id", .name = "name",
     .tags = {"labels"}},
    {"hcloud_network_subnet", "hcloud", SIGHTED_SUBNET, .cidrs = "ip_range", .id = "id",
     .network = "network_id", .region = "network_zone"},
    {"huaweicloud_vpc", "huaweicloud", SIGHTED_NETWORK,
     .cidrs = "cidr secondary_cidr secondary_cidrs", .id = "id", .region = "region", .name = "name",
     .tags = {"tags"}},
    {"huaweicloud_vpc_subnet", "huaweicloud", SIGHTED_SUBNET, .cidrs = "cidr ipv6_cidr", .id = "id",
     .network = "vpc_id", .region = "region", .zone = "availability_zone", .name = "name",
     .tags = {"tags"}},
    {"ibm_is_vpc_address_prefix", "ibm", SIGHTED_NETWORK, .cidrs = "cidr", .id = "id",
     .network = "vpc", .zone = "zone", .name = "name"},
    {"ibm_is_subnet", "ibm", SIGHTED_SUBNET, .cidrs = "ipv4_cidr_block", .id = "id",
     .network = "vpc", .owner = "resource_group", .zone = "zone", .name = "name"},
    {"oci_core_vcn", "oci", SIGHTED_NETWORK,
     .cidrs = "cidr_block cidr_blocks ipv6cidr_blocks ipv6private_cidr_blocks", .id = "id",
     .owner = "compartment_id", .name = "display_name", .tags = {"freeform_tags"}},
    {"oci_core_subnet", "oci", SIGHTED_SUBNET, .cidrs = "cidr_block ipv6cidr_block ipv6cidr_blocks",
     .id = "id", .network = "vcn_id", .owner = "compartment_id", .zone = "availability_domain",
     .name = "display_name", .tags = {"freeform_tags"}},
    {"openstack_networking_subnet_v2", "openstack", SIGHTED_SUBNET, .cidrs = "cidr", .id = "id",
     .network = "network_id", .owner = "tenant_id", .region = "region", .name = "name"},
    {"tencentcloud_vpc", "tencentcloud", SIGHTED_NETWORK, .cidrs = "cidr_block assistant_cidrs",
     .id = "id", .name = "name", .tags = {"tags"}},
    {"tencentcloud_subnet", "tencentcloud", SIGHTED_SUBNET, .cidrs = "cidr_block", .id = "id",
     .network = "vpc_id", .zone = "availability_zone", .name = "name", .tags = {"tags"}},
    {"yandex_vpc_subnet", "yandex", SIGHTED_SUBNET, .cidrs = "v4_cidr_blocks v6_cidr_blocks",
     .id = "id", .network = "network_id", .owner = "folder_id", .zone = "zone", .name = "name",
     .tags = {"labels"}},
};

struct discovery {
    struct sightings *sightings;
    const struct state *state;
    const char *shown;
    const void *source;
    struct arena *arena; /* of a few instances, then of the next few */
    struct arena *kept;  /* of the parts */
    struct sighting *parts;
    bool *counted;
    size_t part_count, part_capacity;
    jmp_buf *guard;
};

/* --- texts --- */

/* The text of a value: a string that is not empty, or a whole number. */
static const char *text_of(struct json_object *o)
{
    if (!json_object_is_type(o, json_type_string) && !json_object_is_type(o, json_type_int))
        return "";
    return json_object_get_string(o);
}

/* The n-th between the marks, counted from 0; from the end when n is -1. */
static const char *part_between(struct arena *a, const char *text, char mark, int n)
{
    const char *last = strrchr(text, mark);
    if (n < 0)
        return last ? last + 1 : text;
    for (; n > 0 && (text = strchr(text, mark)); n--)
        text++;
    const char *end = text ? strchr(text, mark) : NULL;
    return !text ? "" : end ? arena_strndup(a, text, (size_t)(end - text)) : text;
}

static const char *cut(struct arena *a, const char *text, const char *how)
{
    if (*how != '<')
        return *how ? part_between(a, text, *how, atoi(how + 1)) : text;
    const char *end = strstr(text, how + 1);
    return end ? arena_strndup(a, text, (size_t)(end - text)) : text;
}

static const char *select_one(struct arena *a, struct json_object *o, const char *path)
{
    for (;;) {
        size_t n = strcspn(path, ".:/<");
        struct json_object *member = NULL;
        if (!json_object_is_type(o, json_type_object) ||
            !json_object_object_get_ex(o, arena_strndup(a, path, n), &member))
            return "";
        o = member;
        path += n;
        if (*path != '.')
            return cut(a, text_of(o), path);
        path++;
    }
}

static const char *select_text(struct arena *a, struct json_object *o, const char *selector)
{
    const char *found = "";
    while (selector && *selector && !*found) {
        size_t n = strcspn(selector, "|");
        found = select_one(a, o, arena_strndup(a, selector, n));
        selector += n + (selector[n] == '|');
    }
    return found;
}

/* Some clouds number what they have; such an id says nothing without the cloud. */
static const char *select_id(struct arena *a, struct json_object *o, const char *selector,
                             const char *cloud)
{
    const char *id = select_text(a, o, selector);
    bool number = *id && id[strspn(id, "0123456789")] == '\0';
    return number ? arena_printf(a, "%s/%s", cloud, id) : id;
}

/* --- CIDRs --- */

struct cidrs {
    struct discovery *d;
    const char *where, *path; /* for what is not understood */
    struct cidr *items;
    size_t count, capacity;
};

static void cidrs_add(struct cidrs *out, const struct cidr *c)
{
    ARENA_ROOM(out->d->arena, out->items, out->count, out->capacity, 4);
    out->items[out->count++] = *c;
}

static void note_unclear(struct cidrs *out, const char *text, const char *what)
{
    struct arena *a = out->d->arena;
    if (!sightings_unclear(
            out->d->sightings, out->d->source,
            arena_printf(a, "%s: %s = \"%.200s\" %s", out->where, out->path, text, what)))
        arena_exhausted(a);
}

static void take_cidr(struct cidrs *out, struct json_object *o)
{
    struct cidr c;
    char buf[160];
    const char *text = o ? json_object_get_string(o) : "";
    if (!*text)
        return; /* what the resource does not have */
    enum cidr_error e = cidr_parse_lenient(text, strlen(text), &c);
    if (e != CIDR_OK)
        note_unclear(out, text, cidr_error_text(e, &c, buf, sizeof buf));
    if (e == CIDR_OK || e == CIDR_HOST_BITS)
        cidrs_add(out, &c);
}

/* `path` is at most as long as the table's paths, so this ends; lists nest as JSON does. */
static void walk_path(struct cidrs *out, struct json_object *o, const char *path)
{
    struct json_object *member;
    size_t n = strcspn(path, ".");
    if (json_object_is_type(o, json_type_array))
        for (size_t i = 0; i < json_object_array_length(o); i++)
            walk_path(out, json_object_array_get_idx(o, i), path);
    else if (!*path)
        take_cidr(out, o);
    else if (json_object_is_type(o, json_type_object) &&
             json_object_object_get_ex(o, arena_strndup(out->d->arena, path, n), &member))
        walk_path(out, member, path + n + (path[n] == '.'));
}

static void take_cidrs(struct cidrs *out, struct json_object *o, const char *paths)
{
    while (*paths) {
        size_t n = strcspn(paths, " ");
        out->path = arena_strndup(out->d->arena, paths, n);
        walk_path(out, o, out->path);
        paths += n + (paths[n] == ' ');
    }
}

/* --- one resource --- */

static struct tags take_tags(struct arena *a, struct json_object *o, const struct network_type *t)
{
    struct facts f = {.arena = a, .json = o};
    struct tags tags = {0};
    for (size_t i = 0; i < 2 && t->tags[i] && tags.count == 0; i++)
        tags = fact_tags(&f, t->tags[i]);
    return tags;
}

static struct sighting read_one(struct discovery *d, struct json_object *o,
                                const struct network_type *t, struct cidrs *cidrs)
{
    struct arena *a = d->arena;
    struct sighting one = {.id = select_id(a, o, t->id, t->cloud),
                           .network_id = select_id(a, o, t->network, t->cloud),
                           .cloud = t->cloud,
                           .owner = select_text(a, o, t->owner),
                           .region = select_text(a, o, t->region),
                           .zone = select_text(a, o, t->zone),
                           .name = select_text(a, o, t->name),
                           .where = cidrs->where,
                           .tags = take_tags(a, o, t),
                           .kind = t->kind,
                           .witness = WITNESS_STATE,
                           .source = d->source};
    const char *stands_on = tags_find(&one.tags, ALLOCATION_TAG);
    one.allocation_id = stands_on ? stands_on : "";
    if (!*one.network_id && t->kind == SIGHTED_NETWORK)
        one.network_id = one.id;
    take_cidrs(cidrs, o, t->cidrs);
    for (size_t i = 0; i < cidrs->count && !cidr_is_set(&one.primary); i++)
        if (cidrs->items[i].family == FAMILY_V4)
            one.primary = cidrs->items[i];
    one.cidrs = cidrs->items;
    one.cidr_count = cidrs->count;
    return one;
}

static void add(struct discovery *d, const struct sighting *one)
{
    if (!sightings_add(d->sightings, one))
        arena_exhausted(d->arena);
}

/* The first part of a network with that id, or where it would be. */
static size_t first_part(const struct discovery *d, const char *network_id)
{
    size_t low = 0, high = d->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(d->parts[middle].network_id, network_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The CIDRs that other resources of this state add to the network. */
static void add_parts(struct discovery *d, struct sighting *one, struct cidrs *cidrs)
{
    for (size_t i = first_part(d, one->id);
         i < d->part_count && strcmp(d->parts[i].network_id, one->id) == 0; i++) {
        for (size_t k = 0; k < d->parts[i].cidr_count; k++)
            cidrs_add(cidrs, &d->parts[i].cidrs[k]);
        d->counted[i] = true;
    }
    one->cidrs = cidrs->items;
    one->cidr_count = cidrs->count;
}

/* Nested blocks that are subnets of this network. */
static void add_inner(struct discovery *d, struct json_object *o, const struct network_type *t,
                      const struct sighting *network)
{
    struct json_object *list = NULL;
    if (!t->inner || !json_object_object_get_ex(o, t->inner, &list) ||
        !json_object_is_type(list, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct cidrs cidrs = {.d = d, .where = network->where};
        struct sighting one = read_one(d, json_object_array_get_idx(list, i), t->like, &cidrs);
        one.network_id = network->id;
        one.owner = network->owner;
        one.region = network->region;
        add(d, &one);
    }
}

/* --- the walks --- */

static const struct network_type *type_named(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, name) == 0)
            return &types[i];
    return NULL;
}

/* This provider's networks are resources and no sightings, under whatever name it was installed. */
static bool is_of_others(const char *source)
{
    const char *type = strrchr(source, '/');
    return !provider_is_ours(source) && (!type || strcmp(type, "/ipam") != 0);
}

static const char *where(const struct discovery *d, const struct state_instance *i)
{
    return arena_printf(d->arena, "%.300s in %.300s", i->address, d->shown);
}

static bool visit_part(void *ctx, const struct state_instance *i)
{
    struct discovery *d = ctx;
    const struct network_type *t = type_named(i->type);
    if (!t || !t->part || !is_of_others(i->provider))
        return true;
    struct cidrs cidrs = {.d = d, .where = where(d, i)};
    struct sighting one = read_one(d, i->attributes, t, &cidrs);
    ARENA_ROOM(d->arena, d->parts, d->part_count, d->part_capacity, 16);
    d->parts[d->part_count++] = one;
    return true;
}

static int part_order(const void *x, const void *y)
{
    const struct sighting *a = x, *b = y;
    return strcmp(a->network_id, b->network_id);
}

static void collect_parts(struct discovery *d)
{
    d->arena = d->kept;
    if (!state_each(d->state, visit_part, d))
        arena_exhausted(d->kept);
    if (d->part_count > 1)
        qsort(d->parts, d->part_count, sizeof *d->parts, part_order);
    d->counted = arena_calloc(d->kept, d->part_count, sizeof *d->counted);
    d->arena = NULL;
}

/* What an instance needed is not needed for the next. */
static void renew_arena(struct discovery *d)
{
    if (d->arena && arena_used(d->arena) < ARENA_OF_INSTANCES)
        return;
    arena_free(d->arena);
    d->arena = arena_new();
    if (!d->arena)
        arena_exhausted(d->kept);
    arena_guard(d->arena, d->guard);
}

static bool visit(void *ctx, const struct state_instance *i)
{
    struct discovery *d = ctx;
    const struct network_type *t = type_named(i->type);
    if (!t || t->part || !is_of_others(i->provider))
        return true;
    renew_arena(d);
    struct cidrs cidrs = {.d = d, .where = where(d, i)};
    struct sighting one = read_one(d, i->attributes, t, &cidrs);
    if (t->kind == SIGHTED_NETWORK && *one.id)
        add_parts(d, &one, &cidrs);
    add(d, &one);
    add_inner(d, i->attributes, t, &one);
    return true;
}

/* Leaves by the guard when memory is out, which is false. */
static bool discover(struct discovery *d)
{
    jmp_buf guard;
    if (setjmp(guard))
        return false;
    d->guard = &guard;
    arena_guard(d->kept, &guard);
    collect_parts(d);
    renew_arena(d);
    if (!state_each(d->state, visit, d))
        return false;
    for (size_t i = 0; i < d->part_count; i++)
        if (!d->counted[i])
            add(d, &d->parts[i]);
    return true;
}

bool discover_state(struct sightings *s, const struct state *state, const char *shown,
                    const void *source)
{
    struct discovery d = {
        .sightings = s, .state = state, .shown = shown, .source = source, .kept = arena_new()};
    bool ok = d.kept && discover(&d);
    if (!ok)
        sightings_forget(s, source);
    if (d.arena != d.kept)
        arena_free(d.arena);
    arena_free(d.kept);
    return ok;
}
