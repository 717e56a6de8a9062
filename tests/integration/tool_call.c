/*
 * Calls tools without a server, for tests/integration/test_tools.py.
 *
 *     tool-call [-c CONFIG] [-m FOLDER]... [-s STORE] [-w] tools          their descriptions
 *     tool-call ... call < LINES                                          an answer a line
 *     tool-call -w kinds COUNT [hold]     takes a copy of so many kinds of warm process, one after
 *                                         the other, and keeps them; tells how many there are
 *
 * A line is {"tool", "parameters", "ceilings": {NAME: NUMBER}, "deadline_ms", "cancel_ms",
 * "deaf_after": bytes of output}; its answer {"outcome", "events"} or {"error", "message",
 * "faults", "events"}.  -w: with pools of warm processes and with sessions; -r MS: how long a kind
 * that nobody asks for is kept.
 */
#include "base/clock.h"
#include "base/strv.h"
#include "config/config.h"
#include "run/language.h"
#include "run/sessions.h"
#include "tools/images.h"
#include "tools/tools.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct bench {
    struct pa_config config;
    struct pa_packs *packs;
    struct pa_images *images;
    struct pa_executor *executor;
    struct pa_pools *pools;
    struct pa_sessions *sessions;
    struct pa_toolbox *toolbox;
    uint64_t rest_ms; /* of kinds that nobody asks for */
};

struct listener {
    json_t *events;
    json_int_t deaf_after, heard;
};

PA_NORETURN static void die(const struct pa_error *err) {
    fprintf(stderr, "tool-call: %s\n", err->message);
    exit(1);
}

static bool on_output(void *context, enum pa_output output, const void *bytes, size_t size) {
    struct listener *listener = context;
    json_array_append_new(
        listener->events,
        json_pack("[s, s%]", output == PA_STDOUT ? "stdout" : "stderr", (const char *)bytes, size));
    listener->heard += (json_int_t)size;
    return listener->deaf_after < 0 || listener->heard < listener->deaf_after;
}

static bool on_result(void *context, const char *json, size_t size) {
    struct listener *listener = context;
    json_array_append_new(listener->events,
                          json_pack("[s, o]", "result", json_loadb(json, size, 0, NULL)));
    return true;
}

static void on_phase(void *context, const char *phase) {
    struct listener *listener = context;
    json_array_append_new(listener->events, json_pack("[s, s]", "phase", phase));
}

struct cancel {
    int fd;
    json_int_t after_ms;
};

static void *cancel_later(void *context) {
    const struct cancel *cancel = context;
    usleep((useconds_t)cancel->after_ms * 1000);
    eventfd_write(cancel->fd, 1);
    return NULL;
}

static json_t *run_prepared(struct pa_prepared *prepared, const json_t *line, json_t *events) {
    struct listener listener = {.events = events, .deaf_after = -1};
    const json_t *deaf = json_object_get(line, "deaf_after");
    if (deaf)
        listener.deaf_after = json_integer_value(deaf);
    const struct pa_tool_events told = {on_output, on_result, on_phase, &listener};
    const json_t *deadline = json_object_get(line, "deadline_ms");
    struct cancel cancel = {eventfd(0, EFD_CLOEXEC),
                            json_integer_value(json_object_get(line, "cancel_ms"))};
    const struct pa_tool_how how = {
        .owner = "tester",
        .deadline_ns = deadline ? pa_clock_monotonic_ns() +
                                      (uint64_t)json_integer_value(deadline) * PA_NS_PER_MS
                                : PA_NEVER,
        .cancel_fd = cancel.fd,
        .events = json_is_false(json_object_get(line, "events")) ? NULL : &told};
    pthread_t thread;
    if (cancel.after_ms)
        pthread_create(&thread, NULL, cancel_later, &cancel);
    struct pa_outcome outcome;
    struct pa_error err;
    pa_outcome_init(&outcome);
    json_t *answer;
    if (pa_prepared_run(prepared, &how, &outcome, &err) == 0)
        answer = json_pack("{s:o}", "outcome", pa_prepared_outcome(prepared, &outcome));
    else
        answer =
            json_pack("{s:s, s:s}", "error", pa_error_code_name(err.code), "message", err.message);
    pa_outcome_done(&outcome);
    if (cancel.after_ms)
        pthread_join(thread, NULL);
    close(cancel.fd);
    return answer;
}

static json_t *call(struct bench *bench, const json_t *line) {
    struct pa_ceilings ceilings;
    struct pa_prepared *prepared = NULL;
    struct pa_error err;
    json_t *faults, *answer, *number, *events = json_array();
    const char *name;
    pa_ceilings_init(&ceilings);
    json_object_foreach(json_object_get(line, "ceilings"), name, number) {
        *pa_limit_slot(&ceilings.limits, pa_limit_find(name)) =
            (uint64_t)json_integer_value(number);
    }
    if (pa_toolbox_prepare(bench->toolbox, json_string_value(json_object_get(line, "tool")),
                           json_object_get(line, "parameters"), &ceilings, &prepared, &faults,
                           &err) < 0)
        answer = json_pack("{s:s, s:s, s:o*}", "error", pa_error_code_name(err.code), "message",
                           err.message, "faults", faults);
    else if (json_is_true(json_object_get(line, "prepare_only")))
        answer =
            json_pack("{s:b, s:s, s:s, s:I}", "accepted", 1, "digest", prepared->digest, "language",
                      prepared->language, "memory_bytes", (json_int_t)prepared->memory_bytes);
    else
        answer = run_prepared(prepared, line, events);
    json_object_set_new(answer, "events", events);
    pa_prepared_free(prepared);
    return answer;
}

static void call_all(struct bench *bench) {
    char *text = NULL;
    size_t room = 0;
    while (getline(&text, &room, stdin) > 0) {
        json_error_t why;
        json_t *line = json_loads(text, JSON_ALLOW_NUL, &why);
        if (!line)
            die(&(struct pa_error){.message = "a line is not JSON"});
        json_t *answer = call(bench, line);
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(line);
    }
    free(text);
}

static void describe(struct bench *bench) {
    size_t count;
    const struct pa_tool *tools = pa_toolbox_tools(bench->toolbox, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:O, s:O}", "name", tools[i].name,
                            "title", tools[i].title, "description", tools[i].description,
                            "language", tools[i].language, "input_schema", tools[i].input_schema,
                            "output_schema", tools[i].output_schema, "examples", tools[i].examples,
                            "annotations", tools[i].annotations));
    json_t *all =
        json_pack("{s:o, s:o}", "tools", list, "languages", pa_toolbox_languages(bench->toolbox));
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

/* A warm JavaScript that differs from the others in where it sees a folder. */
static int take_kind(struct bench *bench, int number, struct pa_worker *ret, struct pa_error *err) {
    const struct pa_program nothing = {.code = "", .code_size = 0};
    const struct pa_pack *pack = pa_packs_find(bench->packs, "javascript", err);
    struct pa_language_run run;
    struct pa_policy policy;
    struct pa_image image;
    struct pa_want want;
    PA_CLEANUP(pa_freep) char *guest = pa_xasprintf("/m%d", number);
    if (!pack)
        return -1;
    pa_image_init(&image, pack);
    pa_policy_copy(&policy, &bench->config.policy);
    int done = pa_policy_add_mount(&policy, "/usr", guest, false, err);
    if (done == 0)
        done = pa_language_run_init(&run, &image, NULL, &policy, &nothing, err);
    if (done == 0) {
        pa_want_init(&want, &image, &run.policy);
        done = pa_pools_take(bench->pools, &want, pa_clock_monotonic_ns() + 60 * PA_NS_PER_S, -1,
                             ret, err);
        pa_want_done(&want);
        pa_language_run_done(&run);
    }
    pa_policy_done(&policy);
    pa_image_done(&image);
    return done;
}

static void count_kind(void *context, const char *kind, const struct pa_pool_stats *stats) {
    json_object_set_new(context, kind, json_integer((json_int_t)stats->out));
}

static void take_kinds(struct bench *bench, int count, bool hold) {
    struct pa_worker *held = pa_xcalloc((size_t)count, sizeof(*held));
    struct pa_error err = {.message = ""};
    json_t *kinds = json_object();
    int taken = 0;
    while (taken < count && take_kind(bench, taken, &held[taken], &err) == 0) {
        if (!hold)
            pa_worker_discard(&held[taken]);
        taken++;
    }
    pa_pools_each(bench->pools, count_kind, kinds);
    json_t *all = json_pack("{s:i, s:s, s:s, s:o}", "taken", taken, "error",
                            err.code ? pa_error_code_name(err.code) : "", "message", err.message,
                            "kinds", kinds);
    json_dumpf(all, stdout, JSON_COMPACT);
    json_decref(all);
    for (int i = 0; hold && i < taken; i++)
        pa_worker_discard(&held[i]);
    free(held);
}

static void start_warm(struct bench *bench) {
    struct pa_error err;
    const struct pa_pools_config pools = {.executor = bench->executor,
                                          .packs = bench->packs,
                                          .policy = &bench->config.policy,
                                          .idle_least = 1,
                                          .idle_most = 4,
                                          .rest_ms = bench->rest_ms};
    if (pa_pools_new(&pools, &bench->pools, &err) < 0)
        die(&err);
    const struct pa_sessions_config sessions = {
        .executor = bench->executor, .pools = bench->pools, .most = 8};
    if (pa_sessions_new(&sessions, &bench->sessions, &err) < 0)
        die(&err);
}

int main(int argc, char **argv) {
    struct bench bench = {0};
    struct pa_error err;
    const char *file = NULL, *store = NULL;
    char **folders = NULL;
    bool warm = false;
    for (int option; (option = getopt(argc, argv, "c:m:r:s:w")) != -1;)
        if (option == 'c')
            file = optarg;
        else if (option == 'm')
            pa_strv_add(&folders, pa_xstrdup(optarg));
        else if (option == 's')
            store = optarg;
        else if (option == 'r')
            bench.rest_ms = strtoull(optarg, NULL, 10);
        else
            warm = true;
    const struct pa_executor_config executor = {.cache_bytes = 4 * PA_GIB};
    if (pa_config_load(&bench.config, &(struct pa_config_sources){.file = file}, &err) < 0 ||
        pa_packs_load(NULL, &bench.packs, &err) < 0 ||
        pa_images_new(&bench.config, bench.packs, &bench.images, &err) < 0 ||
        pa_executor_new(&executor, &bench.executor, &err) < 0)
        die(&err);
    if (warm)
        start_warm(&bench);
    const struct pa_toolbox_config config = {.executor = bench.executor,
                                             .pools = bench.pools,
                                             .sessions = bench.sessions,
                                             .packs = bench.packs,
                                             .config = &bench.config,
                                             .images = bench.images,
                                             .module_paths = folders,
                                             .module_store = store};
    if (pa_toolbox_new(&config, &bench.toolbox, &err) < 0)
        die(&err);
    const char *command = optind < argc ? argv[optind] : "call";
    if (pa_streq(command, "tools"))
        describe(&bench);
    else if (pa_streq(command, "kinds") && optind + 1 < argc)
        take_kinds(&bench, atoi(argv[optind + 1]), optind + 2 < argc);
    else
        call_all(&bench);
    pa_toolbox_free(bench.toolbox);
    pa_images_free(bench.images);
    pa_sessions_free(bench.sessions);
    pa_pools_free(bench.pools);
    pa_executor_free(bench.executor);
    pa_packs_free(bench.packs);
    pa_config_done(&bench.config);
    pa_strv_free(folders);
}
