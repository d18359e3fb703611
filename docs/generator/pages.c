/*
 * pages - what belongs on a page and stands in no table: its group and what can be refused
 *
 * The refusals of a type are the codes that its hooks can get from the engine, in the order in
 * which a user is likely to meet them. The texts are not repeated here: they come from the
 * registry in refuse.c. A refusal that a hook gives by itself has its text here, and a test looks
 * for that text in the sources.
 */
#include "generate.h"

#include <string.h>

#define CODES(...) ((const enum refusal_code[]){__VA_ARGS__, REFUSAL_NONE})
#define OWN(...)   ((const struct own_rule[]){__VA_ARGS__, {.code = NULL}})

/* What a request for space in a pool can meet. */
#define SPACE_CODES                                                                                \
    REFUSAL_NO_SIZE, REFUSAL_BOTH_SIZES, REFUSAL_TOO_LARGE, REFUSAL_TOO_SMALL,                     \
        REFUSAL_TAG_MISSING, REFUSAL_POOL_LOCALE, REFUSAL_NO_SPACE, REFUSAL_NO_CIDRS,              \
        REFUSAL_OUTSIDE_POOL, REFUSAL_TAKEN, REFUSAL_OCCUPIED, REFUSAL_ORPHAN, REFUSAL_FAMILY,     \
        REFUSAL_LENGTH_INVALID, REFUSAL_NOT_SHARED, REFUSAL_POOL_UNKNOWN

/* What a CIDR inside a VPC can meet, for a subnet and for a further CIDR of the VPC. */
#define VPC_UNKNOWN                                                                                        \
    {                                                                                                      \
        "InvalidVpcID.NotFound",                                                                           \
            "The VPC ‹vpc› does not exist in ‹origin›, or it has no CIDR of this address family. " \
            "Whether a CIDR is free in a VPC can only be told when the VPC is known from state."           \
    }
#define VPC_HOLDS_SUBNETS                                                                          \
    {                                                                                              \
        "DependencyViolation", "A CIDR leaves a VPC when no subnet is in it. Destroy the subnets " \
                               "first."                                                            \
    }
#define VPC_HAS_CIDR                                                                                         \
    {                                                                                                        \
        "InvalidVpc.Range",                                                                                  \
            "The CIDR ‹cidr› overlaps ‹other›, which the VPC ‹vpc› already has. The CIDRs of a " \
            "VPC are disjoint."                                                                              \
    }
#define HOME_REGION                                                                                        \
    {                                                                                                      \
        "InvalidParameterValue",                                                                           \
            "`operating_regions` must include ‹region›, the Region of this ‹object›. It operates " \
            "in its home Region."                                                                          \
    }

const struct page resource_pages[] = {
    {.name = "ipam",
     .subcategory = "IPAM",
     .codes = CODES(REFUSAL_NOT_EMPTY, REFUSAL_NOT_OWNER, REFUSAL_EXISTS, REFUSAL_IPAM_UNKNOWN),
     .own = OWN(HOME_REGION)},
    {.name = "ipam_scope",
     .subcategory = "IPAM",
     .codes = CODES(REFUSAL_IPAM_UNKNOWN, REFUSAL_QUOTA, REFUSAL_NOT_EMPTY, REFUSAL_NOT_OWNER,
                    REFUSAL_IS_DEFAULT, REFUSAL_SCOPE_UNKNOWN, REFUSAL_EXISTS)},
    {.name = "ipam_pool",
     .subcategory = "IPAM",
     .codes = CODES(REFUSAL_RULES, REFUSAL_LOCALE_SOURCE, REFUSAL_PLANNING_LOCALE,
                    REFUSAL_LOCALE_REGION, REFUSAL_FAMILY, REFUSAL_SCOPE_MISMATCH, REFUSAL_DEPTH,
                    REFUSAL_QUOTA, REFUSAL_NOT_OWNER, REFUSAL_SCOPE_UNKNOWN, REFUSAL_POOL_UNKNOWN,
                    REFUSAL_NOT_EMPTY, REFUSAL_EXISTS)},
    {.name = "ipam_pool_cidr",
     .subcategory = "IPAM",
     .codes = CODES(REFUSAL_NO_SIZE, REFUSAL_BOTH_SIZES, REFUSAL_NEEDS_CIDR, REFUSAL_OVERLAPS_POOL,
                    REFUSAL_NO_SPACE, REFUSAL_NO_CIDRS, REFUSAL_OUTSIDE_POOL, REFUSAL_TAKEN,
                    REFUSAL_ORPHAN, REFUSAL_CIDR_EXISTS, REFUSAL_FAMILY, REFUSAL_LENGTH_INVALID,
                    REFUSAL_QUOTA, REFUSAL_NOT_OWNER, REFUSAL_POOL_UNKNOWN, REFUSAL_CIDR_IN_USE,
                    REFUSAL_CIDR_UNKNOWN),
     .own = OWN({"InvalidParameterValue",
                 "‹pool› plans the inside of ‹vpc›, whose CIDRs are: ‹cidrs›. The CIDR of a "
                 "resource planning pool must equal a CIDR of its VPC."},
                {"InvalidParameterValue",
                 "That CIDR of ‹vpc› is planned by the pool ‹other› already. One CIDR of a VPC has "
                 "one planning pool."})},
    {.name = "ipam_pool_cidr_allocation",
     .subcategory = "IPAM",
     .codes = CODES(SPACE_CODES, REFUSAL_NOT_OWNER, REFUSAL_ALLOCATION_UNKNOWN, REFUSAL_EXISTS)},
    {.name = "ipam_allocation_set",
     .subcategory = "IPAM",
     .codes = CODES(SPACE_CODES, REFUSAL_NOT_OWNER),
     .own =
         OWN({"InvalidParameterValue",
              "The CIDR ‹cidr› of \"‹key›\" overlaps ‹other› of \"‹key›\" in the same set. A "
              "CIDR is issued once."},
             {"InvalidParameterValue",
              "The allocation size is too big for the pool: a /‹length› fits into ‹pool›, but "
              "not beside the other requests of the set. A block is aligned to its size and "
              "never overlaps another."},
             {"InvalidParameterCombination",
              "The key \"‹key›\" is in requests and in short_requests. A key has one request."})},
    {.name = "ipam_preview_next_cidr", .subcategory = "IPAM", .codes = CODES(SPACE_CODES)},
    {.name = "ipam_vpc",
     .subcategory = "VPC",
     .codes = CODES(SPACE_CODES, REFUSAL_EXISTS),
     .own = OWN({"MissingParameter",
                 "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided: the VPC names "
                 "neither cidr_block nor ipv4_ipam_pool_id."},
                VPC_HOLDS_SUBNETS)},
    {.name = "ipam_vpc_ipv4_cidr_block_association",
     .subcategory = "VPC",
     .codes = CODES(SPACE_CODES, REFUSAL_EXISTS),
     .own = OWN({"MissingParameter", "Neither cidr_block nor ipv4_ipam_pool_id is set. The CIDR is "
                                     "written or drawn from a pool."},
                VPC_UNKNOWN, VPC_HAS_CIDR, VPC_HOLDS_SUBNETS)},
    {.name = "ipam_vpc_ipv6_cidr_block_association",
     .subcategory = "VPC",
     .codes = CODES(SPACE_CODES, REFUSAL_EXISTS),
     .own = OWN({"MissingParameter",
                 "None of ipv6_cidr_block, ipv6_ipam_pool_id and assign_generated_ipv6_cidr_block "
                 "is set. The CIDR is written, drawn from a pool or generated."},
                VPC_UNKNOWN, VPC_HAS_CIDR, VPC_HOLDS_SUBNETS)},
    {.name = "ipam_subnet",
     .subcategory = "VPC",
     .codes = CODES(SPACE_CODES, REFUSAL_EXISTS),
     .own =
         OWN({"MissingParameter", "Either cidr_block or ipv4_ipam_pool_id must be set. A subnet "
                                  "needs an IPv4 CIDR unless it is ipv6_native."},
             {"InvalidParameterCombination",
              "An IPv6-only subnet has an IPv6 CIDR and no IPv4 CIDR. Set ipv6_cidr_block or "
              "ipv6_ipam_pool_id, and neither cidr_block nor ipv4_ipam_pool_id."},
             {"InvalidParameterValue",
              "Subnets draw from a resource planning pool of their own VPC, or from a pool below "
              "it. Use a pool whose source_resource is that VPC."},
             {"InvalidParameterValue", "A subnet is in a zone of its Region."}, VPC_UNKNOWN,
             {"InvalidSubnet.Range", "The CIDR ‹cidr› is not inside the VPC ‹vpc›, which has "
                                     "‹cidrs›. A subnet lies within one CIDR of its VPC."},
             {"InvalidSubnet.Conflict",
              "The CIDR ‹cidr› conflicts with ‹other›, the CIDR of the subnet ‹subnet› in the VPC "
              "‹vpc›. Subnets of a VPC do not overlap."})},
    {.name = "ipam_resource_discovery",
     .subcategory = "Organization",
     .codes = CODES(REFUSAL_QUOTA),
     .own = OWN(HOME_REGION,
                {"Invalid value", "one or more of the organizations entity paths is invalid"})},
    {.name = "ipam_resource_discovery_association",
     .subcategory = "Organization",
     .codes = CODES(REFUSAL_IPAM_UNKNOWN, REFUSAL_QUOTA),
     .own = OWN({"InvalidIpamResourceDiscoveryId.NotFound",
                 " is not the id of a resource discovery. It has the form ipam-res-disco- "
                 "followed by hex digits."})},
    {.name = "ipam_organization_admin_account",
     .subcategory = "Organization",
     .codes = CODES(REFUSAL_NONE),
     .own = OWN({"InvalidParameterValue",
                 "IPAM is administered by a member account. Name a member account, or add this one "
                 "to the organization block of the provider."})},
    {.name = "ipam_ram_resource_share",
     .subcategory = "Sharing",
     .codes = CODES(REFUSAL_NOT_OWNER, REFUSAL_EXISTS),
     .own = OWN({"InvalidParameterException", "Two permissions are for ‹type›. A share has one "
                                              "permission for a type of resource."})},
    {.name = "ipam_ram_resource_association",
     .subcategory = "Sharing",
     .codes = CODES(REFUSAL_NOT_OWNER, REFUSAL_POOL_UNKNOWN, REFUSAL_SHARE_UNKNOWN),
     .own = OWN({"already exists", "A resource is in a share once."},
                {"UnknownResourceException", "A pool is shared from the home Region of its IPAM, "
                                             "whatever the pool's locale is."})},
    {.name = "ipam_ram_principal_association",
     .subcategory = "Sharing",
     .codes = CODES(REFUSAL_NOT_OWNER, REFUSAL_SHARE_UNKNOWN),
     .own = OWN({"already exists", "A share names a principal once."})},
    {.name = "ipam_ram_resource_share_accepter",
     .subcategory = "Sharing",
     .codes = CODES(REFUSAL_SHARE_UNKNOWN),
     .own = OWN({"ResourceShareInvitationArnNotFoundException",
                 "No RAM Resource Share (‹share›) invitation found: ‹reason›."})},
    {.name = "ipam_ram_sharing_with_organization",
     .subcategory = "Sharing",
     .codes = CODES(REFUSAL_NONE),
     .own = OWN({"AccessDeniedException",
                 "Only the management account can do this. Use its provider configuration."})},
    {.name = "ipam_utilization_alarm",
     .subcategory = "Monitoring",
     .codes = CODES(REFUSAL_NONE),
     .own = OWN({"Invalid alarm", "‹argument› must be set: an alarm compares one metric "
                                  "(metric_name, namespace, period, statistic or "
                                  "extended_statistic) with a threshold."},
                {"Invalid alarm",
                 "‹argument› is not possible: alarms here judge one metric against a threshold, "
                 "without metric math and without anomaly detection."})},
    {.name = "ipam_alarm_topic", .subcategory = "Monitoring", .codes = CODES(REFUSAL_NONE)},
    {.name = NULL},
};

const struct page data_source_pages[] = {
    {.name = "ipam", .subcategory = "IPAM", .codes = CODES(REFUSAL_IPAM_UNKNOWN)},
    {.name = "ipam_ipams", .subcategory = "IPAM", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_scope", .subcategory = "IPAM", .codes = CODES(REFUSAL_SCOPE_UNKNOWN)},
    {.name = "ipam_scopes", .subcategory = "IPAM", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_pool", .subcategory = "IPAM", .codes = CODES(REFUSAL_POOL_UNKNOWN)},
    {.name = "ipam_pools", .subcategory = "IPAM", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_pool_cidrs", .subcategory = "IPAM", .codes = CODES(REFUSAL_POOL_UNKNOWN)},
    {.name = "ipam_pool_allocations", .subcategory = "IPAM", .codes = CODES(REFUSAL_POOL_UNKNOWN)},
    {.name = "ipam_preview_next_cidr", .subcategory = "IPAM", .codes = CODES(SPACE_CODES)},
    {.name = "ipam_resource_cidrs", .subcategory = "IPAM", .codes = CODES(REFUSAL_SCOPE_UNKNOWN)},
    {.name = "ipam_address_history", .subcategory = "IPAM", .codes = CODES(REFUSAL_SCOPE_UNKNOWN)},
    {.name = "ipam_metrics",
     .subcategory = "Monitoring",
     .codes = CODES(REFUSAL_POOL_UNKNOWN, REFUSAL_SCOPE_UNKNOWN, REFUSAL_IPAM_UNKNOWN),
     .own =
         OWN({"not found", "‹resource› is no VPC that is known here with a CIDR in a scope of an "
                           "IPAM."})},
    {.name = "ipam_vpc", .subcategory = "VPC", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_vpcs", .subcategory = "VPC", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_region", .subcategory = "Account", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_caller_identity", .subcategory = "Account", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_partition", .subcategory = "Account", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_availability_zones", .subcategory = "Account", .codes = CODES(REFUSAL_NONE)},
    {.name = "ipam_organizations_organization",
     .subcategory = "Organization",
     .codes = CODES(REFUSAL_NONE)},
    {.name = NULL},
};

const struct page *page_find(const struct page *pages, const char *name)
{
    for (; pages->name; pages++)
        if (strcmp(pages->name, name) == 0)
            return pages;
    return NULL;
}
