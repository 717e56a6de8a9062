/* polyagent exec, and polyagent python|js|ruby: a program in a language. */
#include "cli/cli.h"

#include "base/io.h"
#include "base/log.h"
#include "run/handover.h"
#include "run/language.h"
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
    "Usage: polyagent exec LANGUAGE [OPTIONS] [-c CODE | -m MODULE | FILE | -] [ARGUMENT...]\n"
    "       polyagent LANGUAGE [OPTIONS] ...     the same, for short\n\n"
    "Runs a program in the sandbox: CODE, a module by its name, a file, or what standard input says.\n"
    "'polyagent lang list' names the languages.\n\n"
    "  --expression               show the value of a last expression, as a notebook does\n" PA_RUN_OPTIONS_HELP;

#define CODE_MAX (64 * PA_MIB)

/* Where the program comes from and what it is called. */
struct script {
    struct pa_buf bytes; /* of a file or standard input */
    struct pa_program program;
    char *filename;
    const char **argv;
    bool took_stdin;
};

static int read_script(const struct pa_run_options *options, const char *path, int argc,
                       char **argv, struct script *script, struct pa_error *err) {
    struct pa_program *program = &script->program;
    program->mode = options->expression ? PA_PROGRAM_EXPRESSION : PA_PROGRAM_SCRIPT;
    script->bytes = PA_BUF_INIT(CODE_MAX);
    script->argv = pa_xcalloc((size_t)argc + 1, sizeof(*script->argv));
    if (options->code || options->module) {
        if (options->module)
            program->mode = PA_PROGRAM_MODULE;
        program->code = options->module ? options->module : options->code;
        program->code_size = strlen(program->code);
        program->filename = options->module ? NULL : "<string>";
        script->argv[0] = options->module ? "-m" : "-c";
    } else {
        script->took_stdin = pa_streq(path, "-");
        int done = script->took_stdin
                       ? pa_read_all(STDIN_FILENO, "standard input", &script->bytes, err)
                       : pa_read_file(path, &script->bytes, err);
        if (done < 0)
            return -1;
        const char *slash = strrchr(path, '/');
        script->filename = script->took_stdin
                               ? pa_xstrdup("<stdin>")
                               : pa_xasprintf("/workspace/%s", slash ? slash + 1 : path);
        program->code = script->bytes.data;
        program->code_size = script->bytes.size;
        program->filename = script->filename;
        script->argv[0] = script->took_stdin ? "-" : path;
    }
    for (int i = 0; i < argc; i++)
        script->argv[i + 1] = argv[i];
    program->argv = script->argv;
    program->argc = (size_t)argc + 1;
    return 0;
}

static void script_done(struct script *script) {
    pa_buf_done(&script->bytes);
    free(script->filename);
    free(script->argv);
}

/* Results as a terminal can show them: their plain text. */
static void print_results(const struct pa_outcome *outcome) {
    struct pa_buf texts = PA_BUF_INIT(SIZE_MAX / 2);
    pa_outcome_result_texts(outcome, &texts);
    if (texts.size)
        fwrite(texts.data, 1, texts.size, stdout);
    fflush(stdout);
    pa_buf_done(&texts);
}

/* A warm process from this user's server, if one runs. */
static bool take_warm(const struct pa_pack *pack, const struct pa_policy *policy,
                      struct pa_worker *ret) {
    struct pa_want want = {.metered = pa_policy_metered(policy),
                           .deterministic = policy->deterministic,
                           .policy = *policy}; /* borrowed */
    struct pa_error err;
    snprintf(want.language, sizeof(want.language), "%s", pack->name);
    if (pa_handover_take(&want, ret, &err) == 0)
        return true;
    pa_log_debug("exec", "starting a process of our own: %s", err.message);
    return false;
}

static int execute(const struct pa_run_options *options, const struct pa_pack *pack,
                   const struct script *script) {
    struct pa_error err;
    struct pa_outcome outcome;
    struct pa_language_run run;
    struct pa_executor *executor;
    struct pa_executor_config config = pa_run_options_executor(options);
    PA_CLEANUP(pa_closep) int stdin_fd = -1;
    PA_CLEANUP(pa_closep) int cancel_fd = pa_terminal_cancel_fd(&err);
    struct pa_sink sink = pa_terminal_sink();
    if (cancel_fd < 0 || pa_run_options_stdin(options, script->took_stdin, &stdin_fd, &err) < 0 ||
        pa_executor_new(&config, &executor, &err) < 0)
        return pa_report_error(&err);
    int status;
    pa_outcome_init(&outcome);
    if (pa_language_run_init(&run, pack, options->config.cache_directory, &options->config.policy,
                             &script->program, &err) < 0) {
        status = pa_report_error(&err);
    } else {
        struct pa_worker warm;
        if (take_warm(pack, &run.policy, &warm))
            run.request.warm = &warm;
        run.request.stdin_fd = stdin_fd;
        run.request.sink = options->json ? NULL : &sink;
        run.request.cancel_fd = cancel_fd;
        if (pa_execute(executor, &run.request, &outcome, &err) < 0) {
            status = pa_report_error(&err);
        } else {
            if (!options->json)
                print_results(&outcome);
            status = pa_run_options_finish(options, &outcome, cancel_fd);
        }
        pa_language_run_done(&run);
    }
    pa_outcome_done(&outcome);
    pa_executor_free(executor);
    return status;
}

/* argv[0] is the language's name. */
static int exec_language(const struct pa_packs *packs, int argc, char **argv) {
    struct pa_run_options options = {.language = true};
    struct pa_error err;
    const struct pa_pack *pack = pa_packs_find(packs, argv[0], &err);
    if (!pack)
        return pa_report_error(&err);
    int status;
    int at = pa_run_options_parse(&options, argc, argv, usage, &status);
    if (at < 0)
        return status;
    bool given = options.code || options.module;
    const char *path = given ? NULL : at < argc ? argv[at++] : "-";
    struct script script = {0};
    if (read_script(&options, path, argc - at, argv + at, &script, &err) < 0)
        status = pa_report_error(&err);
    else
        status = execute(&options, pack, &script);
    script_done(&script);
    pa_run_options_done(&options);
    return status;
}

int pa_command_exec(int argc, char **argv) {
    if (argc < 2)
        return pa_report_usage("exec", "which language?");
    if (pa_streq(argv[1], "--help") || pa_streq(argv[1], "-h")) {
        fputs(usage, stdout);
        return 0;
    }
    struct pa_packs *packs;
    struct pa_error err;
    if (pa_packs_load(NULL, &packs, &err) < 0)
        return pa_report_error(&err);
    int status = exec_language(packs, argc - 1, argv + 1);
    pa_packs_free(packs);
    return status;
}

int pa_command_language(int argc, char **argv) {
    struct pa_packs *packs;
    struct pa_error err;
    if (pa_packs_load(NULL, &packs, &err) < 0)
        return -1;
    int status = pa_packs_find(packs, argv[0], &err) ? exec_language(packs, argc, argv) : -1;
    pa_packs_free(packs);
    return status;
}
