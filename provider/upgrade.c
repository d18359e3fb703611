/*
 * upgrade - state that the AWS provider wrote, taken over as it is
 *
 * Whoever comes from the AWS provider brings its state along: by running this binary in its place,
 * or by moved blocks. What the AWS provider records differs from what is recorded here in a few
 * ways, each of which would show as a change where nobody changed anything, some even as a
 * replacement:
 *   - what is not set is "", 0 or an empty collection there, and null here;
 *   - what has a default may be missing, because an older version did not know it;
 *   - before version 6 nothing has a region;
 *   - tags_all is missing where tags came later.
 * Attributes that this provider does not have were dropped when the state was decoded.
 *
 * A state is foreign when its schema version is not ours: each of our versions is one above AWS's
 * (STATE_VERSION). The content could not tell, and normalising one's own state would undo what a
 * configuration says on purpose (tags = {}).
 *
 * Terraform moves state between providers before it configures them, so a moved state gets what
 * depends on the provider block (region, tags_all) when it is upgraded next, as one of ours.
 */
#include "provider/estate.h"

#include <string.h>

/* The Region in the object's ARN; those of the IPAM family have none. */
static const char *region_of(struct call *c, const struct value *state)
{
    const char *p = value_str(value_get(state, "arn"), "");
    for (int colon = 0; p && colon < 3; colon++) {
        p = strchr(p, ':');
        p = p ? p + 1 : NULL;
    }
    const char *region = p ? arena_strndup(c->arena, p, strcspn(p, ":")) : "";
    return *region ? region : estate_of(c)->region;
}

static bool looks_unset(const struct value *v)
{
    int64_t n;
    switch (v->kind) {
    case VALUE_STRING:
        return v->string.len == 0;
    case VALUE_NUMBER:
        return value_as_int(v, &n) && n == 0;
    case VALUE_SEQ:
        return v->seq.count == 0;
    case VALUE_MAP:
        return v->map.count == 0;
    default:
        return false;
    }
}

/* What follows from the rest of the object when it is not recorded. */
static const struct value *derived(struct call *c, const struct attribute *at,
                                   const struct value *state)
{
    struct cidr cidr;
    const char *text = value_str(value_get(state, "cidr"), "");
    if (strcmp(at->name, "region") == 0)
        return value_string(c->arena, region_of(c, state));
    if (strcmp(at->name, "tags_all") == 0)
        return tags_merged(c, value_get(state, "tags"));
    if (strcmp(at->name, "netmask_length") == 0 && (at->flags & ATTR_COMPUTED) &&
        cidr_parse(text, strlen(text), &cidr) == CIDR_OK)
        return value_int(c->arena, cidr.len);
    return &value_null;
}

static const struct value *settled(struct call *c, const struct attribute *at,
                                   const struct value *v)
{
    if (at->fallback.kind != LITERAL_NONE)
        return value_is_null(v) ? schema_default(c->arena, at) : v;
    bool decided_here = (at->flags & ATTR_COMPUTED) != 0;
    bool length_there = v->kind == VALUE_NUMBER;
    return looks_unset(v) && (!decided_here || length_there) ? &value_null : v;
}

enum outcome upgrade_state(struct call *c, int64_t version, const struct value **state)
{
    const struct resource *r = resource_named(c->type_name);
    bool foreign = r && version != r->schema->version;
    for (const struct attribute *at = r ? r->schema->block.attributes : NULL; at && at->name;
         at++) {
        const struct value *was = value_get(*state, at->name);
        const struct value *is = foreign ? settled(c, at, was) : was;
        if (value_is_null(is) && estate_of(c))
            is = derived(c, at, *state);
        if (is != was)
            *state = value_set(c->arena, *state, at->name, is);
    }
    return CALL_DONE;
}
