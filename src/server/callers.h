/*
 * Who may call, and what each may do: the keys file.
 *
 *     pa_callers_load(&settings, &callers, &err)
 *     pa_callers_find(callers, credential, &caller, &err)      a reference
 *     pa_caller_unref(caller); pa_callers_free(callers);
 *
 *     keys:
 *       - name: ci                       who it is, in logs, metrics and the audit log
 *         sha256: 5e88...                of the key (a list: old and new, while keys change)
 *         scopes: [tools, sessions]      default: tools, sessions, modules, runs
 *         tools: [python_executor]       default: all
 *         languages: [python]            default: all
 *         limits: {timeout_ms: 10000, memory_bytes: 512MiB}      what a request may ask for at most
 *         rate: 50                       calls in a second
 *         running: 4                     runs at once
 *         volumes: false                 no volumes, and no key-value store; default: true
 *
 * Keys are kept as digests.  A key has 256 bits of randomness (`polyagent key new`), so a plain
 * digest is as good as a slow one.  A credential is compared with every digest there is, each in
 * constant time, so how long it takes says nothing of how near it was.
 *
 * Threads: load and free from one; the rest from any.  Callers are immutable but for their rate.
 */
#ifndef PA_SERVER_CALLERS_H
#define PA_SERVER_CALLERS_H

#include "server/service.h"

#define PA_CALLERS_MOST   1000
#define PA_KEYS_FILE_MOST (4 * 1024 * 1024) /* bytes */

struct pa_callers;

/* Without server.api_keys_file there is one caller, "local", who may do everything and needs no
 * credential.  `before` (or NULL) is what was in force: callers of the same name go on with the
 * calls that they have used up of their rate. */
int pa_callers_load(const struct pa_server_settings *settings, const struct pa_callers *before,
                    struct pa_callers **ret, struct pa_error *err);
struct pa_callers *pa_callers_free(struct pa_callers *callers);
size_t pa_callers_count(const struct pa_callers *callers);

/* UNAUTHENTICATED where `credential` (NULL: there is none) is nobody's. */
int pa_callers_find(const struct pa_callers *callers, const char *credential,
                    struct pa_caller **ret, struct pa_error *err);

/* The rest of what service.h says of callers: what the service asks. */
bool pa_caller_may_volumes(const struct pa_caller *caller); /* and the key-value store */
bool pa_caller_may_language(const struct pa_caller *caller, const char *language);
const struct pa_ceilings *pa_caller_ceilings(const struct pa_caller *caller);
uint64_t pa_caller_running_most(const struct pa_caller *caller);

uint64_t pa_caller_rate(const struct pa_caller *caller); /* calls in a second; PA_UNLIMITED */

/* Takes one call out of the caller's rate: 0, or the milliseconds after which there is one. */
uint64_t pa_caller_spend(struct pa_caller *caller, uint64_t now_ns);

#endif
