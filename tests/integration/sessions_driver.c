/*
 * The sessions layer, for tests in Python: requests on standard input, a line of JSON each, replies
 * on standard output, in the order in which they are done.
 *
 *     sessions_driver WORKER [MOST [IDLE_MS [LIFE_MS]]]
 *
 *     {"tag": 1, "op": "turn", "id": "s-...", "code": "print(1)"}
 *     {"tag": 1, "ok": {...outcome...}}   or   {"tag": 1, "error": {"code": "NOT_FOUND", "message":
 * ...}}
 *
 * Each request has a thread, so that a test can have several under way.  At the end of input all
 * sessions end, and the exit status is 0.
 */
#include "base/clock.h"
#include "base/log.h"
#include "run/exchange.h"
#include "run/sessions.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD_MOST 16

struct driver {
    struct pa_executor *executor;
    struct pa_packs *packs;
    struct pa_pools *pools;
    struct pa_sessions *sessions;
    pthread_mutex_t lock; /* over standard output and what follows */
    pthread_cond_t fewer;
    unsigned running;
    struct pa_call *held[HELD_MOST]; /* calls of the tool "hold", until "release" answers them */
    size_t held_count;
};

struct request {
    struct driver *driver;
    json_t *json;
};

/* --- reading requests ------------------------------------------------------------------------- */

static const char *text_of(const json_t *request, const char *key) {
    return json_string_value(json_object_get(request, key));
}

static uint64_t number_of(const json_t *request, const char *key, uint64_t otherwise) {
    const json_t *value = json_object_get(request, key);
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

static uint64_t deadline_of(const json_t *request) {
    uint64_t ms = number_of(request, "deadline_ms", 0);
    return ms ? pa_clock_monotonic_ns() + ms * PA_NS_PER_MS : PA_NEVER;
}

static struct pa_session_asker asker_of(const json_t *request) {
    return (struct pa_session_asker){text_of(request, "owner"), deadline_of(request), -1};
}

static bool flag_of(const json_t *request, const char *key) {
    return json_is_true(json_object_get(request, key));
}

static int read_limits(const json_t *request, struct pa_limits *limits, struct pa_error *err) {
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(request, "limits"), key, value) {
        const struct pa_limit_info *info = pa_limit_find(key);
        if (!info)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "no limit %s", key);
        *pa_limit_slot(limits, info) = (uint64_t)json_integer_value(value);
    }
    return 0;
}

static enum pa_program_mode mode_of(const json_t *request) {
    const char *mode = text_of(request, "mode");
    return mode && pa_streq(mode, "expression") ? PA_PROGRAM_EXPRESSION : PA_PROGRAM_SCRIPT;
}

/* --- what can be asked ------------------------------------------------------------------------ */

static int create(struct driver *driver, const json_t *request, json_t **ret,
                  struct pa_error *err) {
    const char *language = text_of(request, "language");
    const struct pa_pack *pack = pa_packs_find(driver->packs, language ? language : "python", err);
    struct pa_policy policy;
    char id[PA_SESSION_ID_TEXT];
    size_t i;
    json_t *module;
    if (!pack)
        return -1;
    pa_policy_init(&policy);
    policy.deterministic = flag_of(request, "deterministic");
    policy.seed = number_of(request, "seed", 0);
    struct pa_image *image = pa_xcalloc(1, sizeof(*image));
    pa_image_init(image, pack);
    json_array_foreach(json_object_get(request, "preload"), i, module) {
        pa_image_add_preload(image, json_string_value(module));
    }
    const struct pa_session_create how = {.owner = text_of(request, "owner"),
                                          .name = text_of(request, "name"),
                                          .labels = json_object_get(request, "labels"),
                                          .image = image,
                                          .policy = &policy,
                                          .recover = flag_of(request, "recover"),
                                          .idle_ms = number_of(request, "idle_ms", 0),
                                          .life_ms = number_of(request, "life_ms", 0),
                                          .deadline_ns = deadline_of(request),
                                          .cancel_fd = -1};
    int done = read_limits(request, &policy.limits, err);
    if (done == 0) {
        done = pa_sessions_create(driver->sessions, &how, id, err);
    } else {
        pa_image_done(image);
        free(image);
    }
    pa_policy_done(&policy);
    if (done == 0)
        *ret = json_string(id);
    return done;
}

/* --- tools that a turn may call --- */

static void *answer_late(void *context) {
    struct pa_call *call = context;
    usleep((useconds_t)number_of(pa_call_arguments(call), "ms", 0) * 1000);
    pa_call_answer(call, json_deep_copy(pa_call_arguments(call)));
    return NULL;
}

static json_t *many(const json_t *arguments) {
    size_t size = number_of(arguments, "size", 0);
    char *text = pa_xcalloc(1, size + 1);
    memset(text, 'x', size);
    json_t *value = json_string(text);
    free(text);
    return value;
}

static void hold(struct driver *driver, struct pa_call *call) {
    pthread_mutex_lock(&driver->lock);
    PA_ASSERT(driver->held_count < HELD_MOST);
    driver->held[driver->held_count++] = call;
    pthread_mutex_unlock(&driver->lock);
}

/* Answers what is held: how many calls that was. */
static json_t *release(struct driver *driver) {
    pthread_mutex_lock(&driver->lock);
    size_t count = driver->held_count;
    for (size_t i = 0; i < count; i++)
        pa_call_answer(driver->held[i], json_null());
    driver->held_count = 0;
    pthread_mutex_unlock(&driver->lock);
    return json_integer((json_int_t)count);
}

static void on_call(void *context, struct pa_call *call) {
    const json_t *arguments = pa_call_arguments(call);
    pthread_t thread;
    if (pa_streq(pa_call_name(call), "add"))
        pa_call_answer(call, json_integer((json_int_t)(number_of(arguments, "a", 0) +
                                                       number_of(arguments, "b", 0))));
    else if (pa_streq(pa_call_name(call), "fail"))
        pa_call_refuse(call, "it failed: \"as asked\"");
    else if (pa_streq(pa_call_name(call), "many"))
        pa_call_answer(call, many(arguments));
    else if (pa_streq(pa_call_name(call), "hold"))
        hold(context, call);
    else if (pthread_create(&thread, NULL, answer_late, call) == 0)
        pthread_detach(thread);
}

static json_t *outcome_json(const struct pa_outcome *outcome) {
    struct pa_buf buf = PA_BUF_INIT(SIZE_MAX / 2);
    pa_outcome_json(outcome, &buf);
    json_t *value = json_loadb((const char *)buf.data, buf.size, 0, NULL);
    pa_buf_done(&buf);
    return value;
}

static int turn(struct driver *driver, const json_t *request, json_t **ret, struct pa_error *err) {
    const char *code = text_of(request, "code"), *input = text_of(request, "stdin");
    const struct pa_program program = {
        .mode = mode_of(request), .code = code, .code_size = strlen(code)};
    struct pa_limits limits;
    struct pa_outcome outcome;
    char *globs[2] = {(char *)(uintptr_t)text_of(request, "output")};
    const struct pa_call_offer calls = {
        .tools = json_object_get(request, "tools"), .call = on_call, .context = driver};
    const struct pa_outputs outputs = {globs, number_of(request, "output_bytes", PA_MIB)};
    const struct pa_session_turn how = {
        .program = &program,
        .limits = &limits,
        .stdin_bytes = input,
        .stdin_size = input ? strlen(input) : 0,
        .outputs = globs[0] ? &outputs : NULL,
        .calls = json_is_array(calls.tools) || json_is_object(calls.tools) ? &calls : NULL,
        .deadline_ns = deadline_of(request),
        .cancel_fd = -1};
    pa_limits_init(&limits);
    if (read_limits(request, &limits, err) < 0)
        return -1;
    pa_outcome_init(&outcome);
    int done = pa_sessions_turn(driver->sessions, text_of(request, "owner"), text_of(request, "id"),
                                &how, &outcome, err);
    if (done == 0)
        *ret = outcome_json(&outcome);
    pa_outcome_done(&outcome);
    return done;
}

/* The same code or one of "codes" in each of "ids". */
static int turns(struct driver *driver, const json_t *request, json_t **ret, struct pa_error *err) {
    const json_t *list = json_object_get(request, "ids"),
                 *codes = json_object_get(request, "codes");
    const size_t count = json_array_size(list);
    const char *ids[PA_SESSION_FORKS];
    struct pa_program programs[PA_SESSION_FORKS];
    struct pa_session_turn how[PA_SESSION_FORKS];
    struct pa_outcome outcomes[PA_SESSION_FORKS];
    struct pa_error errs[PA_SESSION_FORKS];
    int results[PA_SESSION_FORKS];
    PA_ASSERT(count <= PA_SESSION_FORKS);
    for (size_t i = 0; i < count; i++) {
        const char *code = json_string_value(json_array_get(codes, i));
        ids[i] = json_string_value(json_array_get(list, i));
        programs[i] = (struct pa_program){.code = code, .code_size = strlen(code)};
        how[i] = (struct pa_session_turn){
            .program = &programs[i], .deadline_ns = PA_NEVER, .cancel_fd = -1};
        pa_outcome_init(&outcomes[i]);
    }
    pa_sessions_turns(driver->sessions, text_of(request, "owner"), ids, how, count, outcomes,
                      results, errs);
    *ret = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(*ret, results[i] == 0 ? outcome_json(&outcomes[i])
                                                    : json_string(errs[i].message));
        pa_outcome_done(&outcomes[i]);
    }
    (void)err;
    return 0;
}

static int fork_session(struct driver *driver, const json_t *request, json_t **ret,
                        struct pa_error *err) {
    char ids[PA_SESSION_FORKS][PA_SESSION_ID_TEXT];
    size_t count = number_of(request, "count", 1);
    const struct pa_session_asker asker = asker_of(request);
    if (pa_sessions_fork(driver->sessions, &asker, text_of(request, "id"), count,
                         json_object_get(request, "labels"), ids, err) < 0)
        return -1;
    *ret = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(*ret, json_string(ids[i]));
    return 0;
}

typedef int checkpoint_fn(struct pa_sessions *sessions, const struct pa_session_asker *asker,
                          const char *id, const char *checkpoint, struct pa_error *err);

static int with_checkpoint(struct driver *driver, const json_t *request, checkpoint_fn *fn,
                           struct pa_error *err) {
    const struct pa_session_asker asker = asker_of(request);
    return fn(driver->sessions, &asker, text_of(request, "id"), text_of(request, "checkpoint"),
              err);
}

static json_t *stats(struct driver *driver) {
    struct pa_sessions_stats now;
    pa_sessions_stats(driver->sessions, &now);
    pthread_mutex_lock(&driver->lock);
    int held = (int)driver->held_count;
    pthread_mutex_unlock(&driver->lock);
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "alive", now.alive, "busy", now.busy,
                     "checkpoints", now.checkpoints, "lost", (int)now.lost, "expired",
                     (int)now.expired, "rolled_back", (int)now.rolled_back, "held", held);
}

static json_t *file_json(const struct pa_session_file *file) {
    return json_pack("{s:b, s:I}", "directory", file->directory, "size", (json_int_t)file->size);
}

static int files(struct driver *driver, const char *op, const json_t *request, json_t **ret,
                 struct pa_error *err) {
    struct pa_sessions *sessions = driver->sessions;
    const struct pa_session_asker asker = asker_of(request);
    const char *id = text_of(request, "id");
    const char *path = text_of(request, "path"), *text = text_of(request, "text");
    struct pa_session_file file;
    struct pa_buf content = PA_BUF_INIT(256 * PA_MIB);
    int done = -1;
    if (pa_streq(op, "put")) {
        done = pa_sessions_file_put(sessions, &asker, id, path, number_of(request, "offset", 0),
                                    !flag_of(request, "keep"), text, strlen(text), err);
    } else if (pa_streq(op, "get")) {
        done = pa_sessions_file_get(sessions, &asker, id, path, number_of(request, "offset", 0),
                                    number_of(request, "size", UINT64_MAX), &content, &file, err);
        if (done == 0)
            *ret = json_stringn_nocheck(pa_buf_text(&content), content.size);
    } else if (pa_streq(op, "stat")) {
        done = pa_sessions_file_stat(sessions, &asker, id, path, &file, err);
        if (done == 0)
            *ret = file_json(&file);
    } else if (pa_streq(op, "mkdir")) {
        done = pa_sessions_file_mkdir(sessions, &asker, id, path, err);
    } else if (pa_streq(op, "rename")) {
        done = pa_sessions_file_rename(sessions, &asker, id, path, text_of(request, "to"), err);
    } else if (pa_streq(op, "remove")) {
        done =
            pa_sessions_file_remove(sessions, &asker, id, path, flag_of(request, "recursive"), err);
    } else if (pa_streq(op, "ls")) {
        done = pa_sessions_file_list(sessions, &asker, id, path,
                                     (unsigned)number_of(request, "depth", 1), ret, err);
    } else if (pa_streq(op, "search")) {
        done = pa_sessions_file_search(sessions, &asker, id, path, text_of(request, "glob"), text,
                                       number_of(request, "most", 100), ret, err);
    } else {
        pa_fail(err, PA_ERR_UNIMPLEMENTED, "no op %s", op);
    }
    pa_buf_done(&content);
    return done;
}

/* --- a session that broke out --- */

/* A copy that may fork, as sessions are made of. */
static int take_copy(struct driver *driver, struct pa_worker *ret, struct pa_error *err) {
    const struct pa_program nothing = {.code = "", .session = true};
    const struct pa_pack *pack = pa_packs_find(driver->packs, "python", err);
    struct pa_policy policy;
    struct pa_image image;
    struct pa_language_run run;
    struct pa_want want;
    if (!pack)
        return -1;
    pa_policy_init(&policy);
    pa_image_init(&image, pack);
    int done = pa_language_run_init(&run, &image, NULL, &policy, &nothing, err);
    if (done == 0) {
        pa_want_init(&want, &image, &run.policy);
        done = pa_pools_take_session(driver->pools, &want, PA_NEVER, -1, ret, err);
        pa_want_done(&want);
        pa_language_run_done(&run);
    }
    pa_image_done(&image);
    pa_policy_done(&policy);
    return done;
}

/* It makes a sibling that nobody was told of, which keeps all its descriptors, and is ended.  True
 * when the sibling lives while it does, and ends with it. */
static int stray(struct driver *driver, json_t **ret, struct pa_error *err) {
    struct pa_worker worker;
    struct pa_reply reply;
    int pair[2];
    if (take_copy(driver, &worker, err) < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return pa_fail_errno(err, errno, "socketpair");
    int done = pa_exchange(&worker, PA_FRAME_FORK, NULL, 0, pair[1], deadline_of(json_null()),
                           PA_FRAME_FORKED, &reply, err);
    bool lived = false, ended = false;
    if (done == 0) {
        struct pollfd polled = {.fd = reply.fd, .events = POLLIN};
        lived = poll(&polled, 1, 100) == 0;
        pa_worker_discard(&worker);
        ended = poll(&polled, 1, 60000) == 1;
        pa_reply_done(&reply);
    }
    close(pair[0]);
    close(pair[1]);
    *ret = json_boolean(lived && ended);
    return done;
}

static int answer(struct driver *driver, const json_t *request, json_t **ret,
                  struct pa_error *err) {
    struct pa_sessions *sessions = driver->sessions;
    const char *op = text_of(request, "op"), *owner = text_of(request, "owner"),
               *id = text_of(request, "id");
    bool running = false;
    if (pa_streq(op, "stray"))
        return stray(driver, ret, err);
    if (pa_streq(op, "release")) {
        *ret = release(driver);
        return 0;
    }
    if (pa_streq(op, "create"))
        return create(driver, request, ret, err);
    if (pa_streq(op, "turn"))
        return turn(driver, request, ret, err);
    if (pa_streq(op, "turns"))
        return turns(driver, request, ret, err);
    if (pa_streq(op, "fork"))
        return fork_session(driver, request, ret, err);
    if (pa_streq(op, "keep"))
        return with_checkpoint(driver, request, pa_sessions_keep, err);
    if (pa_streq(op, "go_back"))
        return with_checkpoint(driver, request, pa_sessions_go_back, err);
    if (pa_streq(op, "drop"))
        return with_checkpoint(driver, request, pa_sessions_drop, err);
    if (pa_streq(op, "end"))
        return pa_sessions_end(sessions, owner, id, err);
    if (pa_streq(op, "inspect"))
        return pa_sessions_inspect(sessions, owner, id, ret, err);
    if (pa_streq(op, "tree"))
        return pa_sessions_tree(sessions, owner, id, ret, err);
    if (pa_streq(op, "variables"))
        return pa_sessions_variables(sessions, owner, id, PA_NEVER, -1, ret, err);
    if (pa_streq(op, "interrupt")) {
        int done = pa_sessions_interrupt(sessions, owner, id, &running, err);
        *ret = json_boolean(running);
        return done;
    }
    if (pa_streq(op, "list") || pa_streq(op, "stats")) {
        *ret = pa_streq(op, "list") ? pa_sessions_list(sessions, owner) : stats(driver);
        return 0;
    }
    return files(driver, op, request, ret, err);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void *serve(void *context) {
    struct request *request = context;
    struct driver *driver = request->driver;
    struct pa_error err = {0};
    json_t *value = NULL, *reply = json_object();
    json_object_set(reply, "tag", json_object_get(request->json, "tag"));
    if (answer(driver, request->json, &value, &err) == 0) {
        json_object_set_new(reply, "ok", value ? value : json_null());
    } else {
        json_decref(value);
        json_object_set_new(
            reply, "error",
            json_pack("{s:s, s:s}", "code", pa_error_code_name(err.code), "message", err.message));
    }
    pthread_mutex_lock(&driver->lock);
    json_dumpf(reply, stdout, JSON_COMPACT);
    fputs("\n", stdout);
    fflush(stdout);
    driver->running--;
    pthread_cond_signal(&driver->fewer);
    pthread_mutex_unlock(&driver->lock);
    json_decref(reply);
    json_decref(request->json);
    free(request);
    return NULL;
}

static void start(struct driver *driver, json_t *json) {
    struct request *request = pa_xcalloc(1, sizeof(*request));
    pthread_t thread;
    *request = (struct request){driver, json};
    pthread_mutex_lock(&driver->lock);
    driver->running++;
    pthread_mutex_unlock(&driver->lock);
    if (pthread_create(&thread, NULL, serve, request) != 0)
        serve(request);
    else
        pthread_detach(thread);
}

static PA_NORETURN void give_up(const char *what) {
    fprintf(stderr, "sessions_driver: %s\n", what);
    exit(1);
}

static void open_all(struct driver *driver, int argc, char **argv) {
    struct pa_error err;
    struct pa_policy policy;
    const struct pa_executor_config executor = {
        .worker_path = argv[1], .cache_bytes = UINT64_MAX, .jail_required = true};
    pa_policy_init(&policy);
    if (pa_log_configure("warn", PA_LOG_TEXT, &err) < 0 ||
        pa_packs_load(NULL, &driver->packs, &err) < 0 ||
        pa_executor_new(&executor, &driver->executor, &err) < 0)
        give_up(err.message);
    const struct pa_pools_config pools = {.executor = driver->executor,
                                          .packs = driver->packs,
                                          .policy = &policy,
                                          .idle_least = 1,
                                          .idle_most = 4};
    if (pa_pools_new(&pools, &driver->pools, &err) < 0)
        give_up(err.message);
    const struct pa_sessions_config sessions = {
        .executor = driver->executor,
        .pools = driver->pools,
        .most = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 500,
        .most_per_owner = 200,
        .idle_ms = argc > 3 ? strtoul(argv[3], NULL, 10) : 0,
        .life_ms = argc > 4 ? strtoul(argv[4], NULL, 10) : 0};
    if (pa_sessions_new(&sessions, &driver->sessions, &err) < 0)
        give_up(err.message);
    pa_policy_done(&policy);
}

int main(int argc, char **argv) {
    struct driver driver = {.lock = PTHREAD_MUTEX_INITIALIZER, .fewer = PTHREAD_COND_INITIALIZER};
    char *line = NULL;
    size_t room = 0;
    if (argc < 2)
        give_up("which WORKER?");
    open_all(&driver, argc, argv);
    while (getline(&line, &room, stdin) > 0) {
        json_t *json = json_loads(line, 0, NULL);
        if (!json)
            give_up("a line is no JSON");
        start(&driver, json);
    }
    free(line);
    pa_sessions_close(driver.sessions);
    pthread_mutex_lock(&driver.lock);
    while (driver.running)
        pthread_cond_wait(&driver.fewer, &driver.lock);
    pthread_mutex_unlock(&driver.lock);
    json_decref(release(&driver)); /* what was held to the end */
    pa_sessions_free(driver.sessions);
    pa_pools_free(driver.pools);
    pa_executor_free(driver.executor);
    pa_packs_free(driver.packs);
    return 0;
}
