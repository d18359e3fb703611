/*
 * data_allocations - what a pool has given out, in address order
 *
 * AWS has this in its command line only (get-ipam-pool-allocations). Told are reservations, VPCs,
 * subnets and the CIDRs of child pools, whoever made them: the owner of a pool sees every
 * allocation with its owner. One walk over the pool, linear in its allocations.
 */
#include "provider/data.h"

static const struct attribute element_attributes[] = {
    OUT("cidr", string, "The CIDR."),
    OUT("ipam_pool_allocation_id", string, "Id of the allocation."),
    OUT("description", string, "Text for people."),
    OUT("resource_id", string, "Id of the VPC, subnet or child pool; empty for a reservation."),
    OUT("resource_type", string,
        "`ipam-pool`, `vpc`, `subnet`, `custom`, `ec2-public-ipv4-pool`, `eip` or "
        "`anycast-ip-list`."),
    OUT("resource_region", string, "Region of the resource."),
    OUT("resource_owner", string, "Account that owns the resource."),
    OUT("tags", map_string, "Tags of the resource or the reservation."),
    END_ATTRIBUTES,
};
static const struct block element_block = {.description = "An allocation.",
                                           .attributes = element_attributes};
static const struct attribute attributes[] = {
    OUT("id", string, "Id of the pool."),
    NEEDED("ipam_pool_id", string, "Id of the pool."),
    IN("ipam_pool_allocation_id", string, "Only the allocation with this id."),
    DATA_REGION,
    OUT_LIST("ipam_pool_allocations", element_block, "The allocations, in address order."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {FILTER_BLOCK, TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .block = {.description = "What is allocated from a pool.",
              .attributes = attributes,
              .blocks = blocks},
};

static const struct filter_alias aliases[] = {{"allocation-id", "ipam_pool_allocation_id"},
                                              {"netmask-length", "netmask_length"},
                                              {NULL, NULL}};
static const struct filter_names names = {element_attributes, aliases, "tags"};

static enum outcome check(struct call *c, const struct value *config)
{
    filter_check(c, &names, value_get(config, "filter"));
    return CALL_DONE;
}

struct listing {
    struct object record;
    const struct value *filters, *id;
    struct items found;
};

static bool add_allocation(void *ctx, const struct allocation *a)
{
    struct listing *l = ctx;
    struct object *r = &l->record;
    object_cidr(r, "cidr", &a->cidr);
    object_string(r, "ipam_pool_allocation_id", a->id);
    object_string(r, "description", a->description);
    object_string(r, "resource_id", a->resource_id);
    object_string(r, "resource_type", allocation_type_name(a->type));
    object_string(r, "resource_region", a->region);
    object_string(r, "resource_owner", a->owner);
    object_tags(r, "tags", &a->tags);
    object_int(r, "netmask_length", a->cidr.len);
    const struct value *object = object_end(r);
    bool asked = value_is_null(l->id) ||
                 value_equal(NULL, l->id, value_get(object, "ipam_pool_allocation_id"));
    if (asked && filter_passes(r->arena, &names, l->filters, object))
        items_add(&l->found, object);
    return true;
}

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    const struct pool *p = data_pool(c, "reading IPAM Pool Allocations", config, "ipam_pool_id");
    check(c, config);
    if (!p || c->diags->errors)
        return CALL_DONE;
    struct listing l = {.record = object_new(c->arena),
                        .filters = value_get(config, "filter"),
                        .id = value_get(config, "ipam_pool_allocation_id"),
                        .found = {.arena = c->arena}};
    engine_each_allocation(estate_of(c)->engine, p, add_allocation, &l);
    object_all(&l.record, config);
    object_string(&l.record, "id", pool_info(p)->id);
    object_string(&l.record, "region", data_region(c, config));
    object_put(&l.record, "ipam_pool_allocations", items_end(&l.found));
    *state = object_end(&l.record);
    return CALL_DONE;
}

const struct data_source allocations_data = {
    .names = (const char *const[]){"ipam_pool_allocations", "aws_vpc_ipam_pool_allocations", NULL},
    .schema = &schema,
    .summary = "What is allocated from a pool.",
    .validate = check,
    .read = read,
};
