/*
 * registry - every resource and the provider itself, one line each
 */
#include "provider/data.h"
#include "provider/estate.h"

#include <string.h>

const struct resource *const ipam_resources[] = {
    &ipam_resource,
    &scope_resource,
    &pool_resource,
    &pool_cidr_resource,
    &allocation_resource,
    &vpc_resource,
    &allocation_set_resource,
    &preview_resource,
    &discovery_resource,
    &discovery_association_resource,
    &ram_share_resource,
    &ram_resource_association_resource,
    &ram_principal_association_resource,
    &ram_accepter_resource,
    &ram_organization_resource,
    &org_admin_resource,
    &ipv4_association_resource,
    &ipv6_association_resource,
    &subnet_resource,
    &alarm_resource,
    &topic_resource,
    NULL,
};

const struct resource *resource_named(const char *type_name)
{
    for (size_t r = 0; ipam_resources[r]; r++)
        for (size_t n = 0; ipam_resources[r]->names[n]; n++)
            if (strcmp(ipam_resources[r]->names[n], type_name) == 0)
                return ipam_resources[r];
    return NULL;
}

static const struct {
    const struct resource *resource;
    load_fn load;
    departure_fn departure;
} loaders[] = {
    {&ipam_resource, load_ipam, NULL},
    {&scope_resource, load_scope, NULL},
    {&pool_resource, load_pool, NULL},
    {&pool_cidr_resource, load_pool_cidr, depart_pool_cidr},
    {&allocation_resource, load_allocation, depart_allocation},
    {&vpc_resource, load_vpc, depart_vpc},
    {&allocation_set_resource, load_set, depart_set},
    {&preview_resource, load_nothing, NULL},
    {&discovery_resource, load_nothing, depart_discovery},
    {&discovery_association_resource, load_nothing, depart_discovery},
    {&ram_share_resource, load_ram_share, NULL},
    {&ram_resource_association_resource, load_ram_resource_association, NULL},
    {&ram_principal_association_resource, load_ram_principal_association, NULL},
    {&ram_accepter_resource, load_ram_accepter, NULL},
    {&ram_organization_resource, load_nothing, NULL},
    {&org_admin_resource, load_nothing, NULL},
    {&ipv4_association_resource, load_ipv4_association, depart_association},
    {&ipv6_association_resource, load_ipv6_association, depart_association},
    {&subnet_resource, load_subnet, depart_subnet},
    {&alarm_resource, load_nothing, NULL},
    {&topic_resource, load_nothing, NULL},
};

load_fn resource_loader(const struct resource *r)
{
    for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++)
        if (loaders[i].resource == r)
            return loaders[i].load;
    return NULL;
}

departure_fn resource_departure(const struct resource *r)
{
    for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++)
        if (loaders[i].resource == r)
            return loaders[i].departure;
    return NULL;
}

/* clang-format off */
const struct data_source *const ipam_data_sources[] = {
    &ipam_data,
    &ipams_data,
    &scope_data,
    &scopes_data,
    &pool_data,
    &pools_data,
    &pool_cidrs_data,
    &preview_data,
    &allocations_data,
    &resource_cidrs_data,
    &history_data,
    &vpc_data,
    &vpcs_data,
    &region_data,
    &identity_data,
    &partition_data,
    &zones_data,
    &organization_data,
    &metrics_data,
    NULL,
};
/* clang-format on */

const struct provider ipam_provider = {
    .name = "ipam",
    .version = PROVIDER_VERSION,
    .address = "terraform.local/ipam/ipam",
    .about = "Plans and issues IP address space from a hierarchy of pools, like Amazon VPC IPAM, "
             "but without a server: Terraform's own state is the only store.",
    .schema = &provider_schema,
    .meta_schema = &provider_meta_schema,
    .resources = ipam_resources,
    .data_sources = ipam_data_sources,
    .functions = ipam_functions,
    .observe = estate_observe,
    .needs_state = true,
    .configure = provider_configure,
    .plan = plan_ahead,
    .before_apply = plan_ahead_open,
    .unconfigure = provider_unconfigure,
};
