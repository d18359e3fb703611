/*
 * data_account - where and as whom the provider works: Region, partition, account, zones
 *
 * Every module for AWS asks these, and nothing has to be asked of anybody: they follow from the
 * provider block. What a cloud would know and a state cannot is fixed and documented: each Region
 * has three zones, every account is its own root user, the partition is the one that all ARNs of
 * this provider name.
 */
#include <string.h>

#include "provider/data.h"

#define ZONES 3
#define DNS   "amazonaws.com"

/* --- Region --- */

static const struct attribute region_attributes[] = {
    OUT("id", string, "Name of the Region."),
    {.name = "region",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(CHECKED_BY(check_region, "a Region name")),
     .description = "Name of the Region. Default: the provider's region."},
    {.name = "name",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(CHECKED_BY(check_region, "a Region name"), CONFLICTS("region")),
     .description = "The same as `region`, for configurations of older versions."},
    IN_OUT("endpoint", string, "Host of the EC2 service in the Region; finds the Region by it."),
    OUT("description", string, "Where the Region is."),
    END_ATTRIBUTES,
};
static const struct schema region_schema = {
    .block = {.description = "A Region: the provider's, or the one that is named.",
              .attributes = region_attributes},
};

static const char *describe_region(const char *region)
{
    static const struct {
        const char *region, *place;
    } places[] = {
        {"af-south-1", "Africa (Cape Town)"},
        {"ap-east-1", "Asia Pacific (Hong Kong)"},
        {"ap-northeast-1", "Asia Pacific (Tokyo)"},
        {"ap-northeast-2", "Asia Pacific (Seoul)"},
        {"ap-northeast-3", "Asia Pacific (Osaka)"},
        {"ap-south-1", "Asia Pacific (Mumbai)"},
        {"ap-south-2", "Asia Pacific (Hyderabad)"},
        {"ap-southeast-1", "Asia Pacific (Singapore)"},
        {"ap-southeast-2", "Asia Pacific (Sydney)"},
        {"ap-southeast-3", "Asia Pacific (Jakarta)"},
        {"ap-southeast-4", "Asia Pacific (Melbourne)"},
        {"ca-central-1", "Canada (Central)"},
        {"ca-west-1", "Canada West (Calgary)"},
        {"eu-central-1", "Europe (Frankfurt)"},
        {"eu-central-2", "Europe (Zurich)"},
        {"eu-north-1", "Europe (Stockholm)"},
        {"eu-south-1", "Europe (Milan)"},
        {"eu-south-2", "Europe (Spain)"},
        {"eu-west-1", "Europe (Ireland)"},
        {"eu-west-2", "Europe (London)"},
        {"eu-west-3", "Europe (Paris)"},
        {"il-central-1", "Israel (Tel Aviv)"},
        {"me-central-1", "Middle East (UAE)"},
        {"me-south-1", "Middle East (Bahrain)"},
        {"sa-east-1", "South America (Sao Paulo)"},
        {"us-east-1", "US East (N. Virginia)"},
        {"us-east-2", "US East (Ohio)"},
        {"us-gov-east-1", "AWS GovCloud (US-East)"},
        {"us-gov-west-1", "AWS GovCloud (US-West)"},
        {"us-west-1", "US West (N. California)"},
        {"us-west-2", "US West (Oregon)"},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].region, region) == 0)
            return places[i].place;
    return region;
}

/* The Region in ec2.REGION.amazonaws.com; NULL when the host has another form. */
static const char *region_of_endpoint(struct arena *a, const char *endpoint)
{
    size_t n = strlen(endpoint), tail = strlen("." DNS);
    if (strncmp(endpoint, "ec2.", 4) != 0 || n < 4 + tail ||
        strcmp(endpoint + n - tail, "." DNS) != 0)
        return NULL;
    const char *region = arena_strndup(a, endpoint + 4, n - 4 - tail);
    return check_region(a, region) ? NULL : region;
}

static enum outcome read_region(struct call *c, const struct value *config,
                                const struct value **state)
{
    struct object r = object_new(c->arena);
    const char *endpoint = value_str(value_get(config, "endpoint"), NULL);
    const char *named = value_str(value_get(config, "name"), NULL);
    const char *asked = value_str(value_get(config, "region"), named);
    const char *at = endpoint ? region_of_endpoint(c->arena, endpoint) : NULL;
    if (endpoint && (!at || (asked && strcmp(asked, at) != 0))) {
        diag_error(c->diags, PATH_ATTR(NULL, "endpoint"), "no matching Region found",
                   "\"%.80s\" is not the EC2 endpoint of %s. An endpoint has the form "
                   "ec2.<region>." DNS ". Name the Region by region instead.",
                   endpoint, asked ? asked : "a Region");
        return CALL_DONE;
    }
    const char *region = at ? at : asked ? asked : estate_of(c)->region;
    object_string(&r, "id", region);
    object_string(&r, "region", region);
    object_string(&r, "name", region);
    object_string(&r, "endpoint", arena_printf(c->arena, "ec2.%s." DNS, region));
    object_string(&r, "description", describe_region(region));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source region_data = {
    .names = (const char *const[]){"ipam_region", "aws_region", NULL},
    .schema = &region_schema,
    .summary = "A Region: the provider's, or the one that is named.",
    .read = read_region,
};

/* --- account --- */

static const struct attribute identity_attributes[] = {
    OUT("id", string, "Id of the account."),
    OUT("account_id", string, "Id of the account."),
    OUT("arn", string, "ARN of the account's root user."),
    OUT("user_id", string, "Id of the account."),
    END_ATTRIBUTES,
};
static const struct schema identity_schema = {
    .block = {.description = "The account that the provider works as.",
              .attributes = identity_attributes},
};

static enum outcome read_identity(struct call *c, const struct value *config,
                                  const struct value **state)
{
    (void)config;
    struct object r = object_new(c->arena);
    const char *account = estate_of(c)->account_id;
    object_string(&r, "id", account);
    object_string(&r, "account_id", account);
    object_string(&r, "user_id", account);
    object_string(&r, "arn", arena_printf(c->arena, "arn:aws:iam::%s:root", account));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source identity_data = {
    .names = (const char *const[]){"ipam_caller_identity", "aws_caller_identity", NULL},
    .schema = &identity_schema,
    .summary = "The account that the provider works as.",
    .read = read_identity,
};

/* --- partition --- */

static const struct attribute partition_attributes[] = {
    OUT("id", string, "Name of the partition."),
    OUT("partition", string, "`aws`: the partition in every ARN of this provider."),
    OUT("dns_suffix", string, "`" DNS "`."),
    OUT("reverse_dns_prefix", string, "`com.amazonaws`."),
    END_ATTRIBUTES,
};
static const struct schema partition_schema = {
    .block = {.description = "The partition that ARNs name.", .attributes = partition_attributes},
};

static enum outcome read_partition(struct call *c, const struct value *config,
                                   const struct value **state)
{
    (void)config;
    struct object r = object_new(c->arena);
    object_string(&r, "id", "aws");
    object_string(&r, "partition", "aws");
    object_string(&r, "dns_suffix", DNS);
    object_string(&r, "reverse_dns_prefix", "com.amazonaws");
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source partition_data = {
    .names = (const char *const[]){"ipam_partition", "aws_partition", NULL},
    .schema = &partition_schema,
    .summary = "The partition that ARNs name.",
    .read = read_partition,
};

/* --- zones --- */

static const struct attribute zones_attributes[] = {
    OUT("id", string, "Name of the Region."),
    DATA_REGION,
    IN("all_availability_zones", bool, "Accepted; every zone is available."),
    {.name = "state",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(ONE_OF("available", "information", "impaired", "unavailable", "constrained")),
     .description = "Only zones in this state. All are `available`."},
    IN("exclude_names", set_string, "Names of zones to leave out."),
    IN("exclude_zone_ids", set_string, "Ids of zones to leave out."),
    OUT("names", list_string, "Names of the zones: the Region and a letter."),
    OUT("zone_ids", list_string, "Ids of the zones, in the order of the names."),
    OUT("group_names", set_string, "Names of the zones' groups."),
    END_ATTRIBUTES,
};
static const struct nested_block zones_blocks[] = {FILTER_BLOCK, TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema zones_schema = {
    .block = {.description = "The availability zones of a Region: always three, `a`, `b` and `c`.",
              .attributes = zones_attributes,
              .blocks = zones_blocks},
};

/* What a zone can be asked for. */
static const struct attribute zone_fields[] = {
    OUT("zone_name", string, "Name."),
    OUT("zone_id", string, "Id."),
    OUT("zone_type", string, "Type."),
    OUT("region_name", string, "Region."),
    OUT("group_name", string, "Group."),
    OUT("group_long_name", string, "Group's name for people."),
    OUT("network_border_group", string, "Border group."),
    OUT("opt_in_status", string, "Whether it is in use."),
    OUT("state", string, "State."),
    END_ATTRIBUTES,
};
static const struct filter_names zone_names = {zone_fields, NULL, NULL};

static const struct value *zone_object(struct object *r, const char *region, unsigned n)
{
    object_string(r, "zone_name", zone_name(r->arena, region, n));
    object_string(r, "zone_id", zone_id(r->arena, region, n));
    object_string(r, "zone_type", "availability-zone");
    object_string(r, "region_name", region);
    object_string(r, "group_name", arena_printf(r->arena, "%s-zg-1", region));
    object_string(r, "group_long_name", arena_printf(r->arena, "%s 1", describe_region(region)));
    object_string(r, "network_border_group", region);
    object_string(r, "opt_in_status", "opt-in-not-required");
    object_string(r, "state", "available");
    return object_end(r);
}

static bool listed(const struct value *set, const struct value *text)
{
    for (size_t i = 0; set->kind == VALUE_SEQ && i < set->seq.count; i++)
        if (value_equal(NULL, set->seq.items[i], text))
            return true;
    return false;
}

static bool zone_asked(struct arena *a, const struct value *config, const struct value *zone)
{
    const char *state = value_str(value_get(config, "state"), "available");
    return strcmp(state, "available") == 0 &&
           !listed(value_get(config, "exclude_names"), value_get(zone, "zone_name")) &&
           !listed(value_get(config, "exclude_zone_ids"), value_get(zone, "zone_id")) &&
           filter_passes(a, &zone_names, value_get(config, "filter"), zone);
}

static enum outcome check_zones(struct call *c, const struct value *config)
{
    filter_check(c, &zone_names, value_get(config, "filter"));
    return CALL_DONE;
}

static enum outcome read_zones(struct call *c, const struct value *config,
                               const struct value **state)
{
    struct arena *a = c->arena;
    struct object r = object_new(a);
    struct items names = {.arena = a}, ids = {.arena = a}, groups = {.arena = a};
    const char *region = data_region(c, config);
    check_zones(c, config);
    if (c->diags->errors)
        return CALL_DONE;
    for (unsigned n = 0; n < ZONES; n++) {
        const struct value *zone = zone_object(&r, region, n);
        if (!zone_asked(a, config, zone))
            continue;
        items_add(&names, value_get(zone, "zone_name"));
        items_add(&ids, value_get(zone, "zone_id"));
        if (groups.count == 0)
            items_add(&groups, value_get(zone, "group_name"));
    }
    object_all(&r, config);
    object_string(&r, "id", region);
    object_string(&r, "region", region);
    object_put(&r, "names", items_end(&names));
    object_put(&r, "zone_ids", items_end(&ids));
    object_put(&r, "group_names", items_end(&groups));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source zones_data = {
    .names = (const char *const[]){"ipam_availability_zones", "aws_availability_zones", NULL},
    .schema = &zones_schema,
    .summary = "The availability zones of a Region.",
    .validate = check_zones,
    .read = read_zones,
};
