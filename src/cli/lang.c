/* polyagent lang: which languages there are, and installing them. */
#include "cli/cli.h"

#include "base/units.h"
#include "lang/install.h"
#include "run/language.h"
#include "tools/images.h"
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
    "Usage: polyagent lang list [--config FILE]\n"
    "       polyagent lang info NAME\n"
    "       polyagent lang install NAME [--from FILE]\n"
    "       polyagent lang install --all\n"
    "       polyagent lang warm NAME... [--fuel] [--deterministic]\n"
    "       polyagent lang path [NAME]\n\n"
    "  list      every language: its version, whether it is installed, size to download, other names\n"
    "  info      all that is known of one\n"
    "  install   fetch it with pip or npm, or take the archive FILE, check it and unpack it\n"
    "  warm      compile languages (and images) now, so that their first run is as quick as the next;\n"
    "            with --fuel and --deterministic also the code of runs that have these options\n"
    "  path      print the folder of an installed language, or those where packs are looked for\n";

struct request {
    const char *action; /* "" where there is none */
    const char *name, *from, *config_file;
    char **names; /* of warm: all that follow; else NULL */
    bool all, fuel, deterministic;
};

/* What an action works on. */
struct context {
    const struct request *request;
    const struct pa_packs *packs;
    const struct pa_config *config;
    const char *cache_directory;
    int status;
};

/* --- list and info --- */

static void print_faults(const struct pa_packs *packs) {
    for (size_t i = 0; i < packs->fault_count; i++)
        for (char **text = packs->faults[i].text; *text; text++)
            fprintf(stderr, "polyagent: %s\n", *text);
}

static void list(struct context *context) {
    for (size_t i = 0; i < context->packs->count; i++) {
        const struct pa_pack *pack = &context->packs->packs[i];
        PA_CLEANUP(pa_freep) char *aliases = pa_strv_join(pack->aliases, ", ");
        char size[32];
        printf("%-12s %-10s %-14s %10s  %s%s%s%s\n", pack->name, pack->version,
               pa_pack_installed(pack, context->cache_directory) ? "installed" : "not installed",
               pa_format_bytes(pack->source.bytes, size, sizeof(size)), pack->summary,
               *aliases ? " (" : "", aliases, *aliases ? ")" : "");
    }
    print_faults(context->packs);
    if (context->packs->fault_count)
        context->status = 125;
}

static void info_line(const char *what, const char *text) {
    if (*text)
        printf("%-16s %s\n", what, text);
}

static void info_list(const char *what, char *const *items) {
    PA_CLEANUP(pa_freep) char *text = pa_strv_join(items, " ");
    info_line(what, text);
}

static void info(struct context *context, const struct pa_pack *pack) {
    PA_CLEANUP(pa_freep) char *folder = pa_pack_directory(pack, context->cache_directory);
    const struct pa_pack_source *source = &pack->source;
    bool installed = pa_pack_installed(pack, context->cache_directory);
    char size[32], module[32];
    pa_format_bytes(source->bytes, size, sizeof(size));
    pa_format_bytes(pack->module_bytes, module, sizeof(module));
    info_line("name", pack->name);
    info_list("aliases", pack->aliases);
    info_line("version", pack->version);
    info_line("summary", pack->summary);
    info_list("file endings", pack->file_extensions);
    printf("%-16s %s %s from %s, %s (%s)\n", "source", source->package, source->version,
           source->registry == PA_REGISTRY_NPM ? "npm" : "PyPI", source->file, size);
    info_line("sha256", source->sha256);
    printf("%-16s %s (%s)\n", "module", pack->module_path, module);
    info_line("module sha256", pack->module_sha256);
    info_list("arguments", pack->args);
    info_list("environment", pack->env);
    printf("%-16s %s/%s as /boot/%s\n", "boot script", pack->boot_folder, pack->boot_file,
           pack->boot_file);
    info_list("imported", pack->preload);
    for (size_t i = 0; i < pa_limit_count; i++) {
        const struct pa_limit_info *limit = &pa_limit_infos[i];
        struct pa_limits limits = pack->limits;
        uint64_t value = *pa_limit_slot(&limits, limit);
        if (value != limit->initial)
            printf("%-16s %s %s\n", "limit", limit->name,
                   pa_limit_format(limit, value, size, sizeof(size)));
    }
    info_line("manifest", pack->manifest);
    if (installed)
        info_line("installed in", folder);
    else
        printf("%-16s no; polyagent lang install %s\n", "installed", pack->name);
}

/* --- install --- */

/* On a terminal one line that changes, else one a second. */
static void progress(void *name, const struct pa_install_progress *progress) {
    bool terminal = isatty(STDERR_FILENO);
    char done[32], total[32];
    pa_format_bytes(progress->done_bytes, done, sizeof(done));
    pa_format_bytes(progress->total_bytes, total, sizeof(total));
    fprintf(stderr, "%s%s: %s", terminal ? "\r\033[K" : "", (const char *)name,
            pa_install_step_name(progress->step));
    if (progress->done_bytes)
        fprintf(stderr, " %s", done);
    if (progress->done_bytes && progress->total_bytes)
        fprintf(stderr, " of %s", total);
    if (!terminal)
        fputc('\n', stderr);
}

static void install(struct context *context, const struct pa_pack *pack) {
    struct pa_install_options options = {.cache_directory = context->cache_directory,
                                         .from_file = context->request->from,
                                         .progress = progress,
                                         .context = pack->name};
    struct pa_error err;
    bool before = pa_pack_installed(pack, context->cache_directory);
    int failed = pa_pack_install(pack, &options, &err);
    if (isatty(STDERR_FILENO) && !before)
        fputs("\r\033[K", stderr);
    if (failed < 0) {
        context->status = pa_report_error(&err);
        return;
    }
    PA_CLEANUP(pa_freep) char *folder = pa_pack_directory(pack, context->cache_directory);
    printf("%s %s %s in %s\n", pack->name, pack->version,
           before ? "is already installed" : "is installed", folder);
}

static void install_all(struct context *context) {
    for (size_t i = 0; i < context->packs->count; i++)
        install(context, &context->packs->packs[i]);
    print_faults(context->packs);
    if (context->packs->fault_count && !context->status)
        context->status = 125;
}

/* --- warm --- */

static void announce(const char *name, size_t size) {
    fprintf(stderr, "%s: compiling (%zu MiB), which may take a minute ...\n", name, size >> 20);
}

static int compile_variant(struct pa_executor *executor, const struct pa_image *image,
                           const struct pa_config *config, const char *name, const char *variant,
                           const struct pa_policy *policy, struct pa_error *err) {
    const struct pa_program nothing = {.code = ""};
    struct pa_language_run run;
    struct pa_outcome outcome;
    PA_CLEANUP(pa_closep) int artifact = -1;
    if (pa_language_run_init(&run, image, config->cache_directory, policy, &nothing, err) < 0)
        return -1;
    pa_outcome_init(&outcome);
    int done = pa_compile(executor, &run.request.module, &run.policy, -1, &artifact, &outcome, err);
    if (done == 0 && artifact < 0)
        done = pa_fail(err, PA_ERR_FAILED_PRECONDITION, "%s", outcome.message);
    else if (done == 0 && outcome.usage.compile_ns)
        printf("%s: %s code is compiled, in %.1f s\n", name, variant,
               (double)outcome.usage.compile_ns / 1e9);
    else if (done == 0)
        printf("%s: %s code was compiled already\n", name, variant);
    fflush(stdout);
    pa_outcome_done(&outcome);
    pa_language_run_done(&run);
    return done;
}

static int warm_one(const struct context *context, struct pa_executor *executor, const char *name,
                    struct pa_error *err) {
    const struct request *request = context->request;
    const struct pa_policy *base = &context->config->policy;
    struct pa_image image;
    if (pa_image_resolve(context->config, context->packs, name, &image, err) < 0)
        return -1;
    struct pa_policy metered = *base, deterministic = *base; /* borrowed */
    metered.limits.fuel = PA_MIN(base->limits.fuel, PA_UNLIMITED - 1);
    deterministic.deterministic = true;
    int done = compile_variant(executor, &image, context->config, name, "fast", base, err);
    if (done == 0 && request->fuel)
        done = compile_variant(executor, &image, context->config, name, "metered", &metered, err);
    if (done == 0 && request->deterministic)
        done = compile_variant(executor, &image, context->config, name, "deterministic",
                               &deterministic, err);
    pa_image_done(&image);
    return done;
}

static void warm(struct context *context) {
    const struct pa_config *config = context->config;
    struct pa_executor_config settings = {.cache_directory = config->cache_directory,
                                          .cache_bytes = config->cache_max_bytes,
                                          .jail_required = config->jail_required,
                                          .compiling = announce};
    struct pa_executor *executor;
    struct pa_error err;
    if (pa_executor_new(&settings, &executor, &err) < 0) {
        context->status = pa_report_error(&err);
        return;
    }
    for (char **name = context->request->names; *name; name++)
        if (warm_one(context, executor, *name, &err) < 0)
            context->status = pa_report_error(&err);
    pa_executor_free(executor);
}

/* --- path --- */

static void paths(void) {
    char **folders = pa_pack_folders();
    for (char **folder = folders; folder && *folder; folder++)
        puts(*folder);
    pa_strv_free(folders);
}

static void path(struct context *context, const struct pa_pack *pack) {
    PA_CLEANUP(pa_freep) char *folder = pa_pack_directory(pack, context->cache_directory);
    if (pa_pack_installed(pack, context->cache_directory)) {
        puts(folder);
        return;
    }
    struct pa_error err;
    pa_fail(&err, PA_ERR_FAILED_PRECONDITION,
            "the language %s is not installed: polyagent lang install %s", pack->name, pack->name);
    context->status = pa_report_error(&err);
}

/* --- the command line --- */

/* 0, or the exit status after a complaint; --help is left as the action. */
static int parse(struct request *request, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char **slot = pa_streq(argv[i], "--from")     ? &request->from
                            : pa_streq(argv[i], "--config") ? &request->config_file
                                                            : NULL;
        if (slot && i + 1 == argc)
            return pa_report_usage("lang", "%s wants a file", argv[i]);
        if (slot)
            *slot = argv[++i];
        else if (pa_streq(argv[i], "--all"))
            request->all = true;
        else if (pa_streq(argv[i], "--fuel"))
            request->fuel = true;
        else if (pa_streq(argv[i], "--deterministic"))
            request->deterministic = true;
        else if (pa_streq(argv[i], "--help") || pa_streq(argv[i], "-h"))
            request->action = "--help";
        else if (argv[i][0] == '-')
            return pa_report_usage("lang", "there is no option '%s'", argv[i]);
        else if (!*request->action)
            request->action = argv[i];
        else if (pa_streq(request->action, "warm"))
            pa_strv_add(&request->names, pa_xstrdup(argv[i]));
        else if (!request->name)
            request->name = argv[i];
        else if (!pa_streq(request->action, "--help"))
            return pa_report_usage("lang", "'%s' is one word too many", argv[i]);
    }
    return 0;
}

static int check(const struct request *request) {
    static const char *const actions[] = {"list", "info", "install", "warm", "path"};
    const char *action = request->action;
    bool known = false;
    if (!*action)
        return pa_report_usage("lang", "list, info, install, warm or path?");
    for (size_t i = 0; i < PA_ARRAY_LEN(actions); i++)
        known = known || pa_streq(action, actions[i]);
    bool installs = pa_streq(action, "install");
    if (!known)
        return pa_report_usage("lang", "'%s' is not list, info, install, warm or path", action);
    if ((request->all || request->from) && !installs)
        return pa_report_usage("lang", "--all and --from belong to install");
    if ((request->fuel || request->deterministic) && !pa_streq(action, "warm"))
        return pa_report_usage("lang", "--fuel and --deterministic belong to warm");
    if (!request->names && pa_streq(action, "warm"))
        return pa_report_usage("lang", "warm which languages?");
    if (request->all && (request->name || request->from))
        return pa_report_usage("lang", "--all goes with neither a name nor --from");
    if (pa_streq(action, "list") && request->name)
        return pa_report_usage("lang", "'%s' is one word too many", request->name);
    if (!request->name && !request->all && (installs || pa_streq(action, "info")))
        return pa_report_usage("lang", "%s which language?", action);
    return 0;
}

static int act(struct context *context) {
    const struct request *request = context->request;
    struct pa_error err;
    const struct pa_pack *pack = NULL;
    if (request->name && !(pack = pa_packs_find(context->packs, request->name, &err)))
        return pa_report_error(&err);
    if (pa_streq(request->action, "list")) {
        list(context);
    } else if (request->names) {
        warm(context);
    } else if (request->all) {
        install_all(context);
    } else {
        PA_ASSERT(pack); /* check() has seen to the name */
        if (pa_streq(request->action, "install"))
            install(context, pack);
        else if (pa_streq(request->action, "info"))
            info(context, pack);
        else
            path(context, pack);
    }
    return context->status;
}

static int load_and_act(const struct request *request) {
    struct pa_config config;
    struct pa_packs *packs = NULL;
    struct pa_error err;
    int status;
    if (pa_config_load(&config, &(struct pa_config_sources){.file = request->config_file}, &err) <
            0 ||
        pa_packs_load(NULL, &packs, &err) < 0) {
        status = pa_report_error(&err);
    } else {
        struct context context = {request, packs, &config, config.cache_directory, 0};
        status = act(&context);
    }
    pa_packs_free(packs);
    pa_config_done(&config);
    return status;
}

int pa_command_lang(int argc, char **argv) {
    struct request request = {.action = ""};
    int status = parse(&request, argc, argv);
    if (!status && pa_streq(request.action, "--help"))
        fputs(usage, stdout);
    else if (!status && !(status = check(&request)) && pa_streq(request.action, "path") &&
             !request.name)
        paths();
    else if (!status)
        status = load_and_act(&request);
    pa_strv_free(request.names);
    return status;
}
