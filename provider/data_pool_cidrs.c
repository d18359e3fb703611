/*
 * data_pool_cidrs - the CIDRs that are provisioned to a pool
 */
#include "provider/data.h"

static const struct attribute element_attributes[] = {
    OUT("cidr", string, "The CIDR."),
    OUT("state", string, "`provisioned`."),
    END_ATTRIBUTES,
};
static const struct block element_block = {.description = "A CIDR of the pool.",
                                           .attributes = element_attributes};
static const struct attribute attributes[] = {
    OUT("id", string, "Id of the pool."),
    NEEDED("ipam_pool_id", string, "Id of the pool."),
    DATA_REGION,
    OUT_SET("ipam_pool_cidrs", element_block, "The CIDRs of the pool."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {FILTER_BLOCK, TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .block = {.description = "The CIDRs that are provisioned to a pool.",
              .attributes = attributes,
              .blocks = blocks},
};

static const struct filter_alias aliases[] = {
    {"ipam-pool-cidr-id", "ipam_pool_cidr_id"}, {"netmask-length", "netmask_length"}, {NULL, NULL}};
static const struct filter_names names = {element_attributes, aliases, NULL};

static enum outcome check(struct call *c, const struct value *config)
{
    filter_check(c, &names, value_get(config, "filter"));
    return CALL_DONE;
}

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    struct arena *a = c->arena;
    struct object r = object_new(a);
    struct items found = {.arena = a};
    struct cidr cidr;
    char text[CIDR_TEXT_SIZE];
    const struct pool *p = data_pool(c, "reading IPAM Pool CIDRs", config, "ipam_pool_id");
    check(c, config);
    if (!p || c->diags->errors)
        return CALL_DONE;
    const char *id = pool_info(p)->id;
    for (size_t i = 0; pool_cidr_at(p, i, &cidr); i++) {
        object_cidr(&r, "cidr", &cidr);
        object_string(&r, "state", "provisioned");
        object_int(&r, "netmask_length", cidr.len);
        object_string(
            &r, "ipam_pool_cidr_id",
            id_derive(a, "ipam-pool-cidr-", ID_ALLOCATION_DIGITS, id, cidr_format(&cidr, text)));
        const struct value *object = object_end(&r);
        if (filter_passes(a, &names, value_get(config, "filter"), object))
            items_add(&found, object);
    }
    object_all(&r, config);
    object_string(&r, "id", id);
    object_string(&r, "region", data_region(c, config));
    object_put(&r, "ipam_pool_cidrs", items_end(&found));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source pool_cidrs_data = {
    .names = (const char *const[]){"ipam_pool_cidrs", "aws_vpc_ipam_pool_cidrs", NULL},
    .schema = &schema,
    .summary = "The CIDRs that are provisioned to a pool.",
    .validate = check,
    .read = read,
};
