/*
 * claims_mount - do the locks of a folder reach other hosts
 *
 * The journal's lock keeps two hosts apart only where the server of the file system hears of it.
 * Some mounts are told to keep locks to themselves: nfs(5) with nolock or local_lock before
 * version 4, mount.cifs(8) with nobrl. flock(2) succeeds there as anywhere, on both hosts at once,
 * so the mount is asked before the first lock. /proc/self/mountinfo (proc(5)) says what it was
 * told:
 *
 *   36 35 0:49 / /shared rw,relatime shared:1 - nfs4 server:/ rw,vers=4.2,local_lock=none
 *
 * The third field is the device that stat(2) tells; behind the lone dash are the type, the source
 * and the options of the file system. Spaces in names are escaped there.
 */
#include "provider/claims.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "provider/state_internal.h"

#define MOUNTS_MAX_BYTES (16u << 20)

static const struct {
    const char *type, *option;
} local[] = {
    {"nfs", "nolock"}, {"nfs", "local_lock=all"}, {"nfs", "local_lock=flock"},
    {"cifs", "nobrl"}, {"smb3", "nobrl"},
};

/* Is the word one of those between commas? */
static bool has_option(const char *options, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (const char *end = options + len; options < end;) {
        size_t part = strcspn(options, ", \n");
        if (part == n && memcmp(options, word, n) == 0)
            return true;
        options += part + 1;
    }
    return false;
}

/* The option in the part of a line behind the dash. */
static const char *local_option(const char *type, const char *end)
{
    size_t n = strcspn(type, " \n");
    const char *source = type + n + 1, *options = source;
    if (source < end)
        options += strcspn(source, " \n") + 1;
    for (size_t i = 0; options < end && i < sizeof local / sizeof *local; i++)
        if (strlen(local[i].type) == n && memcmp(local[i].type, type, n) == 0 &&
            has_option(options, (size_t)(end - options), local[i].option))
            return local[i].option;
    return NULL;
}

const char *mount_local_lock(const char *mountinfo, dev_t device)
{
    const char *line = mountinfo;
    while (*line) {
        unsigned high, low;
        const char *end = line + strcspn(line, "\n");
        const char *dash = strstr(line, " - ");
        if (dash && dash < end && sscanf(line, "%*u %*u %u:%u ", &high, &low) == 2 &&
            makedev(high, low) == device) {
            const char *option = local_option(dash + 3, end);
            if (option)
                return option;
        }
        line = end + (*end == '\n');
    }
    return NULL;
}

bool mount_keeps_locks(dev_t device, const char **option)
{
    struct buffer t = {0};
    *option = NULL;
    bool known = file_slurp("/proc/self/mountinfo", MOUNTS_MAX_BYTES, &t);
    if (known && t.data)
        *option = mount_local_lock(t.data, device);
    bool memory = known || errno != ENOMEM;
    buffer_free(&t);
    return memory;
}
