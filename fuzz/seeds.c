/*
 * seeds - writes first inputs for the target `dispatch`: what Terraform asks
 *
 *   fuzz_seeds FOLDER
 *
 * Every file is a configured provider followed by a few related requests, as the target reads
 * them (dispatch.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/dispatch.h"
#include "fuzz/estate_state.h"
#include "fuzz/fuzz.h"
#include "provider/estate.h"
#include "wire_calls.h"
#include "wire_inside.h"

static FILE *out;

/* Called for every request that is sent. */
static void record(void *ctx, const char *method, struct bytes request)
{
    (void)ctx;
    for (size_t i = 0; out && i < FUZZ_METHODS; i++)
        if (strcmp(fuzz_methods[i], method) == 0 && request.len <= UINT16_MAX) {
            const uint8_t head[] = {(uint8_t)i, (uint8_t)request.len, (uint8_t)(request.len >> 8)};
            fwrite(head, 1, sizeof head, out);
            fwrite(request.data, 1, request.len, out);
        }
}

static void begin(struct host_session *s, const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "wb");
    FUZZ_REQUIRE(out);
    struct host_answer a = host_configure(s, "{\"state\":[{\"path\":\"terraform.tfstate\"}]}");
    FUZZ_REQUIRE(host_ok(&a));
}

static void end(void)
{
    fclose(out);
    out = NULL;
}

static void seed_resource(struct host_session *s, const char *folder, const char *type,
                          const char *config, const char *changed)
{
    begin(s, folder, type);
    struct host_answer a = host_create(s, type, config);
    if (host_ok(&a)) {
        host_read(s, type, a.state, a.private);
        host_update(s, type, &a, changed);
        host_import(s, type, value_str(value_get(a.state, "id"), "?"));
        host_destroy(s, type, &a);
    }
    host_upgrade(s, type, 0, "{\"id\":\"x-1\",\"cidr\":\"10.0.0.0/24\"}");
    host_move(s, "registry.terraform.io/hashicorp/aws", "aws_vpc", 1,
              "{\"id\":\"vpc-1\",\"cidr_block\":\"10.0.0.0/24\"}", "ipam_vpc");
    end();
}

static void seed_data(struct host_session *s, const char *folder, const char *type,
                      const char *config)
{
    begin(s, folder, "data_pool");
    host_read_data(s, type, host_object(s, HOST_DATA_SOURCE, type, config));
    end();
}

int main(int argc, char **argv)
{
    FUZZ_REQUIRE(argc == 2);
    char *folder = realpath(argv[1], NULL);
    FUZZ_REQUIRE(folder);
    fuzz_folder();
    fuzz_write("terraform.tfstate", estate_state, strlen(estate_state));
    struct arena *a = arena_new();
    struct host_channel *channel = host_inside(&ipam_provider);
    FUZZ_REQUIRE(a && channel);
    host_inside_tap(channel, record, NULL);
    struct host_session s = {.channel = channel, .arena = a, .timeout_ms = 10000};
    struct host_answer schema = host_load_schema(&s);
    FUZZ_REQUIRE(host_ok(&schema));
    seed_resource(
        &s, folder, "ipam", "{\"operating_regions\":[{\"region_name\":\"us-east-1\"}]}",
        "{\"description\":\"d\",\"operating_regions\":[{\"region_name\":\"us-east-1\"}]}");
    seed_resource(&s, folder, "ipam_pool",
                  "{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"ipam_scope_id\":"
                  "\"ipam-scope-01\",\"source_ipam_pool_id\":\"ipam-pool-01\"}",
                  "{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"ipam_scope_id\":"
                  "\"ipam-scope-01\",\"source_ipam_pool_id\":\"ipam-pool-01\","
                  "\"allocation_min_netmask_length\":20}");
    seed_resource(&s, folder, "ipam_pool_cidr",
                  "{\"ipam_pool_id\":\"ipam-pool-02\",\"netmask_length\":22}",
                  "{\"ipam_pool_id\":\"ipam-pool-02\",\"cidr\":\"10.0.64.0/22\"}");
    seed_resource(
        &s, folder, "ipam_pool_cidr_allocation",
        "{\"ipam_pool_id\":\"ipam-pool-02\",\"netmask_length\":26}",
        "{\"ipam_pool_id\":\"ipam-pool-02\",\"netmask_length\":26,\"description\":\"d\"}");
    seed_resource(&s, folder, "ipam_vpc",
                  "{\"ipv4_ipam_pool_id\":\"ipam-pool-02\",\"ipv4_netmask_length\":25}",
                  "{\"ipv4_ipam_pool_id\":\"ipam-pool-02\",\"ipv4_netmask_length\":25,"
                  "\"tags\":{\"a\":\"b\"}}");
    seed_data(&s, folder, "ipam_pool", "{\"ipam_pool_id\":\"ipam-pool-02\"}");
    host_close(channel);
    arena_free(a);
    free(folder);
    return 0;
}
