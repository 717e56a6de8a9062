/*
 * The order is what matters here.
 *
 *     1. what needs all rights: the spawner (a process that starts workers for us), the socket of
 * the command line, the files that are opened once
 *     2. the process confines itself, while it is one thread
 *     3. what has threads and talks to strangers: pools, sessions, the service, the doors
 *     4. "ready", to people and to the service manager
 *
 * The end goes the other way.  First nothing new is accepted; runs have drain_ms to end, then they
 * are cancelled; each caller gets its answer before its door closes.
 */
#include "server/life.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "run/sessions.h"
#include "run/spawner.h"
#include "server/audit.h"
#include "server/confine.h"
#include "server/doors.h"
#include "server/handover_door.h"
#include "server/modules.h"
#include "server/systemd.h"
#include "server/tls.h"
#include "server/trace.h"
#include "server/warm.h"
#include "tools/images.h"
#include "tools/kv.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ANSWER_NS (5 * PA_NS_PER_S) /* for the last answers to travel, once no run goes on */

struct pa_life {
    struct pa_life_config config;
    const struct pa_config *settings; /* all of them */
    uint64_t drain_ms;                /* may change */
    struct pa_packs *packs;
    struct pa_executor *executor;
    struct pa_spawner *spawner;
    struct pa_warm warm;
    struct pa_images *images;
    struct pa_handover_door *handover;
    struct pa_audit *audit;
    struct pa_tracer *tracer;
    struct pa_tls *tls; /* NULL: the doors serve in the clear */
    struct pa_modules *modules;
    char *volumes_directory; /* NULL: there is none */
    struct pa_kv *kv;        /* NULL: guests have no store */
    struct pa_pools *pools;
    struct pa_sessions *sessions;
    struct pa_toolbox *toolbox;
    struct pa_service *service;
    struct pa_doors doors;
    int signal_fd;
    bool on_terminal;
};

struct pa_service *pa_life_service(struct pa_life *life) {
    return life->service;
}

int pa_life_signal_fd(const struct pa_life *life) {
    return life->signal_fd;
}

/* --- 1: with all rights ----------------------------------------------------------------------- */

/* Each client, each copy and each session takes some: as many as there may be.  Nothing here uses
 * select, which knows the first 1024 only. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* what there is will do, too: a pool without any waits */
}

/* For the log: a first compilation may take a minute. */
static void log_compiling(const char *name, size_t size) {
    pa_log_info("cache", "compiling %s (%zu MiB), once", name, size >> 20);
}

static int open_workers(struct pa_life *life, struct pa_error *err) {
    const struct pa_executor_config config = {.cache_directory = life->settings->cache_directory,
                                              .cache_bytes = life->settings->cache_max_bytes,
                                              .jail_required = life->settings->jail_required,
                                              .compiling = log_compiling};
    if (pa_executor_new(&config, &life->executor, err) < 0 ||
        pa_spawner_new(pa_executor_worker_path(life->executor), &life->spawner, err) < 0)
        return -1;
    pa_executor_use_spawner(life->executor, life->spawner);
    return 0;
}

/* Blocked in all threads to come; after the spawner, which has its own ways. */
static int watch_signals(struct pa_life *life, struct pa_error *err) {
    signal(SIGPIPE, SIG_IGN);
    life->on_terminal = isatty(STDERR_FILENO);
    life->signal_fd = pa_signals_open(err);
    return life->signal_fd < 0 ? -1 : 0;
}

static int open_kv(struct pa_life *life, struct pa_error *err) {
    const struct pa_server_settings *settings = &life->settings->server;
    const struct pa_kv_quota quota = {.bytes = settings->kv_bytes, .entries = settings->kv_entries};
    if (!settings->kv)
        return 0;
    PA_CLEANUP(pa_freep) char *path = pa_path_join(life->volumes_directory, "kv.sqlite");
    return pa_kv_open(path, &quota, &life->kv, err);
}

/* Where nobody said which folder, a machine without one that can be written serves without. */
static int open_volumes(struct pa_life *life, struct pa_error *err) {
    const struct pa_server_settings *settings = &life->settings->server;
    struct pa_error why;
    life->volumes_directory = pa_server_volumes_directory(settings);
    if (!life->volumes_directory || (!settings->volumes_most && !settings->kv))
        return 0;
    if (pa_mkdir_parents(life->volumes_directory, 0700, &why) == 0 && open_kv(life, &why) == 0)
        return 0;
    if (settings->volumes_directory) {
        *err = why;
        return pa_error_prefix(err, "server.volumes_directory");
    }
    pa_log_warn("server", "no volumes and no key-value store: %s", why.message);
    return 0;
}

static int open_files(struct pa_life *life, struct pa_error *err) {
    const struct pa_server_settings *settings = &life->settings->server;
    if (life->config.doors &&
        (pa_handover_door_new(settings->socket_path, &life->handover, err) < 0 ||
         pa_tls_new(settings, &life->tls, err) < 0))
        return -1;
    if (settings->audit_log &&
        pa_audit_new(settings->audit_log, settings->audit_code, &life->audit, err) < 0)
        return -1;
    if (settings->otlp_endpoint && pa_tracer_new(settings->otlp_endpoint, &life->tracer, err) < 0)
        return -1;
    if (settings->modules_bytes &&
        pa_modules_open(life->settings->cache_directory, settings->modules_bytes, &life->modules,
                        err) < 0)
        return -1;
    return open_volumes(life, err);
}

/* --- 2: confined ------------------------------------------------------------------------------ */

static int confine(struct pa_life *life, struct pa_error *err) {
    const struct pa_server_confinement what = {
        .config = life->settings,
        .packs = life->packs,
        .socket_path = life->handover ? pa_handover_door_path(life->handover) : NULL,
        .volumes_directory = life->volumes_directory,
        .warm = life->warm.images,
        .warm_count = life->warm.count};
    return pa_server_confine(&what, err);
}

/* --- 3: serving ------------------------------------------------------------------------------- */

static int open_pools(struct pa_life *life, struct pa_error *err) {
    const struct pa_server_settings *settings = &life->settings->server;
    const struct pa_pools_config pools = {.executor = life->executor,
                                          .packs = life->packs,
                                          .cache_directory = life->settings->cache_directory,
                                          .policy = &life->settings->policy,
                                          .idle_least = (unsigned)settings->idle_least,
                                          .idle_most = (unsigned)settings->idle_most};
    if (pa_pools_new(&pools, &life->pools, err) < 0)
        return -1;
    if (settings->sessions_most == 0)
        return 0;
    const struct pa_sessions_config sessions = {.executor = life->executor,
                                                .pools = life->pools,
                                                .cache_directory = life->settings->cache_directory,
                                                .most = (unsigned)settings->sessions_most,
                                                .most_per_owner =
                                                    (unsigned)settings->sessions_per_caller,
                                                .memory_most = pa_server_sessions_memory(settings),
                                                .idle_ms = settings->session_idle_ms,
                                                .life_ms = settings->session_life_ms};
    return pa_sessions_new(&sessions, &life->sessions, err);
}

static int open_service(struct pa_life *life, struct pa_error *err) {
    const struct pa_server_settings *settings = &life->settings->server;
    const struct pa_toolbox_config tools = {
        .executor = life->executor,
        .pools = life->pools,
        .sessions = life->sessions,
        .kv = life->kv,
        .packs = life->packs,
        .config = life->settings,
        .images = life->images,
        .module_paths = settings->module_paths,
        .module_store = life->modules ? pa_modules_folder(life->modules) : NULL};
    if (pa_toolbox_new(&tools, &life->toolbox, err) < 0)
        return -1;
    const struct pa_service_config service = {.config = life->settings,
                                              .toolbox = life->toolbox,
                                              .pools = life->pools,
                                              .sessions = life->sessions,
                                              .executor = life->executor,
                                              .modules = life->modules,
                                              .audit = life->audit,
                                              .tracer = life->tracer};
    return pa_service_new(&service, &life->service, err);
}

static int start(struct pa_life *life, struct pa_error *err) {
    for (size_t i = 0; i < life->warm.count; i++) {
        const struct pa_image *image = &life->warm.images[i];
        bool python = strncmp(image->pack->name, "python", 6) == 0; /* also in mode `auto` */
        if (pa_pools_warm(life->pools, image, err) < 0 ||
            (python && pa_pools_warm_compiled(life->pools, err) < 0))
            return -1;
    }
    if (!life->config.doors)
        return 0;
    if (pa_doors_open(life->service, &life->settings->server, life->tls, &life->doors, err) < 0 ||
        pa_doors_start(&life->doors, err) < 0)
        return -1;
    return pa_handover_door_start(life->handover, life->pools, err);
}

static int open_all(struct pa_life *life, struct pa_error *err) {
    raise_descriptor_limit();
    if (open_workers(life, err) < 0 || watch_signals(life, err) < 0 ||
        pa_packs_load(NULL, &life->packs, err) < 0 ||
        pa_warm_find(life->settings, life->packs, life->executor, life->config.warm,
                     life->signal_fd, &life->warm, err) < 0 ||
        pa_images_new(life->settings, life->packs, &life->images, err) < 0 ||
        open_files(life, err) < 0)
        return -1;
    if (confine(life, err) < 0)
        return -1;
    if (open_pools(life, err) < 0 || open_service(life, err) < 0)
        return -1;
    return start(life, err);
}

int pa_life_new(const struct pa_life_config *config, struct pa_life **ret, struct pa_error *err) {
    struct pa_life *life = pa_xcalloc(1, sizeof(*life));
    life->config = *config;
    life->settings = config->config;
    life->drain_ms = config->config->server.drain_ms;
    life->signal_fd = -1;
    if (open_all(life, err) < 0) {
        life->drain_ms = 0;
        pa_life_free(life);
        return -1;
    }
    *ret = life;
    return 0;
}

/* --- 4: being there --------------------------------------------------------------------------- */

static void tell_ready(const struct pa_life *life) {
    fprintf(stderr, "polyagent: serving on %s\n", pa_handover_door_path(life->handover));
    pa_doors_tell(&life->doors);
    pa_notify("READY=1\nSTATUS=serving");
}

static void reload_certificate(struct pa_life *life) {
    struct pa_error err;
    if (pa_tls_reload(life->tls, &err) < 0)
        pa_log_error("server", "the certificate stays as it was: %s", err.message);
}

/* Of what is wrong all stays as it was. */
static void reload(struct pa_life *life) {
    struct pa_config fresh;
    struct pa_error err;
    pa_notify_reloading();
    if (life->config.reload(life->config.context, &fresh, &err) < 0) {
        pa_log_error("server", "the settings stay as they were: %s", err.message);
    } else {
        if (pa_service_reload(life->service, &fresh, &err) < 0) {
            pa_log_error("server", "the settings stay as they were: %s", err.message);
        } else {
            life->drain_ms = fresh.server.drain_ms;
            pa_log_info("server", "the settings were read again");
        }
        pa_config_done(&fresh);
    }
    reload_certificate(life);
    pa_notify("READY=1");
}

/* A terminal that is closed says so with SIGHUP; who started a server there is gone. */
static bool terminal_is_gone(const struct pa_life *life) {
    return life->on_terminal && tcgetpgrp(STDERR_FILENO) < 0;
}

/* True when it is to end. */
static bool heed_signal(struct pa_life *life) {
    struct signalfd_siginfo info;
    if (read(life->signal_fd, &info, sizeof(info)) != sizeof(info))
        return false;
    if (info.ssi_signo != SIGHUP || terminal_is_gone(life))
        return true;
    reload(life);
    return false;
}

int pa_life_run(struct pa_life *life, struct pa_error *err) {
    const uint64_t watchdog_ns = pa_watchdog_ns();
    const int pause_ms = watchdog_ns ? (int)PA_MAX(watchdog_ns / PA_NS_PER_MS, 1u) : -1;
    tell_ready(life);
    for (;;) {
        struct pollfd polled[] = {
            {.fd = life->signal_fd, .events = POLLIN},
            {.fd = pa_spawner_fd(life->spawner)}}; /* its end is always told */
        if (poll(polled, PA_ARRAY_LEN(polled), pause_ms) < 0 && errno != EINTR)
            return pa_fail_errno(err, errno, "cannot wait for signals");
        if (polled[1].revents)
            return pa_fail(err, PA_ERR_UNAVAILABLE,
                           "the spawner is gone, and all workers with it (was it killed?)");
        if (polled[0].revents && heed_signal(life))
            return 0;
        if (watchdog_ns)
            pa_notify("WATCHDOG=1");
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Whoever presses Ctrl-C again does not want to wait. */
static void let_interrupt_kill(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    signal(SIGINT, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static void drain(struct pa_life *life) {
    uint64_t deadline_ns = pa_clock_monotonic_ns() + life->drain_ms * PA_NS_PER_MS;
    pa_notify("STOPPING=1\nSTATUS=waiting for runs to end");
    let_interrupt_kill();
    pa_service_drain(life->service, deadline_ns);
    if (life->handover)
        pa_handover_door_stop(life->handover, deadline_ns);
    pa_doors_stop(&life->doors, pa_clock_monotonic_ns() + ANSWER_NS);
}

struct pa_life *pa_life_free(struct pa_life *life) {
    if (!life)
        return NULL;
    if (life->service)
        drain(life);
    pa_doors_close(&life->doors);
    pa_tls_free(life->tls);
    if (life->pools)
        pa_pools_close(life->pools); /* who waits for a copy waits no longer */
    pa_handover_door_free(life->handover);
    pa_service_free(life->service);
    pa_toolbox_free(life->toolbox);
    pa_images_free(life->images);
    if (life->sessions)
        pa_sessions_free(life->sessions);
    pa_pools_free(life->pools);
    pa_modules_free(life->modules);
    pa_tracer_free(life->tracer);
    pa_audit_free(life->audit);
    pa_kv_close(life->kv);
    free(life->volumes_directory);
    pa_warm_done(&life->warm);
    pa_executor_free(life->executor);
    pa_spawner_free(life->spawner);
    pa_packs_free(life->packs);
    pa_closep(&life->signal_fd);
    free(life);
    return NULL;
}
