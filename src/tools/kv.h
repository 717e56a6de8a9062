/*
 * The key-value store of guests: small values that outlive a run, each owner's for itself.
 *
 *     pa_kv_open("/var/lib/polyagent/kv.sqlite", &quota, &kv, &err)
 *     pa_kv_put(kv, owner, "key", value, &err)           any JSON value
 *     pa_kv_get(kv, owner, "key", &value, &err)          NULL where there is none
 *     pa_kv_close(kv)
 *
 * Guests reach it as `kv` (languages/PROTOCOL.md), through the calls of a run, so that the process
 * with the data never runs a guest's code.
 *
 * Kept in an SQLite database with a write-ahead log: a put that returned is there after a crash of
 * this program; the last ones may be gone after a loss of power, never half of one.  Two that put
 * one key at once: one comes after the other.
 *
 * RESOURCE_EXHAUSTED past a quota says which and how much there is.
 * Threads: all from any, one at a time inside.
 */
#ifndef PA_TOOLS_KV_H
#define PA_TOOLS_KV_H

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>

#define PA_KV_KEY_MAX   512         /* bytes */
#define PA_KV_VALUE_MAX (256 << 10) /* bytes of its JSON */
#define PA_KV_LIST_MAX  1000        /* keys in one answer */

/* Of one owner. */
struct pa_kv_quota {
    uint64_t bytes; /* keys and values as JSON, together */
    uint64_t entries;
};

struct pa_kv;
int pa_kv_open(const char *path, const struct pa_kv_quota *quota, struct pa_kv **ret,
               struct pa_error *err);
struct pa_kv *pa_kv_close(struct pa_kv *kv); /* NULL is fine */

int pa_kv_get(struct pa_kv *kv, const char *owner, const char *key, json_t **ret,
              struct pa_error *err);
int pa_kv_put(struct pa_kv *kv, const char *owner, const char *key, const json_t *value,
              struct pa_error *err);
int pa_kv_delete(struct pa_kv *kv, const char *owner, const char *key, bool *ret_was_there,
                 struct pa_error *err);
/* Keys that begin with `prefix` and come after `after` (NULL: from the first), in the order of
 * their bytes, at most `most`. */
int pa_kv_list(struct pa_kv *kv, const char *owner, const char *prefix, const char *after,
               size_t most, json_t **ret, struct pa_error *err);

/* One of the calls "get" {key}, "put" {key, value}, "delete" {key}, "list" {prefix, after, most}:
 * its answer, or why not.  Arguments are a guest's and are checked here. */
int pa_kv_call(struct pa_kv *kv, const char *owner, const char *name, const json_t *arguments,
               json_t **ret, struct pa_error *err);

#endif
