/*
 * ask - the verbs that the AWS CLI has, too
 *
 * Each is a data source of the provider (data.h), asked with what the options say, and its answer
 * under the names of AWS's API. So filters, lookups and refusals are those of the data sources. A
 * table per verb says which member is which field; what is not set is left out, as AWS does.
 */
#include "ctl/ctl.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ctl/json_value.h"
#include "provider/resource_cidrs.h"

/* --- fields --- */

enum field_kind {
    FIELD_TEXT,   /* left out when empty */
    FIELD_NUMBER, /* a number or a bool; left out when null */
    FIELD_LENGTH, /* left out when 0 */
    FIELD_TAGS,   /* a map as a list of Key and Value */
    FIELD_LIST,   /* a list of objects; left out when empty */
};
struct field {
    const char *name, *member;
    enum field_kind kind;
    const struct field *inner; /* of a list */
};

static const struct value *tag_list(struct arena *a, const struct value *map)
{
    struct items out = {.arena = a};
    struct object tag = object_new(a);
    for (size_t i = 0; map->kind == VALUE_MAP && i < map->map.count; i++) {
        object_string(&tag, "Key", map->map.members[i].key);
        object_put(&tag, "Value", map->map.members[i].value);
        items_add(&out, object_end(&tag));
    }
    return items_end(&out);
}

static const struct value *told(struct arena *a, const struct field *fields,
                                const struct value *object);

static const struct value *told_list(struct arena *a, const struct field *fields,
                                     const struct value *list)
{
    struct items out = {.arena = a};
    for (size_t i = 0; list->kind == VALUE_SEQ && i < list->seq.count; i++)
        items_add(&out, told(a, fields, list->seq.items[i]));
    return items_end(&out);
}

static const struct value *told(struct arena *a, const struct field *fields,
                                const struct value *object)
{
    struct object r = object_new(a);
    for (const struct field *f = fields; f->name; f++) {
        const struct value *v = value_get(object, f->member);
        int64_t length = 0;
        if (f->kind == FIELD_TAGS)
            object_put(&r, f->name, tag_list(a, v));
        else if (f->kind == FIELD_LIST && v->kind == VALUE_SEQ && v->seq.count > 0)
            object_put(&r, f->name, told_list(a, f->inner, v));
        else if ((f->kind == FIELD_TEXT && *value_str(v, "")) ||
                 (f->kind == FIELD_NUMBER && value_is_known(v)) ||
                 (f->kind == FIELD_LENGTH && value_as_int(v, &length) && length > 0))
            object_put(&r, f->name, v);
    }
    return object_end(&r);
}

/* --- what is asked --- */

/* `Name=x,Values=a,b`; a backslash keeps a comma. False: it has not that form. */
static bool parse_shorthand(struct arena *a, const char *text, const struct value **out)
{
    static const char head[] = "Name=", middle[] = ",Values=";
    const char *values = strstr(text, middle);
    struct items found = {.arena = a};
    if (strncmp(text, head, sizeof head - 1) != 0 || !values)
        return false;
    const char *name =
        arena_strndup(a, text + sizeof head - 1, (size_t)(values - text) - (sizeof head - 1));
    struct text one = text_new(a);
    for (const char *p = values + sizeof middle - 1;; p++) {
        if (*p == '\\' && p[1]) {
            text_add(&one, ++p, 1);
        } else if (*p && *p != ',') {
            text_add(&one, p, 1);
        } else {
            items_add(&found, value_string(a, text_end(&one)));
            one = text_new(a);
            if (!*p)
                break;
        }
    }
    *out = value_set(a, value_set(a, &value_null, "name", value_string(a, name)), "values",
                     items_end(&found));
    return true;
}

/* AWS's JSON form: [{"Name": ..., "Values": [...]}] */
static bool add_json(struct arena *a, const char *text, struct items *out)
{
    const struct value *list = json_value(a, text, strlen(text));
    if (!list || list->kind != VALUE_SEQ)
        return false;
    for (size_t i = 0; i < list->seq.count; i++) {
        const struct value *name = value_get(list->seq.items[i], "Name");
        const struct value *values = value_get(list->seq.items[i], "Values");
        if (name->kind != VALUE_STRING || values->kind != VALUE_SEQ)
            return false;
        for (size_t k = 0; k < values->seq.count; k++)
            if (values->seq.items[k]->kind != VALUE_STRING)
                return false;
        items_add(out, value_set(a, value_set(a, &value_null, "name", name), "values", values));
    }
    return true;
}

static bool filters_given(struct ctl *c, const struct value **out)
{
    size_t n;
    const char *const *texts = ctl_options(c, "--filters", &n);
    struct items found = {.arena = c->arena};
    for (size_t i = 0; i < n; i++) {
        const struct value *one = NULL;
        bool understood = *texts[i] == '[' ? add_json(c->arena, texts[i], &found)
                                           : parse_shorthand(c->arena, texts[i], &one);
        if (one)
            items_add(&found, one);
        if (!understood) {
            ctl_fail(CTL_USAGE, "a filter is not understood",
                     "\"%s\" has to have the form Name=overlap-status,Values=overlapping,ignored, "
                     "or as JSON [{\"Name\": \"overlap-status\", \"Values\": [\"overlapping\"]}]",
                     texts[i]);
            return false;
        }
    }
    *out = items_end(&found);
    return true;
}

/* An option that becomes an argument of the data source. */
struct argument_of {
    const char *option, *attribute;
};

/* Runs the data source; its answer, or NULL after an error. */
static const struct value *ask(struct ctl *c, const struct data_source *d,
                               const struct argument_of *arguments, const struct value *more)
{
    const struct value *filters, *state = NULL;
    struct object config = object_new(c->arena);
    if (!filters_given(c, &filters))
        return NULL;
    object_put(&config, "filter", filters);
    object_all(&config, more);
    for (const struct argument_of *x = arguments; x && x->option; x++)
        if (ctl_option(c, x->option))
            object_string(&config, x->attribute, ctl_option(c, x->option));
    d->read(&c->call, object_end(&config), &state);
    return ctl_report(c) ? NULL : state;
}

/* `list` of what the data source says, as the field `name`. */
static enum ctl_exit answer_list(struct ctl *c, const char *name, const struct field *fields,
                                 const struct value *list)
{
    struct object r = object_new(c->arena);
    object_put(&r, name, told_list(c->arena, fields, list));
    return ctl_answer(c, object_end(&r));
}

static enum ctl_exit ask_list(struct ctl *c, const struct data_source *d,
                              const struct argument_of *arguments, const struct value *more,
                              const char *list, const char *name, const struct field *fields)
{
    const struct value *state = ask(c, d, arguments, more);
    return state ? answer_list(c, name, fields, value_get(state, list)) : CTL_USAGE;
}

/* The elements whose `member` is one of the option's values; all when it is not given. */
static const struct value *only(struct ctl *c, const char *option, const char *member,
                                const struct value *list)
{
    size_t n;
    const char *const *ids = ctl_options(c, option, &n);
    struct items out = {.arena = c->arena};
    for (size_t i = 0; list->kind == VALUE_SEQ && i < list->seq.count; i++)
        for (size_t k = 0; k < (n ? n : 1); k++)
            if (n == 0 || strcmp(data_text(list->seq.items[i], member), ids[k]) == 0) {
                items_add(&out, list->seq.items[i]);
                break;
            }
    return items_end(&out);
}

static enum ctl_exit ask_some(struct ctl *c, const struct data_source *d, const char *list,
                              const char *option, const char *name, const struct field *fields)
{
    const struct value *state = ask(c, d, NULL, &value_null);
    return state ? answer_list(c, name, fields, only(c, option, "id", value_get(state, list)))
                 : CTL_USAGE;
}

#define FILTERS                                                                                    \
    {                                                                                              \
        "--filters", "FILTER",                                                                     \
            "Name=NAME,Values=VALUE,...; all of them must fit, `*` stands for\n"                   \
            "any characters; names are those of the answer in kebab case",                         \
            OPTION_LIST, false                                                                     \
    }
#define NO_MORE_OPTIONS                                                                            \
    {                                                                                              \
        NULL, NULL, NULL, OPTION_SWITCH, false                                                     \
    }
#define NO_MORE_FIELDS                                                                             \
    {                                                                                              \
        NULL, NULL, FIELD_TEXT, NULL                                                               \
    }

/* --- describe-ipams --- */

static const struct field region_fields[] = {{"RegionName", "region_name", FIELD_TEXT, NULL},
                                             NO_MORE_FIELDS};
static const struct field ipam_fields[] = {
    {"OwnerId", "owner_id", FIELD_TEXT, NULL},
    {"IpamId", "id", FIELD_TEXT, NULL},
    {"IpamArn", "arn", FIELD_TEXT, NULL},
    {"IpamRegion", "ipam_region", FIELD_TEXT, NULL},
    {"PublicDefaultScopeId", "public_default_scope_id", FIELD_TEXT, NULL},
    {"PrivateDefaultScopeId", "private_default_scope_id", FIELD_TEXT, NULL},
    {"ScopeCount", "scope_count", FIELD_NUMBER, NULL},
    {"Description", "description", FIELD_TEXT, NULL},
    {"OperatingRegions", "operating_regions", FIELD_LIST, region_fields},
    {"State", "state", FIELD_TEXT, NULL},
    {"StateMessage", "state_message", FIELD_TEXT, NULL},
    {"Tags", "tags", FIELD_TAGS, NULL},
    {"DefaultResourceDiscoveryId", "default_resource_discovery_id", FIELD_TEXT, NULL},
    {"DefaultResourceDiscoveryAssociationId", "default_resource_discovery_association_id",
     FIELD_TEXT, NULL},
    {"ResourceDiscoveryAssociationCount", "resource_discovery_association_count", FIELD_NUMBER,
     NULL},
    {"Tier", "tier", FIELD_TEXT, NULL},
    {"EnablePrivateGua", "enable_private_gua", FIELD_NUMBER, NULL},
    {"MeteredAccount", "metered_account", FIELD_TEXT, NULL},
    NO_MORE_FIELDS,
};

static enum ctl_exit describe_ipams(struct ctl *c)
{
    return ask_some(c, &ipams_data, "ipams", "--ipam-ids", "Ipams", ipam_fields);
}

static const struct option ipams_options[] = {
    {"--ipam-ids", "ID", "only these", OPTION_LIST, false}, FILTERS, NO_MORE_OPTIONS};
const struct verb describe_ipams_verb = {
    .name = "describe-ipams",
    .service = "ec2",
    .summary = "the IPAMs",
    .examples = "  ipamctl describe-ipams --query 'Ipams[].[IpamId,Tier]' --output text\n",
    .options = ipams_options,
    .answers = true,
    .run = describe_ipams,
};

/* --- describe-ipam-scopes --- */

static const struct field scope_fields[] = {
    {"OwnerId", "owner_id", FIELD_TEXT, NULL},
    {"IpamScopeId", "id", FIELD_TEXT, NULL},
    {"IpamScopeArn", "arn", FIELD_TEXT, NULL},
    {"IpamArn", "ipam_arn", FIELD_TEXT, NULL},
    {"IpamRegion", "ipam_region", FIELD_TEXT, NULL},
    {"IpamScopeType", "ipam_scope_type", FIELD_TEXT, NULL},
    {"IsDefault", "is_default", FIELD_NUMBER, NULL},
    {"Description", "description", FIELD_TEXT, NULL},
    {"PoolCount", "pool_count", FIELD_NUMBER, NULL},
    {"State", "state", FIELD_TEXT, NULL},
    {"Tags", "tags", FIELD_TAGS, NULL},
    NO_MORE_FIELDS,
};

static enum ctl_exit describe_scopes(struct ctl *c)
{
    return ask_some(c, &scopes_data, "ipam_scopes", "--ipam-scope-ids", "IpamScopes", scope_fields);
}

static const struct option scopes_options[] = {
    {"--ipam-scope-ids", "ID", "only these", OPTION_LIST, false}, FILTERS, NO_MORE_OPTIONS};
const struct verb describe_scopes_verb = {
    .name = "describe-ipam-scopes",
    .service = "ec2",
    .summary = "the scopes, default ones included",
    .examples = "  ipamctl describe-ipam-scopes --filters Name=is-default,Values=true\n",
    .options = scopes_options,
    .answers = true,
    .run = describe_scopes,
};

/* --- describe-ipam-pools --- */

static const struct field source_fields[] = {
    {"ResourceId", "resource_id", FIELD_TEXT, NULL},
    {"ResourceType", "resource_type", FIELD_TEXT, NULL},
    {"ResourceRegion", "resource_region", FIELD_TEXT, NULL},
    {"ResourceOwner", "resource_owner", FIELD_TEXT, NULL},
    NO_MORE_FIELDS,
};
static const struct field pool_fields[] = {
    {"OwnerId", "owner_id", FIELD_TEXT, NULL},
    {"IpamPoolId", "id", FIELD_TEXT, NULL},
    {"SourceIpamPoolId", "source_ipam_pool_id", FIELD_TEXT, NULL},
    {"IpamPoolArn", "arn", FIELD_TEXT, NULL},
    {"IpamScopeArn", "ipam_scope_arn", FIELD_TEXT, NULL},
    {"IpamScopeType", "ipam_scope_type", FIELD_TEXT, NULL},
    {"IpamArn", "ipam_arn", FIELD_TEXT, NULL},
    {"IpamRegion", "ipam_region", FIELD_TEXT, NULL},
    {"Locale", "locale", FIELD_TEXT, NULL},
    {"PoolDepth", "pool_depth", FIELD_NUMBER, NULL},
    {"State", "state", FIELD_TEXT, NULL},
    {"Description", "description", FIELD_TEXT, NULL},
    {"AutoImport", "auto_import", FIELD_NUMBER, NULL},
    {"PubliclyAdvertisable", "publicly_advertisable", FIELD_NUMBER, NULL},
    {"AddressFamily", "address_family", FIELD_TEXT, NULL},
    {"AllocationMinNetmaskLength", "allocation_min_netmask_length", FIELD_LENGTH, NULL},
    {"AllocationMaxNetmaskLength", "allocation_max_netmask_length", FIELD_LENGTH, NULL},
    {"AllocationDefaultNetmaskLength", "allocation_default_netmask_length", FIELD_LENGTH, NULL},
    {"AllocationResourceTags", "allocation_resource_tags", FIELD_TAGS, NULL},
    {"Tags", "tags", FIELD_TAGS, NULL},
    {"AwsService", "aws_service", FIELD_TEXT, NULL},
    {"PublicIpSource", "public_ip_source", FIELD_TEXT, NULL},
    {"SourceResource", "source", FIELD_NUMBER, NULL},
    NO_MORE_FIELDS,
};

/* AWS tells the scope by its ARN, and the source resource as an object. */
static const struct value *pool_told(struct arena *a, const struct value *pool)
{
    const struct value *source = value_get(pool, "source_resource");
    const char *scope = data_text(pool, "ipam_scope_id");
    const char *owner = arn_part(a, data_text(pool, "ipam_arn"), 4);
    pool = value_set(a, pool, "ipam_scope_arn",
                     value_string(a, arn_make(a, "ec2", "", owner, "ipam-scope", scope)));
    if (source->kind == VALUE_SEQ && source->seq.count > 0)
        pool = value_set(a, pool, "source", told(a, source_fields, source->seq.items[0]));
    return pool;
}

static enum ctl_exit describe_pools(struct ctl *c)
{
    const struct value *state = ask(c, &pools_data, NULL, &value_null);
    struct items all = {.arena = c->arena};
    if (!state)
        return CTL_USAGE;
    const struct value *some = only(c, "--ipam-pool-ids", "id", value_get(state, "ipam_pools"));
    for (size_t i = 0; i < some->seq.count; i++)
        items_add(&all, pool_told(c->arena, some->seq.items[i]));
    return answer_list(c, "IpamPools", pool_fields, items_end(&all));
}

static const struct option pools_options[] = {
    {"--ipam-pool-ids", "ID", "only these", OPTION_LIST, false}, FILTERS, NO_MORE_OPTIONS};
const struct verb describe_pools_verb = {
    .name = "describe-ipam-pools",
    .service = "ec2",
    .summary = "the pools",
    .examples = "  ipamctl describe-ipam-pools \\\n"
                "    --query 'IpamPools[].{Id:IpamPoolId,Depth:PoolDepth,State:State}'\n"
                "  ipamctl describe-ipam-pools --filters Name=locale,Values=eu-west-1 --output "
                "table\n",
    .options = pools_options,
    .answers = true,
    .run = describe_pools,
};

/* --- get-ipam-pool-cidrs, get-ipam-pool-allocations --- */

#define POOL_ID                                                                                    \
    {                                                                                              \
        "--ipam-pool-id", "ID", "the pool", OPTION_TEXT, true                                      \
    }

static const struct field pool_cidr_fields[] = {
    {"Cidr", "cidr", FIELD_TEXT, NULL},
    {"State", "state", FIELD_TEXT, NULL},
    {"IpamPoolCidrId", "ipam_pool_cidr_id", FIELD_TEXT, NULL},
    {"NetmaskLength", "netmask_length", FIELD_NUMBER, NULL},
    NO_MORE_FIELDS,
};

static enum ctl_exit get_pool_cidrs(struct ctl *c)
{
    static const struct argument_of arguments[] = {{"--ipam-pool-id", "ipam_pool_id"},
                                                   {NULL, NULL}};
    return ask_list(c, &pool_cidrs_data, arguments, &value_null, "ipam_pool_cidrs", "IpamPoolCidrs",
                    pool_cidr_fields);
}

static const struct option pool_cidrs_options[] = {POOL_ID, FILTERS, NO_MORE_OPTIONS};
const struct verb pool_cidrs_verb = {
    .name = "get-ipam-pool-cidrs",
    .service = "ec2",
    .summary = "the CIDRs that are provisioned to a pool",
    .examples = "  ipamctl get-ipam-pool-cidrs --ipam-pool-id ipam-pool-0prod\n",
    .options = pool_cidrs_options,
    .answers = true,
    .run = get_pool_cidrs,
};

static const struct field allocation_fields[] = {
    {"Cidr", "cidr", FIELD_TEXT, NULL},
    {"IpamPoolAllocationId", "ipam_pool_allocation_id", FIELD_TEXT, NULL},
    {"Description", "description", FIELD_TEXT, NULL},
    {"ResourceId", "resource_id", FIELD_TEXT, NULL},
    {"ResourceType", "resource_type", FIELD_TEXT, NULL},
    {"ResourceRegion", "resource_region", FIELD_TEXT, NULL},
    {"ResourceOwner", "resource_owner", FIELD_TEXT, NULL},
    {"Tags", "tags", FIELD_TAGS, NULL},
    NO_MORE_FIELDS,
};

static enum ctl_exit get_pool_allocations(struct ctl *c)
{
    static const struct argument_of arguments[] = {
        {"--ipam-pool-id", "ipam_pool_id"},
        {"--ipam-pool-allocation-id", "ipam_pool_allocation_id"},
        {NULL, NULL}};
    return ask_list(c, &allocations_data, arguments, &value_null, "ipam_pool_allocations",
                    "IpamPoolAllocations", allocation_fields);
}

static const struct option allocations_options[] = {
    POOL_ID,
    {"--ipam-pool-allocation-id", "ID", "only this one", OPTION_TEXT, false},
    FILTERS,
    NO_MORE_OPTIONS};
const struct verb allocations_verb = {
    .name = "get-ipam-pool-allocations",
    .service = "ec2",
    .summary = "what a pool has given out",
    .examples = "  ipamctl get-ipam-pool-allocations --ipam-pool-id ipam-pool-0prod \\\n"
                "    --query "
                "'IpamPoolAllocations[].{Cidr:Cidr,Type:ResourceType,Owner:ResourceOwner}'\n",
    .options = allocations_options,
    .answers = true,
    .run = get_pool_allocations,
};

/* --- get-ipam-resource-cidrs, get-ipam-address-history --- */

static const struct field resource_cidr_fields[] = {
    {"IpamId", "ipam_id", FIELD_TEXT, NULL},
    {"IpamScopeId", "ipam_scope_id", FIELD_TEXT, NULL},
    {"IpamPoolId", "ipam_pool_id", FIELD_TEXT, NULL},
    {"ResourceRegion", "resource_region", FIELD_TEXT, NULL},
    {"ResourceOwnerId", "resource_owner_id", FIELD_TEXT, NULL},
    {"ResourceId", "resource_id", FIELD_TEXT, NULL},
    {"ResourceName", "resource_name", FIELD_TEXT, NULL},
    {"ResourceCidr", "resource_cidr", FIELD_TEXT, NULL},
    {"ResourceType", "resource_type", FIELD_TEXT, NULL},
    {"ResourceTags", "resource_tags", FIELD_TAGS, NULL},
    {"IpUsage", "ip_usage", FIELD_NUMBER, NULL},
    {"ComplianceStatus", "compliance_status", FIELD_TEXT, NULL},
    {"ManagementState", "management_state", FIELD_TEXT, NULL},
    {"OverlapStatus", "overlap_status", FIELD_TEXT, NULL},
    {"VpcId", "vpc_id", FIELD_TEXT, NULL},
    {"AvailabilityZoneId", "availability_zone_id", FIELD_TEXT, NULL},
    NO_MORE_FIELDS,
};

#define SCOPE_OPTIONS                                                                              \
    {"--ipam-scope-id", "ID", "the scope (default: the default private one)", OPTION_TEXT, false}, \
    {                                                                                              \
        "--ipam-id", "ID", "the IPAM whose default private scope is meant", OPTION_TEXT, false     \
    }

/* The scope as an argument; NULL after an error. */
static const struct value *scope_argument(struct ctl *c)
{
    const struct scope *s = ctl_scope(c);
    return s ? value_set(c->arena, &value_null, "ipam_scope_id",
                         value_string(c->arena, scope_info(s)->id))
             : NULL;
}

/* Key=K,Value=V */
static const struct value *resource_tag(struct ctl *c, const struct value *config)
{
    const char *text = ctl_option(c, "--resource-tag");
    const char *value = text ? strstr(text, ",Value=") : NULL;
    if (!text)
        return config;
    if (strncmp(text, "Key=", 4) != 0) {
        ctl_fail(CTL_USAGE, "a tag is not understood",
                 "--resource-tag \"%s\" has to have the form Key=KEY,Value=VALUE", text);
        return NULL;
    }
    size_t key = value ? (size_t)(value - text) - 4 : strlen(text + 4);
    const struct value *tag =
        value_set(c->arena, &value_null, "key", value_string_n(c->arena, text + 4, key));
    if (value)
        tag = value_set(c->arena, tag, "value", value_string(c->arena, value + 7));
    return value_set(c->arena, config, "resource_tag", value_seq(c->arena, &tag, 1));
}

static enum ctl_exit get_resource_cidrs(struct ctl *c)
{
    static const struct argument_of arguments[] = {{"--ipam-pool-id", "ipam_pool_id"},
                                                   {"--resource-id", "resource_id"},
                                                   {"--resource-type", "resource_type"},
                                                   {"--resource-owner", "resource_owner"},
                                                   {NULL, NULL}};
    const struct value *more = scope_argument(c);
    more = more ? resource_tag(c, more) : NULL;
    return more ? ask_list(c, &resource_cidrs_data, arguments, more, "ipam_resource_cidrs",
                           "IpamResourceCidrs", resource_cidr_fields)
                : CTL_USAGE;
}

static const struct option resource_cidrs_options[] = {
    SCOPE_OPTIONS,
    {"--ipam-pool-id", "ID", "only CIDRs of this pool", OPTION_TEXT, false},
    {"--resource-id", "ID", "only CIDRs of this resource", OPTION_TEXT, false},
    {"--resource-type", "TYPE", "vpc, subnet, eip ...", OPTION_TEXT, false},
    {"--resource-owner", "ACCOUNT", "only CIDRs of this account", OPTION_TEXT, false},
    {"--resource-tag", "TAG", "Key=KEY,Value=VALUE", OPTION_TEXT, false},
    FILTERS,
    NO_MORE_OPTIONS};
const struct verb resource_cidrs_verb = {
    .name = "get-ipam-resource-cidrs",
    .service = "ec2",
    .summary = "which resources hold which CIDRs, what overlaps, what breaks rules",
    .examples =
        "  ipamctl get-ipam-resource-cidrs --filters Name=overlap-status,Values=overlapping "
        "\\\n"
        "    --query "
        "'IpamResourceCidrs[].{Vpc:ResourceId,Cidr:ResourceCidr,Acct:ResourceOwnerId}'\n",
    .options = resource_cidrs_options,
    .answers = true,
    .run = get_resource_cidrs,
};

static const struct field history_fields[] = {
    {"ResourceOwnerId", "resource_owner_id", FIELD_TEXT, NULL},
    {"ResourceRegion", "resource_region", FIELD_TEXT, NULL},
    {"ResourceType", "resource_type", FIELD_TEXT, NULL},
    {"ResourceId", "resource_id", FIELD_TEXT, NULL},
    {"ResourceCidr", "resource_cidr", FIELD_TEXT, NULL},
    {"ResourceName", "resource_name", FIELD_TEXT, NULL},
    {"ResourceComplianceStatus", "resource_compliance_status", FIELD_TEXT, NULL},
    {"ResourceOverlapStatus", "resource_overlap_status", FIELD_TEXT, NULL},
    {"VpcId", "vpc_id", FIELD_TEXT, NULL},
    {"SampledStartTime", "sampled_start_time", FIELD_TEXT, NULL},
    {"SampledEndTime", "sampled_end_time", FIELD_TEXT, NULL},
    NO_MORE_FIELDS,
};

/* The past is what backups of local states tell: who held the CIDR then and does not now. */
struct past {
    struct ctl *ctl;
    const struct value *config;
    struct items records;
};
#define BACKUPS_READ 20 /* of one state, the newest first */

static bool is_recorded(const struct past *p, const struct value *record)
{
    for (size_t i = 0; i < p->records.count; i++)
        if (strcmp(data_text(p->records.items[i], "resource_id"),
                   data_text(record, "resource_id")) == 0)
            return true;
    return false;
}

/* When the backup was written; until then at least the resource held the CIDR. */
static const struct value *time_of(struct arena *a, const char *path)
{
    struct stat st;
    struct tm tm;
    char text[40];
    if (!path || stat(path, &st) != 0 || !gmtime_r(&st.st_mtime, &tm) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return &value_null;
    return value_string(a, text);
}

/* What one backup tells, in an estate of its own. */
static void add_backup(struct past *p, const struct state *backup)
{
    struct call call = p->ctl->call;
    struct diags told;
    struct estate *e = estate_new();
    const struct value *state = &value_null;
    if (!e)
        arena_exhausted(call.arena);
    diags_init(&told, call.arena);
    call.diags = &told; /* a backup without the scope, or that is not understood, tells nothing */
    call.state = e;
    e->account_id = p->ctl->estate->account_id;
    if (estate_hydrate(e, backup, &told))
        history_data.read(&call, p->config, &state);
    const struct value *found = value_get(state, "history_records");
    for (size_t i = 0; found->kind == VALUE_SEQ && i < found->seq.count; i++)
        if (!is_recorded(p, found->seq.items[i]))
            items_add(&p->records, value_set(call.arena, found->seq.items[i], "sampled_end_time",
                                             time_of(call.arena, state_path(backup))));
    estate_free(e);
}

static void add_past(void *ctx, const char *path)
{
    struct past *p = ctx;
    struct state *backup;
    for (unsigned n = 0; n < BACKUPS_READ && (backup = state_backup(path, n)); n++) {
        add_backup(p, backup);
        state_free(backup);
    }
}

static enum ctl_exit get_history(struct ctl *c)
{
    static const struct argument_of arguments[] = {
        {"--cidr", "cidr"}, {"--vpc-id", "vpc_id"}, {NULL, NULL}};
    const char *problem = check_cidr(c->arena, ctl_option(c, "--cidr"));
    if (problem)
        return ctl_fail(CTL_USAGE, "no such CIDR", "--cidr: %s.", problem);
    const struct value *more = scope_argument(c);
    const struct value *state = more ? ask(c, &history_data, arguments, more) : NULL;
    if (!state)
        return CTL_USAGE;
    struct past past = {.ctl = c, .config = more, .records = {.arena = c->arena}};
    const struct value *now = value_get(state, "history_records");
    for (size_t i = 0; now->kind == VALUE_SEQ && i < now->seq.count; i++)
        items_add(&past.records, now->seq.items[i]);
    for (const struct argument_of *x = arguments; x->option; x++)
        if (ctl_option(c, x->option))
            past.config = value_set(c->arena, past.config, x->attribute,
                                    value_string(c->arena, ctl_option(c, x->option)));
    ctl_each_local_state(c, add_past, &past);
    return answer_list(c, "HistoryRecords", history_fields, items_end(&past.records));
}

static const struct option history_options[] = {
    {"--cidr", "CIDR", "the CIDR, exactly as a resource holds it", OPTION_TEXT, true},
    SCOPE_OPTIONS,
    {"--vpc-id", "ID", "only resources in this VPC", OPTION_TEXT, false},
    {"--start-time", "TIME", NULL, OPTION_TEXT, false},
    {"--end-time", "TIME", NULL, OPTION_TEXT, false},
    NO_MORE_OPTIONS};
const struct verb history_verb = {
    .name = "get-ipam-address-history",
    .service = "ec2",
    .summary = "who holds a CIDR, and who held it as far as backups of states tell",
    .examples = "  ipamctl get-ipam-address-history --cidr 10.0.0.0/20\n",
    .options = history_options,
    .answers = true,
    .run = get_history,
};
