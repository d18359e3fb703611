/*
 * handshake - how a host and a plugin find each other
 *
 * Traps that shaped this file, each seen with a real Terraform:
 *   - The list of protocol versions comes out of a hash map: "5,6" or "6,5". It is a set.
 *   - The certificate is read with Go's RawStdEncoding, which refuses '='. The length of a
 *     certificate varies by a few bytes with its ECDSA signature, so padding left in fails only
 *     in some runs.
 *   - The line is split at '|' and read up to the newline, so neither may be in the path; gRPC
 *     percent-decodes addresses, so '%' may not be; --debug prints the path inside JSON inside
 *     single quotes. A TMPDIR with such characters is passed over rather than escaped in three
 *     ways.
 *
 * Why a socket file and not an abstract socket. Abstract sockets leave nothing behind after
 * SIGKILL, but any user of the machine may connect to them. With TLS that is harmless; in --debug
 * and under TF_DISABLE_PLUGIN_TLS there is no TLS, and the mode of the file (0600, set by the
 * server's umask while it binds) is the only guard. One way for all cases is simpler to trust.
 * The name is unpredictable, so nobody can lie in wait for it in a shared /tmp.
 */
#include "proto/handshake.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_MAX_BYTES (64u << 10)
#define NAME_PREFIX           "/" HANDSHAKE_SOCKET_PREFIX
#define NAME_BYTES            (sizeof NAME_PREFIX - 1 + 2 * HANDSHAKE_RANDOM)

bool handshake_cookie_fits(const char *cookie)
{
    return cookie && strcmp(cookie, HANDSHAKE_COOKIE) == 0;
}

bool handshake_offers(const char *versions, unsigned wanted)
{
    if (!versions || !*versions) {
        return true;
    }
    for (const char *p = versions; *p; p += *p == ',') {
        size_t len = strcspn(p, ",");
        /* strtoul would also take " 6", "+6" and "6x". */
        if (len > 0 && strspn(p, "0123456789") == len && strtoul(p, NULL, 10) == wanted) {
            return true;
        }
        p += len;
    }
    return false;
}

/* Absolute, short enough, writable, and without characters that the line, gRPC's address or the
 * shell line of --debug would have to escape. */
static bool directory_usable(const char *dir)
{
    if (!dir || dir[0] != '/' || strlen(dir) + NAME_BYTES >= HANDSHAKE_SOCKET_SIZE) {
        return false;
    }
    for (const char *p = dir; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f || strchr("|%'\"\\", *p)) {
            return false;
        }
    }
    struct stat st;
    return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && access(dir, W_OK | X_OK) == 0;
}

void handshake_socket_path(char out[HANDSHAKE_SOCKET_SIZE], const char *tmpdir,
                           const uint8_t random[HANDSHAKE_RANDOM])
{
    int len = snprintf(out, HANDSHAKE_SOCKET_SIZE, "%s" NAME_PREFIX,
                       directory_usable(tmpdir) ? tmpdir : "/tmp");
    for (size_t i = 0; i < HANDSHAKE_RANDOM; i++) {
        len += snprintf(out + len, HANDSHAKE_SOCKET_SIZE - (size_t)len, "%02x", random[i]);
    }
}

size_t base64_encode(char *out, const uint8_t *in, size_t n)
{
    int len = EVP_EncodeBlock((unsigned char *)out, in, (int)n);
    while (len > 0 && out[len - 1] == '=') {
        len--;
    }
    out[len] = '\0';
    return (size_t)len;
}

const char *handshake_line(struct arena *a, const char *socket_path, struct bytes certificate)
{
    if (certificate.len > CERTIFICATE_MAX_BYTES) {
        return NULL;
    }
    char *text = arena_alloc(a, BASE64_SIZE(certificate.len));
    base64_encode(text, certificate.data, certificate.len);
    return arena_printf(a, "1|%d|unix|%s|grpc|%s\n", HANDSHAKE_PROTOCOL, socket_path, text);
}
