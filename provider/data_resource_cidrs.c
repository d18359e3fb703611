/*
 * data_resource_cidrs - the CIDRs that resources hold in a scope, with their statuses
 *
 * AWS has this in its command line only (get-ipam-resource-cidrs). It is the place to look for what
 * is noncompliant, for what overlaps, and for what exists without a pool.
 */
#include <string.h>

#include "provider/data.h"
#include "provider/resource_cidrs.h"

static const struct attribute element_attributes[] = {
    OUT("ipam_id", string, "Id of the IPAM."),
    OUT("ipam_scope_id", string, "Id of the scope."),
    OUT("ipam_pool_id", string, "Id of the pool that gave the CIDR; empty without one."),
    OUT("resource_cidr", string, "The CIDR."),
    OUT("resource_id", string, "Id of the resource."),
    OUT("resource_type", string,
        "`vpc`, `subnet`, `eip` or `public-ipv4-pool`; `prefix` for what an inventory says no more "
        "of."),
    OUT("resource_name", string, "The resource's tag `Name`, or empty."),
    OUT("resource_owner_id", string, "Account that owns the resource."),
    OUT("resource_region", string, "Region of the resource."),
    OUT("resource_tags", map_string, "Tags of the resource."),
    OUT("vpc_id", string, "Id of the VPC that the resource is or is in."),
    OUT("availability_zone_id", string, "Id of a subnet's zone."),
    OUT("ip_usage", number, "Part of a VPC's CIDR that its subnets have, from 0 to 1."),
    OUT("management_state", string,
        "`managed`: a pool gave the CIDR; `unmanaged`: none did; empty for what no pool can "
        "manage."),
    OUT("compliance_status", string,
        "`compliant`, `noncompliant` when a rule of the pool is broken, else as the management "
        "state."),
    OUT("overlap_status", string,
        "`overlapping` when another resource or a reservation of the scope has an address in "
        "common, else `nonoverlapping`."),
    END_ATTRIBUTES,
};
static const struct block element_block = {.description = "A CIDR of a resource.",
                                           .attributes = element_attributes};
static const struct attribute tag_attributes[] = {
    NEEDED("key", string, "Key of the tag."),
    IN("value", string, "Its value. Default: any."),
    END_ATTRIBUTES,
};
static const struct block tag_block = {.description = "A tag.", .attributes = tag_attributes};
static const struct attribute attributes[] = {
    OUT("id", string, "Id of the scope."),
    NEEDED("ipam_scope_id", string, "Id of the scope."),
    IN("ipam_pool_id", string, "Only CIDRs of this pool."),
    IN("resource_id", string, "Only CIDRs of this resource."),
    IN("resource_type", string, "Only CIDRs of resources of this type."),
    IN("resource_owner", string, "Only CIDRs of this account."),
    DATA_REGION,
    OUT_LIST("ipam_resource_cidrs", element_block, "The CIDRs, in address order."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {
    FILTER_BLOCK,
    {.name = "resource_tag",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &tag_block,
     .description = "Only CIDRs of resources that have this tag."},
    TIMEOUTS_BLOCK,
    {.name = NULL},
};
static const struct schema schema = {
    .block = {.description = "The CIDRs that resources hold in a scope: how they are managed, "
                             "whether they obey their pool's rules, whether they overlap.",
              .attributes = attributes,
              .blocks = blocks},
};

static const struct filter_names names = {element_attributes, NULL, "resource_tags"};

static enum outcome check(struct call *c, const struct value *config)
{
    filter_check(c, &names, value_get(config, "filter"));
    return CALL_DONE;
}

static const struct value *resource_cidr_object(struct object *r, const struct scope_info *s,
                                                const struct resource_cidr *h)
{
    object_string(r, "ipam_id", s->ipam_id);
    object_string(r, "ipam_scope_id", s->id);
    object_string(r, "ipam_pool_id", h->pool_id);
    object_cidr(r, "resource_cidr", &h->cidr);
    object_string(r, "resource_id", h->resource_id);
    object_string(r, "resource_type", h->type);
    object_string(r, "resource_name", resource_cidr_name(h));
    object_string(r, "resource_owner_id", h->owner);
    object_string(r, "resource_region", h->region);
    object_tags(r, "resource_tags", &h->tags);
    object_string(r, "vpc_id", h->vpc_id);
    object_string(r, "availability_zone_id", h->zone);
    object_put(r, "ip_usage", value_double(r->arena, h->usage));
    object_string(r, "management_state", h->management);
    object_string(r, "compliance_status", h->compliance);
    object_string(r, "overlap_status", h->overlapping ? "overlapping" : "nonoverlapping");
    return object_end(r);
}

static bool asked(const struct value *config, const struct value *object)
{
    static const struct {
        const char *argument, *member;
    } arguments[] = {{"ipam_pool_id", "ipam_pool_id"},
                     {"resource_id", "resource_id"},
                     {"resource_type", "resource_type"},
                     {"resource_owner", "resource_owner_id"}};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        const char *wanted = value_str(value_get(config, arguments[i].argument), NULL);
        if (wanted && strcmp(wanted, data_text(object, arguments[i].member)) != 0)
            return false;
    }
    const struct value *tags = value_get(config, "resource_tag");
    if (tags->kind != VALUE_SEQ || tags->seq.count == 0)
        return true;
    const char *value = value_str(value_get(tags->seq.items[0], "value"), NULL);
    const struct value *found =
        value_get(value_get(object, "resource_tags"), data_text(tags->seq.items[0], "key"));
    return value_is_known(found) && (!value || strcmp(value, value_str(found, "")) == 0);
}

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    struct resource_cidrs held;
    struct object r = object_new(c->arena);
    struct items found = {.arena = c->arena};
    const struct scope *s = data_scope(c, "reading IPAM Resource CIDRs", config, "ipam_scope_id");
    check(c, config);
    if (!s || !data_is_whole(c) || c->diags->errors)
        return CALL_DONE;
    resource_cidrs_collect(c, s, &held);
    for (size_t i = 0; i < held.count; i++) {
        if (held.items[i].is_reservation)
            continue;
        const struct value *object = resource_cidr_object(&r, scope_info(s), &held.items[i]);
        if (asked(config, object) &&
            filter_passes(c->arena, &names, value_get(config, "filter"), object))
            items_add(&found, object);
    }
    object_all(&r, config);
    object_string(&r, "id", scope_info(s)->id);
    object_string(&r, "region", data_region(c, config));
    object_put(&r, "ipam_resource_cidrs", items_end(&found));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source resource_cidrs_data = {
    .names = (const char *const[]){"ipam_resource_cidrs", "aws_vpc_ipam_resource_cidrs", NULL},
    .schema = &schema,
    .summary = "The CIDRs that resources hold in a scope, with their statuses.",
    .validate = check,
    .read = read,
};
