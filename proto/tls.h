/*
 * tls - a certificate for one process
 *
 * Host and plugin authenticate each other with self-signed certificates that each makes at its
 * start and tells the other (the host through the environment, the plugin in the handshake line).
 * There is no authority and nothing on disk; the key dies with the process.
 */
#ifndef PROTO_TLS_H
#define PROTO_TLS_H

#include <stddef.h>
#include <stdint.h>

/* The group for a plugin's key: of all that hosts accept the fastest to make and to verify. */
#define TLS_GROUP "P-256"

struct tls_identity {
    char *key_pem;         /* PKCS #8, NUL-terminated */
    char *certificate_pem; /* NUL-terminated */
    uint8_t *certificate;  /* DER */
    size_t certificate_len;
};

/* Gets OpenSSL ready; call it before anything else that uses OpenSSL (gRPC does). */
void tls_init(void);

/* A new key in the named group (TLS_GROUP; "P-521" is what Terraform uses for its side) and a
 * certificate for DNS name localhost, good for both ends of a connection. Freed with
 * tls_identity_free. NULL when OpenSSL fails; then *error is a static text. About 1 ms. */
struct tls_identity *tls_identity_new(const char *group, const char **error);

/* Wipes the key. NULL is allowed. */
void tls_identity_free(struct tls_identity *id);

#endif
