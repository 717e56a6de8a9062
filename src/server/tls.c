/*
 * GnuTLS judges the files, whichever library will use them: at the start, and again on SIGHUP, a
 * person is told what is wrong with which of them, and a handshake never finds out.
 */
#include "server/tls.h"

#include "base/io.h"
#include <stdatomic.h>

#define PEM_MOST ((size_t)1 << 20) /* bytes of a file */

struct pa_tls {
    const struct pa_server_settings *settings;
    _Atomic(struct pa_tls_identity *) newest;
};

static void wipe(char *secret) {
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static struct pa_tls_identity *identity_free(struct pa_tls_identity *identity) {
    if (!identity)
        return NULL;
    if (identity->credentials)
        gnutls_certificate_free_credentials(identity->credentials);
    free(identity->certificate);
    free(identity->client_ca);
    wipe(identity->key);
    free(identity);
    return NULL;
}

static int read_pem(const char *setting, const char *path, char **ret, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(PEM_MOST);
    if (!path)
        return 0;
    if (pa_read_file(path, &text, err) < 0)
        return pa_error_prefix(err, "%s", setting);
    if (!strstr(pa_buf_text(&text), "-----BEGIN "))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: %s is not PEM", setting, path);
    *ret = (char *)pa_buf_take(&text, NULL);
    return 0;
}

static gnutls_datum_t datum(const char *text) {
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

static int refuse_pair(const struct pa_server_settings *settings, int failed,
                       struct pa_error *err) {
    if (failed == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "server.tls_key: %s is not the key of the first certificate in %s "
                       "(server.tls_certificate)",
                       settings->tls_key, settings->tls_certificate);
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "server.tls_certificate and server.tls_key: %s and %s are no certificate and "
                   "its key without a password: %s",
                   settings->tls_certificate, settings->tls_key, gnutls_strerror(failed));
}

static int judge(const struct pa_server_settings *settings, struct pa_tls_identity *identity,
                 struct pa_error *err) {
    const gnutls_datum_t certificate = datum(identity->certificate), key = datum(identity->key);
    int done = gnutls_certificate_allocate_credentials(&identity->credentials);
    if (done == 0)
        done = gnutls_certificate_set_x509_key_mem(identity->credentials, &certificate, &key,
                                                   GNUTLS_X509_FMT_PEM);
    if (done < 0)
        return refuse_pair(settings, done, err);
    if (!identity->client_ca)
        return 0;
    const gnutls_datum_t trust = datum(identity->client_ca);
    done =
        gnutls_certificate_set_x509_trust_mem(identity->credentials, &trust, GNUTLS_X509_FMT_PEM);
    if (done > 0)
        return 0;
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "server.tls_client_ca: %s: %s",
                   settings->tls_client_ca,
                   done < 0 ? gnutls_strerror(done) : "there is no certificate in it");
}

static int identity_new(const struct pa_server_settings *settings, struct pa_tls_identity **ret,
                        struct pa_error *err) {
    struct pa_tls_identity *identity = pa_xcalloc(1, sizeof(*identity));
    if (read_pem("server.tls_certificate", settings->tls_certificate, &identity->certificate, err) <
            0 ||
        read_pem("server.tls_key", settings->tls_key, &identity->key, err) < 0 ||
        read_pem("server.tls_client_ca", settings->tls_client_ca, &identity->client_ca, err) < 0 ||
        judge(settings, identity, err) < 0) {
        identity_free(identity);
        return -1;
    }
    *ret = identity;
    return 0;
}

static bool same(const struct pa_tls_identity *a, const struct pa_tls_identity *b) {
    return pa_streq(a->certificate, b->certificate) && pa_streq(a->key, b->key) &&
           (a->client_ca ? pa_streq(a->client_ca, b->client_ca) : !b->client_ca);
}

int pa_tls_new(const struct pa_server_settings *settings, struct pa_tls **ret,
               struct pa_error *err) {
    struct pa_tls_identity *first;
    *ret = NULL;
    if (!settings->tls_certificate)
        return 0;
    if (identity_new(settings, &first, err) < 0)
        return -1;
    *ret = pa_xcalloc(1, sizeof(**ret));
    (*ret)->settings = settings;
    atomic_init(&(*ret)->newest, first);
    return 0;
}

int pa_tls_reload(struct pa_tls *tls, struct pa_error *err) {
    struct pa_tls_identity *fresh;
    if (!tls)
        return 0;
    if (identity_new(tls->settings, &fresh, err) < 0)
        return -1;
    fresh->older = atomic_load(&tls->newest);
    if (same(fresh, fresh->older))
        identity_free(fresh);
    else
        atomic_store(&tls->newest, fresh);
    return 0;
}

const struct pa_tls_identity *pa_tls_identity(struct pa_tls *tls) {
    return atomic_load(&tls->newest);
}

struct pa_tls *pa_tls_free(struct pa_tls *tls) {
    if (!tls)
        return NULL;
    for (struct pa_tls_identity *at = atomic_load(&tls->newest), *older; at; at = older) {
        older = at->older;
        identity_free(at);
    }
    free(tls);
    return NULL;
}
