/*
 * Callers and their references; finding one by a credential; the rate.  The file is read in
 * callers_file.c.
 *
 * A rate is a bucket of calls that fills continuously and holds what one second gives (one call at
 * least).  It is kept as the time at which it will be full again: a call moves that by the price of
 * one, and is refused if it would then lie further ahead than the bucket is large.
 */
#include "server/callers_internal.h"

#include "base/clock.h"

static const char *const all_scopes[] = {"tools", "sessions", "modules", "runs", "metrics"};

bool pa_caller_is_scope(const char *text) {
    for (size_t i = 0; i < PA_ARRAY_LEN(all_scopes); i++)
        if (pa_streq(all_scopes[i], text))
            return true;
    return false;
}

struct pa_caller *pa_caller_new(const char *name, const struct pa_server_settings *settings) {
    struct pa_caller *caller = pa_xcalloc(1, sizeof(*caller));
    atomic_init(&caller->references, 1);
    caller->name = pa_xstrdup(name);
    pa_ceilings_init(&caller->ceilings);
    caller->volumes = true;
    caller->rate = settings->rate_per_caller;
    caller->running_most = settings->max_running_per_caller;
    return caller;
}

struct pa_caller *pa_caller_ref(struct pa_caller *caller) {
    atomic_fetch_add_explicit(&caller->references, 1, memory_order_relaxed);
    return caller;
}

struct pa_caller *pa_caller_unref(struct pa_caller *caller) {
    if (!caller || atomic_fetch_sub(&caller->references, 1) > 1)
        return NULL;
    free(caller->name);
    pa_strv_free(caller->scopes);
    pa_strv_free(caller->tools);
    pa_strv_free(caller->languages);
    pa_strv_free(caller->digests);
    free(caller);
    return NULL;
}

const char *pa_caller_name(const struct pa_caller *caller) {
    return caller->name;
}

/* NULL stands for everything. */
static bool in_list(char *const *list, const char *word) {
    if (!list)
        return true;
    for (; *list; list++)
        if (pa_streq(*list, word))
            return true;
    return false;
}

bool pa_caller_may(const struct pa_caller *caller, const char *scope) {
    return in_list(caller->scopes, scope);
}

bool pa_caller_may_use(const struct pa_caller *caller, const char *tool) {
    return pa_caller_may(caller, "tools") && in_list(caller->tools, tool);
}

bool pa_caller_may_volumes(const struct pa_caller *caller) {
    return caller->volumes;
}

bool pa_caller_may_language(const struct pa_caller *caller, const char *language) {
    return in_list(caller->languages, language);
}

const struct pa_ceilings *pa_caller_ceilings(const struct pa_caller *caller) {
    return &caller->ceilings;
}

uint64_t pa_caller_running_most(const struct pa_caller *caller) {
    return caller->running_most;
}

uint64_t pa_caller_rate(const struct pa_caller *caller) {
    return caller->rate;
}

uint64_t pa_caller_spend(struct pa_caller *caller, uint64_t now_ns) {
    if (caller->rate == PA_UNLIMITED)
        return 0;
    const uint64_t price = PA_NS_PER_S / caller->rate;
    uint64_t full = atomic_load(&caller->full_ns);
    for (;;) {
        uint64_t next = PA_MAX(full, now_ns) + price;
        if (next > now_ns + PA_NS_PER_S)
            return (next - now_ns - PA_NS_PER_S + PA_NS_PER_MS - 1) / PA_NS_PER_MS;
        if (atomic_compare_exchange_weak(&caller->full_ns, &full, next))
            return 0;
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

struct pa_callers *pa_callers_free(struct pa_callers *callers) {
    if (!callers)
        return NULL;
    for (size_t i = 0; i < callers->count; i++)
        pa_caller_unref(callers->list[i]);
    free(callers->list);
    free(callers);
    return NULL;
}

size_t pa_callers_count(const struct pa_callers *callers) {
    return callers->count;
}

void pa_callers_add(struct pa_callers *callers, struct pa_caller *owned) {
    if (callers->count == callers->capacity) {
        size_t capacity = PA_MAX(2 * callers->capacity, (size_t)16);
        struct pa_caller **grown = pa_xcalloc(capacity, sizeof(struct pa_caller *));
        for (size_t i = 0; i < callers->count; i++)
            grown[i] = callers->list[i];
        free(callers->list);
        callers->list = grown;
        callers->capacity = capacity;
    }
    callers->list[callers->count++] = owned;
}

struct pa_caller *pa_callers_by_name(const struct pa_callers *callers, const char *name) {
    for (size_t i = 0; i < callers->count; i++)
        if (pa_streq(callers->list[i]->name, name))
            return callers->list[i];
    return NULL;
}

static void keep_rates(const struct pa_callers *callers, const struct pa_callers *before) {
    for (size_t i = 0; i < callers->count; i++) {
        const struct pa_caller *old = pa_callers_by_name(before, callers->list[i]->name);
        if (old)
            atomic_store(&callers->list[i]->full_ns, atomic_load(&old->full_ns));
    }
}

int pa_callers_load(const struct pa_server_settings *settings, const struct pa_callers *before,
                    struct pa_callers **ret, struct pa_error *err) {
    struct pa_callers *callers = pa_xcalloc(1, sizeof(*callers));
    if (settings->api_keys_file) {
        callers->keyed = true;
        if (pa_callers_read(callers, settings, err) < 0) {
            pa_callers_free(callers);
            return -1;
        }
    } else {
        pa_callers_add(callers, pa_caller_new("local", settings));
    }
    if (before)
        keep_rates(callers, before);
    *ret = callers;
    return 0;
}

/* 1 if the digests are the same, 0 if not; looks at all of both. */
static unsigned same_digest(const char *a, const char *b) {
    unsigned difference = 0;
    for (size_t i = 0; i < PA_DIGEST_TEXT - 1; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return ((difference - 1) >> 8) & 1;
}

int pa_callers_find(const struct pa_callers *callers, const char *credential,
                    struct pa_caller **ret, struct pa_error *err) {
    if (!callers->keyed) {
        *ret = pa_caller_ref(callers->list[0]);
        return 0;
    }
    if (!credential)
        return pa_fail(err, PA_ERR_UNAUTHENTICATED,
                       "this server wants an API key: send it as 'Authorization: Bearer KEY' or "
                       "'X-Api-Key: KEY'");
    char digest[PA_DIGEST_TEXT];
    size_t found = SIZE_MAX;
    pa_digest(credential, strlen(credential), digest);
    for (size_t i = 0; i < callers->count; i++)
        for (char **known = callers->list[i]->digests; known && *known; known++)
            found = same_digest(*known, digest) ? i : found;
    if (found == SIZE_MAX)
        return pa_fail(err, PA_ERR_UNAUTHENTICATED,
                       "the API key is not one that this server knows");
    *ret = pa_caller_ref(callers->list[found]);
    return 0;
}
