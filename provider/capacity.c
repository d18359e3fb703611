/*
 * capacity - a plan that says when space runs out
 *
 * Most CIDRs are chosen in the apply, so a plan cannot refuse the one request too many: each of
 * them fits. What can be told is that they do not fit together, and how full a pool will be. Both
 * are warnings, once for each pool and plan, on the request that tips it.
 *
 * Space that goes to pools below counts as used, but giving a pool away completely is how
 * hierarchies are made, so only requests of resources make the second warning.
 */
#include "provider/estate.h"

#include <inttypes.h>

#include "proto/text.h"

enum { TOLD_TOO_SMALL = 1, TOLD_NEARLY_FULL = 2 };

struct telling {
    struct call *call;
    bool quiet;
};

/* "12 x /24, 1 x /20" */
static const char *wanted_text(struct arena *a, const struct fit *f)
{
    struct text t = text_new(a);
    bool first = true;
    for (unsigned len = 0; len < sizeof f->wanted / sizeof *f->wanted; len++) {
        if (f->wanted[len] > 0) {
            text_printf(&t, "%s%" PRIu64 " x /%u", first ? "" : ", ", f->wanted[len], len);
            first = false;
        }
    }
    return text_end(&t);
}

static void warn_too_small(struct call *c, const struct fit *f)
{
    char demand[64], unused[64], total[64];
    const char *largest =
        f->largest_free < 0 ? "none" : arena_printf(c->arena, "/%d", f->largest_free);
    diag_warning(c->diags, NULL, "The pool is too small for this plan",
                 "The plan asks %s for %s: %s addresses in %" PRIu64 " blocks so far. Free are %s "
                 "of %s addresses, the largest free block is %s. Each request fits by itself, but "
                 "they cannot all be granted, so the apply will refuse some of them. Provision "
                 "another CIDR to the pool, ask for smaller blocks, or release what is not needed.",
                 pool_name(c, pool_info(f->pool)->id), wanted_text(c->arena, f),
                 count_format(f->demand, demand, sizeof demand), f->requests,
                 count_format(count_sub(f->total, f->used), unused, sizeof unused),
                 count_format(f->total, total, sizeof total), largest);
}

static void warn_nearly_full(struct call *c, const struct fit *f, struct count used)
{
    char text[64], total[64];
    diag_warning(c->diags, NULL, "The pool is nearly exhausted",
                 "With this plan %.1f %% of %s are in use: %s of %s addresses. That is more than "
                 "exhaustion_warning_percent = %d of the provider block. Provision another CIDR to "
                 "the pool before it is full, or change the setting.",
                 count_percent(used, f->total), pool_name(c, pool_info(f->pool)->id),
                 count_format(used, text, sizeof text), count_format(f->total, total, sizeof total),
                 estate_of(c)->exhaustion_warning);
}

static void tell(void *ctx, const struct fit *f)
{
    const struct telling *t = ctx;
    int limit = estate_of(t->call)->exhaustion_warning;
    struct count used = count_add(f->used, f->demand);
    if (t->quiet || !pool_is_known(f->pool))
        return;
    if (!f->fits && !(*f->told & TOLD_TOO_SMALL)) {
        *f->told |= TOLD_TOO_SMALL | TOLD_NEARLY_FULL;
        warn_too_small(t->call, f);
    } else if (f->fits && f->resources && limit > 0 && !(*f->told & TOLD_NEARLY_FULL) &&
               count_percent(used, f->total) > limit) {
        *f->told |= TOLD_NEARLY_FULL;
        warn_nearly_full(t->call, f, used);
    }
}

void capacity_planned(struct call *c, const struct resource *r, bool again, bool granted)
{
    /* Terraform says while it applies, and not while it plans, that it takes deferrals. The warning
     * was shown then. What means nothing to the engine takes no space. */
    struct telling t = {.call = c, .quiet = again || c->client.deferral_allowed};
    bool counts = granted && resource_loader(r) != load_nothing;
    engine_plan_asked(estate_of(c)->engine, counts, t.quiet ? NULL : tell, &t);
}
