/*
 * What the doors prove themselves with: the certificate, its key, and who must have signed a
 * client's.
 *
 *     pa_tls_new(settings, &tls, &err)       reads server.tls_*; NULL where they name no
 * certificate pa_tls_identity(tls)                   what is shown now, for one handshake
 *     pa_tls_reload(tls, &err)               reads the same files again (SIGHUP)
 *     pa_tls_free(tls)                       once the doors are closed
 *
 * An identity lives as long as its pa_tls, since a connection goes on with the one that it began
 * with.  They are few: one for each time that a file's contents changed.
 *
 * Threads: pa_tls_identity from any; the others belong to one.
 */
#ifndef PA_SERVER_TLS_H
#define PA_SERVER_TLS_H

#include "config/config.h"
#include <gnutls/gnutls.h>

struct pa_tls_identity {
    char *certificate, *key;                      /* PEM */
    char *client_ca;                              /* PEM; NULL: clients need no certificate */
    gnutls_certificate_credentials_t credentials; /* all of it, for GnuTLS */
    struct pa_tls_identity *older;
};

struct pa_tls;

/* `settings` are borrowed.  On an error the message names the setting and the file, and what is
 * wrong: it cannot be read, is not PEM, the key is not the certificate's. */
int pa_tls_new(const struct pa_server_settings *settings, struct pa_tls **ret,
               struct pa_error *err);

/* 0 also where nothing has changed, and for NULL; on an error the identity stays what it was. */
int pa_tls_reload(struct pa_tls *tls, struct pa_error *err);

const struct pa_tls_identity *pa_tls_identity(struct pa_tls *tls);
struct pa_tls *pa_tls_free(struct pa_tls *tls); /* wipes the keys */

#endif
