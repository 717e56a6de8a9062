/*
 * A list of kinds under one lock, each with a pool of its own.
 *
 * A kind's key is a digest of all that its root is started with, each part preceded by its length,
 * so that no two lists of paths can look alike.  A thread that takes a copy counts as a user of the
 * kind until it has the copy, which the pool then counts (pa_pool_stats.out): a kind without either
 * is nobody's, and the one of them that was asked for longest ago makes room for a new kind, or
 * ends when that is too long ago, which is looked at whenever somebody asks for any kind.  Those
 * that were warmed on purpose stay.
 */
#include "run/pools.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/language.h"
#include "run/transpile.h"
#include <pthread.h>

#define KEY_MAX PA_MIB
#define REST_MS UINT64_C(1800000)

/* A kind of warm process: everything that its root was started with. */
struct kind {
    struct pa_pools *pools;
    char key[PA_DIGEST_TEXT];
    char *label;                /* for logs and metrics */
    struct pa_image image;      /* its packages are among the mounts */
    struct pa_language_run run; /* of the root: no program */
    struct pa_pool *pool;
    unsigned users; /* threads that are about to take a copy */
    bool stays;
    uint64_t asked_ns; /* for the last time */
};

struct pa_pools {
    struct pa_pools_config config;
    struct pa_policy policy;
    uint64_t rest_ns;
    pthread_mutex_t lock; /* over what follows */
    struct kind *kinds[PA_MAX_POOLS];
    size_t count;
    bool closed;
};

static int start_root(void *context, int cancel_fd, struct pa_worker *ret, struct pa_error *err) {
    struct kind *kind = context;
    struct pa_run_request request = kind->run.request;
    struct pa_outcome outcome;
    request.cancel_fd = cancel_fd;
    pa_outcome_init(&outcome);
    int done = pa_start_root(kind->pools->config.executor, &request, ret, &outcome, err);
    pa_outcome_done(&outcome);
    return done;
}

/* --- what a kind is --- */

static void put_list(struct pa_buf *buf, char *const *list) {
    pa_put_u32(buf, (uint32_t)pa_strv_count(list));
    for (; list && *list; list++)
        pa_put_text(buf, *list);
}

static int key_of(const struct pa_want *want, char ret_key[PA_DIGEST_TEXT], struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf all = PA_BUF_INIT(KEY_MAX);
    pa_put_text(&all, want->language);
    pa_put_u8(&all, want->metered);
    pa_put_u8(&all, want->deterministic);
    pa_put_u32(&all, (uint32_t)want->policy.mount_count);
    for (size_t i = 0; i < want->policy.mount_count; i++) {
        const struct pa_mount *mount = &want->policy.mounts[i];
        pa_put_text(&all, mount->host);
        pa_put_text(&all, mount->guest);
        pa_put_u8(&all, mount->writable);
        pa_put_text(&all, mount->account);
        pa_put_u64(&all, mount->quota_bytes);
        pa_put_u64(&all, mount->quota_entries);
    }
    put_list(&all, want->paths);
    put_list(&all, want->preload);
    pa_put_text(&all, want->interpreter ? want->interpreter_sha256 : ""); /* whatever its path */
    if (all.failed)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "a warm process with more than %llu bytes of paths and names",
                       (unsigned long long)KEY_MAX);
    pa_digest(all.data, all.size, ret_key);
    return 0;
}

static bool label_is_taken(const struct pa_pools *pools, const char *label) {
    for (size_t i = 0; i < pools->count; i++)
        if (pa_streq(pools->kinds[i]->label, label))
            return true;
    return false;
}

/* "python (metered) +numpy"; kinds that differ in what is not said get " #2", " #3" ... */
static char *make_label(const struct pa_pools *pools, const struct pa_want *want) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(512);
    pa_buf_append_text(&text, want->language);
    if (want->deterministic || want->metered)
        pa_buf_append_text(&text, want->deterministic ? " (deterministic)" : " (metered)");
    if (want->interpreter)
        pa_buf_append_text(&text, " (own interpreter)");
    for (char **module = want->preload; module && *module; module++)
        pa_buf_printf(&text, " +%s", *module); /* what has no room is left out */
    char *label = pa_xstrdup(pa_buf_text(&text));
    for (unsigned n = 2; label_is_taken(pools, label); n++) {
        free(label);
        label = pa_xasprintf("%s #%u", pa_buf_text(&text), n);
    }
    return label;
}

static bool is_compiled_python(const struct pa_want *want) {
    return pa_streq(want->language, PA_PYTHON_COMPILED);
}

/* What a root is started with: the pools' policy, but with the mounts that are wanted and no other,
 * and as much memory as any request may ask for, since a copy's limit can only be lower. */
static int describe_root(struct pa_pools *pools, const struct pa_want *want, struct kind *kind,
                         struct pa_error *err) {
    struct pa_policy policy, bare = pools->policy; /* borrowed */
    bare.mount_count = 0;
    pa_policy_copy(&policy, &bare);
    policy.limits.memory_bytes = pa_limit_find("memory_bytes")->largest;
    policy.limits.fuel = want->metered && !want->deterministic ? INT64_MAX : PA_UNLIMITED;
    policy.deterministic = want->deterministic;
    int done = 0;
    for (size_t i = 0; i < want->policy.mount_count && done == 0; i++) {
        done = pa_policy_add_mount_of(&policy, &want->policy.mounts[i], err);
    }
    const struct pa_program nothing = {.code = "", .code_size = 0, .root = true};
    if (done == 0 && is_compiled_python(want)) {
        pa_policy_copy(&kind->run.policy, &policy);
        pa_python_root(&kind->run.policy, &kind->run.request);
    } else if (done == 0)
        done = pa_language_run_init(&kind->run, &kind->image, pools->config.cache_directory,
                                    &policy, &nothing, err);
    pa_policy_done(&policy);
    return done;
}

static int describe_image(struct pa_pools *pools, const struct pa_want *want, struct pa_image *ret,
                          struct pa_error *err) {
    const struct pa_packs *packs = pools->config.packs;
    if (is_compiled_python(want))
        return 0; /* it has no interpreter */
    const struct pa_pack *pack = pa_packs_find(packs, want->language, err);
    if (!pack)
        return -1;
    pa_image_init(ret, pack);
    if (want->interpreter &&
        pa_image_known_interpreter(ret, packs, want->interpreter, want->interpreter_sha256,
                                   want->interpreter_bytes, err) < 0)
        return -1;
    for (char **module = want->preload; module && *module; module++)
        pa_image_add_preload(ret, *module);
    for (char **path = want->paths; path && *path; path++)
        pa_strv_add(&ret->paths, pa_xstrdup(*path));
    return 0;
}

static struct kind *free_kind(struct kind *kind) {
    if (!kind)
        return NULL;
    pa_pool_free(kind->pool);
    pa_language_run_done(&kind->run);
    pa_image_done(&kind->image);
    free(kind->label);
    free(kind);
    return NULL;
}

/* --- the list, under the lock --- */

/* Nobody has or wants a copy of it.  One that is starting is not waited for. */
static bool is_unused(const struct kind *kind) {
    struct pa_pool_stats stats;
    if (kind->users || kind->stays)
        return false;
    pa_pool_stats(kind->pool, &stats);
    return !stats.out && (stats.ready || stats.trouble[0]);
}

/* Takes the unused kind out of the list that was asked for longest ago, and before `asked_ns`: the
 * caller frees it, without the lock, for that waits for a thread.  NULL where there is none. */
static struct kind *take_out_oldest(struct pa_pools *pools, uint64_t asked_ns) {
    size_t oldest = pools->count;
    for (size_t i = 0; i < pools->count; i++)
        if (pools->kinds[i]->asked_ns < asked_ns && is_unused(pools->kinds[i])) {
            asked_ns = pools->kinds[i]->asked_ns;
            oldest = i;
        }
    if (oldest == pools->count)
        return NULL;
    struct kind *kind = pools->kinds[oldest];
    pools->kinds[oldest] = pools->kinds[--pools->count];
    pa_log_info("warm", "%s has not been asked for in a long while and ends", kind->label);
    return kind;
}

static int make_kind(struct pa_pools *pools, const struct pa_want *want, const char *key,
                     struct kind **ret, struct pa_error *err) {
    struct kind *kind = pa_xcalloc(1, sizeof(*kind));
    kind->pools = pools;
    kind->label = make_label(pools, want);
    memcpy(kind->key, key, PA_DIGEST_TEXT);
    struct pa_pool_config config = {.name = kind->label,
                                    .start_root = start_root,
                                    .context = kind,
                                    .idle_least = pools->config.idle_least,
                                    .idle_most = pools->config.idle_most,
                                    .oldest_first = is_compiled_python(want)};
    if (describe_image(pools, want, &kind->image, err) < 0 ||
        describe_root(pools, want, kind, err) < 0 || pa_pool_new(&config, &kind->pool, err) < 0) {
        free_kind(kind);
        return -1;
    }
    pools->kinds[pools->count++] = kind;
    *ret = kind;
    return 0;
}

static struct kind *find(const struct pa_pools *pools, const char *key) {
    for (size_t i = 0; i < pools->count; i++)
        if (pa_streq(pools->kinds[i]->key, key))
            return pools->kinds[i];
    return NULL;
}

static int find_or_make(struct pa_pools *pools, const struct pa_want *want, const char *key,
                        struct kind **ret, struct kind **ret_gone, struct pa_error *err) {
    if (pools->closed)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "the server ends");
    if ((*ret = find(pools, key)))
        return 0;
    if (pools->count == PA_MAX_POOLS && !(*ret_gone = take_out_oldest(pools, UINT64_MAX)))
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "there are %d kinds of warm processes already, all of them in use",
                       PA_MAX_POOLS);
    return make_kind(pools, want, key, ret, err);
}

/* --- for everybody --- */

/* The kind, with this thread as a user of it. */
static int begin_use(struct pa_pools *pools, const struct pa_want *want, struct kind **ret,
                     struct pa_error *err) {
    char key[PA_DIGEST_TEXT];
    struct kind *gone = NULL;
    if (key_of(want, key, err) < 0)
        return -1;
    pthread_mutex_lock(&pools->lock);
    int done = find_or_make(pools, want, key, ret, &gone, err);
    const uint64_t now = pa_clock_monotonic_ns();
    if (done == 0) {
        (*ret)->users++;
        (*ret)->asked_ns = now;
    }
    if (!gone && now > pools->rest_ns)
        gone = take_out_oldest(pools, now - pools->rest_ns);
    pthread_mutex_unlock(&pools->lock);
    free_kind(gone);
    return done;
}

static void end_use(struct pa_pools *pools, struct kind *kind) {
    pthread_mutex_lock(&pools->lock);
    kind->users--;
    pthread_mutex_unlock(&pools->lock);
}

int pa_pools_take(struct pa_pools *pools, const struct pa_want *want, uint64_t deadline_ns,
                  int cancel_fd, struct pa_worker *ret, struct pa_error *err) {
    struct kind *kind;
    if (begin_use(pools, want, &kind, err) < 0)
        return -1;
    int done = pa_pool_take(kind->pool, deadline_ns, cancel_fd, ret, err);
    end_use(pools, kind);
    return done;
}

bool pa_pools_ready(struct pa_pools *pools, const struct pa_want *want) {
    char key[PA_DIGEST_TEXT];
    struct pa_error ignored;
    struct pa_pool_stats stats = {.ready = false};
    if (key_of(want, key, &ignored) < 0)
        return false;
    pthread_mutex_lock(&pools->lock);
    struct kind *kind = find(pools, key);
    if (kind)
        pa_pool_stats(kind->pool, &stats);
    pthread_mutex_unlock(&pools->lock);
    return stats.ready;
}

int pa_pools_take_session(struct pa_pools *pools, const struct pa_want *want, uint64_t deadline_ns,
                          int cancel_fd, struct pa_worker *ret, struct pa_error *err) {
    struct kind *kind;
    if (begin_use(pools, want, &kind, err) < 0)
        return -1;
    int done = pa_pool_take_session(kind->pool, deadline_ns, cancel_fd, ret, err);
    end_use(pools, kind);
    return done;
}

static int warm(struct pa_pools *pools, struct pa_want *want, struct pa_error *err) {
    struct kind *kind;
    int done = begin_use(pools, want, &kind, err);
    pa_want_done(want);
    if (done < 0)
        return -1;
    pthread_mutex_lock(&pools->lock);
    kind->stays = true;
    kind->users--;
    pthread_mutex_unlock(&pools->lock);
    return 0;
}

int pa_pools_warm_compiled(struct pa_pools *pools, struct pa_error *err) {
    struct pa_want want;
    pa_python_want(&want);
    return warm(pools, &want, err);
}

int pa_pools_warm(struct pa_pools *pools, const struct pa_image *image, struct pa_error *err) {
    struct pa_language_run run; /* as a request's would be, whose mounts its are */
    struct pa_want want;
    const struct pa_program nothing = {.code = "", .code_size = 0};
    if (pa_language_run_init(&run, image, pools->config.cache_directory, &pools->policy, &nothing,
                             err) < 0)
        return -1;
    pa_want_init(&want, image, &run.policy);
    pa_language_run_done(&run);
    return warm(pools, &want, err);
}

static bool has_mount_below(const struct kind *kind, const char *folder) {
    const struct pa_policy *policy = &kind->run.policy;
    const size_t size = strlen(folder);
    for (size_t i = 0; i < policy->mount_count; i++)
        if (strncmp(policy->mounts[i].host, folder, size) == 0 &&
            policy->mounts[i].host[size] == '/')
            return true;
    return false;
}

void pa_pools_release(struct pa_pools *pools, const char *folder) {
    struct kind *gone[PA_MAX_POOLS];
    size_t count = 0;
    pthread_mutex_lock(&pools->lock);
    for (size_t i = pools->count; i-- > 0;)
        if (is_unused(pools->kinds[i]) && has_mount_below(pools->kinds[i], folder)) {
            gone[count++] = pools->kinds[i];
            pools->kinds[i] = pools->kinds[--pools->count];
        }
    pthread_mutex_unlock(&pools->lock);
    for (size_t i = 0; i < count; i++) /* that waits for threads */
        free_kind(gone[i]);
}

void pa_pools_each(struct pa_pools *pools,
                   void (*each)(void *context, const char *kind, const struct pa_pool_stats *stats),
                   void *context) {
    pthread_mutex_lock(&pools->lock);
    for (size_t i = 0; i < pools->count; i++) {
        struct pa_pool_stats stats;
        pa_pool_stats(pools->kinds[i]->pool, &stats);
        stats.stays = pools->kinds[i]->stays;
        each(context, pools->kinds[i]->label, &stats);
    }
    pthread_mutex_unlock(&pools->lock);
}

int pa_pools_new(const struct pa_pools_config *config, struct pa_pools **ret,
                 PA_UNUSED struct pa_error *err) {
    struct pa_pools *pools = pa_xcalloc(1, sizeof(*pools));
    pools->config = *config;
    pools->rest_ns = (config->rest_ms ? config->rest_ms : REST_MS) * PA_NS_PER_MS;
    pa_policy_copy(&pools->policy, config->policy);
    pthread_mutex_init(&pools->lock, NULL);
    *ret = pools;
    return 0;
}

void pa_pools_close(struct pa_pools *pools) {
    pthread_mutex_lock(&pools->lock);
    pools->closed = true;
    for (size_t i = 0; i < pools->count; i++)
        pa_pool_close(pools->kinds[i]->pool);
    pthread_mutex_unlock(&pools->lock);
}

struct pa_pools *pa_pools_free(struct pa_pools *pools) {
    if (!pools)
        return NULL;
    for (size_t i = 0; i < pools->count; i++)
        free_kind(pools->kinds[i]);
    pthread_mutex_destroy(&pools->lock);
    pa_policy_done(&pools->policy);
    free(pools);
    return NULL;
}
