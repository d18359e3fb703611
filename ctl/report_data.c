/*
 * report_data - what the page of a report shows, as JSON
 *
 *   ipams   [id, owner, region]
 *   scopes  [id, IPAM, "private" or "public", is it a default scope?]
 *   pools   objects, those above before those below; `up` is the pool above or -1
 *   items   [CIDR, scope, pool or -1, kind, id, name, owner, Region, marks, VPC, usage, note, tags]
 *           in address order, containers first; marks: 1 overlaps, 2 breaks rules, 4 unmanaged
 *   groups  [scope, outermost CIDR, pairs, owners, items] of networks that overlap
 *
 * IPAM, scope, pool and items are named by their position. Items are lists, because there may be
 * many: names would be most of the page. Pools are listed level by level, without recursion, since
 * a state may claim any depth.
 *
 * Every text is untrusted. See report_string.
 */
#include "ctl/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/terminal.h"
#include "provider/metrics.h"

#define FINDINGS_SHOWN 8

enum { MARK_OVERLAPS = 1, MARK_BREAKS_RULES = 2, MARK_UNMANAGED = 4 };

struct listed_pool {
    const struct pool *pool;
    long scope, up;
};

struct by_id {
    const char *id;
    long position;
};

struct report {
    struct ctl *ctl;
    const struct scope *const *scopes;
    struct listed_pool *pools; /* in the order of the page */
    size_t pool_count, pool_capacity;
    struct by_id *by_id; /* the pools, sorted */
    struct text json;
    struct text groups; /* written while the items are */
    size_t item_count;
};

void report_string(struct text *t, const char *s)
{
    const char *safe = safe_text(t->arena, s ? s : "");
    struct text quoted = text_new(t->arena);
    text_quote(&quoted, safe, strlen(safe));
    const char *rest = text_end(&quoted);
    for (size_t n; *rest; rest += n) {
        n = strcspn(rest, "<");
        text_add(t, rest, n);
        if (rest[n] == '<') {
            text_puts(t, "\\u003c");
            n++;
        }
    }
}

static void put_cidr(struct text *t, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    text_printf(t, "\"%s\"", cidr_format(c, text));
}

static void put_tags(struct text *t, const struct tags *tags)
{
    text_puts(t, "[");
    for (size_t i = 0; i < tags->count; i++) {
        text_puts(t, i ? ",[" : "[");
        report_string(t, tags->items[i].key);
        text_puts(t, ",");
        report_string(t, tags->items[i].value);
        text_puts(t, "]");
    }
    text_puts(t, "]");
}

/* --- IPAMs and scopes --- */

/* IPAMs come in the order of their first scope. */
static void put_scopes(struct report *r)
{
    struct text *t = &r->json, ipams = text_new(t->arena);
    const char *last = NULL;
    long ipam = -1;
    text_puts(t, "\"scopes\":[");
    for (size_t i = 0; r->scopes[i]; i++) {
        const struct scope_info *s = scope_info(r->scopes[i]);
        if (!last || strcmp(last, s->ipam_id) != 0) {
            const struct ipam_info *info =
                ipam_info(engine_ipam(r->ctl->estate->engine, s->ipam_id));
            const char *const facts[] = {info->id, info->owner, info->region};
            for (size_t f = 0; f < 3; f++) {
                text_puts(&ipams, f ? "," : ++ipam ? ",[" : "[");
                report_string(&ipams, facts[f]);
            }
            text_puts(&ipams, "]");
            last = s->ipam_id;
        }
        text_puts(t, i ? ",[" : "[");
        report_string(t, s->id);
        text_printf(t, ",%ld,\"%s\",%s]", ipam, s->type == SCOPE_PRIVATE ? "private" : "public",
                    s->is_default ? "true" : "false");
    }
    text_printf(t, "],\n\"ipams\":[%s]", text_end(&ipams));
}

/* --- pools --- */

static void list_pools(struct report *r, const struct pool *const *pools, long scope, long up)
{
    for (; *pools; pools++) {
        ARENA_ROOM(r->ctl->arena, r->pools, r->pool_count, r->pool_capacity, 64);
        r->pools[r->pool_count++] = (struct listed_pool){*pools, scope, up};
    }
}

static int by_text(const void *x, const void *y)
{
    const struct by_id *a = x, *b = y;
    return strcmp(a->id, b->id);
}

static void list_all_pools(struct report *r)
{
    for (size_t i = 0; r->scopes[i]; i++)
        list_pools(r, ctl_pools_below(r->ctl, r->scopes[i], NULL), (long)i, -1);
    for (size_t i = 0; i < r->pool_count; i++)
        list_pools(r, ctl_pools_below(r->ctl, NULL, r->pools[i].pool), r->pools[i].scope, (long)i);
    r->by_id = arena_calloc(r->ctl->arena, r->pool_count, sizeof *r->by_id);
    for (size_t i = 0; i < r->pool_count; i++)
        r->by_id[i] = (struct by_id){pool_info(r->pools[i].pool)->id, (long)i};
    if (r->pool_count > 0)
        qsort(r->by_id, r->pool_count, sizeof *r->by_id, by_text);
}

static long position_of(const struct report *r, const char *pool_id)
{
    const struct by_id key = {pool_id, 0};
    const struct by_id *found =
        r->pool_count ? bsearch(&key, r->by_id, r->pool_count, sizeof *r->by_id, by_text) : NULL;
    return found ? found->position : -1;
}

static void put_rules(struct text *t, const struct rules *rules)
{
    static const char *const words[] = {"blocks from", "to", "default"};
    const int lengths[] = {rules->min_len, rules->max_len, rules->default_len};
    struct text said = text_new(t->arena);
    for (size_t i = 0; i < 3; i++)
        if (lengths[i] >= 0)
            text_printf(&said, "%s%s /%d", said.len ? " " : "", words[i], lengths[i]);
    for (size_t i = 0; i < rules->tags.count; i++)
        text_printf(&said, "%stag %s = %s", said.len ? ", " : "", rules->tags.items[i].key,
                    rules->tags.items[i].value);
    text_puts(t, ",\"rules\":");
    report_string(t, text_end(&said));
}

static void put_usage(struct report *r, const struct pool *p)
{
    struct text *t = &r->json;
    char total[48], unused[48];
    const struct pool_usage u = pool_usage_of(r->ctl->estate->engine, p);
    struct count used = count_add(u.allocated, u.assigned);
    const struct space *open = engine_open_space(r->ctl->estate->engine, pool_info(p)->id);
    text_printf(t,
                ",\"total\":\"%s\",\"free\":\"%s\",\"below\":%.4f,\"used\":%.4f,\"drawn\":%" PRIu64
                ",\"bad\":%" PRIu64 ",\"largest\":%d",
                count_format(u.total, total, sizeof total),
                count_format(count_sub(u.total, used), unused, sizeof unused),
                count_percent(u.allocated, u.total), count_percent(u.assigned, u.total),
                u.allocations, u.noncompliant, open ? space_largest_free(open) : -1);
}

static void put_pool(struct report *r, const struct listed_pool *l)
{
    struct text *t = &r->json;
    struct arena *a = r->ctl->arena;
    const struct pool_info *info = pool_info(l->pool);
    const struct value *object = memory_object(r->ctl->estate->memory, a, &pool_resource, info->id);
    const struct tags tags = tags_of(a, data_tags(a, object));
    const char *const texts[] = {"id",     info->id,
                                 "name",   info->description,
                                 "locale", info->locale ? info->locale : "None",
                                 "owner",  info->owner};
    struct cidr cidr;
    text_printf(t, "{\"scope\":%ld,\"up\":%ld,\"family\":%d", l->scope, l->up, (int)info->family);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i += 2) {
        text_printf(t, ",\"%s\":", texts[i]);
        report_string(t, texts[i + 1]);
    }
    text_puts(t, ",\"cidrs\":[");
    for (size_t i = 0; pool_cidr_at(l->pool, i, &cidr); i++) {
        text_puts(t, i ? "," : "");
        put_cidr(t, &cidr);
    }
    text_puts(t, "]");
    put_usage(r, l->pool);
    put_rules(t, &info->rules);
    text_puts(t, ",\"tags\":");
    put_tags(t, &tags);
    text_puts(t, "}");
}

/* --- resources and reservations --- */

/* What is wrong with it, in the words of the provider's warnings; a reservation's description. */
static const char *note_of(struct report *r, const struct resource_cidr *h)
{
    struct call call = r->ctl->call;
    struct finding found[FINDINGS_SHOWN];
    struct diags said;
    struct text t = text_new(r->ctl->arena);
    const struct engine *e = r->ctl->estate->engine;
    const struct allocation *a = engine_allocation_at(e, h->pool_id, &h->cidr);
    if (!a)
        return "";
    if (h->is_reservation || strcmp(h->compliance, "noncompliant") != 0)
        return a->description;
    size_t n = engine_audit_allocation(e, a, found, FINDINGS_SHOWN);
    diags_init(&said, r->ctl->arena);
    call.diags = &said;
    report_findings(&call, "", found, n < FINDINGS_SHOWN ? n : FINDINGS_SHOWN);
    for (const struct diag *d = said.first; d; d = d->next)
        text_printf(&t, "%s%s", t.len ? " " : "", d->detail);
    return text_end(&t);
}

static void put_item(struct report *r, const struct resource_cidr *h, long scope)
{
    struct text *t = &r->json;
    unsigned marks = (h->overlapping ? MARK_OVERLAPS : 0) |
                     (strcmp(h->compliance, "noncompliant") == 0 ? MARK_BREAKS_RULES : 0) |
                     (strcmp(h->management, "unmanaged") == 0 ? MARK_UNMANAGED : 0);
    const char *const texts[] = {h->type, h->resource_id, resource_cidr_name(h), h->owner,
                                 h->region};
    text_puts(t, r->item_count++ ? ",\n[" : "[");
    put_cidr(t, &h->cidr);
    text_printf(t, ",%ld,%ld", scope, position_of(r, h->pool_id));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        text_puts(t, ",");
        report_string(t, texts[i]);
    }
    text_printf(t, ",%u,", marks);
    report_string(t, h->vpc_id);
    text_printf(t, ",%.4g,", 100 * h->usage);
    report_string(t, note_of(r, h));
    text_puts(t, ",");
    put_tags(t, &h->tags);
    text_puts(t, "]");
}

/* --- overlaps --- */

struct grouping {
    struct report *report;
    long scope;
    size_t first_item; /* of the scope */
};

static bool put_group(void *ctx, const struct overlap_item *items, const struct overlap_group *g)
{
    struct grouping *x = ctx;
    struct text *t = &x->report->groups;
    const char **owners = arena_calloc(t->arena, g->members, sizeof *owners);
    size_t owner_count = overlap_owners(items, g, owners);
    bool first = true;
    text_printf(t, "%s[%ld,", t->len ? ",\n" : "", x->scope);
    put_cidr(t, &g->outermost);
    text_printf(t, ",%" PRIu64 ",[", g->pairs);
    for (size_t i = 0; i < owner_count; i++) {
        text_puts(t, i ? "," : "");
        report_string(t, owners[i]);
    }
    text_puts(t, "],[");
    for (size_t i = g->first; i < g->first + g->count; i++)
        if (items[i].overlapping) {
            text_printf(t, "%s%zu", first ? "" : ",", x->first_item + items[i].ref);
            first = false;
        }
    text_puts(t, "]]");
    return true;
}

static void put_scope_items(struct report *r, long scope)
{
    struct resource_cidrs l;
    struct grouping x = {r, scope, r->item_count};
    resource_cidrs_collect(&r->ctl->call, r->scopes[scope], &l);
    for (size_t i = 0; i < l.count; i++)
        put_item(r, &l.items[i], scope);
    const struct overlap_item *items = resource_cidrs_overlaps(r->ctl->arena, l.items, l.count);
    overlap_each_group(items, l.count, put_group, &x);
}

const char *report_data(struct ctl *c, const struct scope *const *scopes)
{
    struct report r = {
        .ctl = c, .scopes = scopes, .json = text_new(c->arena), .groups = text_new(c->arena)};
    list_all_pools(&r);
    text_puts(&r.json, "{");
    put_scopes(&r);
    text_puts(&r.json, ",\n\"pools\":[");
    for (size_t i = 0; i < r.pool_count; i++) {
        text_puts(&r.json, i ? ",\n" : "\n");
        put_pool(&r, &r.pools[i]);
    }
    text_puts(&r.json, "],\n\"items\":[\n");
    for (size_t i = 0; scopes[i]; i++)
        put_scope_items(&r, (long)i);
    text_printf(&r.json, "],\n\"groups\":[\n%s]}", text_end(&r.groups));
    return text_end(&r.json);
}
