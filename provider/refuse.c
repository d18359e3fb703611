/*
 * refuse - the one registry of error texts
 *
 * The engine refuses with a code and numbers. Here every code has AWS's error code, the attribute
 * that it is about, and a text in three sentences: the fact with its numbers, the rule, the
 * remedy. The texts are templates over the refusal's numbers, so that a plan and an apply, a VPC
 * and a reservation say the same thing in the same words.
 *
 * Placeholders: {pool} pool id with its description, {source} the same of the other pool when there
 * is one, {id} {other} ids, {cidr} {conflict} prefixes, {of_cidr} " of <prefix>" when there is one,
 * {len} {min} {max} prefix lengths, {largest} largest free block, {free} {total} addresses, {count}
 * {limit}, {things} count and what, {quota} the setting that raises the limit, {text} {text2}
 * {text3} as the refusal documents them, {holder} who has the space, {owner} its account,
 * {origin} which state was read; {occupied} addresses of networks without a pool, {occupant} such a
 * network, {witness} what tells of it; of an orphan {keeper} its pool, {lost} what that lacks,
 * {restore} what brings it back.
 */
#include "provider/estate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum role { ROLE_NONE, ROLE_CIDR, ROLE_LENGTH, ROLE_SIZE, ROLE_POOL, ROLE_TAGS, ROLE_REGION };

struct entry {
    const char *aws; /* AWS's error code */
    enum role role;
    const char *text;
};

static const struct entry registry[REFUSAL_CODE_COUNT] = {
    [REFUSAL_IPAM_UNKNOWN] = {"InvalidIpamId.NotFound", ROLE_NONE,
                              "The IPAM {id} does not exist in {origin}. An object can only belong "
                              "to an IPAM that the provider knows from state. Check the id, or "
                              "import the IPAM first."},
    [REFUSAL_SCOPE_UNKNOWN] = {"InvalidIpamScopeId.NotFound", ROLE_NONE,
                               "The IPAM scope {id} does not exist in {origin}. A pool can only "
                               "be created in a scope that the provider knows from state. Check "
                               "ipam_scope_id: an IPAM offers private_default_scope_id and "
                               "public_default_scope_id."},
    [REFUSAL_POOL_UNKNOWN] = {"InvalidIpamPoolId.NotFound", ROLE_POOL,
                              "The IPAM pool {id} does not exist in {origin}. Without the pool's "
                              "CIDRs, rules and allocations nothing can be issued safely. Check "
                              "the id; a pool that another root module manages must be readable "
                              "from here."},
    [REFUSAL_ALLOCATION_UNKNOWN] = {"InvalidIpamPoolAllocationId.NotFound", ROLE_NONE,
                                    "The IPAM pool allocation {id} does not exist in {origin}. "
                                    "Only an allocation that is recorded can be changed. Check "
                                    "the id, or remove it from the state with terraform state "
                                    "rm."},
    [REFUSAL_EXISTS] = {"IncorrectState", ROLE_NONE,
                        "The id {id} is in use by another object in {origin}. Ids are unique. "
                        "If two resources of the configuration manage one object, remove one of "
                        "them with terraform state rm."},
    [REFUSAL_NOT_EMPTY] = {"DependencyViolation", ROLE_NONE,
                           "{pool} still holds {things}. It can be deleted only when it is "
                           "empty. Destroy what it holds first, or set cascade = true and apply "
                           "before destroying."},
    [REFUSAL_IS_DEFAULT] = {"OperationNotPermitted", ROLE_NONE,
                            "{id} is a default scope. Default scopes live and go with their IPAM. "
                            "Destroy the IPAM to remove it."},
    [REFUSAL_QUOTA] = {"LimitExceeded", ROLE_NONE,
                       "{pool} has {things}, and the quota is {limit}. Quotas keep a "
                       "hierarchy manageable and are AWS's defaults. Spread over another parent, "
                       "or raise {quota} in the block quotas of the provider."},
    [REFUSAL_DEPTH] = {"LimitExceeded", ROLE_POOL,
                       "A pool below {pool} would have depth {count}, and the greatest depth is "
                       "{limit}. Use a source pool that is nearer to the top, or raise "
                       "pool_depth in the block quotas of the provider."},
    [REFUSAL_FAMILY] =
        {"InvalidParameterValue", ROLE_POOL,
         "The address family {text}{of_cidr} does not match {source}, whose family is "
         "{text2}. A pool, its source pool and everything in them have one address "
         "family. Use a pool of the right family."},
    [REFUSAL_SCOPE_MISMATCH] = {"InvalidParameterValue", ROLE_POOL,
                                "The source pool {pool} is in the scope {other}, the new pool in "
                                "{text}. A pool and its source pool are in one scope. Set "
                                "ipam_scope_id to {other}."},
    [REFUSAL_LOCALE_SOURCE] = {"InvalidParameterValue", ROLE_REGION,
                               "The locale \"{text}\" differs from the locale \"{text2}\" of the "
                               "source pool {pool}. Below a pool with a locale every pool has "
                               "that locale. Set locale = \"{text2}\", or take a source pool "
                               "without a locale."},
    [REFUSAL_PLANNING_LOCALE] = {"InvalidParameterValue", ROLE_POOL,
                                 "The source pool {other} has no locale. A resource planning pool "
                                 "is drawn from a pool whose locale is the Region of its VPC. Take "
                                 "the pool that serves the VPC's Region as the source pool."},
    [REFUSAL_LOCALE_REGION] = {"InvalidParameterValue", ROLE_REGION,
                               "The locale \"{text}\" is none of the operating Regions of the "
                               "IPAM {other}. A pool serves only Regions in which its IPAM "
                               "operates. Add operating_regions with region_name = \"{text}\" to "
                               "the IPAM, or change the locale."},
    [REFUSAL_POOL_LOCALE] = {"InvalidParameterValue", ROLE_POOL,
                             "The pool {pool} is not in the current Region: its locale is "
                             "\"{text}\", the resource is in \"{text2}\". Only a pool whose locale "
                             "is the resource's Region can serve it. Use a pool of that Region, "
                             "or set the resource's region."},
    [REFUSAL_NO_SIZE] = {"InvalidParameterCombination", ROLE_NONE,
                         "The request cannot contain an empty CIDR and an empty netmask length: "
                         "{pool} has no default netmask length. Exactly one of them says how much "
                         "to take. Set one of them, or allocation_default_netmask_length in the "
                         "pool."},
    [REFUSAL_BOTH_SIZES] = {"InvalidParameterCombination", ROLE_CIDR,
                            "The request names both the CIDR {cidr} and the netmask length /{len}. "
                            "Exactly one of them says what to take. Remove one."},
    [REFUSAL_LENGTH_INVALID] = {"InvalidParameterValue", ROLE_LENGTH,
                                "The netmask length /{len} cannot be taken from {pool}: it allows "
                                "/{min} to /{max} at most. A block is never larger than the "
                                "address family or the CIDRs that it comes from. Choose a length "
                                "in that range."},
    [REFUSAL_TOO_LARGE] = {"InvalidParameterValue", ROLE_SIZE,
                           "A /{len} is larger than the pool gives out: {pool} has "
                           "allocation_min_netmask_length = {min}{bounds}. The bounds are "
                           "inclusive prefix lengths. Ask for /{min} or smaller, or change the "
                           "pool's rule."},
    [REFUSAL_TOO_SMALL] = {"InvalidParameterValue", ROLE_SIZE,
                           "A /{len} is smaller than the pool gives out: {pool} has "
                           "allocation_max_netmask_length = {max}{bounds}. The bounds are "
                           "inclusive prefix lengths. Ask for /{max} or larger, or change the "
                           "pool's rule."},
    [REFUSAL_TAG_MISSING] = {"InvalidParameterValue", ROLE_TAGS,
                             "The resource is missing one or more of the resource tags required "
                             "by the IPAM pool: {pool} requires {text} = \"{text2}\", and {found}. "
                             "Every tag of the pool's allocation_resource_tags must be on the "
                             "resource, key and value. Add tags = { {text} = \"{text2}\" }, or "
                             "use the pool that is meant for this resource."},
    [REFUSAL_NEEDS_CIDR] = {"InvalidParameterCombination", ROLE_LENGTH,
                            "{pool} has no source pool to take a /{len} from. The CIDR of a "
                            "top-level pool must be named. Set cidr, or give the pool a "
                            "source_ipam_pool_id."},
    [REFUSAL_NO_CIDRS] = {"InvalidParameterValue", ROLE_POOL,
                          "The allocation size is too big for the pool: {pool} has no CIDR yet. "
                          "Space comes from the CIDRs that are provisioned to a pool. Add a pool "
                          "CIDR (ipam_pool_cidr); when it is part of this configuration, let the "
                          "resource depend on it with depends_on."},
    [REFUSAL_NO_SPACE] =
        {"InvalidParameterValue", ROLE_LENGTH,
         "The allocation size is too big for the pool: a /{len} was requested "
         "from {pool}, whose largest free block is {largest} ({free} of {total} "
         "addresses free, {count} allocations{occupied}). A block is aligned to "
         "its size and never overlaps another. Ask for a smaller block, release what is "
         "not needed, or provision another CIDR to the pool."},
    [REFUSAL_OUTSIDE_POOL] = {"InvalidParameterValue", ROLE_CIDR,
                              "The CIDR {cidr} is not inside {pool}, which holds {cidrs}. Only "
                              "space of the pool can be allocated. Choose a CIDR inside, or "
                              "provision one that contains it to the pool; when that pool CIDR is "
                              "part of this configuration, let the resource depend on it with "
                              "depends_on."},
    [REFUSAL_TAKEN] = {"InvalidParameterValue", ROLE_CIDR,
                       "The CIDR {cidr} overlaps {conflict} in {pool}, which is held by {holder}. "
                       "A CIDR is issued once. Choose another CIDR, or ask for a netmask length "
                       "and let the pool choose."},
    [REFUSAL_OCCUPIED] = {"InvalidParameterValue", ROLE_CIDR,
                          "The CIDR {cidr} overlaps {conflict}, where {occupant} exists without "
                          "an allocation, as {witness} tells. What exists keeps its space, whoever "
                          "made it. Import it, or give it the pool when it is a VPC of this "
                          "provider (ipv4_ipam_pool_id; it keeps its CIDR); or set "
                          "respect_discovered = false in {pool}, correct what was seen there, or "
                          "choose another CIDR."},
    [REFUSAL_ORPHAN] = {"InvalidParameterValue", ROLE_CIDR,
                        "The CIDR {cidr} overlaps {conflict}, which {holder} has from {keeper}, "
                        "although {lost}. A CIDR is issued once, also when what it came from has "
                        "left the state. {restore}, or release {conflict}."},
    [REFUSAL_OVERLAPS_POOL] = {"InvalidParameterValue", ROLE_CIDR,
                               "The CIDR {cidr} overlaps {conflict} of the top-level pool "
                               "{other} in the same scope. Top-level pools of a scope do not "
                               "share space. Choose a disjoint CIDR, or make this pool a child of "
                               "{other}."},
    [REFUSAL_CIDR_EXISTS] = {"IncorrectState", ROLE_CIDR,
                             "The specified action is not valid for {pool}: the CIDR {cidr} "
                             "overlaps {conflict}, which the pool already has. A pool holds every "
                             "address once. Remove one of the two."},
    [REFUSAL_CIDR_UNKNOWN] = {"InvalidParameterValue", ROLE_CIDR,
                              "{pool} has no CIDR {cidr}. Only a provisioned CIDR can be "
                              "deprovisioned. Check the pool and the CIDR."},
    [REFUSAL_CIDR_IN_USE] = {"IncorrectState", ROLE_CIDR,
                             "The CIDR {cidr} of {pool} has one or more allocations: {count}, the "
                             "lowest is {conflict}, held by {holder}. A CIDR is deprovisioned "
                             "when nothing is allocated from it. Release the allocations first, "
                             "bottom-up."},
    [REFUSAL_NOT_SHARED] = {"InvalidIpamPoolId.NotFound", ROLE_POOL,
                            "For account {text2} the IPAM pool {id} does not exist: the pool is "
                            "not shared with account {text2}. An account draws from its own pools "
                            "and from those that a resource share of their owner gives it, by "
                            "account id, OU or organization. Let the owner share the pool "
                            "(ipam_ram_resource_association, ipam_ram_principal_association); "
                            "whom an OU or an organization stands for says the organization block "
                            "of the provider."},
    [REFUSAL_NOT_OWNER] = {"UnauthorizedOperation", ROLE_NONE,
                           "The {text} {id} belongs to account {owner}, and the provider acts for "
                           "account {text2}. Only its owner can change it, delete it or put "
                           "something below it; an account that a pool is shared with can draw "
                           "from the pool and release its own. Use the provider configuration of "
                           "account {owner}, or correct account_id."},
    [REFUSAL_SHARE_UNKNOWN] = {"UnknownResourceException", ROLE_NONE,
                               "The resource share {id} does not exist in {origin}. Only a share "
                               "that the provider knows from state can be changed or accepted. "
                               "Check the ARN, or import the share."},
    [REFUSAL_RULES] = {"InvalidParameterValue", ROLE_NONE,
                       "The allocation rules of the pool contradict each other: {lengths}. It must "
                       "hold that allocation_min_netmask_length <= "
                       "allocation_default_netmask_length <= allocation_max_netmask_length <= "
                       "{limit}, for those that are set. Correct the lengths."},
};

const char *pool_name(struct call *c, const char *id)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, id);
    const char *description = p ? pool_info(p)->description : NULL;
    if (!description || !*description)
        return arena_strdup(c->arena, id);
    return arena_printf(c->arena, "%s (\"%.80s\")", id, description);
}

static const char *pool_cidrs(struct call *c, const char *id)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, id);
    size_t n = p ? pool_cidr_count(p) : 0;
    if (n == 0)
        return "no CIDR";
    const char *text = "";
    for (size_t i = 0; i < n && i < 4; i++) {
        struct cidr root;
        char buf[CIDR_TEXT_SIZE];
        if (pool_cidr_at(p, i, &root))
            text = arena_printf(c->arena, "%s%s%s", text, i ? ", " : "", cidr_format(&root, buf));
    }
    if (n > 4)
        text = arena_printf(c->arena, "%s and %zu more", text, n - 4);
    return text;
}

/* `quarantine-<pool>-<cidr>-<seconds since 1970>` (claims_records.c) */
static const char *quarantine_name(struct call *c, const struct refusal *w)
{
    char text[32] = "?";
    struct tm tm;
    const char *dash = strrchr(w->other_id, '-');
    time_t until = dash ? (time_t)strtoll(dash + 1, NULL, 10) : 0;
    if (gmtime_r(&until, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_printf(c->arena, "the quarantine of %s, which was released, until %s",
                        w->holder_resource, text);
}

static const char *holder_name(struct call *c, const struct refusal *w)
{
    if (strncmp(w->other_id, QUARANTINE_PREFIX, sizeof QUARANTINE_PREFIX - 1) == 0)
        return quarantine_name(c, w);
    const char *what = w->holder_type[0] ? w->holder_type : "allocation";
    const char *who = w->holder_resource[0] ? w->holder_resource : w->other_id;
    if (w->holder_owner[0])
        return arena_printf(c->arena, "%s %s of account %s", what, who, w->holder_owner);
    return arena_printf(c->arena, "%s %s", what, who);
}

static const char *occupied_text(struct call *c, const struct refusal *w)
{
    char buf[64];
    if (count_is_zero(w->occupied_addresses))
        return "";
    return arena_printf(c->arena, ", %s addresses of discovered networks",
                        count_format(w->occupied_addresses, buf, sizeof buf));
}

static const char *occupant_name(struct call *c, const struct refusal *w)
{
    const char *what = w->holder_type[0] ? w->holder_type : "network";
    const char *name = w->holder_resource[0]
                           ? arena_printf(c->arena, "%s %s", what, w->holder_resource)
                           : arena_printf(c->arena, "a %s", what);
    return w->holder_owner[0] ? arena_printf(c->arena, "%s of account %s", name, w->holder_owner)
                              : name;
}

/* What the pool of an orphan lacks; restore: what to do about it. */
static const char *lost_text(struct call *c, const struct refusal *w, bool restore)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, w->text);
    char buf[CIDR_TEXT_SIZE];
    if (!p || !pool_is_known(p))
        return restore ? arena_printf(c->arena, "Restore the state of %s, or import it", w->text)
                       : arena_printf(c->arena, "that pool is not in %s", estate_of(c)->origin);
    if (restore)
        return arena_printf(c->arena, "Provision a CIDR that contains it to %s again", w->text);
    return arena_printf(c->arena, "%s is in none of its CIDRs (%s)", cidr_format(&w->conflict, buf),
                        pool_cidrs(c, w->text));
}

static const char *things_text(struct call *c, const struct refusal *w)
{
    size_t n = strlen(w->text);
    if (w->count == 1)
        return arena_printf(c->arena, "1 %s", w->text);
    bool changes = n > 0 && w->text[n - 1] == 'y';
    return arena_printf(c->arena, "%" PRIu64 " %.*s%s", w->count, (int)(n - changes), w->text,
                        changes ? "ies" : "s");
}

/* The argument of the block quotas that is about these things. */
static const char *quota_name(const struct refusal *w)
{
    static const struct {
        const char *what, *name;
    } all[] = {{"pool", "pools_per_scope"},
               {"CIDR", "cidrs_per_pool"},
               {"scope", "scopes_per_ipam"},
               {"resource discovery", "resource_discoveries_per_region"},
               {"resource discovery association", "resource_discovery_associations_per_ipam"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].what, w->text) == 0)
            return all[i].name;
    return "the limit";
}

static const char *lengths_text(struct call *c, const struct refusal *w)
{
    const struct {
        const char *name;
        int value;
    } rules[] = {{"min", w->min_len}, {"default", w->length}, {"max", w->max_len}};
    const char *text = "";
    for (size_t i = 0; i < 3; i++)
        if (rules[i].value >= 0)
            text = arena_printf(c->arena, "%s%sallocation_%s_netmask_length = %d", text,
                                *text ? ", " : "", rules[i].name, rules[i].value);
    return text;
}

static const char *bounds_text(struct call *c, const struct refusal *w)
{
    if (w->code == REFUSAL_TOO_LARGE && w->max_len >= 0)
        return arena_printf(c->arena, " and allocation_max_netmask_length = %d", w->max_len);
    if (w->code == REFUSAL_TOO_SMALL && w->min_len >= 0)
        return arena_printf(c->arena, " and allocation_min_netmask_length = %d", w->min_len);
    return "";
}

/* The value of one placeholder; NULL when the name is none (a literal brace). */
static const char *placeholder(struct call *c, const char *name, size_t n, const struct refusal *w)
{
    char *buf = arena_alloc(c->arena, 64);
#define IS(s) (n == sizeof(s) - 1 && memcmp(name, s, n) == 0)
    if (IS("id"))
        return w->id;
    if (IS("other"))
        return w->other_id;
    if (IS("pool"))
        return pool_name(c, w->id);
    if (IS("source"))
        return pool_name(c, w->other_id[0] ? w->other_id : w->id);
    if (IS("cidrs"))
        return pool_cidrs(c, w->id);
    if (IS("cidr"))
        return cidr_is_set(&w->cidr) ? cidr_format(&w->cidr, buf) : "";
    if (IS("of_cidr"))
        return cidr_is_set(&w->cidr) ? arena_printf(c->arena, " of %s", cidr_format(&w->cidr, buf))
                                     : "";
    if (IS("conflict"))
        return cidr_is_set(&w->conflict) ? cidr_format(&w->conflict, buf) : "";
    if (IS("len"))
        return arena_printf(c->arena, "%d", w->length);
    if (IS("min"))
        return arena_printf(c->arena, "%d", w->min_len < 0 ? 0 : w->min_len);
    if (IS("max"))
        return arena_printf(c->arena, "%d",
                            w->max_len < 0 ? (int)cidr_max_len(w->cidr.family) : w->max_len);
    if (IS("bounds"))
        return bounds_text(c, w);
    if (IS("lengths"))
        return lengths_text(c, w);
    if (IS("largest"))
        return w->largest_free < 0 ? "none" : arena_printf(c->arena, "/%d", w->largest_free);
    if (IS("free"))
        return count_format(w->free_addresses, buf, 64);
    if (IS("total"))
        return count_format(w->total_addresses, buf, 64);
    if (IS("things"))
        return things_text(c, w);
    if (IS("quota"))
        return quota_name(w);
    if (IS("count"))
        return arena_printf(c->arena, "%" PRIu64, w->count);
    if (IS("limit"))
        return arena_printf(c->arena, "%" PRIu64, w->limit);
    if (IS("text"))
        return w->text;
    if (IS("text2"))
        return w->text2;
    if (IS("found"))
        return w->text3[0] ? arena_printf(c->arena, "the resource has \"%s\"", w->text3)
                           : "the resource does not have that tag";
    if (IS("owner"))
        return w->holder_owner;
    if (IS("holder"))
        return holder_name(c, w);
    if (IS("occupied"))
        return occupied_text(c, w);
    if (IS("witness"))
        return w->text2[0] ? w->text2 : "this run, which has made it,";
    if (IS("occupant"))
        return occupant_name(c, w);
    if (IS("keeper"))
        return pool_name(c, w->text);
    if (IS("lost"))
        return lost_text(c, w, false);
    if (IS("restore"))
        return lost_text(c, w, true);
    if (IS("origin"))
        return estate_of(c)->origin;
#undef IS
    return NULL;
}

static const char *expand(struct call *c, const char *text, const struct refusal *w)
{
    const char *out = "";
    while (*text) {
        const char *open = strchr(text, '{');
        const char *close = open ? strchr(open, '}') : NULL;
        const char *value = close ? placeholder(c, open + 1, (size_t)(close - open - 1), w) : NULL;
        if (value) {
            out = arena_printf(c->arena, "%s%.*s%s", out, (int)(open - text), text, value);
            text = close + 1;
        } else { /* a literal brace, or none any more */
            size_t n = open ? (size_t)(open - text) + 1 : strlen(text);
            out = arena_printf(c->arena, "%s%.*s", out, (int)n, text);
            text += n;
        }
    }
    return out;
}

static const char *path_for(enum role role, const struct refusal *w, const struct refusal_paths *p)
{
    if (!p)
        return NULL;
    switch (role) {
    case ROLE_CIDR:
        return cidr_is_set(&w->cidr) && p->cidr ? p->cidr : p->length;
    case ROLE_LENGTH:
        return p->length;
    case ROLE_SIZE: /* whichever of the two the request used */
        return cidr_is_set(&w->cidr) ? p->cidr : p->length;
    case ROLE_POOL:
        return p->pool;
    case ROLE_TAGS:
        return p->tags;
    case ROLE_REGION:
        return p->region;
    case ROLE_NONE:
        break;
    }
    return NULL;
}

void report_refusal(struct call *c, const char *doing, const struct refusal *why,
                    const struct refusal_paths *paths)
{
    const struct entry *e = &registry[why->code];
    const char *attribute = path_for(e->role, why, paths);
    const struct path *base = paths ? paths->base : NULL;
    diag_error(c->diags, attribute ? PATH_ATTR(base, attribute) : base,
               arena_printf(c->arena, "%s: %s", doing, e->aws), "%s", expand(c, e->text, why));
}

bool refusal_template(enum refusal_code code, const char **aws, const char **text)
{
    if (code <= REFUSAL_NONE || code >= REFUSAL_CODE_COUNT || !registry[code].text)
        return false;
    *aws = registry[code].aws;
    *text = registry[code].text;
    return true;
}

void report_no_memory(struct call *c, const char *doing)
{
    diag_error(c->diags, NULL, arena_printf(c->arena, "%s: out of memory", doing),
               "The provider could not get memory from the operating system. Nothing was changed; "
               "free memory and run the same command again.");
}

static const char not_shared_yet[] =
    "The pool {id} is not shared with account {text2}, as far as the state says. The apply will "
    "fail here unless it shares the pool as well: whether another provider configuration of this "
    "root module is about to do that is not known while planning.";

/* Nothing in this process makes these, but another one of the run may: the process of the alias
 * that owns what this one refers to. */
static bool is_made_elsewhere(enum refusal_code code)
{
    return code == REFUSAL_IPAM_UNKNOWN || code == REFUSAL_SCOPE_UNKNOWN ||
           code == REFUSAL_POOL_UNKNOWN || code == REFUSAL_SHARE_UNKNOWN;
}

bool refusal_may_pass(struct call *c, const struct refusal *why)
{
    bool watching = estate_watch(c);
    if (c->last_attempt || c->stopping)
        return false;
    /* A process has one account, which needs no share. */
    c->for_this_run = why->code == REFUSAL_NOT_SHARED
                          ? watching
                          : why->curable || (watching && is_made_elsewhere(why->code));
    return c->for_this_run;
}

/* While nothing is applied yet: may the run itself, by another alias, share the pool? It can when
 * the pool is in its state. */
static bool may_be_shared_yet(const struct call *c, const struct refusal *why)
{
    return why->code == REFUSAL_NOT_SHARED && c->stage == CALL_PLANNING && !c->last_attempt &&
           estate_stores(estate_of(c), &pool_resource, why->id);
}

bool engine_said_yes(struct call *c, enum engine_result result, const char *doing,
                     const struct refusal *why, const struct refusal_paths *paths,
                     enum outcome *out)
{
    *out = CALL_DONE;
    if (result == ENGINE_OK)
        return true;
    if (result == ENGINE_NO_MEMORY) {
        report_no_memory(c, doing);
        return false;
    }
    if (refusal_may_pass(c, why)) {
        *out = CALL_WAIT;
        return false;
    }
    if (may_be_shared_yet(c, why)) {
        diag_warning(c->diags, NULL, arena_printf(c->arena, "%s: not shared yet", doing), "%s",
                     expand(c, not_shared_yet, why));
        return false;
    }
    report_refusal(c, doing, why, paths);
    return false;
}

static const struct {
    const char *summary, *text;
} findings[] = {
    [FINDING_OUTSIDE_POOL] = {"lies outside its IPAM pool",
                              "{cidr} is in none of the CIDRs of {pool} ({cidrs}). A pool CIDR "
                              "that contained it was removed. Provision it again, or release this "
                              "allocation."},
    [FINDING_OVERLAP] = {"overlaps another allocation",
                         "{cidr} overlaps {conflict} in {pool}, which is held by {holder}. Both "
                         "are kept, and neither space is issued again. One of the two must be "
                         "renumbered."},
    [FINDING_LENGTH] = {"is noncompliant",
                        "{cidr} is a /{len}, and {pool} allows /{min} to /{max}. The rule was "
                        "changed after the allocation, or the allocation was imported. It stays "
                        "as it is; new ones of that size are refused."},
    [FINDING_TAG] =
        {"is noncompliant",
         "{pool} requires the tag {text} = \"{text2}\", and {found}. The rule or the tags "
         "were changed after the allocation. Add the tag to the resource."},
    [FINDING_LOCALE] = {"is noncompliant",
                        "{pool} has the locale \"{text}\", and the resource is in \"{text2}\". "
                        "Only resources of its Region belong into a pool with a locale."},
    [FINDING_POOL_UNKNOWN] = {"refers to an unknown IPAM pool",
                              "The pool {id} is not in {origin}, so nothing can be said about the "
                              "rules and the neighbours of {cidr}. Restore the pool's state, or "
                              "import the pool."},
    [FINDING_SOURCE_GONE] = {"lies outside its source pool",
                             "{cidr} of {pool} is in none of the CIDRs of the source pool {other}. "
                             "A CIDR of the source pool that contained it was removed. Provision "
                             "it to the source pool again, or remove this one."},
    [FINDING_OWNER] = {"is noncompliant",
                       "{pool} is not shared with account {text2}, which holds {cidr} of it. The "
                       "owner of a resource must own the pool, or the pool must be shared with "
                       "it. The CIDR stays as it is; new requests of that account are refused. "
                       "Share the pool again, or release {cidr}."},
};

/* What Amazon gave, as a state of the AWS provider tells, lies wherever Amazon has space; only what
 * is generated here lies in AMAZON_IPV6_CIDR. */
static bool is_amazons_own(const struct finding *f)
{
    return f->code == FINDING_OUTSIDE_POOL && strcmp(f->numbers.id, AMAZON_IPV6_POOL) == 0;
}

void report_findings(struct call *c, const char *subject, const struct finding *f, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_amazons_own(&f[i]))
            diag_warning(c->diags, NULL,
                         arena_printf(c->arena, "%s %s", subject, findings[f[i].code].summary),
                         "%s", expand(c, findings[f[i].code].text, &f[i].numbers));
}
