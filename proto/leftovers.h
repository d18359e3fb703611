/*
 * leftovers - sockets of plugins that were killed
 */
#ifndef PROTO_LEFTOVERS_H
#define PROTO_LEFTOVERS_H

#include <stddef.h>
#include <time.h>

/* Younger ones may be bound and not listen yet. */
#define LEFTOVERS_AGE_SECONDS 600

/* Removes the socket files beside `socket_path` that plugins of this user left behind: named like a
 * socket of ours, made before `before`, and nobody listens. Looks at a bounded number of names and
 * follows no symbolic link; what cannot be told or removed stays. Returns how many are gone. */
size_t leftovers_remove(const char *socket_path, time_t before);

#endif
