/*
 * One table, keyed by owner and key, and one with each owner's account, which changes in the same
 * transaction: so a quota costs one look-up and is never wrong.
 *
 * Statements are prepared once.  One lock is enough: a call takes some ten microseconds.
 */
#include "tools/kv.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/stat.h>

#define SCHEMA                                                                                     \
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;"          \
    "CREATE TABLE IF NOT EXISTS entries (owner TEXT NOT NULL, key BLOB NOT NULL,"                  \
    " value TEXT NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID;"                               \
    "CREATE TABLE IF NOT EXISTS accounts (owner TEXT PRIMARY KEY, bytes INTEGER NOT NULL,"         \
    " entries INTEGER NOT NULL) WITHOUT ROWID;"

/* name, statement */
#define STATEMENTS(X)                                                                              \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(GET, "SELECT value FROM entries WHERE owner = ?1 AND key = ?2")                              \
    X(PUT, "INSERT INTO entries VALUES (?1, ?2, ?3)"                                               \
           " ON CONFLICT DO UPDATE SET value = excluded.value")                                    \
    X(DELETE, "DELETE FROM entries WHERE owner = ?1 AND key = ?2")                                 \
    X(LIST, "SELECT key FROM entries WHERE owner = ?1 AND key > ?2 AND key >= ?3"                  \
            " ORDER BY key LIMIT ?4")                                                              \
    X(ACCOUNT, "SELECT bytes, entries FROM accounts WHERE owner = ?1")                             \
    X(SETTLE, "INSERT INTO accounts VALUES (?1, ?2, ?3)"                                           \
              " ON CONFLICT DO UPDATE SET bytes = excluded.bytes, entries = excluded.entries")

enum statement {
#define X(name, text) name,
    STATEMENTS(X)
#undef X
    STATEMENT_COUNT,
};

struct pa_kv {
    pthread_mutex_t lock;
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct pa_kv_quota quota;
};

struct account {
    uint64_t bytes, entries;
};

static int fail(struct pa_kv *kv, struct pa_error *err) {
    int code = sqlite3_errcode(kv->database);
    return pa_fail(err, code == SQLITE_FULL ? PA_ERR_RESOURCE_EXHAUSTED : PA_ERR_UNAVAILABLE,
                   "the key-value store: %s", sqlite3_errmsg(kv->database));
}

/* A statement with owner and key bound, ready to step. */
static sqlite3_stmt *ready(struct pa_kv *kv, enum statement which, const char *owner,
                           const char *key) {
    sqlite3_stmt *statement = kv->statements[which];
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (owner)
        sqlite3_bind_text(statement, 1, owner, -1, SQLITE_STATIC);
    if (key)
        sqlite3_bind_blob(statement, 2, key, (int)strlen(key), SQLITE_STATIC);
    return statement;
}

/* Runs a statement that gives no row. */
static int run(struct pa_kv *kv, sqlite3_stmt *statement, struct pa_error *err) {
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : fail(kv, err);
}

static int check_key(const char *key, struct pa_error *err) {
    size_t size = strlen(key);
    return size && size <= PA_KV_KEY_MAX
               ? 0
               : pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a key has 1 to %d bytes; this one has %zu",
                         PA_KV_KEY_MAX, size);
}

/* --- life --- */

int pa_kv_open(const char *path, const struct pa_kv_quota *quota, struct pa_kv **ret,
               struct pa_error *err) {
    static const char *const texts[] = {
#define X(name, text) [name] = text,
        STATEMENTS(X)
#undef X
    };
    struct pa_kv *kv = pa_xcalloc(1, sizeof(*kv));
    pthread_mutex_init(&kv->lock, NULL);
    kv->quota = *quota;
    mode_t mask = umask(0077);
    int code = sqlite3_open_v2(path, &kv->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_NOFOLLOW,
                               NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(kv->database, SCHEMA, NULL, NULL, NULL);
    umask(mask);
    for (size_t i = 0; i < STATEMENT_COUNT && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(kv->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &kv->statements[i], NULL);
    if (code != SQLITE_OK) {
        fail(kv, err);
        pa_error_prefix(err, "%s", path);
        pa_kv_close(kv);
        return -1;
    }
    *ret = kv;
    return 0;
}

struct pa_kv *pa_kv_close(struct pa_kv *kv) {
    if (!kv)
        return NULL;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(kv->statements[i]);
    sqlite3_close(kv->database);
    pthread_mutex_destroy(&kv->lock);
    free(kv);
    return NULL;
}

/* --- reading --- */

/* The text of a value, to be freed; NULL with 0 where there is none. */
static int look_up(struct pa_kv *kv, const char *owner, const char *key, char **ret,
                   struct pa_error *err) {
    sqlite3_stmt *get = ready(kv, GET, owner, key);
    int code = sqlite3_step(get);
    *ret = code == SQLITE_ROW ? pa_xstrdup((const char *)sqlite3_column_text(get, 0)) : NULL;
    sqlite3_reset(get);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : fail(kv, err);
}

int pa_kv_get(struct pa_kv *kv, const char *owner, const char *key, json_t **ret,
              struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *text = NULL;
    if (check_key(key, err) < 0)
        return -1;
    pthread_mutex_lock(&kv->lock);
    int done = look_up(kv, owner, key, &text, err);
    pthread_mutex_unlock(&kv->lock);
    if (done < 0)
        return -1;
    *ret = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    return text && !*ret ? pa_fail(err, PA_ERR_INTERNAL, "the stored value is not JSON") : 0;
}

int pa_kv_list(struct pa_kv *kv, const char *owner, const char *prefix, const char *after,
               size_t most, json_t **ret, struct pa_error *err) {
    const size_t size = strlen(prefix);
    int code;
    *ret = json_array();
    pthread_mutex_lock(&kv->lock);
    sqlite3_stmt *list = ready(kv, LIST, owner, after ? after : "");
    sqlite3_bind_blob(list, 3, prefix, (int)size, SQLITE_STATIC);
    sqlite3_bind_int64(list, 4, (sqlite3_int64)PA_MIN(most, (size_t)PA_KV_LIST_MAX));
    while ((code = sqlite3_step(list)) == SQLITE_ROW) {
        const char *key = sqlite3_column_blob(list, 0);
        size_t length = (size_t)sqlite3_column_bytes(list, 0);
        if (length < size || memcmp(key, prefix, size) != 0)
            break; /* all that begin so are neighbours */
        json_array_append_new(*ret, json_stringn(key, length));
    }
    sqlite3_reset(list);
    int done = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : fail(kv, err);
    pthread_mutex_unlock(&kv->lock);
    if (done < 0)
        json_decref(pa_steal(ret));
    return done;
}

/* --- writing --- */

static int read_account(struct pa_kv *kv, const char *owner, struct account *ret,
                        struct pa_error *err) {
    sqlite3_stmt *account = ready(kv, ACCOUNT, owner, NULL);
    int code = sqlite3_step(account);
    *ret = (struct account){0};
    if (code == SQLITE_ROW)
        *ret = (struct account){(uint64_t)sqlite3_column_int64(account, 0),
                                (uint64_t)sqlite3_column_int64(account, 1)};
    sqlite3_reset(account);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : fail(kv, err);
}

static int check_quota(const struct pa_kv *kv, const struct account *now, struct pa_error *err) {
    if (now->bytes > kv->quota.bytes)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "quota of %llu bytes reached: delete keys, or write less",
                       (unsigned long long)kv->quota.bytes);
    if (now->entries > kv->quota.entries)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "quota of %llu keys reached: delete some",
                       (unsigned long long)kv->quota.entries);
    return 0;
}

/* Within a transaction: `text` NULL deletes. */
static int change(struct pa_kv *kv, const char *owner, const char *key, const char *text,
                  bool *ret_was_there, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *before = NULL;
    struct account account;
    if (look_up(kv, owner, key, &before, err) < 0 || read_account(kv, owner, &account, err) < 0)
        return -1;
    *ret_was_there = before;
    account.bytes -= before ? strlen(key) + strlen(before) : 0;
    account.entries -= before != NULL;
    account.bytes += text ? strlen(key) + strlen(text) : 0;
    account.entries += text != NULL;
    if (text && check_quota(kv, &account, err) < 0)
        return -1;
    sqlite3_stmt *statement = ready(kv, text ? PUT : DELETE, owner, key);
    if (text)
        sqlite3_bind_text(statement, 3, text, -1, SQLITE_STATIC);
    if (run(kv, statement, err) < 0)
        return -1;
    sqlite3_stmt *settle = ready(kv, SETTLE, owner, NULL);
    sqlite3_bind_int64(settle, 2, (sqlite3_int64)account.bytes);
    sqlite3_bind_int64(settle, 3, (sqlite3_int64)account.entries);
    return run(kv, settle, err);
}

static int transact(struct pa_kv *kv, const char *owner, const char *key, const char *text,
                    bool *ret_was_there, struct pa_error *err) {
    struct pa_error ignored;
    if (check_key(key, err) < 0)
        return -1;
    pthread_mutex_lock(&kv->lock);
    int done = run(kv, ready(kv, BEGIN, NULL, NULL), err);
    if (done == 0) {
        done = change(kv, owner, key, text, ret_was_there, err);
        if (done == 0)
            done = run(kv, ready(kv, COMMIT, NULL, NULL), err);
        if (done < 0)
            run(kv, ready(kv, ROLLBACK, NULL, NULL), &ignored);
    }
    pthread_mutex_unlock(&kv->lock);
    return done;
}

int pa_kv_put(struct pa_kv *kv, const char *owner, const char *key, const json_t *value,
              struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    bool was_there;
    if (!text || strlen(text) > PA_KV_VALUE_MAX)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a value has at most %d bytes as JSON",
                       PA_KV_VALUE_MAX);
    return transact(kv, owner, key, text, &was_there, err);
}

int pa_kv_delete(struct pa_kv *kv, const char *owner, const char *key, bool *ret_was_there,
                 struct pa_error *err) {
    return transact(kv, owner, key, NULL, ret_was_there, err);
}

/* --- calls of guests --- */

static int text_of(const json_t *arguments, const char *name, bool required, const char **ret,
                   struct pa_error *err) {
    const json_t *value = json_object_get(arguments, name);
    *ret = json_string_value(value);
    if (value ? *ret != NULL && strlen(*ret) == json_string_length(value) : !required)
        return 0;
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s must be text without NUL", name);
}

static int call_list(struct pa_kv *kv, const char *owner, const json_t *arguments, json_t **ret,
                     struct pa_error *err) {
    const char *prefix, *after;
    const json_t *most = json_object_get(arguments, "most");
    if (text_of(arguments, "prefix", false, &prefix, err) < 0 ||
        text_of(arguments, "after", false, &after, err) < 0)
        return -1;
    json_int_t count = most ? json_integer_value(most) : PA_KV_LIST_MAX;
    if (count < 1 || count > PA_KV_LIST_MAX)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "most must be a number from 1 to %d",
                       PA_KV_LIST_MAX);
    return pa_kv_list(kv, owner, prefix ? prefix : "", after, (size_t)count, ret, err);
}

int pa_kv_call(struct pa_kv *kv, const char *owner, const char *name, const json_t *arguments,
               json_t **ret, struct pa_error *err) {
    const json_t *value = json_object_get(arguments, "value");
    const char *key;
    bool was_there;
    if (pa_streq(name, "list"))
        return call_list(kv, owner, arguments, ret, err);
    if (text_of(arguments, "key", true, &key, err) < 0)
        return -1;
    if (pa_streq(name, "get")) {
        if (pa_kv_get(kv, owner, key, ret, err) < 0)
            return -1;
        *ret = json_pack("{s:b, s:o}", "found", *ret != NULL, "value", *ret ? *ret : json_null());
        return 0;
    }
    if (pa_streq(name, "put")) {
        if (!value)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "value is missing");
        *ret = json_true();
        return pa_kv_put(kv, owner, key, value, err);
    }
    if (!pa_streq(name, "delete"))
        return pa_fail(err, PA_ERR_NOT_FOUND, "there is no call kv.%.40s", name);
    if (pa_kv_delete(kv, owner, key, &was_there, err) < 0)
        return -1;
    *ret = json_boolean(was_there);
    return 0;
}
