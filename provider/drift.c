/*
 * drift - what the world says of resources that the state holds
 *
 * A refresh compares each network in the state with what was seen of it (sighting.h). Who may say
 * what:
 *   - An inventory shows what exists. Where it contradicts the state, the refreshed state is what
 *     the inventory shows, and the plan goes on from there.
 *   - A state of somebody else only says what Terraform believed there. It makes a warning.
 *   - Only an inventory that is complete for the account and the Region makes something disappear,
 *     and only what was seen before.
 *
 * A VPC that was drawn here is in no inventory until it is built, and its CIDR must not become free
 * because a file is older than the VPC. So that it was seen is remembered in the object's private
 * data.
 *
 * A refresh is not stored before it is applied. So what the state holds stays in the engine, too,
 * marked as leaving: checks of this plan may count on its space, picks keep off it, and the apply,
 * which reads the state anew, issues it only when the state no longer has it.
 *
 * Overlaps with networks of others are found in a copy of the sightings in address order. CIDRs
 * nest or are disjoint, so those that overlap a CIDR are its containers, one search for each
 * length, and what it contains, which stands together. The copy is made anew when the sightings
 * changed.
 */
#include "provider/drift.h"

#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

/* --- private data --- */

/* Followed by the account that owned it, which the provider block may not name. */
static const char seen_mark[] = "ipam:seen ";

const char *drift_seen_line(struct arena *a, struct bytes private)
{
    const char *text = private.len ? arena_strndup(a, (const char *)private.data, private.len) : "";
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        size_t n = strcspn(line, "\n");
        if (line[n] != '\n')
            return NULL;
        if (strncmp(line, seen_mark, sizeof seen_mark - 1) == 0)
            return arena_strndup(a, line, n + 1);
    }
    return NULL;
}

static const char *seen_owner(struct arena *a, const char *line)
{
    return arena_strndup(a, line + sizeof seen_mark - 1, strlen(line) - sizeof seen_mark);
}

static void remember_seen(struct call *c, const struct sighting *seen, struct bytes *private)
{
    bool lines = private->len > 0 && private->data[private->len - 1] == '\n';
    if (drift_seen_line(c->arena, *private) || import_is_adopted(*private))
        return;
    const char *owner = strchr(seen->owner, '\n') ? "" : seen->owner;
    const char *text = arena_printf(c->arena, "%.*s%s%s\n", lines ? (int)private->len : 0,
                                    lines ? (const char *)private->data : "", seen_mark, owner);
    *private = (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* --- the sightings in address order --- */

struct star {
    struct cidr cidr;
    const struct sighting *seen;
};

struct sky {
    uint64_t version; /* of the sightings that it was made from */
    size_t count, capacity;
    struct star *stars;
    bool failed;
};

void sky_free(struct sky *s)
{
    if (s)
        free(s->stars);
    free(s);
}

static int star_order(const void *x, const void *y)
{
    const struct star *a = x, *b = y;
    int order = cidr_compare(&a->cidr, &b->cidr);
    return order ? order : strcmp(a->seen->id, b->seen->id);
}

/* Networks only: their subnets lie inside of them, and a prefix of a plan is no network. */
static bool add_stars(void *ctx, const struct sighting *seen)
{
    struct sky *s = ctx;
    for (size_t i = 0; seen->kind == SIGHTED_NETWORK && i < seen->cidr_count; i++) {
        if (s->count == s->capacity) {
            size_t more = s->capacity ? 2 * s->capacity : 256;
            struct star *stars = realloc(s->stars, more * sizeof *stars);
            s->failed = !stars;
            if (s->failed)
                return false;
            s->stars = stars;
            s->capacity = more;
        }
        s->stars[s->count++] = (struct star){seen->cidrs[i], seen};
    }
    return true;
}

/* NULL: memory is out. */
static const struct sky *sky_of(struct estate *e)
{
    struct sky *s = e->sky;
    if (s && s->version == sightings_version(e->sightings))
        return s;
    sky_free(s);
    s = e->sky = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    sightings_each(e->sightings, add_stars, s);
    if (s->failed) {
        sky_free(s);
        e->sky = NULL;
        return NULL;
    }
    if (s->count > 0)
        qsort(s->stars, s->count, sizeof *s->stars, star_order);
    s->version = sightings_version(e->sightings);
    return s;
}

/* The first star that is not before c. */
static size_t sky_seek(const struct sky *s, const struct cidr *c)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cidr_compare(&s->stars[middle].cidr, c) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- overlaps --- */

#define NAMED_MAX 3 /* networks that a warning names */

struct overlaps {
    struct call *call;
    const struct drift_subject *subject;
    const struct sighting *self; /* may be NULL */
    const struct cidr *cidr;
    const struct scope *scope; /* of its pool; NULL: it has none */
    struct text named;
    size_t count;
};

/* Another scope is another address space. Without a word of it, what is seen belongs to the default
 * scopes, and so does what has no pool. */
static bool in_scope(const struct overlaps *o, const struct sighting *s)
{
    const struct scope *named = engine_scope(estate_of(o->call)->engine, s->scope_id);
    if (named && o->scope)
        return named == o->scope;
    return !(named || o->scope) || scope_info(named ? named : o->scope)->is_default;
}

/* Not what is an allocation as well: that overlap is a finding of the engine. */
static bool is_other(const struct overlaps *o, const struct star *star)
{
    const struct sighting *s = star->seen;
    bool same = s == o->self || strcmp(s->id, o->subject->id) == 0 ||
                strcmp(s->network_id, o->subject->id) == 0;
    return !same && !engine_allocation(estate_of(o->call)->engine,
                                       allocation_id_of(o->call->arena, s->id, &star->cidr));
}

static void note_overlap(struct overlaps *o, const struct star *star)
{
    char text[CIDR_TEXT_SIZE];
    if (!in_scope(o, star->seen) || !is_other(o, star) || ++o->count > NAMED_MAX)
        return;
    text_printf(&o->named, "%s%s of %s", o->count > 1 ? "; " : "", cidr_format(&star->cidr, text),
                sighting_text(o->call->arena, star->seen));
}

static void find_overlaps(struct overlaps *o, const struct sky *s)
{
    for (unsigned len = 0; len < o->cidr->len; len++) {
        struct cidr wider = cidr_widen(o->cidr, len);
        for (size_t i = sky_seek(s, &wider); i < s->count && cidr_equal(&s->stars[i].cidr, &wider);
             i++)
            note_overlap(o, &s->stars[i]);
    }
    for (size_t i = sky_seek(s, o->cidr); i < s->count && cidr_contains(o->cidr, &s->stars[i].cidr);
         i++)
        note_overlap(o, &s->stars[i]);
}

static void look_around(struct call *c, const struct drift_subject *s, const struct sighting *self,
                        const struct cidr *cidr, const char *pool_id)
{
    struct estate *e = estate_of(c);
    char text[CIDR_TEXT_SIZE];
    if (s->kind != SIGHTED_NETWORK || !cidr_is_set(cidr))
        return;
    const struct sky *sky = sky_of(e);
    if (!sky) {
        report_no_memory(c, "comparing the state with what was seen");
        return;
    }
    const struct pool *p = engine_pool(e->engine, pool_id);
    const struct scope *scope = p ? engine_scope(e->engine, pool_info(p)->scope_id) : NULL;
    struct overlaps o = {c, s, self, cidr, scope, text_new(c->arena), 0};
    find_overlaps(&o, sky);
    if (o.count == 0)
        return;
    const char *more =
        o.count > NAMED_MAX ? arena_printf(c->arena, " and %zu more", o.count - NAMED_MAX) : "";
    diag_warning(c->diags, NULL,
                 arena_printf(c->arena, "%s overlaps a network that was seen", s->name),
                 "%s overlaps %s%s. Both keep their addresses, and neither space is issued again; "
                 "the two cannot be routed to each other. Renumber one of them. If both are the "
                 "same network, say so with its tag ipam-allocation-id = \"%s\".",
                 cidr_format(cidr, text), text_end(&o.named), more, s->id);
}

/* --- compliance --- */

static bool tag_is(const struct tags *tags, const struct tag *wanted)
{
    const char *value = tags_find(tags, wanted->key);
    return value && strcmp(value, wanted->value) == 0;
}

/* Tags that the pool requires, that the state has, and that were not seen. A witness without any
 * tags does not tell tags. */
static void look_at_tags(struct call *c, const struct drift_subject *s, const struct sighting *seen,
                         const struct cidr *cidr)
{
    const struct allocation *a =
        engine_allocation(estate_of(c)->engine, allocation_id_of(c->arena, s->id, cidr));
    const struct tags *need = a ? &pool_info(a->pool)->rules.tags : NULL;
    for (size_t i = 0; need && seen->tags.count > 0 && i < need->count; i++) {
        const struct tag *t = &need->items[i];
        const char *found = tags_find(&seen->tags, t->key);
        if (!tag_is(&a->tags, t) || tag_is(&seen->tags, t))
            continue;
        diag_warning(c->diags, NULL, arena_printf(c->arena, "%s is noncompliant", s->name),
                     "%s requires the tag %s = \"%s\". The state has it, but %s shows %s. The tag "
                     "was changed outside of Terraform: set it again, or correct the inventory.",
                     pool_name(c, pool_info(a->pool)->id), t->key, t->value, seen->where,
                     found ? arena_printf(c->arena, "\"%s\"", found) : "the resource without it");
    }
}

/* --- other CIDRs --- */

static void warn_moved(struct call *c, const struct drift_subject *s, const struct sighting *seen,
                       const struct cidr *was, const struct cidr *is)
{
    char old[CIDR_TEXT_SIZE], new[CIDR_TEXT_SIZE];
    cidr_format(was, old);
    cidr_format(is, new);
    diag_warning(
        c->diags, NULL, arena_printf(c->arena, "%s has another CIDR", s->name),
        "%s shows %s, and the state has %s. The refreshed state takes what was seen. A "
        "configuration that names %s = \"%s\" then replaces the resource; one that draws it by "
        "%s, or names %s, leaves it as it is. %s is not issued again before an apply (or terraform "
        "apply -refresh-only) has stored this. If what was seen is wrong, correct the inventory.",
        seen->where, new, old, s->cidr_name, old, s->draw_by, new, old);
}

static void warn_disagrees(struct call *c, const struct drift_subject *s,
                           const struct sighting *seen, const struct cidr *was,
                           const struct cidr *is)
{
    char old[CIDR_TEXT_SIZE], new[CIDR_TEXT_SIZE];
    diag_warning(c->diags, NULL,
                 arena_printf(c->arena, "%s has another CIDR in another state", s->name),
                 "%s has %s, and this state has %s. Which one is true is not known, so nothing "
                 "changes, and neither space is issued. Refresh the other state, or name an "
                 "inventory in the provider block: it shows what exists.",
                 seen->where, cidr_format(is, new), cidr_format(was, old));
}

/* The further CIDRs of a VPC that the state has as associations. */
struct associated {
    const char *vpc_id;
    const struct cidr *cidr;
    bool found;
};

static void visit_association(void *ctx, const struct network *n)
{
    struct associated *a = ctx;
    if (strcmp(n->vpc_id, a->vpc_id) == 0 &&
        (cidr_equal(&n->v4, a->cidr) || cidr_equal(&n->v6, a->cidr)))
        a->found = true;
}

static bool is_associated(struct call *c, const char *vpc_id, const struct cidr *cidr)
{
    struct associated a = {vpc_id, cidr, false};
    memory_each_network(estate_of(c)->memory, NETWORK_ASSOCIATION, visit_association, &a);
    return a.found;
}

/* The CIDR that stands in the place of one that is not there: unset when nothing can be said. */
static struct cidr instead(struct call *c, const char *vpc_id, const struct sighting *seen,
                           const struct cidr *was)
{
    if (cidr_is_set(&seen->primary) && seen->primary.family == was->family)
        return seen->primary;
    for (size_t i = 0; i < seen->cidr_count; i++)
        if (seen->cidrs[i].family == was->family && !is_associated(c, vpc_id, &seen->cidrs[i]))
            return seen->cidrs[i];
    return (struct cidr){0};
}

static bool compare(struct call *c, const struct drift_subject *s, const struct sighting *seen,
                    const struct cidr *was, struct cidr *now)
{
    if (!cidr_is_set(was) || sighting_has(seen, was))
        return false;
    struct cidr is = instead(c, s->id, seen, was);
    if (!cidr_is_set(&is))
        return false;
    if (seen->witness != WITNESS_INVENTORY) {
        warn_disagrees(c, s, seen, was, &is);
        return false;
    }
    warn_moved(c, s, seen, was, &is);
    const char *left = allocation_id_of(c->arena, s->id, was);
    engine_plan_leave(estate_of(c)->engine, left);
    engine_plan_leave(estate_of(c)->insides, left);
    *now = is;
    return true;
}

/* What was remembered when the state was read is what the state holds: an apply reads nothing. */
bool drift_release(struct call *c, const char *id, const char *doing, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine, *insides = estate_of(c)->insides;
    const struct network *n = memory_network(estate_of(c)->memory, id);
    const struct cidr cidrs[] = {n ? n->v4 : (struct cidr){0}, n ? n->v6 : (struct cidr){0}};
    struct refusal why;
    *out = CALL_DONE;
    for (size_t i = 0; i < 2; i++) {
        const char *left = cidr_is_set(&cidrs[i]) ? allocation_id_of(c->arena, id, &cidrs[i]) : "";
        if (engine_allocation(e, left) && !issue_release(c, left, doing, out))
            return false;
        if (engine_allocation(insides, left) &&
            !engine_said_yes(c, engine_release(insides, left, &why), doing, &why, NULL, out))
            return false;
    }
    return true;
}

/* --- gone --- */

struct kin {
    const struct drift_subject *subject;
    bool found;
};

static bool is_kin(void *ctx, const struct sighting *seen)
{
    struct kin *k = ctx;
    k->found = seen->witness == WITNESS_INVENTORY && seen->kind == k->subject->kind &&
               strcmp(seen->region, k->subject->region) == 0 &&
               (!*seen->owner || strcmp(seen->owner, k->subject->owner) == 0);
    return !k->found;
}

/* An inventory may be complete for an account and list no subnets at all. */
static bool lists_its_kind(struct call *c, const struct drift_subject *s)
{
    struct kin k = {s, s->kind == SIGHTED_NETWORK};
    if (!k.found)
        sightings_each(estate_of(c)->sightings, is_kin, &k);
    return k.found;
}

static enum drift missing(struct call *c, const struct drift_subject *s, struct bytes private)
{
    const char *line = drift_seen_line(c->arena, private);
    const char *owner = line ? seen_owner(c->arena, line) : "";
    if (!*owner)
        owner = s->owner;
    const char *where = sightings_covered(estate_of(c)->sightings, owner, s->region);
    char text[CIDR_TEXT_SIZE];
    if (!where)
        return DRIFT_NONE;
    const char *cidr = cidr_format(&s->cidrs[!cidr_is_set(&s->cidrs[0])], text);
    if (!line) {
        if (s->kind == SIGHTED_NETWORK)
            diag_warning(
                c->diags, NULL, arena_printf(c->arena, "%s is in no inventory", s->name),
                "%s says that it is complete for account %s in Region %s, and no inventory has "
                "shown this resource yet. It may have been built after the file was written, so it "
                "stays, and so does %s. If it was built under another id, give that one the tag "
                "ipam-allocation-id = \"%s\". If it does not exist, remove it from the "
                "configuration.",
                where, owner, s->region, cidr, s->id);
        return DRIFT_NONE;
    }
    if (!lists_its_kind(c, s))
        return DRIFT_NONE;
    diag_warning(c->diags, NULL, arena_printf(c->arena, "%s is gone", s->name),
                 "%s says that it is complete for account %s in Region %s, and does not show this "
                 "resource any more. The refreshed state does not have it; as long as the "
                 "configuration does, the plan makes it anew. %s is not issued again before an "
                 "apply (or terraform apply -refresh-only) has stored this. If the resource "
                 "exists, correct the inventory.",
                 where, owner, s->region, cidr);
    return DRIFT_GONE;
}

/* --- looking --- */

struct drift_subject drift_subject_of(struct arena *a, const struct drift_row *row)
{
    const char *id = row->common->id.v;
    const struct field_string *region = &row->common->region;
    struct drift_subject s = {
        .name = arena_printf(a, "%s %s", row->what, id),
        .id = id,
        .owner = row->owner->is == KNOWN ? row->owner->v : "",
        .region = region->is == KNOWN ? region->v : "",
        .kind = row->kind,
        .draw_by = "ipv4_netmask_length",
        .cidr_name = "cidr_block",
    };
    for (size_t i = 0; i < 2; i++) {
        field_cidr(row->cidrs[i], &s.cidrs[i]);
        s.pools[i] = field_has(row->pools[i]) ? row->pools[i]->v : "";
    }
    return s;
}

static const struct sighting *sighting_of(struct call *c, const struct drift_subject *s)
{
    const struct sightings *all = estate_of(c)->sightings;
    const struct sighting *seen = sightings_find(all, s->id);
    for (size_t i = 0; i < 2 && !seen; i++)
        if (cidr_is_set(&s->cidrs[i]))
            seen = sightings_of_allocation(all, allocation_id_of(c->arena, s->id, &s->cidrs[i]));
    if (!seen)
        seen = sightings_of_allocation(all, s->id);
    return seen && seen->kind == s->kind ? seen : NULL;
}

enum drift drift_look(struct call *c, const struct drift_subject *s, struct bytes *private,
                      struct cidr now[2])
{
    const struct sighting *seen = sighting_of(c, s);
    bool moved = false;
    memcpy(now, s->cidrs, sizeof s->cidrs);
    if (!seen && missing(c, s, *private) == DRIFT_GONE)
        return DRIFT_GONE;
    for (size_t i = 0; i < 2; i++) {
        if (seen && compare(c, s, seen, &s->cidrs[i], &now[i]))
            moved = true;
        if (seen && seen->witness == WITNESS_INVENTORY)
            look_at_tags(c, s, seen, &s->cidrs[i]);
        look_around(c, s, seen, &now[i], s->pools[i]);
    }
    if (seen)
        remember_seen(c, seen, private);
    return moved ? DRIFT_MOVED : DRIFT_NONE;
}

enum drift drift_look_member(struct call *c, const char *name, const char *vpc_id,
                             const struct cidr *cidr, struct bytes *private)
{
    const struct sightings *all = estate_of(c)->sightings;
    const struct sighting *seen = sightings_find(all, vpc_id);
    char text[CIDR_TEXT_SIZE];
    if (!seen || seen->kind != SIGHTED_NETWORK || seen->witness != WITNESS_INVENTORY)
        return DRIFT_NONE;
    if (sighting_has(seen, cidr)) {
        remember_seen(c, seen, private);
        return DRIFT_NONE;
    }
    if (!drift_seen_line(c->arena, *private) || !sightings_covered(all, seen->owner, seen->region))
        return DRIFT_NONE;
    diag_warning(
        c->diags, NULL, arena_printf(c->arena, "%s is gone", name),
        "%s shows the VPC without this CIDR, which it had before. The refreshed state does "
        "not have it; as long as the configuration does, the plan associates it anew. %s "
        "is not issued again before an apply (or terraform apply -refresh-only) has "
        "stored this. If the VPC has it, correct the inventory.",
        seen->where, cidr_format(cidr, text));
    return DRIFT_GONE;
}

enum drift drift_look_reservation(struct call *c, const char *name, const char *allocation_id,
                                  const struct cidr *cidr, struct cidr *now)
{
    const struct sighting *seen = sightings_of_allocation(estate_of(c)->sightings, allocation_id);
    char old[CIDR_TEXT_SIZE], new[CIDR_TEXT_SIZE];
    const struct cidr *is = seen ? sighting_cidr(seen, (enum family)cidr->family) : NULL;
    for (size_t i = 0; seen && i < seen->cidr_count; i++)
        if (cidr_contains(cidr, &seen->cidrs[i]))
            return DRIFT_NONE;
    if (!is)
        return DRIFT_NONE;
    bool inventory = seen->witness == WITNESS_INVENTORY;
    diag_warning(
        c->diags, NULL, arena_printf(c->arena, "%s is used with another CIDR", name),
        "%s carries the id of this allocation as its tag ipam-allocation-id, but has %s and not "
        "%s. %s Give the network the CIDR of its allocation, or remove the tag.",
        sighting_text(c->arena, seen), cidr_format(is, new), cidr_format(cidr, old),
        inventory ? "The refreshed state takes what the inventory shows; a configuration that "
                    "names another cidr or netmask_length replaces the allocation. The old space "
                    "is not issued again before an apply has stored this."
                  : "Nothing changes here, and neither space is issued.");
    *now = *is;
    return inventory ? DRIFT_MOVED : DRIFT_NONE;
}
