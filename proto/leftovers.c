/*
 * leftovers - sockets of plugins that were killed
 *
 * A plugin removes its socket when it ends; SIGKILL leaves the file behind. One is nothing, but a
 * build machine that kills runs for years collects them. So each start looks for some.
 *
 * Is there still somebody? A connection answers that: it is refused exactly when no process listens
 * at the file, in whatever namespace of processes, where a process id in the name could belong to
 * somebody else by now. A socket is refused also in the moment between bind and listen, which is
 * why young ones are left alone.
 *
 * The work is bounded, and the folder may be large and shared: only so many names are looked at, in
 * the order that the folder gives them, and only files of this user with a name of our own form are
 * touched.
 */
#include "proto/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/handshake.h"

#define NAMES_MAX   2048
#define REMOVED_MAX 64

static bool is_ours(const char *name)
{
    const size_t prefix = sizeof HANDSHAKE_SOCKET_PREFIX - 1, digits = 2 * HANDSHAKE_RANDOM;
    return strncmp(name, HANDSHAKE_SOCKET_PREFIX, prefix) == 0 && strlen(name) == prefix + digits &&
           strspn(name + prefix, "0123456789abcdef") == digits;
}

static bool nobody_listens(const char *folder, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof address.sun_path) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    bool refused =
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static bool is_left(DIR *d, const char *folder, const char *name, time_t before)
{
    struct stat st;
    return is_ours(name) && fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISSOCK(st.st_mode) && st.st_uid == geteuid() && st.st_mtim.tv_sec < before &&
           nobody_listens(folder, name);
}

size_t leftovers_remove(const char *socket_path, time_t before)
{
    char folder[HANDSHAKE_SOCKET_SIZE];
    const char *slash = strrchr(socket_path, '/');
    if (!slash || slash == socket_path || (size_t)(slash - socket_path) >= sizeof folder) {
        return 0;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - socket_path), socket_path);
    DIR *d = opendir(folder);
    if (!d) {
        return 0;
    }
    size_t gone = 0;
    struct dirent *e;
    for (size_t i = 0; i < NAMES_MAX && gone < REMOVED_MAX && (e = readdir(d)); i++) {
        gone += is_left(d, folder, e->d_name, before) && unlinkat(dirfd(d), e->d_name, 0) == 0;
    }
    closedir(d);
    return gone;
}
