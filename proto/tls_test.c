/*
 * tls_test - the certificate, read back with OpenSSL and verified as the peer does
 */
#include "proto/tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* after the headers above, as it demands */
#include <cmocka.h>

static struct tls_identity *identity(const char *group)
{
    const char *error = NULL;
    struct tls_identity *id = tls_identity_new(group, &error);
    assert_non_null(id);
    return id;
}

static X509 *certificate_of(const struct tls_identity *id)
{
    const unsigned char *p = id->certificate;
    X509 *x = d2i_X509(NULL, &p, (long)id->certificate_len);
    assert_non_null(x);
    assert_ptr_equal(p, id->certificate + id->certificate_len);
    return x;
}

static EVP_PKEY *key_of(const struct tls_identity *id)
{
    BIO *b = BIO_new_mem_buf(id->key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
    BIO_free(b);
    assert_non_null(key);
    return key;
}

static void test_contents(void **state)
{
    (void)state;
    struct tls_identity *id = identity(TLS_GROUP);
    X509 *x = certificate_of(id);
    EVP_PKEY *key = key_of(id);
    char group[32];
    assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof group, NULL), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(X509_check_private_key(x, key), 1);
    assert_int_equal(X509_verify(x, key), 1);
    assert_int_equal(X509_get_version(x), X509_VERSION_3);
    assert_int_equal(X509_check_host(x, "localhost", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL),
                     1);
    assert_int_equal(X509_check_host(x, "example.org", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ca(x), 1);
    assert_true(X509_get_extended_key_usage(x) & XKU_SSL_SERVER);
    assert_true(X509_get_extended_key_usage(x) & XKU_SSL_CLIENT);
    EVP_PKEY_free(key);
    X509_free(x);
    tls_identity_free(id);
}

static void test_pem_is_der(void **state)
{
    (void)state;
    struct tls_identity *id = identity(TLS_GROUP);
    X509 *der = certificate_of(id);
    BIO *b = BIO_new_mem_buf(id->certificate_pem, -1);
    X509 *pem = PEM_read_bio_X509(b, NULL, NULL, NULL);
    assert_non_null(pem);
    assert_int_equal(X509_cmp(der, pem), 0);
    BIO_free(b);
    X509_free(pem);
    X509_free(der);
    tls_identity_free(id);
}

static int verify_at(const struct tls_identity *id, const struct tls_identity *root, time_t when)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *x = certificate_of(id), *r = certificate_of(root);
    assert_int_equal(X509_STORE_add_cert(store, r), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, x, NULL), 1);
    X509_STORE_CTX_set_default(ctx, "ssl_server");
    X509_STORE_CTX_set_time(ctx, 0, when);
    int ok = X509_verify_cert(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(x);
    X509_free(r);
    return ok;
}

/* Only itself vouches for it, also when a clock is hours off. */
static void test_verification(void **state)
{
    (void)state;
    struct tls_identity *id = identity(TLS_GROUP), *other = identity(TLS_GROUP);
    time_t now = time(NULL);
    assert_int_equal(verify_at(id, id, now), 1);
    assert_int_equal(verify_at(id, id, now - 23 * 3600), 1);
    assert_int_equal(verify_at(id, id, now + 365 * 24 * 3600), 1);
    assert_int_equal(verify_at(id, id, now - 25 * 3600), 0);
    assert_int_equal(verify_at(id, other, now), 0);
    tls_identity_free(id);
    tls_identity_free(other);
}

/* No two processes share a key or a serial number. */
static void test_fresh(void **state)
{
    (void)state;
    struct tls_identity *a = identity(TLS_GROUP), *b = identity(TLS_GROUP);
    assert_string_not_equal(a->key_pem, b->key_pem);
    X509 *x = certificate_of(a), *y = certificate_of(b);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)), 0);
    X509_free(x);
    X509_free(y);
    tls_identity_free(a);
    tls_identity_free(b);
}

static void test_other_groups(void **state)
{
    (void)state;
    struct tls_identity *id = identity("P-521");
    assert_int_equal(verify_at(id, id, time(NULL)), 1);
    tls_identity_free(id);
    const char *error = NULL;
    assert_null(tls_identity_new("no-such-group", &error));
    assert_non_null(error);
    tls_identity_free(NULL);
}

int main(void)
{
    tls_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents),     cmocka_unit_test(test_pem_is_der),
        cmocka_unit_test(test_verification), cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_other_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
