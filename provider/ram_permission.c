/*
 * ram_permission - what a resource share lets its accounts do
 *
 * A share has one managed permission for each type of resource in it, the default one of the type
 * unless it names another. Of AWS's own ones for IPAM two matter to a pool: the default, with which
 * accounts draw from it, and one with which they bring addresses of their own and do not draw. What
 * a customer's own permission allows stands in AWS and not in the configuration: it is believed to
 * allow drawing. Permissions of other services are taken as they are.
 */
#include "provider/estate.h"

#include <string.h>

static const struct permission {
    const char *name, *type;
    bool draws;
} permissions[] = {
    {"AWSRAMDefaultPermissionsIpamPool", "ec2:IpamPool", true},
    {"AWSRAMPermissionIpamPoolByoipCidrImport", "ec2:IpamPool", false},
    {"AWSRAMPermissionIpamResourceDiscovery", "ec2:IpamResourceDiscovery", true},
};
enum { PERMISSIONS = sizeof permissions / sizeof *permissions };

/* After `permission/`; "" when it is no permission. */
static const char *name_of(struct arena *a, const char *arn)
{
    static const char path[] = "permission/";
    const char *resource = arn_part(a, arn, 5);
    bool is_one = strncmp(resource, path, sizeof path - 1) == 0;
    return is_one ? resource + sizeof path - 1 : "";
}

static bool is_managed_by_aws(struct arena *a, const char *arn)
{
    return strcmp(arn_part(a, arn, 4), "aws") == 0;
}

static const struct permission *find(struct arena *a, const char *arn)
{
    for (size_t i = 0; i < PERMISSIONS && is_managed_by_aws(a, arn); i++)
        if (strcmp(name_of(a, arn), permissions[i].name) == 0)
            return &permissions[i];
    return NULL;
}

const char *check_permission_arn(struct arena *a, const char *text)
{
    const char *problem = check_arn(a, text), *region = arn_part(a, text, 3);
    if (problem)
        return problem;
    bool placed = is_managed_by_aws(a, text) ? !*region : !check_region(a, region);
    if (strcmp(arn_part(a, text, 2), "ram") != 0 || !*name_of(a, text) || !placed ||
        !*arn_part(a, text, 4))
        return arena_printf(a,
                            "\"%.200s\" is not the ARN of a permission: arn:aws:ram::aws:"
                            "permission/NAME, or arn:aws:ram:REGION:ACCOUNT:permission/NAME for "
                            "one of your own",
                            text);
    if (!is_managed_by_aws(a, text) || !strstr(name_of(a, text), "Ipam") || find(a, text))
        return NULL;
    return arena_printf(a,
                        "\"%.200s\" does not exist (UnknownResourceException). AWS's permissions "
                        "for IPAM are %s, %s and %s",
                        text, permissions[0].name, permissions[1].name, permissions[2].name);
}

bool ram_permissions_draw(struct arena *a, const char *const *arns)
{
    for (size_t i = 0; arns[i]; i++) {
        const struct permission *p = find(a, arns[i]);
        if (p && !p->draws)
            return false;
    }
    return true;
}

const char *ram_permissions_clash(struct arena *a, const char *const *arns)
{
    for (size_t i = 0; arns[i]; i++)
        for (size_t j = 0; j < i; j++) {
            const struct permission *p = find(a, arns[i]), *q = find(a, arns[j]);
            if (p && q && p != q && strcmp(p->type, q->type) == 0)
                return p->type;
        }
    return NULL;
}
