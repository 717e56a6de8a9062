/*
 * O_APPEND and one write for each record keep lines whole among threads and processes.  A disk that
 * fills up may take half a line; the next record then begins with a newline, so that only the cut
 * one is lost.
 */
#include "server/audit.h"

#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_EVERY_NS (60 * PA_NS_PER_S)

struct pa_audit {
    char *name; /* in the folder */
    int folder;
    bool with_code;
    pthread_mutex_t lock; /* over what follows */
    int fd;
    bool cut;         /* the last record was not written whole */
    uint64_t told_ns; /* when the log was last told of trouble */
    _Atomic uint64_t lost;
};

static int open_file(const struct pa_audit *audit, struct pa_error *err) {
    int fd = openat(audit->folder, audit->name,
                    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat st;
    if (fd < 0)
        return pa_fail_errno(err, errno, "server.audit_log: cannot open %s", audit->name);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "server.audit_log: %s is not a file",
                       audit->name);
    }
    return fd;
}

int pa_audit_new(const char *path, bool with_code, struct pa_audit **ret, struct pa_error *err) {
    const char *slash = strrchr(path, '/');
    PA_CLEANUP(pa_freep) char *folder = pa_xasprintf("%.*s", (int)(slash - path), path);
    struct pa_audit *audit = pa_xcalloc(1, sizeof(*audit));
    pthread_mutex_init(&audit->lock, NULL);
    audit->with_code = with_code;
    audit->name = pa_xstrdup(slash + 1);
    audit->folder = open(*folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    audit->fd = -1;
    if (audit->folder < 0)
        pa_fail_errno(err, errno, "server.audit_log: cannot open the folder %s", folder);
    else
        audit->fd = open_file(audit, err);
    if (audit->fd < 0) {
        pa_audit_free(audit);
        return -1;
    }
    *ret = audit;
    return 0;
}

struct pa_audit *pa_audit_free(struct pa_audit *audit) {
    if (!audit)
        return NULL;
    pa_closep(&audit->fd);
    pa_closep(&audit->folder);
    pthread_mutex_destroy(&audit->lock);
    free(audit->name);
    free(audit);
    return NULL;
}

int pa_audit_reopen(struct pa_audit *audit, struct pa_error *err) {
    int fd = open_file(audit, err);
    if (fd < 0)
        return -1;
    pthread_mutex_lock(&audit->lock);
    int old = audit->fd;
    audit->fd = fd;
    audit->cut = false;
    pthread_mutex_unlock(&audit->lock);
    close(old);
    return 0;
}

/* --- a record --------------------------------------------------------------------------------- */

static void put_text(json_t *json, const char *key, const char *text) {
    if (text && *text)
        json_object_set_new(json, key, json_string(text));
}

static json_t *limits_json(const struct pa_policy *policy) {
    json_t *json = json_object();
    for (size_t i = 0; i < pa_limit_count; i++) {
        uint64_t value = *pa_limit_slot((struct pa_limits *)&policy->limits, &pa_limit_infos[i]);
        if (value != pa_limit_infos[i].initial)
            json_object_set_new(json, pa_limit_infos[i].name,
                                value == PA_UNLIMITED ? json_string("unlimited")
                                                      : json_integer((json_int_t)value));
    }
    return json;
}

/* What it could reach, and the limits that are not the default's. */
static json_t *policy_json(const struct pa_policy *policy) {
    json_t *json = json_object(), *mounts = json_array();
    for (size_t i = 0; i < policy->mount_count; i++)
        json_array_append_new(mounts, json_pack("{s:s, s:s, s:b}", "host", policy->mounts[i].host,
                                                "guest", policy->mounts[i].guest, "writable",
                                                policy->mounts[i].writable));
    json_object_set_new(json, "mounts", mounts);
    json_object_set_new(json, "limits", limits_json(policy));
    json_object_set_new(json, "deterministic", json_boolean(policy->deterministic));
    return json;
}

/* How it ended and what it cost, without what it wrote. */
static json_t *ending_json(const struct pa_audit_record *record) {
    static const char *const kept[] = {"status", "exit_code", "usage", "error", "session_id"};
    json_t *json = json_object();
    for (size_t i = 0; record->outcome && i < PA_ARRAY_LEN(kept); i++) {
        json_t *value = json_object_get(record->outcome, kept[i]);
        if (value)
            json_object_set(json, kept[i], value);
    }
    if (!record->outcome && record->error) {
        put_text(json, "code", pa_error_code_name(record->error->code));
        put_text(json, "message", record->error->message);
    }
    json_object_set_new(json, "duration_ms", json_real((double)record->duration_ns / PA_NS_PER_MS));
    return json;
}

static char *format(const struct pa_audit *audit, const struct pa_audit_record *record) {
    char time[PA_CLOCK_TEXT];
    json_t *json = json_object();
    json_object_set_new(json, "time", json_string(pa_clock_text(pa_clock_realtime_ns(), time)));
    put_text(json, "run_id", record->run_id);
    put_text(json, "caller", record->caller);
    put_text(json, "door", record->door);
    put_text(json, "tool", record->tool);
    put_text(json, "language", record->language);
    put_text(json, "sha256", record->digest);
    if (record->policy)
        json_object_set_new(json, "policy", policy_json(record->policy));
    if (audit->with_code && record->parameters)
        json_object_set_new(json, "parameters", json_deep_copy(record->parameters));
    json_object_set_new(json, "outcome", ending_json(record));
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    json_decref(json);
    return text;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void lose(struct pa_audit *audit, int errnum) {
    uint64_t lost = atomic_fetch_add(&audit->lost, 1) + 1;
    uint64_t now = pa_clock_monotonic_ns();
    if (audit->told_ns && now - audit->told_ns < LOG_EVERY_NS)
        return;
    audit->told_ns = now;
    pa_log_error("server", "the audit log %s cannot be written (%s): %llu records are lost so far",
                 audit->name, strerror(errnum), (unsigned long long)lost);
}

void pa_audit_write(struct pa_audit *audit, const struct pa_audit_record *record) {
    PA_CLEANUP(pa_freep) char *text = format(audit, record);
    PA_CLEANUP(pa_freep) char *line = text ? pa_xasprintf("\n%s\n", text) : NULL;
    pthread_mutex_lock(&audit->lock);
    if (!line) {
        lose(audit, ENOMEM);
    } else {
        const char *from = audit->cut ? line : line + 1;
        size_t size = strlen(from);
        ssize_t written = write(audit->fd, from, size);
        int errnum = written < 0 ? errno : ENOSPC;
        if (written < 0 || (size_t)written < size)
            lose(audit, errnum);
        audit->cut = written < 0 ? audit->cut : (size_t)written < size;
    }
    pthread_mutex_unlock(&audit->lock);
}

uint64_t pa_audit_lost(const struct pa_audit *audit) {
    return atomic_load(&audit->lost);
}
