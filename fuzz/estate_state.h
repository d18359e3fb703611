/*
 * estate_state - the state that a fuzzed provider finds: an IPAM, a pool with a CIDR, a child pool
 * with another, a VPC and a reservation
 */
#ifndef FUZZ_ESTATE_STATE_H
#define FUZZ_ESTATE_STATE_H

#define ESTATE_RESOURCE(type, name, attributes)                                                    \
    "{\"mode\":\"managed\",\"type\":\"" type "\",\"name\":\"" name "\","                           \
    "\"provider\":\"provider[\\\"terraform.local/ipam/ipam\\\"]\","                                \
    "\"instances\":[{\"schema_version\":0,\"attributes\":{" attributes "}}]}"

static const char estate_state[] =
    "{\"version\":4,\"terraform_version\":\"1.11.4\",\"serial\":7,"
    "\"lineage\":\"11111111-2222-3333-4444-555555555555\",\"outputs\":{},\"resources\":["
    /* */
    ESTATE_RESOURCE("ipam", "main",
                    "\"id\":\"ipam-0000000000000001\",\"region\":\"us-east-1\","
                    "\"arn\":\"arn:aws:ec2::123456789012:ipam/ipam-0000000000000001\","
                    "\"private_default_scope_id\":\"ipam-scope-01\","
                    "\"public_default_scope_id\":\"ipam-scope-02\","
                    "\"operating_regions\":[{\"region_name\":\"us-east-1\"}]") ","
    /* */
    ESTATE_RESOURCE("ipam_pool", "top",
                    "\"id\":\"ipam-pool-01\",\"ipam_scope_id\":\"ipam-scope-01\","
                    "\"address_family\":\"ipv4\",\"locale\":\"us-east-1\"") ","
    /* */
    ESTATE_RESOURCE("ipam_pool", "child",
                    "\"id\":\"ipam-pool-02\",\"ipam_scope_id\":\"ipam-scope-01\","
                    "\"source_ipam_pool_id\":\"ipam-pool-01\",\"address_family\":\"ipv4\","
                    "\"locale\":\"us-east-1\"") ","
    /* */
    ESTATE_RESOURCE("ipam_pool_cidr", "top",
                    "\"id\":\"10.0.0.0/16_ipam-pool-01\",\"cidr\":\"10.0.0.0/16\","
                    "\"ipam_pool_id\":\"ipam-pool-01\"") ","
    /* */
    ESTATE_RESOURCE("ipam_pool_cidr", "child",
                    "\"id\":\"10.0.0.0/20_ipam-pool-02\",\"cidr\":\"10.0.0.0/20\","
                    "\"ipam_pool_id\":\"ipam-pool-02\"") ","
    /* */
    ESTATE_RESOURCE("ipam_vpc", "one",
                    "\"id\":\"vpc-01\",\"cidr_block\":\"10.0.0.0/24\","
                    "\"ipv4_ipam_pool_id\":\"ipam-pool-02\",\"ipv4_netmask_length\":24") ","
    /* */
    ESTATE_RESOURCE("ipam_pool_cidr_allocation", "one",
                    "\"id\":\"ipam-pool-alloc-01_ipam-pool-02\","
                    "\"ipam_pool_allocation_id\":\"ipam-pool-alloc-01\","
                    "\"cidr\":\"10.0.1.0/24\",\"ipam_pool_id\":\"ipam-pool-02\"") "]}";

#endif
