/*
 * data_vpc - one VPC, and the ids of many
 *
 * Told are the VPCs of the Region that is asked, as in AWS, whether a pool gave their CIDRs or not.
 * What AWS derives of a VPC is derived here as for the resource; nothing of it is remembered.
 */
#include <stdlib.h>
#include <string.h>

#include "provider/data.h"

static const struct attribute association_attributes[] = {
    OUT("association_id", string, "Id of the association."),
    OUT("cidr_block", string, "The CIDR."),
    OUT("state", string, "`associated`."),
    END_ATTRIBUTES,
};
static const struct block association_block = {.description = "An IPv4 CIDR of the VPC.",
                                               .attributes = association_attributes};
static const struct attribute vpc_attributes[] = {
    IN_OUT("id", string, "Id of the VPC."),
    {.name = "cidr_block",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(CHECKED_BY(check_cidr_v4, "an IPv4 CIDR")),
     .description = "The VPC's first IPv4 CIDR."},
    IN_OUT("default", bool, "Whether it is the Region's default VPC. There are none."),
    IN_OUT("dhcp_options_id", string, "Id that the DHCP options have."),
    IN_OUT("state", string, "`available`."),
    IN_OUT("tags", map_string, "All tags of the VPC; as an argument: tags that it must have."),
    DATA_REGION,
    OUT("arn", string, "Amazon Resource Name."),
    OUT_LIST("cidr_block_associations", association_block, "The IPv4 CIDRs of the VPC."),
    OUT("enable_dns_support", bool, "As the resource says."),
    OUT("enable_dns_hostnames", bool, "As the resource says."),
    OUT("enable_network_address_usage_metrics", bool, "As the resource says."),
    OUT("instance_tenancy", string, "As the resource says."),
    OUT("ipv6_association_id", string, "Id of the IPv6 CIDR's association, or empty."),
    OUT("ipv6_cidr_block", string, "The VPC's IPv6 CIDR, or empty."),
    OUT("main_route_table_id", string, "Id that the main route table has."),
    OUT("owner_id", string, "Account that owns the VPC."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {FILTER_BLOCK, TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema vpc_schema = {
    .block = {.description = "The VPC of the Region that fits the arguments and filters.",
              .attributes = vpc_attributes,
              .blocks = blocks},
};
static const struct attribute vpcs_attributes[] = {
    OUT("id", string, "Name of the Region."),
    IN("tags", map_string, "Only VPCs that have these tags."),
    DATA_REGION,
    OUT("ids", list_string, "Ids of the VPCs, in order."),
    END_ATTRIBUTES,
};
static const struct schema vpcs_schema = {
    .block = {.description = "The ids of all VPCs of the Region that fit the tags and filters.",
              .attributes = vpcs_attributes,
              .blocks = blocks},
};

/* --- one VPC as an object --- */

/* The further CIDRs of VPCs, by VPC. */
struct associations {
    const struct network **items;
    size_t count, capacity;
    struct arena *arena;
};

static void add_association(void *ctx, const struct network *n)
{
    struct associations *l = ctx;
    if (!cidr_is_set(&n->v4))
        return;
    ARENA_ROOM(l->arena, l->items, l->count, l->capacity, 16);
    l->items[l->count++] = n;
}

static int by_vpc(const void *x, const void *y)
{
    const struct network *a = *(const struct network *const *)x;
    const struct network *b = *(const struct network *const *)y;
    int order = strcmp(a->vpc_id, b->vpc_id);
    return order ? order : cidr_compare(&a->v4, &b->v4);
}

static struct associations all_associations(struct call *c)
{
    struct associations l = {.arena = c->arena};
    memory_each_network(estate_of(c)->memory, NETWORK_ASSOCIATION, add_association, &l);
    if (l.count > 0)
        qsort(l.items, l.count, sizeof *l.items, by_vpc);
    return l;
}

static const struct value *association(struct arena *a, const char *id, const struct cidr *c)
{
    struct object r = object_new(a);
    object_string(&r, "association_id", id);
    object_cidr(&r, "cidr_block", c);
    object_string(&r, "state", "associated");
    return object_end(&r);
}

static const char *association_id(struct arena *a, const char *vpc_id, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    return cidr_is_set(c) ? id_derive(a, "vpc-cidr-assoc-", ID_DIGITS, vpc_id, cidr_format(c, text))
                          : "";
}

/* The VPC's own CIDR first, then the further ones in address order. */
static struct items associations_of(const struct associations *all, const struct network *vpc)
{
    struct arena *a = all->arena;
    struct items list = {.arena = a};
    size_t low = 0, high = all->count;
    if (cidr_is_set(&vpc->v4))
        items_add(&list, association(a, association_id(a, vpc->id, &vpc->v4), &vpc->v4));
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(all->items[middle]->vpc_id, vpc->id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < all->count && strcmp(all->items[low]->vpc_id, vpc->id) == 0; low++)
        items_add(&list, association(a, all->items[low]->id, &all->items[low]->v4));
    return list;
}

static const struct value *vpc_object(const struct associations *all, const struct network *n)
{
    struct arena *a = all->arena;
    struct object r = object_new(a);
    struct items own = associations_of(all, n);
    object_string(&r, "id", n->id);
    object_string(&r, "arn", arn_make(a, "ec2", n->region, n->owner, "vpc", n->id));
    object_cidr(&r, "cidr_block", &n->v4);
    object_put(&r, "cidr_block_associations", items_end(&own));
    object_cidr(&r, "ipv6_cidr_block", &n->v6);
    object_string(&r, "ipv6_association_id", association_id(a, n->id, &n->v6));
    object_bool(&r, "default", false);
    object_string(&r, "dhcp_options_id", id_derive(a, "dopt-", ID_DIGITS, n->owner, n->region));
    object_string(&r, "main_route_table_id", id_derive(a, "rtb-", ID_DIGITS, n->id, "main"));
    object_bool(&r, "enable_dns_support", n->dns_support);
    object_bool(&r, "enable_dns_hostnames", n->dns_hostnames);
    object_bool(&r, "enable_network_address_usage_metrics", n->address_metrics);
    object_string(&r, "instance_tenancy", n->tenancy);
    object_string(&r, "owner_id", n->owner);
    object_string(&r, "state", "available");
    object_tags(&r, "tags", &n->tags);
    object_put(&r, "associated_cidrs", data_each(&own, "cidr_block"));
    object_put(&r, "association_ids", data_each(&own, "association_id"));
    object_string(&r, "association_state", "associated");
    return object_end(&r);
}

/* --- the catalog --- */

struct listing {
    struct call *call;
    const char *region;
    struct associations associations;
    struct items *out;
};

static bool told(struct call *c, const struct network *n, const char *region)
{
    return n->kind == NETWORK_VPC && strcmp(n->region, region) == 0 && data_sees(c, n->owner);
}

static void add_vpc(void *ctx, const struct network *n)
{
    struct listing *l = ctx;
    if (told(l->call, n, l->region))
        items_add(l->out, vpc_object(&l->associations, n));
}

static void each_vpc(struct call *c, const struct value *config, struct items *out)
{
    struct listing l = {c, data_region(c, config), all_associations(c), out};
    memory_each_network(estate_of(c)->memory, NETWORK_VPC, add_vpc, &l);
}

static const struct value *get_vpc(struct call *c, const struct value *config, const char *id)
{
    const struct network *n = memory_network(estate_of(c)->memory, id);
    if (!n || !told(c, n, data_region(c, config)))
        return NULL;
    struct associations all = all_associations(c);
    return vpc_object(&all, n);
}

static const struct filter_alias aliases[] = {
    {"vpc-id", "id"},
    {"cidr", "cidr_block"},
    {"cidr-block-association.cidr-block", "associated_cidrs"},
    {"cidr-block-association.association-id", "association_ids"},
    {"cidr-block-association.state", "association_state"},
    {"ipv6-cidr-block-association.ipv6-cidr-block", "ipv6_cidr_block"},
    {"ipv6-cidr-block-association.association-id", "ipv6_association_id"},
    {"is-default", "default"},
    {"isDefault", "default"},
    {NULL, NULL},
};
static const struct argument arguments[] = {
    {"id", "id"},           {"cidr_block", "cidr_block"},
    {"default", "default"}, {"dhcp_options_id", "dhcp_options_id"},
    {"state", "state"},     {"tags", "tags"},
    {NULL, NULL},
};
static const struct catalog catalog = {
    .what = "EC2 VPC",
    .names = {vpc_attributes, aliases, "tags"},
    .each = each_vpc,
    .get = get_vpc,
    .arguments = arguments,
};

static enum outcome check(struct call *c, const struct value *config)
{
    filter_check(c, &catalog.names, value_get(config, "filter"));
    return CALL_DONE;
}

static enum outcome read_vpc(struct call *c, const struct value *config, const struct value **state)
{
    return catalog_read_one(c, &catalog, config, state);
}

static enum outcome read_vpcs(struct call *c, const struct value *config,
                              const struct value **state)
{
    struct object r = object_new(c->arena);
    struct items found;
    if (!catalog_select(c, &catalog, config, &found))
        return CALL_DONE;
    object_all(&r, config);
    object_string(&r, "id", data_region(c, config));
    object_string(&r, "region", data_region(c, config));
    object_put(&r, "ids", data_each(&found, "id"));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source vpc_data = {
    .names = (const char *const[]){"ipam_vpc", "aws_vpc", "vpc", NULL},
    .schema = &vpc_schema,
    .summary = "A VPC, found by id, CIDR, tags or filters.",
    .validate = check,
    .read = read_vpc,
};

const struct data_source vpcs_data = {
    .names = (const char *const[]){"ipam_vpcs", "aws_vpcs", NULL},
    .schema = &vpcs_schema,
    .summary = "The ids of all VPCs that fit the tags and filters.",
    .validate = check,
    .read = read_vpcs,
};
