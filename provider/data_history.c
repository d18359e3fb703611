/*
 * data_history - who holds exactly this CIDR
 *
 * AWS keeps samples of the past for three years. Here there is no store but the state, and a state
 * tells the present: one record for each resource that holds the CIDR now, without a beginning and
 * without an end.
 */
#include <string.h>

#include "provider/data.h"
#include "provider/resource_cidrs.h"

static const struct attribute element_attributes[] = {
    OUT("resource_cidr", string, "The CIDR."),
    OUT("resource_id", string, "Id of the resource."),
    OUT("resource_name", string, "The resource's tag `Name`, or empty."),
    OUT("resource_type", string, "`vpc`, `subnet`, `eip` ..."),
    OUT("resource_owner_id", string, "Account that owns the resource."),
    OUT("resource_region", string, "Region of the resource."),
    OUT("resource_compliance_status", string, "`compliant`, `noncompliant` or `unmanaged`."),
    OUT("resource_overlap_status", string, "`overlapping` or `nonoverlapping`."),
    OUT("vpc_id", string, "Id of the VPC that the resource is or is in."),
    OUT("sampled_start_time", string, "Null: a state does not say since when."),
    OUT("sampled_end_time", string, "Null: the resource holds the CIDR now."),
    END_ATTRIBUTES,
};
static const struct block element_block = {.description = "A resource that holds the CIDR.",
                                           .attributes = element_attributes};
static const struct attribute attributes[] = {
    OUT("id", string, "`<cidr>_<scope id>`."),
    {.name = "cidr",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(CHECKED_BY(check_cidr, "a CIDR in canonical form")),
     .description = "The CIDR, exactly as a resource holds it."},
    NEEDED("ipam_scope_id", string, "Id of the scope."),
    IN("vpc_id", string, "Only resources that are this VPC or are in it."),
    DATA_REGION,
    OUT_LIST("history_records", element_block, "The resources that hold the CIDR, by id."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .block = {.description = "The resources that hold exactly this CIDR in a scope. A state knows "
                             "the present only, so there is at most one record for each resource.",
              .attributes = attributes,
              .blocks = blocks},
};

static const struct value *record_object(struct object *r, const struct resource_cidr *h)
{
    object_cidr(r, "resource_cidr", &h->cidr);
    object_string(r, "resource_id", h->resource_id);
    object_string(r, "resource_name", resource_cidr_name(h));
    object_string(r, "resource_type", h->type);
    object_string(r, "resource_owner_id", h->owner);
    object_string(r, "resource_region", h->region);
    object_string(r, "resource_compliance_status", h->compliance);
    object_string(r, "resource_overlap_status", h->overlapping ? "overlapping" : "nonoverlapping");
    object_string(r, "vpc_id", h->vpc_id);
    return object_end(r);
}

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    struct resource_cidrs held;
    struct cidr cidr;
    struct object r = object_new(c->arena);
    struct items found = {.arena = c->arena};
    const char *text = data_text(config, "cidr");
    const char *vpc = value_str(value_get(config, "vpc_id"), NULL);
    const struct scope *s = data_scope(c, "reading IPAM Address History", config, "ipam_scope_id");
    if (!s || !data_is_whole(c) || cidr_parse(text, strlen(text), &cidr) != CIDR_OK)
        return CALL_DONE;
    resource_cidrs_collect(c, s, &held);
    for (size_t i = 0; i < held.count; i++) {
        const struct resource_cidr *h = &held.items[i];
        if (!h->is_reservation && cidr_equal(&h->cidr, &cidr) &&
            (!vpc || strcmp(vpc, h->vpc_id) == 0))
            items_add(&found, record_object(&r, h));
    }
    object_all(&r, config);
    object_string(&r, "id", arena_printf(c->arena, "%s_%s", text, scope_info(s)->id));
    object_string(&r, "region", data_region(c, config));
    object_put(&r, "history_records", items_end(&found));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source history_data = {
    .names = (const char *const[]){"ipam_address_history", "aws_vpc_ipam_address_history", NULL},
    .schema = &schema,
    .summary = "The resources that hold exactly this CIDR.",
    .read = read,
};
