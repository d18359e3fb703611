/*
 * config - the provider block
 *
 * Few settings matter here: the Region and account that resources belong to, default tags, and
 * where the state is. Everything else that an `aws` provider block can hold is accepted and
 * ignored, so that a root module written for AWS runs as it is. Two of those say which account is
 * meant and are listened to when account_id is not set: the account in assume_role's role_arn, and
 * allowed_account_ids when it names exactly one.
 *
 * Configuring is where all knowledge comes from: the state is searched and read (hydrate.c). It
 * may take several attempts (a torn file, a child process), so the search waits by polling. When
 * the state cannot be read the configuration fails, and with it the run: what is not known must
 * not be allocated from.
 */
#include "provider/drift.h"
#include "provider/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "proto/text.h"
#include "provider/inventory.h"
#include "provider/occupied.h"

#define UNCLEAR_SHOWN 50

struct settings {
    struct field_string region, account_id;
    struct field_value default_tags, ignore_tags, state, assume_role, allowed, forbidden, quotas;
    struct field_value organization;
    struct field_value estate, claims, inventory;
    struct field_string lock_timeout;
    struct field_int exhaustion;
};

#define IGNORED(n, t)                                                                              \
    {                                                                                              \
        .name = n, .type = &type_##t, .flags = ATTR_OPTIONAL | ATTR_IGNORED,                       \
        .description = "Accepted for the AWS provider's sake and ignored."                         \
    }

static const struct attribute provider_attributes[] = {
    {.name = "region",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_region, "a Region name")),
     .description = "Region of resources that do not name one. Default: `AWS_REGION`, else "
                    "`AWS_DEFAULT_REGION`, else `" DEFAULT_REGION "`.",
     FIELD(struct settings, region)},
    {.name = "account_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_account, "12 digits")),
     .description = "Account that owns the resources, 12 digits. Default: the account of "
                    "`assume_role`, else the one of `allowed_account_ids` when it names exactly "
                    "one, else the one that owns all IPAMs and pools of the state, else "
                    "`" DEFAULT_ACCOUNT_ID "`.",
     FIELD(struct settings, account_id)},
    {.name = "allowed_account_ids",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_account, "12 digits"), CONFLICTS("forbidden_account_ids")),
     .description = "Accounts in which this configuration may be applied.",
     FIELD(struct settings, allowed)},
    {.name = "forbidden_account_ids",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_account, "12 digits")),
     .description = "Accounts in which this configuration must not be applied.",
     FIELD(struct settings, forbidden)},
    {.name = "lock_timeout",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_duration, "a duration such as `60s`")),
     .description = "How long to wait when another run holds the lock of a journal of claims. It "
                    "is held for microseconds, so waiting means that a process is stuck. Default: "
                    "`60s`.",
     FIELD(struct settings, lock_timeout)},
    {.name = "exhaustion_warning_percent",
     .type = &type_number,
     .flags = ATTR_OPTIONAL,
     CHECKS(RANGE(0, 100)),
     .description = "A plan after which more than this share of a pool is in use warns, in percent "
                    "of the pool's addresses; 0 never warns. Default: 80.",
     FIELD(struct settings, exhaustion)},
    {.name = "inventory",
     .type = &type_list_string,
     .flags = ATTR_OPTIONAL,
     .description = "Files that say which networks exist: the own format, what `aws ec2 "
                    "describe-vpcs` and `describe-subnets` print, NetBox's prefixes; YAML or JSON. "
                    "Paths with wildcards, absolute or from Terraform's working directory.",
     FIELD(struct settings, inventory)},
    IGNORED("access_key", string),
    IGNORED("custom_ca_bundle", string),
    IGNORED("ec2_metadata_service_endpoint", string),
    IGNORED("ec2_metadata_service_endpoint_mode", string),
    IGNORED("http_proxy", string),
    IGNORED("https_proxy", string),
    IGNORED("insecure", bool),
    IGNORED("max_retries", number),
    IGNORED("no_proxy", string),
    IGNORED("profile", string),
    IGNORED("retry_mode", string),
    IGNORED("s3_us_east_1_regional_endpoint", string),
    IGNORED("s3_use_path_style", bool),
    IGNORED("secret_key", string),
    IGNORED("shared_config_files", list_string),
    IGNORED("shared_credentials_files", list_string),
    IGNORED("skip_credentials_validation", bool),
    IGNORED("skip_metadata_api_check", string),
    IGNORED("skip_region_validation", bool),
    IGNORED("skip_requesting_account_id", bool),
    IGNORED("sts_region", string),
    IGNORED("tag_policy_compliance", string),
    IGNORED("token", string),
    IGNORED("token_bucket_rate_limiter_capacity", number),
    IGNORED("use_dualstack_endpoint", bool),
    IGNORED("use_fips_endpoint", bool),
    IGNORED("user_agent", list_string),
    END_ATTRIBUTES,
};

static const struct attribute default_tags_attributes[] = {
    {.name = "tags",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL,
     .description = "Tags that every resource gets unless it sets the same key."},
    END_ATTRIBUTES,
};
static const struct attribute ignore_tags_attributes[] = {
    {.name = "keys",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL,
     .description = "Keys of tags to hide."},
    {.name = "key_prefixes",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL,
     .description = "Beginnings of the keys of tags to hide."},
    END_ATTRIBUTES,
};
#define QUOTA(n, top, text)                                                                        \
    {                                                                                              \
        .name = n, .type = &type_number, .flags = ATTR_OPTIONAL, CHECKS(RANGE(1, top)),            \
        .description = text                                                                        \
    }
static const struct attribute quotas_attributes[] = {
    QUOTA("pool_depth", 200,
          "Greatest depth of a pool, 1 to 200; a top-level pool has 1. Default: "
          "10."),
    QUOTA("cidrs_per_pool", 1000000, "CIDRs that a pool may hold. Default: 50."),
    QUOTA("pools_per_scope", 1000000, "Pools that a scope may hold. Default: 50."),
    QUOTA("scopes_per_ipam", 1000000,
          "Scopes of an IPAM, the two default ones included. Default: "
          "5."),
    QUOTA("resource_discoveries_per_region", 1000000,
          "Resource discoveries of an account in a Region, besides the default one. Default: 1."),
    QUOTA("resource_discovery_associations_per_ipam", 1000000,
          "Resource discoveries that are associated with an IPAM, besides the default one. "
          "Default: 5."),
    END_ATTRIBUTES,
};
static const struct attribute state_attributes[] = {
    {.name = "path",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(EXACTLY_ONE("command"), LENGTH(1, 4096)),
     .description = "Path of the state file of this root module, absolute or from Terraform's "
                    "working directory."},
    {.name = "command",
     .type = &type_list_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(1, 100)),
     .description = "Program and arguments that print the state of this root module (no shell)."},
    END_ATTRIBUTES,
};
static const struct attribute estate_attributes[] = {
    {.name = "path",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(EXACTLY_ONE("command"), LENGTH(1, 4096)),
     .description = "Local state files, with wildcards: `../*/terraform.tfstate`. The own state "
                    "among them is skipped."},
    {.name = "command",
     .type = &type_list_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(1, 100)),
     .description = "Program and arguments that print a state (no shell)."},
    END_ATTRIBUTES,
};
static const struct attribute claims_attributes[] = {
    {.name = "path",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(LENGTH(1, 4096)),
     .description = "Folder for the journals of states that are not local files. The same for all "
                    "root modules that share pools."},
    END_ATTRIBUTES,
};
static const struct attribute assume_role_attributes[] = {
    {.name = "role_arn",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     .description = "The account in this ARN is the default of `account_id`."},
    IGNORED("duration", string),
    IGNORED("external_id", string),
    IGNORED("policy", string),
    IGNORED("policy_arns", set_string),
    IGNORED("session_name", string),
    IGNORED("source_identity", string),
    IGNORED("tags", map_string),
    IGNORED("transitive_tag_keys", set_string),
    END_ATTRIBUTES,
};
static const struct attribute web_identity_attributes[] = {
    IGNORED("role_arn", string),
    IGNORED("duration", string),
    IGNORED("policy", string),
    IGNORED("policy_arns", set_string),
    IGNORED("session_name", string),
    IGNORED("web_identity_token", string),
    IGNORED("web_identity_token_file", string),
    END_ATTRIBUTES,
};
/* The endpoints that emulators are configured with most. */
static const struct attribute endpoints_attributes[] = {
    IGNORED("accessanalyzer", string),
    IGNORED("acm", string),
    IGNORED("apigateway", string),
    IGNORED("apigatewayv2", string),
    IGNORED("autoscaling", string),
    IGNORED("backup", string),
    IGNORED("cloudformation", string),
    IGNORED("cloudfront", string),
    IGNORED("cloudtrail", string),
    IGNORED("cloudwatch", string),
    IGNORED("cloudwatchlogs", string),
    IGNORED("dynamodb", string),
    IGNORED("ec2", string),
    IGNORED("ecr", string),
    IGNORED("ecs", string),
    IGNORED("efs", string),
    IGNORED("eks", string),
    IGNORED("elasticache", string),
    IGNORED("elb", string),
    IGNORED("elbv2", string),
    IGNORED("events", string),
    IGNORED("firehose", string),
    IGNORED("iam", string),
    IGNORED("kinesis", string),
    IGNORED("kms", string),
    IGNORED("lambda", string),
    IGNORED("networkmanager", string),
    IGNORED("organizations", string),
    IGNORED("ram", string),
    IGNORED("rds", string),
    IGNORED("redshift", string),
    IGNORED("resourcegroups", string),
    IGNORED("route53", string),
    IGNORED("route53resolver", string),
    IGNORED("s3", string),
    IGNORED("s3control", string),
    IGNORED("secretsmanager", string),
    IGNORED("ses", string),
    IGNORED("sns", string),
    IGNORED("sqs", string),
    IGNORED("ssm", string),
    IGNORED("ssoadmin", string),
    IGNORED("stepfunctions", string),
    IGNORED("sts", string),
    IGNORED("transfer", string),
    END_ATTRIBUTES,
};

#define IGNORED_BLOCK_TEXT "Accepted for the AWS provider's sake and ignored."
static const struct block default_tags_block = {.description = "Default tags.",
                                                .attributes = default_tags_attributes};
static const struct block ignore_tags_block = {.description = "Tags to hide.",
                                               .attributes = ignore_tags_attributes};
static const struct block quotas_block = {.description = "Limits.",
                                          .attributes = quotas_attributes};
static const struct block state_block = {.description = "Where the state is.",
                                         .attributes = state_attributes};
static const struct block estate_block = {.description = "Other states.",
                                          .attributes = estate_attributes};
static const struct block claims_block = {.description = "Where claims are noted.",
                                          .attributes = claims_attributes};
static const struct block assume_role_block = {.description = "Tells the account.",
                                               .attributes = assume_role_attributes};
static const struct block web_identity_block = {.description = IGNORED_BLOCK_TEXT,
                                                .attributes = web_identity_attributes};
static const struct block endpoints_block = {.description = IGNORED_BLOCK_TEXT,
                                             .attributes = endpoints_attributes};

static const struct nested_block provider_blocks[] = {
    {.name = "default_tags",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &default_tags_block,
     .description = "Tags for every resource.",
     FIELD(struct settings, default_tags)},
    {.name = "state",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &state_block,
     .description = "Where this root module's state is, when the provider cannot find it by "
                    "itself. It finds local states, workspaces and every backend that `terraform "
                    "state pull` can read.",
     FIELD(struct settings, state)},
    {.name = "estate",
     .nesting = NESTING_LIST,
     .block = &estate_block,
     .description = "States of other root modules whose pools are used here, or that use pools of "
                    "this one.",
     FIELD(struct settings, estate)},
    {.name = "claims",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &claims_block,
     .description = "Where runs tell each other what they issue, when a state is not a local file. "
                    "A local state has its journal beside it.",
     FIELD(struct settings, claims)},
    {.name = "organization",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &organization_block,
     .description = "Which accounts there are and in which OUs, so that a pool that is shared with "
                    "an OU or the organization can be used by the accounts below it.",
     FIELD(struct settings, organization)},
    {.name = "assume_role",
     .nesting = NESTING_LIST,
     .block = &assume_role_block,
     .description = "No role is assumed; its ARN tells the account.",
     FIELD(struct settings, assume_role)},
    {.name = "assume_role_with_web_identity",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .flags = ATTR_IGNORED,
     .block = &web_identity_block,
     .description = IGNORED_BLOCK_TEXT},
    {.name = "endpoints",
     .nesting = NESTING_SET,
     .flags = ATTR_IGNORED,
     .block = &endpoints_block,
     .description = IGNORED_BLOCK_TEXT},
    {.name = "ignore_tags",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &ignore_tags_block,
     .description = "Tags that somebody else takes care of: they do not appear in `tags_all`, and "
                    "do not count for the rules of pools.",
     FIELD(struct settings, ignore_tags)},
    {.name = "quotas",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &quotas_block,
     .description = "Limits of an IPAM. The defaults are AWS's.",
     FIELD(struct settings, quotas)},
    {.name = NULL},
};

const struct schema provider_schema = {
    .block = {.description = "Region and account of the resources, default tags, and where the "
                             "state is.",
              .attributes = provider_attributes,
              .blocks = provider_blocks},
};

static const struct attribute meta_attributes[] = {
    IGNORED("user_agent", list_string),
    IGNORED("module_name", string),
    END_ATTRIBUTES,
};
const struct schema provider_meta_schema = {
    .block = {.description = "What modules may say of themselves in a provider_meta block. It is "
                             "accepted and changes nothing.",
              .attributes = meta_attributes},
};

/* --- the estate --- */

struct estate *estate_new(void)
{
    struct estate *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->arena = arena_new();
    e->engine = engine_new();
    e->insides = engine_new();
    e->memory = memory_new();
    e->previews = previews_new();
    e->sightings = sightings_new();
    e->occupants = occupants_new();
    if (!e->arena || !e->engine || !e->insides || !e->memory || !e->previews || !e->sightings ||
        !e->occupants) {
        estate_free(e);
        return NULL;
    }
    e->region = DEFAULT_REGION;
    e->account_id = DEFAULT_ACCOUNT_ID;
    e->default_tags = &value_null;
    e->discoveries_per_region = DEFAULT_DISCOVERIES_PER_REGION;
    e->associations_per_ipam = DEFAULT_ASSOCIATIONS_PER_IPAM;
    e->origin = "the state";
    return e;
}

void estate_free(struct estate *e)
{
    if (!e)
        return;
    claims_free(e->claims);
    forecast_free(e->forecast);
    engine_free(e->engine);
    engine_free(e->insides);
    watch_free(e->watch);
    memory_free(e->memory);
    previews_free(e->previews);
    sky_free(e->sky);
    occupants_free(e->occupants);
    sightings_free(e->sightings);
    arena_free(e->arena);
    free(e);
}

void provider_unconfigure(void *state)
{
    estate_free(state);
}

/* --- configuring --- */

/* What is kept between the attempts of one configure. */
struct attempt {
    struct state_search *search;
    struct state *found;   /* until it is in the engine */
    struct estate *estate; /* until it is complete */
};

static void attempt_free(void *p)
{
    struct attempt *a = p;
    state_search_free(a->search);
    state_free(a->found);
    estate_free(a->estate);
    free(a);
}

static const struct value *first_block(const struct field_value *f)
{
    if (f->is != KNOWN || f->v->kind != VALUE_SEQ || f->v->seq.count == 0)
        return &value_null;
    return f->v->seq.items[0];
}

static bool contains_text(const struct field_value *set, const char *text)
{
    if (set->is == KNOWN)
        for (size_t i = 0; i < set->v->seq.count; i++)
            if (strcmp(value_str(set->v->seq.items[i], ""), text) == 0)
                return true;
    return false;
}

static const char *environment_region(struct call *c)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < 2; i++) {
        const char *region = getenv(names[i]);
        if (!region || !*region)
            continue;
        const char *problem = check_region(c->arena, region);
        if (!problem)
            return region;
        diag_error(c->diags, NULL, "Invalid Region in the environment",
                   "The environment variable %s is used because the provider block names no "
                   "region, and %s. Correct it, or set region in the provider block.",
                   names[i], problem);
    }
    return DEFAULT_REGION;
}

/* The account in arn:aws:iam::ACCOUNT:role/..., or NULL. */
static const char *role_account(struct call *c, const struct settings *s)
{
    const char *arn = value_str(value_get(first_block(&s->assume_role), "role_arn"), "");
    const char *account = arn_part(c->arena, arn, 4);
    return check_account(c->arena, account) ? NULL : account;
}

/* The account that the provider block says, in whatever way, or NULL. */
static const char *chosen_account(struct call *c, const struct settings *s)
{
    const char *account = s->account_id.is == KNOWN ? s->account_id.v : role_account(c, s);
    if (!account && s->allowed.is == KNOWN && s->allowed.v->seq.count == 1)
        account = value_str(s->allowed.v->seq.items[0], NULL);
    return account;
}

static const char *settle_account(struct call *c, const struct settings *s)
{
    const char *account = chosen_account(c, s);
    bool chosen = account != NULL;
    if (!account)
        account = DEFAULT_ACCOUNT_ID;
    bool refused = (chosen && s->allowed.is == KNOWN && s->allowed.v->seq.count > 0 &&
                    !contains_text(&s->allowed, account)) ||
                   contains_text(&s->forbidden, account);
    if (refused)
        diag_error(c->diags, PATH_ATTR(NULL, "account_id"), "Account not allowed",
                   "The account is %s, and allowed_account_ids or forbidden_account_ids of the "
                   "provider block rules it out. Use the configuration that is meant for this "
                   "account, or correct the lists.",
                   account);
    return account;
}

static const char *const *string_array(struct arena *a, const struct value *list)
{
    if (list->kind != VALUE_SEQ || list->seq.count == 0)
        return NULL;
    const char **items = arena_calloc(a, list->seq.count + 1, sizeof *items);
    for (size_t i = 0; i < list->seq.count; i++)
        items[i] = value_str(list->seq.items[i], "");
    return items;
}

static struct state_search *start_search(struct call *c, const struct settings *s)
{
    const struct value *block = first_block(&s->state);
    struct state_options options = {
        .path = value_str(value_get(block, "path"), NULL),
        .command = string_array(c->arena, value_get(block, "command")),
    };
    return state_search_new(&options);
}

/* The strings of a set that lives in a request, in the estate's arena; NULL: none. */
static const char *const *kept_strings(struct arena *a, const struct value *set)
{
    if (set->kind != VALUE_SEQ || set->seq.count == 0)
        return NULL;
    const char **items = arena_calloc(a, set->seq.count + 1, sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < set->seq.count; i++)
        if (value_is_known(set->seq.items[i]))
            items[n++] = arena_strdup(a, value_str(set->seq.items[i], ""));
    return items;
}

static void take_quotas(const struct settings *s, struct estate *e)
{
    const struct value *block = first_block(&s->quotas);
    struct quotas *q = engine_quotas(e->engine);
    const struct {
        const char *name;
        unsigned *limit;
    } all[] = {{"pool_depth", &q->pool_depth},
               {"cidrs_per_pool", &q->cidrs_per_pool},
               {"pools_per_scope", &q->pools_per_scope},
               {"scopes_per_ipam", &q->scopes_per_ipam},
               {"resource_discoveries_per_region", &e->discoveries_per_region},
               {"resource_discovery_associations_per_ipam", &e->associations_per_ipam}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t n;
        if (value_as_int(value_get(block, all[i].name), &n))
            *all[i].limit = (unsigned)n; /* validated: 1 to 1000000 */
    }
}

/* Settings are copied into the estate's arena: it outlives the request. */
static void take_settings(struct call *c, const struct settings *s, struct estate *e)
{
    e->region = arena_strdup(e->arena, s->region.is == KNOWN ? s->region.v : environment_region(c));
    e->account_id = arena_strdup(e->arena, settle_account(c, s));
    e->account_named = chosen_account(c, s) != NULL;
    const struct value *ignored = first_block(&s->ignore_tags);
    e->ignored_tags.keys = kept_strings(e->arena, value_get(ignored, "keys"));
    e->ignored_tags.prefixes = kept_strings(e->arena, value_get(ignored, "key_prefixes"));
    take_quotas(s, e);
    e->exhaustion_warning = s->exhaustion.is == KNOWN ? (int)s->exhaustion.v : DEFAULT_EXHAUSTION;
    e->organization = organization_read(c, first_block(&s->organization), e->arena);
    const struct value *tags = value_get(first_block(&s->default_tags), "tags");
    struct value_member *members = NULL;
    size_t count = 0;
    if (tags->kind == VALUE_MAP) {
        members = arena_calloc(e->arena, tags->map.count, sizeof *members);
        for (size_t i = 0; i < tags->map.count; i++) {
            const struct value_member *m = &tags->map.members[i];
            members[count].key = arena_strdup(e->arena, m->key);
            members[count++].value = value_is_known(m->value)
                                         ? value_string(e->arena, value_str(m->value, ""))
                                         : (value_is_null(m->value) ? &value_null : &value_unknown);
        }
    }
    e->default_tags = value_map(e->arena, members, count);
}

struct owners {
    const char *first;
    bool several;
};

static void note_owner(struct owners *o, const char *owner)
{
    if (!owner || !*owner)
        return;
    o->several = o->several || (o->first && strcmp(o->first, owner) != 0);
    o->first = owner;
}

static bool note_ipam_owner(void *ctx, const struct ipam *i)
{
    note_owner(ctx, ipam_info(i)->owner);
    return true;
}

static bool note_pool_owner(void *ctx, const struct pool *p)
{
    note_owner(ctx, pool_info(p)->owner);
    return true;
}

/* A state that was written elsewhere belongs to an account that the provider block may not name,
 * because credentials told it there. Where all is one account's, that one is meant. */
static bool act_as_account(struct call *c, const struct settings *s, struct estate *e)
{
    struct owners o = {0};
    engine_each_ipam(e->engine, note_ipam_owner, &o);
    engine_each_pool(e->engine, note_pool_owner, &o);
    if (!chosen_account(c, s) && o.first && !o.several && !check_account(c->arena, o.first)) {
        arena_guard(e->arena, arena_guard_of(c->arena));
        e->account_id = arena_strdup(e->arena, o.first);
        arena_guard(e->arena, NULL);
    }
    if (engine_act_as(e->engine, e->account_id) == ENGINE_OK &&
        (!e->organization || organization_load(e->organization, e->engine)))
        return true;
    report_no_memory(c, "configuring the provider");
    return false;
}

static bool read_inventory(struct call *c, const struct settings *s, struct estate *e)
{
    const struct value *list = s->inventory.v;
    if (s->inventory.is == KNOWN && value_is_wholly_known(list))
        return list->seq.count == 0 ||
               inventory_load(e->sightings, c->diags, string_array(c->arena, list),
                              list->seq.count);
    if (s->inventory.is != ABSENT)
        diag_error(c->diags, PATH_ATTR(NULL, "inventory"), "The inventory is not known yet",
                   "A path in it depends on something that is known only after apply. What exists "
                   "must be known before. Use values that do not depend on a resource.");
    return s->inventory.is == ABSENT;
}

/* Fills attempt->estate, which is freed with the request unless it is taken over. */
static bool build_estate(struct call *c, const struct settings *s, struct attempt *attempt)
{
    struct estate *e = attempt->estate = estate_new();
    if (!e) {
        report_no_memory(c, "configuring the provider");
        return false;
    }
    arena_guard(e->arena, arena_guard_of(c->arena));
    take_settings(c, s, e);
    e->origin = arena_strdup(e->arena, state_origin(attempt->found));
    const char *path = state_path(attempt->found);
    e->state_path = path ? arena_strdup(e->arena, path) : NULL;
    arena_guard(e->arena, NULL);
    if (c->diags->errors || !estate_hydrate(e, attempt->found, c->diags) ||
        !act_as_account(c, s, e) || !read_inventory(c, s, e))
        return false;
    arena_guard(e->arena, arena_guard_of(c->arena));
    occupied_own(e, c->arena);
    arena_guard(e->arena, NULL);
    if (watch_begin(e, attempt->found))
        return true;
    report_no_memory(c, "configuring the provider");
    return false;
}

static enum outcome wait_for_states(struct call *c)
{
    if (c->stopping || c->last_attempt) {
        diag_error(c->diags, NULL, "configuring the provider: interrupted",
                   "The run was stopped while the state was being read. Nothing was changed.");
        return CALL_DONE;
    }
    c->poll_ms = STATE_POLL_MS;
    c->patience_ms = STATE_CHILD_MS + STATE_PATIENCE_MS;
    return CALL_WAIT;
}

static bool open_claims(struct call *c, const struct settings *s, struct attempt *attempt)
{
    struct estate *e = attempt->estate;
    const char *wait = s->lock_timeout.is == KNOWN ? s->lock_timeout.v : NULL;
    const struct claims_options options = {
        .lineage = state_lineage(attempt->found),
        .empty = state_is_empty(attempt->found),
        .folder = value_str(value_get(first_block(&s->claims), "path"), NULL),
        .lock_timeout_ms = duration_ms(wait, LOCK_TIMEOUT_MS),
    };
    e->claims = claims_new(e, &options);
    /* A test plans many times in one run, and no plan could be told from the next. */
    bool test = strcmp(state_origin(attempt->found), STATE_OF_TEST) == 0;
    if (!test)
        e->forecast = forecast_new(e, options.lineage, state_serial(attempt->found));
    if (!e->claims || (!test && !e->forecast)) {
        report_no_memory(c, "configuring the provider");
        return false;
    }
    return claims_configure_estate(e->claims, c->diags, s->estate.v);
}

struct unclear {
    struct text text;
    size_t count;
};

static void list_unclear(void *ctx, const char *text)
{
    struct unclear *u = ctx;
    if (u->count++ < UNCLEAR_SHOWN)
        text_printf(&u->text, "%s.\n", text);
}

/* What others manage stops nobody's run, but it has to be said that it is not known where it is: in
 * one warning, because of several Terraform shows only the first. */
static void warn_unclear(struct call *c, const struct sightings *s)
{
    struct unclear u = {.text = text_new(c->arena)};
    sightings_each_unclear(s, list_unclear, &u);
    if (u.count > UNCLEAR_SHOWN)
        text_printf(&u.text, "... and %zu more.\n", u.count - UNCLEAR_SHOWN);
    if (u.count > 0)
        diag_warning(c->diags, NULL, "Networks of somebody else cannot be understood",
                     "%sTheir space cannot be kept free. Correct it there, or say in an inventory "
                     "where they are.",
                     text_end(&u.text));
}

/* The other states and the journals; may take several attempts. */
static enum outcome join_estate(struct call *c, struct attempt *attempt, void **state)
{
    switch (claims_join(attempt->estate->claims, c->diags, c->now_ms)) {
    case STATE_WAIT:
        return wait_for_states(c);
    case STATE_FAILED:
        return CALL_DONE;
    case STATE_READY:
        break;
    }
    if (!adopt_discovered(attempt->estate, c->arena) || !occupied_load(attempt->estate, c->arena)) {
        report_no_memory(c, "configuring the provider");
        return CALL_DONE;
    }
    warn_unclear(c, attempt->estate->sightings);
    occupied_warn_scopes(attempt->estate, c->diags);
    engine_mark(attempt->estate->engine);
    estate_free(*state);
    *state = attempt->estate;
    attempt->estate = NULL;
    return CALL_DONE;
}

enum outcome provider_configure(struct call *c, const struct value *config,
                                const char *terraform_version, void **state)
{
    struct settings s = {0};
    struct attempt *attempt = c->attempt_data;
    schema_decode(&provider_schema, config, &s);
    if (!attempt) {
        attempt = calloc(1, sizeof *attempt);
        if (attempt) {
            arena_defer(c->arena, attempt_free, attempt);
            attempt->search = start_search(c, &s);
        }
        if (!attempt || !attempt->search) {
            report_no_memory(c, "configuring the provider");
            return CALL_DONE;
        }
        c->attempt_data = attempt;
        log_line(LOG_DEBUG, "configuring for Terraform %s", terraform_version);
    }
    if (attempt->estate)
        return join_estate(c, attempt, state);
    switch (state_search_poll(attempt->search, c->now_ms)) {
    case STATE_WAIT:
        return wait_for_states(c);
    case STATE_FAILED:
        diag_error(c->diags, NULL, state_search_summary(attempt->search), "%s",
                   state_search_detail(attempt->search));
        return CALL_DONE;
    case STATE_READY:
        break;
    }
    attempt->found = state_search_take(attempt->search);
    if (!build_estate(c, &s, attempt) || !open_claims(c, &s, attempt))
        return CALL_DONE;
    return join_estate(c, attempt, state);
}
