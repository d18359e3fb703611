/*
 * inventory_aws - what `aws ec2 describe-vpcs` and `describe-subnets` print
 *
 * Read as it is printed, in JSON or YAML. Keys that are not needed are passed over: AWS adds some
 * every year. What is needed must be there.
 *
 * A CIDR counts unless its association is over (disassociated, failed): one that is being added or
 * removed is in use.
 *
 * AWS does not print a VPC's Region, so it is told from what comes closest: the `Region` of the
 * entry (which AWS does not print, but a script that merges Regions can add), an ARN, a zone of the
 * entry or of one of the VPC's subnets in the same document, the border group of an IPv6 CIDR; else
 * what the file says for all.
 */
#include "provider/inventory_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "provider/estate.h"

/* eu-west-1a, us-west-2-lax-1a, us-west-2-lax-1: the Region ends with the first number. */
static const char *region_of_zone(struct arena *a, const char *zone)
{
    size_t n = strcspn(zone, "0123456789");
    if (!zone[n])
        return "";
    while (isdigit((unsigned char)zone[n]))
        n++;
    return arena_strndup(a, zone, n);
}

static bool read_tag(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    struct tag **next = ctx, *t = (*next)++;
    return expect_map(r, n, p) && read_required(r, n, p, "Key", &t->key) &&
           read_text(r, n, p, "Value", &t->value);
}

static bool read_tags(struct reader *r, const struct node *map, const struct path *p,
                      struct tags *out)
{
    const struct node *list;
    if (!read_list(r, map, p, "Tags", &list))
        return false;
    size_t count = list ? list->count : 0;
    struct tag *items = arena_calloc(r->arena, count, sizeof *items), *next = items;
    *out = (struct tags){.items = items, .count = count};
    return each_element(r, list, PATH_ATTR(p, "Tags"), read_tag, &next);
}

/* One kind of association. */
struct association {
    const char *cidr, *state;
    struct cidr_list *cidrs;
    const char *region; /* found on the way */
};

static bool read_association(struct reader *r, const struct node *n, const struct path *p,
                             void *ctx)
{
    struct association *kind = ctx;
    const char *state, *group, *text;
    if (!expect_map(r, n, p) || !read_required(r, n, p, kind->cidr, &text) ||
        !read_text(r, node_get(n, kind->state), PATH_ATTR(p, kind->state), "State", &state) ||
        !read_text(r, n, p, "NetworkBorderGroup", &group))
        return false;
    if (strcmp(state, "disassociated") == 0 || strcmp(state, "failed") == 0)
        return true;
    if (!*kind->region)
        kind->region = region_of_zone(r->arena, group);
    return read_cidr(r, node_get(n, kind->cidr), PATH_ATTR(p, kind->cidr), kind->cidrs);
}

/* All CIDRs of an entry; *region is what they tell of the Region, or "". */
static bool read_cidrs(struct reader *r, const struct node *n, const struct path *p,
                       struct cidr_list *out, const char **region)
{
    struct association v4 = {"CidrBlock", "CidrBlockState", out, ""};
    struct association v6 = {"Ipv6CidrBlock", "Ipv6CidrBlockState", out, ""};
    const struct node *block = node_get(n, "CidrBlock"), *list4, *list6;
    if ((block && !read_cidr(r, block, PATH_ATTR(p, "CidrBlock"), out)) ||
        !read_list(r, n, p, "CidrBlockAssociationSet", &list4) ||
        !read_list(r, n, p, "Ipv6CidrBlockAssociationSet", &list6) ||
        !each_element(r, list4, PATH_ATTR(p, "CidrBlockAssociationSet"), read_association, &v4) ||
        !each_element(r, list6, PATH_ATTR(p, "Ipv6CidrBlockAssociationSet"), read_association, &v6))
        return false;
    *region = v6.region;
    return out->count > 0 || reader_fail(r, n, p, "has neither CidrBlock nor an IPv6 CIDR");
}

/* --- zones of VPCs --- */

struct vpc_zone {
    const char *vpc, *zone;
};

struct vpc_zones {
    struct vpc_zone *items;
    size_t count;
};

static int zone_order(const void *x, const void *y)
{
    const struct vpc_zone *a = x, *b = y;
    return strcmp(a->vpc, b->vpc);
}

static bool note_zone(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    struct vpc_zones *out = ctx;
    struct vpc_zone *z = &out->items[out->count++];
    return expect_map(r, n, p) && read_text(r, n, p, "VpcId", &z->vpc) &&
           read_text(r, n, p, "AvailabilityZone", &z->zone);
}

static bool collect_zones(struct reader *r, const struct node *subnets, struct vpc_zones *out)
{
    if (!subnets)
        return true;
    out->items = arena_calloc(r->arena, subnets->count, sizeof *out->items);
    if (!each_element(r, subnets, PATH_ATTR(NULL, "Subnets"), note_zone, out))
        return false;
    if (out->count > 1)
        qsort(out->items, out->count, sizeof *out->items, zone_order);
    return true;
}

static const char *zone_of(const struct vpc_zones *zones, const char *vpc)
{
    const struct vpc_zone wanted = {.vpc = vpc};
    const struct vpc_zone *z =
        zones->count ? bsearch(&wanted, zones->items, zones->count, sizeof wanted, zone_order)
                     : NULL;
    return z ? z->zone : "";
}

/* --- entries --- */

static const char *first_text(const char *const *texts)
{
    while (*texts && !**texts)
        texts++;
    return *texts ? *texts : "";
}

/* What VPCs and subnets have in common. */
static bool read_entry(struct reader *r, const struct node *n, const struct path *p, const char *id,
                       const char *zone, struct sighting *out, struct cidr_list *cidrs)
{
    const char *region, *told, *arn;
    if (!expect_map(r, n, p) || !read_required(r, n, p, id, &out->id) ||
        !read_text(r, n, p, "OwnerId", &out->owner) || !read_text(r, n, p, "Region", &region) ||
        !read_text(r, n, p, "SubnetArn", &arn) || !read_cidrs(r, n, p, cidrs, &told) ||
        !read_tags(r, n, p, &out->tags))
        return false;
    const char *const regions[] = {
        region, arn_part(r->arena, arn, 3), region_of_zone(r->arena, zone),
        told,   r->defaults.region,         NULL};
    const char *const owners[] = {out->owner, r->defaults.account, NULL};
    out->region = first_text(regions);
    out->owner = first_text(owners);
    out->cloud = "aws";
    return true;
}

static bool read_vpc(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    const char *id;
    struct sighting one = {.kind = SIGHTED_NETWORK};
    struct cidr_list cidrs = {0};
    if (!read_text(r, n, p, "VpcId", &id) ||
        !read_entry(r, n, p, "VpcId", zone_of(ctx, id), &one, &cidrs))
        return false;
    one.network_id = one.id;
    return add_sighting(r, n, &one, &cidrs);
}

static bool read_subnet(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    struct sighting one = {.kind = SIGHTED_SUBNET};
    struct cidr_list cidrs = {0};
    (void)ctx;
    return read_text(r, n, p, "AvailabilityZone", &one.zone) &&
           read_entry(r, n, p, "SubnetId", one.zone, &one, &cidrs) &&
           read_required(r, n, p, "VpcId", &one.network_id) && add_sighting(r, n, &one, &cidrs);
}

bool read_aws_vpcs(struct reader *r, const struct node *list, const struct path *p,
                   const struct node *subnets)
{
    struct vpc_zones zones = {0};
    return collect_zones(r, subnets, &zones) && each_element(r, list, p, read_vpc, &zones);
}

bool read_aws_subnets(struct reader *r, const struct node *list, const struct path *p)
{
    return each_element(r, list, p, read_subnet, NULL);
}
