/*
 * pick - what a call would do, without doing it
 *
 * Ids of allocations and answers to Terraform depend on the CIDR that is chosen, so a caller first
 * picks, then builds everything that can fail, and issues last. A pick goes through the same steps
 * as the issuing call up to the point where anything would change; as nothing happens in between,
 * issuing what was picked succeeds unless memory is out.
 */
#include "engine/engine_internal.h"

enum engine_result engine_pick_allocation(struct engine *e, const struct allocation_request *r,
                                          struct cidr *out, struct refusal *why)
{
    struct pool *p;
    int len;
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = admit(e, r, &p, &len, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    return choose_for(e, p, r, false, len, out, why);
}

enum engine_result engine_pick_provision(struct engine *e, const struct provision_request *r,
                                         struct cidr *out, struct refusal *why)
{
    struct pool *p;
    enum engine_result result = engine_settle(e);
    return result == ENGINE_OK ? provision_choose(e, r, false, &p, out, why) : result;
}

enum engine_result engine_check_rules(enum family f, const struct rules *r, struct refusal *why)
{
    const struct pool_info info = {.id = "", .family = f, .rules = *r};
    return rules_valid(&info, why);
}
