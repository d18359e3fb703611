/*
 * tls - a certificate for one process
 *
 * What the certificate must hold was found out against Terraform's verifier (Go's crypto/tls with
 * this certificate as the only root and "localhost" as the server's name) and OpenSSL's:
 *   - a subjectAltName DNS:localhost; the common name alone is refused;
 *   - CA:TRUE and both extended key usages, which neither of the two insists on today; they are
 *     set because the host's own certificate has them, and a root without CA:TRUE is an exception
 *     that a verifier may stop to make;
 *   - validity from well before now: a clock that is stepped back between the start and the
 *     connection (a resumed virtual machine, a first NTP sync) must not fail the run. The end is
 *     of no weight, the key does not outlive the process.
 *
 * Start-up time. A provider process is started two to five times for one Terraform command, so
 * each millisecond here is felt. OpenSSL spends most of it in one-time work; reading openssl.cnf
 * is the part that can be left out: nothing in it could change what is done here, and the release
 * binary carries its own OpenSSL, which the machine's configuration was not written for.
 */
#include "proto/tls.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SKEW_DAYS     1
#define VALIDITY_DAYS 3650
#define SERIAL_BITS   127 /* positive, and within the 20 bytes of RFC 5280, 4.1.2.2 */

void tls_init(void)
{
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *x)
{
    BIGNUM *n = BN_new();
    bool ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

/* Issuer and subject are the same name. The name itself is read by nobody. */
static bool set_names(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost",
                                      -1, -1, 0) &&
           X509_set_issuer_name(x, name);
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) && set_names(x) &&
        X509_time_adj_ex(X509_getm_notBefore(x), -SKEW_DAYS, 0, NULL) &&
        X509_time_adj_ex(X509_getm_notAfter(x), VALIDITY_DAYS, 0, NULL) &&
        X509_set_pubkey(x, key) && add_extension(x, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(x, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
        add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth") &&
        add_extension(x, NID_subject_alt_name, "DNS:localhost") &&
        X509_sign(x, key, EVP_sha256())) {
        return x;
    }
    X509_free(x);
    return NULL;
}

/* The content of a memory BIO as a string of its own. */
static char *bio_text(BIO *b)
{
    char *data;
    long len = BIO_get_mem_data(b, &data);
    char *text = len > 0 ? malloc((size_t)len + 1) : NULL;
    if (text) {
        memcpy(text, data, (size_t)len);
        text[len] = '\0';
    }
    return text;
}

static char *key_text(EVP_PKEY *key)
{
    BIO *b = BIO_new(BIO_s_secmem()); /* wiped when freed */
    char *text =
        b && PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) ? bio_text(b) : NULL;
    BIO_free(b);
    return text;
}

static char *certificate_text(X509 *x)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *text = b && PEM_write_bio_X509(b, x) ? bio_text(b) : NULL;
    BIO_free(b);
    return text;
}

static bool fill(struct tls_identity *id, EVP_PKEY *key, X509 *x)
{
    id->key_pem = key_text(key);
    id->certificate_pem = certificate_text(x);
    /* i2d_X509 allocates with OpenSSL's allocator, which is malloc unless an application replaced
     * it; tls_identity_free pairs it with OPENSSL_free all the same. */
    int len = i2d_X509(x, &id->certificate);
    id->certificate_len = len > 0 ? (size_t)len : 0;
    return id->key_pem && id->certificate_pem && len > 0;
}

struct tls_identity *tls_identity_new(const char *group, const char **error)
{
    ERR_clear_error();
    struct tls_identity *id = calloc(1, sizeof *id);
    EVP_PKEY *key = EVP_EC_gen(group);
    X509 *x = key ? make_certificate(key) : NULL;
    if (!id || !x || !fill(id, key, x)) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        *error = reason ? reason : "out of memory";
        tls_identity_free(id);
        id = NULL;
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return id;
}

void tls_identity_free(struct tls_identity *id)
{
    if (!id) {
        return;
    }
    if (id->key_pem) {
        OPENSSL_cleanse(id->key_pem, strlen(id->key_pem));
    }
    free(id->key_pem);
    free(id->certificate_pem);
    OPENSSL_free(id->certificate);
    free(id);
}
