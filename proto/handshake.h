/*
 * handshake - how a host and a plugin find each other
 *
 * The host starts the plugin with a cookie, the protocol versions that it speaks and (for mutual
 * TLS) its certificate in the environment; the plugin answers with one line on stdout that says
 * where it listens. The pure part of it is here: environment texts in, texts out. The format is
 * that of HashiCorp's go-plugin, core protocol 1.
 */
#ifndef PROTO_HANDSHAKE_H
#define PROTO_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

/* The version of Terraform's plugin protocol that is spoken here, the only one. */
#define HANDSHAKE_PROTOCOL 6

#define HANDSHAKE_COOKIE_NAME "TF_PLUGIN_MAGIC_COOKIE"
#define HANDSHAKE_COOKIE      "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"

/* sun_path with its NUL; gRPC refuses paths of more than 107 bytes. */
#define HANDSHAKE_SOCKET_SIZE 108

/* A socket's name: this, and its random bytes as hexadecimal digits. */
#define HANDSHAKE_SOCKET_PREFIX "tfplugin-"

/* Bytes of randomness in a socket's name. */
#define HANDSHAKE_RANDOM 12

/* Were we started by a host? `cookie` is the value of the variable, NULL when it is not set. */
bool handshake_cookie_fits(const char *cookie);

/* Does the set `versions` ("5,6", in any order) hold `wanted`? NULL and "" mean that the host does
 * not say; the answer is then true, because the host checks the version in the line itself. Items
 * that are no numbers are passed over. */
bool handshake_offers(const char *versions, unsigned wanted);

/* A name for the socket: in tmpdir (the value of TMPDIR or NULL) when a socket can be made there
 * and its path can be said in the line and to a shell; else in /tmp. Two calls with different
 * randomness give different names. Looks at the file system, creates nothing. */
void handshake_socket_path(char out[HANDSHAKE_SOCKET_SIZE], const char *tmpdir,
                           const uint8_t random[HANDSHAKE_RANDOM]);

/* Base64 in the standard alphabet without '=' at the end. `out` takes BASE64_SIZE(n) bytes; the
 * result is NUL-terminated, its length is returned. n <= 64 KiB (a certificate). */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)
size_t base64_encode(char *out, const uint8_t *in, size_t n);

/* The line with its newline, NUL-terminated: `certificate` is DER, empty without TLS. NULL when it
 * is larger than 64 KiB. Lives in the arena. */
const char *handshake_line(struct arena *a, const char *socket_path, struct bytes certificate);

#endif
