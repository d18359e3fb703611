/*
 * inventory_netbox - NetBox's prefixes
 *
 * Two forms: the list that its YAML import and export use, where related objects are names, and the
 * REST answer of /api/ipam/prefixes/, where they are objects. One function reads both, because a
 * related object is a text or a map that has the text in one of a few keys.
 *
 * A prefix of status `container` is what other prefixes are cut from. It is no use of addresses,
 * and counting it would leave nothing to issue; so it is passed over. All other states count,
 * deprecated ones too: somebody may still be there.
 *
 * Prefixes of one VRF nest by design, as a subnet does in its network; so a VRF is the network that
 * they are in.
 */
#include "provider/inventory_internal.h"

#include <string.h>

static bool read_related(struct reader *r, const struct node *map, const struct path *p,
                         const char *key, const char **out)
{
    static const char *const names[] = {"value", "name", "slug", "display", NULL};
    const struct node *n = node_get(map, key);
    if (!n || n->kind != NODE_MAP)
        return read_text(r, map, p, key, out);
    *out = "";
    for (size_t i = 0; names[i] && !**out; i++)
        if (!read_text(r, n, PATH_ATTR(p, key), names[i], out))
            return false;
    return true;
}

static void add_tag(struct tags *tags, const char *key, const char *value)
{
    if (*key)
        ((struct tag *)tags->items)[tags->count++] = (struct tag){key, value};
}

/* Tags are "a,b", or a list of texts or of objects. NetBox's tags have no values. */
static bool read_tags(struct reader *r, const struct node *map, const struct path *p,
                      struct tags *out)
{
    const struct node *list = node_get(map, "tags");
    const struct path *here = PATH_ATTR(p, "tags");
    if (list && list->kind == NODE_TEXT) {
        for (const char *s = list->text; *s; s += strspn(s, ", ")) {
            size_t n = strcspn(s, ",");
            add_tag(out, arena_strndup(r->arena, s, n), "");
            s += n;
        }
        return true;
    }
    if (!read_list(r, map, p, "tags", &list))
        return false;
    int64_t i = 0;
    for (const struct node *n = list ? list->first : NULL; n; n = n->next, i++) {
        const char *name = n->kind == NODE_TEXT ? n->text : "";
        if (n->kind != NODE_TEXT && (!expect_map(r, n, PATH_ELEMENT(here, i)) ||
                                     !read_text(r, n, PATH_ELEMENT(here, i), "name", &name)))
            return false;
        add_tag(out, name, "");
    }
    return true;
}

/* Room for the tags and for two that are made up. */
static void make_room(struct reader *r, const struct node *map, struct tags *out)
{
    const struct node *list = node_get(map, "tags");
    size_t n = !list ? 0 : list->count;
    if (list && list->kind == NODE_TEXT) {
        n = 1;
        for (const char *s = list->text; *s; s++)
            n += *s == ',';
    }
    out->items = arena_calloc(r->arena, n + 2, sizeof *out->items);
}

bool read_netbox_prefix(struct reader *r, const struct node *one, const struct path *p, void *ctx)
{
    const char *status, *vrf, *site, *scope, *role, *id, *cidr;
    struct sighting s = {.kind = SIGHTED_PREFIX, .cloud = r->defaults.cloud};
    struct cidr_list cidrs = {0};
    (void)ctx;
    if (!expect_map(r, one, p) || !read_related(r, one, p, "status", &status) ||
        !read_related(r, one, p, "vrf", &vrf) || !read_related(r, one, p, "tenant", &s.owner) ||
        !read_related(r, one, p, "site", &site) || !read_related(r, one, p, "scope", &scope) ||
        !read_related(r, one, p, "role", &role) || !read_text(r, one, p, "id", &id) ||
        !read_text(r, one, p, "description", &s.name) ||
        !read_required(r, one, p, "prefix", &cidr) ||
        !read_cidr(r, node_get(one, "prefix"), PATH_ATTR(p, "prefix"), &cidrs))
        return false;
    make_room(r, one, &s.tags);
    if (!read_tags(r, one, p, &s.tags))
        return false;
    if (strcmp(status, "container") == 0)
        return true;
    if (*status)
        add_tag(&s.tags, "netbox:status", status);
    if (*role)
        add_tag(&s.tags, "netbox:role", role);
    s.id = *id ? arena_printf(r->arena, "netbox/prefix/%s", id) : "";
    s.network_id = *vrf ? arena_printf(r->arena, "netbox/vrf/%s", vrf) : "netbox/global";
    s.region = *site ? site : *scope ? scope : r->defaults.region;
    if (!*s.owner)
        s.owner = r->defaults.account;
    return add_sighting(r, one, &s, &cidrs);
}

bool read_netbox(struct reader *r, const struct node *list, const struct path *p)
{
    return each_element(r, list, p, read_netbox_prefix, NULL);
}
