/* polyagent exec, and polyagent python|js|ruby: a program in a language. */
#include "cli/cli.h"

#include "base/io.h"
#include "run/language.h"
#include "run/transpile.h"
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
    "Usage: polyagent exec LANGUAGE [OPTIONS] [-c CODE | -m MODULE | FILE | -] [ARGUMENT...]\n"
    "       polyagent exec [OPTIONS] FILE ...    in the language that its name ends in\n"
    "       polyagent exec --image IMAGE [OPTIONS] ...\n"
    "       polyagent LANGUAGE [OPTIONS] ...     the same, for short; an image is a language too\n\n"
    "Runs a program in the sandbox: CODE, a module by its name, a file, or what standard input says.\n"
    "On a terminal without a program there is a prompt, whose variables last until it ends.\n"
    "'polyagent lang list' names the languages, images are in the configuration.\n\n"
    "  -i                         a prompt, after the program if there is one\n"
    "  --mode MODE                of Python: interpret, transpile (compiled, or refused), or auto:\n"
    "                             compiled where that is possible, else interpreted\n"
    "  --expression               show the value of a last expression, as a notebook does\n"
    "  --package FILE|DIR         a wheel of pure Python, or a folder of modules, to import from\n"
    "  --image IMAGE              with the packages and modules that the configuration says\n"
    "  --interpreter FILE.wasm    your own, in place of the language's\n" PA_RUN_OPTIONS_HELP;

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

/* What --mode asks for; INTERPRET without it. */
static int choose_mode(const struct pa_run_options *options, const struct pa_image *image,
                       enum pa_python_mode *ret, struct pa_error *err) {
    *ret = PA_PYTHON_INTERPRET;
    if (!options->mode)
        return 0;
    if (strncmp(image->pack->name, "python", 6) != 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "--mode is for Python, not for %s",
                       image->pack->name);
    return pa_python_mode_parse(options->mode, ret, err);
}

/* The program compiled, if --mode says so and it can be: choice->finished. */
static int try_compiled(const struct pa_run_options *options, const struct pa_image *image,
                        const struct script *script, struct pa_executor *executor, int stdin_fd,
                        int cancel_fd, const struct pa_sink *sink, struct pa_outcome *outcome,
                        struct pa_python_choice *choice, struct pa_error *err) {
    struct pa_python_try attempt = {.code = script->program.code,
                                    .code_size = script->program.code_size,
                                    .filename = script->program.filename,
                                    .policy = &options->config.policy,
                                    .plain = script->program.mode == PA_PROGRAM_SCRIPT &&
                                             script->program.argc == 1 && !options->packages &&
                                             !options->interpreter && !options->image,
                                    .stdin_fd = stdin_fd,
                                    .sink = sink,
                                    .cancel_fd = cancel_fd,
                                    .ask_server = true};
    *choice = (struct pa_python_choice){0};
    if (choose_mode(options, image, &attempt.mode, err) < 0)
        return -1;
    return options->mode ? pa_python_try(executor, &attempt, outcome, choice, err) : 0;
}

static int run_script(const struct pa_run_options *options, const struct pa_image *image,
                      const struct script *script, struct pa_executor *executor, int stdin_fd,
                      int cancel_fd) {
    struct pa_error err;
    struct pa_outcome outcome;
    struct pa_language_run run;
    struct pa_sink sink = pa_terminal_sink();
    const struct pa_sink *to = options->json ? NULL : &sink;
    struct pa_worker warm;
    struct pa_python_choice choice;
    struct pa_python_rest rest;
    int status;
    pa_outcome_init(&outcome);
    if (try_compiled(options, image, script, executor, stdin_fd, cancel_fd, to, &outcome, &choice,
                     &err) < 0) {
        pa_outcome_done(&outcome);
        return pa_report_error(&err);
    }
    if (choice.finished) {
        pa_python_choice_tell(&choice, &outcome);
        status = pa_run_options_finish(options, &outcome, cancel_fd);
        pa_outcome_done(&outcome);
        return status;
    }
    if (pa_language_run_init(&run, image, options->config.cache_directory, &options->config.policy,
                             &script->program, &err) < 0)
        return pa_report_error(&err);
    if (pa_cli_take_warm(image, &run.policy, &warm))
        run.request.warm = &warm;
    else
        pa_language_run_compiled_boot(&run, image, executor, options->config.cache_directory,
                                      cancel_fd);
    if (!image->without_checkpoint)
        run.request.stdin_fd = stdin_fd;
    run.request.sink = pa_python_rest_sink(&rest, to, &choice);
    run.request.cancel_fd = cancel_fd;
    if (pa_execute(executor, &run.request, &outcome, &err) < 0) {
        status = pa_report_error(&err);
    } else {
        if (!options->json)
            pa_cli_print_results(&outcome);
        if (options->mode)
            pa_python_choice_tell(&choice, &outcome);
        status = pa_run_options_finish(options, &outcome, cancel_fd);
    }
    pa_outcome_done(&outcome);
    pa_language_run_done(&run);
    return status;
}

/* One that is started as `python -c 'import sys; exec(sys.stdin.read())'` runs one program to its
 * end, which is also its input: what it cannot do is said before it is started. */
static int check_asked(const struct pa_run_options *options, const struct pa_image *image,
                       bool interactive, struct pa_error *err) {
    const char *asked = interactive           ? "prompt (-i)"
                        : options->expression ? "results (--expression)"
                        : options->stdin_path ? "other input (--stdin)"
                                              : NULL;
    if (!image->without_checkpoint || !asked)
        return 0;
    return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                   "the interpreter %s has no %s: it does not come to the checkpoint of the "
                   "language's boot script, so it is given a whole program as its standard input "
                   "(docs/languages.md)",
                   image->pack->module_file, asked);
}

/* A program, a prompt, or a prompt after a program (`script` NULL: there is none). */
static int execute(const struct pa_run_options *options, struct pa_image *image,
                   const struct script *script, bool interactive) {
    struct pa_error err;
    struct pa_executor *executor;
    struct pa_executor_config config = pa_run_options_executor(options);
    PA_CLEANUP(pa_closep) int stdin_fd = -1;
    PA_CLEANUP(pa_closep) int cancel_fd = pa_signals_open(&err);
    bool taken = script && script->took_stdin;
    if (cancel_fd < 0 || pa_run_options_stdin(options, taken, &stdin_fd, &err) < 0 ||
        pa_executor_new(&config, &executor, &err) < 0)
        return pa_report_error(&err);
    int status;
    if (pa_image_probe(image, executor, options->config.cache_directory, &options->config.policy,
                       cancel_fd, &err) < 0 ||
        check_asked(options, image, interactive, &err) < 0)
        status = pa_report_error(&err);
    else if (interactive)
        status = pa_cli_repl(options, image, script ? &script->program : NULL, executor, stdin_fd,
                             cancel_fd);
    else
        status = run_script(options, image, script, executor, stdin_fd, cancel_fd);
    pa_executor_free(executor);
    return status;
}

/* What the operands say: a program, or a prompt where there is none and a terminal. */
static int exec_image(const struct pa_run_options *options, struct pa_image *image, int argc,
                      char **argv) {
    struct pa_error err;
    struct script script = {0};
    bool given = options->code || options->module || argc > 0;
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !options->json;
    if (!given && (options->interactive || terminal))
        return execute(options, image, NULL, true);
    const char *path = NULL;
    if (!options->code && !options->module) {
        path = argc > 0 ? argv[0] : "-";
        argv += argc > 0;
        argc -= argc > 0;
    }
    int status = read_script(options, path, argc, argv, &script, &err) < 0
                     ? pa_report_error(&err)
                     : execute(options, image, &script, options->interactive);
    script_done(&script);
    return status;
}

/* argv[0] is the language's or the image's name, or the command's where `named` is false. */
static int exec_language(const struct pa_packs *packs, bool named, int argc, char **argv) {
    struct pa_run_options options = {.language = true};
    struct pa_image image;
    struct pa_error err;
    int status;
    int at = pa_run_options_parse(&options, argc, argv, usage, &status);
    if (at < 0)
        return status;
    const struct pa_pack *pack =
        !named && !options.image && at < argc ? pa_pack_for_file(packs, argv[at]) : NULL;
    const char *name = named ? argv[0] : pack ? pack->name : NULL;
    if (!name && !options.image) {
        status = pa_report_usage("exec", "which language?");
    } else if (pa_cli_image(&options, packs, name, &image, &err) < 0) {
        status = pa_report_error(&err);
    } else {
        status = exec_image(&options, &image, argc - at, argv + at);
        pa_image_done(&image);
    }
    pa_run_options_done(&options);
    return status;
}

int pa_command_exec(int argc, char **argv) {
    if (argc < 2)
        return pa_report_usage("exec", "which language?");
    struct pa_packs *packs;
    struct pa_error err;
    if (pa_packs_load(NULL, &packs, &err) < 0)
        return pa_report_error(&err);
    bool named = argv[1][0] != '-' && !pa_pack_for_file(packs, argv[1]);
    int status = exec_language(packs, named, argc - named, argv + named);
    pa_packs_free(packs);
    return status;
}

/* Whether the configuration, faults or not, has an image of that name. */
static bool is_image(const char *name, int argc, char **argv) {
    struct pa_config_sources sources = {0};
    struct pa_config config;
    struct pa_error err;
    for (int i = 1; i < argc; i++)
        if (pa_streq(argv[i], "--config") && i + 1 < argc)
            sources.file = argv[i + 1];
        else if (strncmp(argv[i], "--config=", 9) == 0)
            sources.file = argv[i] + 9;
    pa_config_load(&config, &sources, &err);
    bool found = pa_config_image_find(&config, name);
    pa_config_done(&config);
    return found;
}

int pa_command_language(int argc, char **argv) {
    struct pa_packs *packs;
    struct pa_error err;
    if (pa_packs_load(NULL, &packs, &err) < 0)
        return -1;
    int status = -1;
    if (pa_packs_find(packs, argv[0], &err) || is_image(argv[0], argc, argv))
        status = exec_language(packs, true, argc, argv);
    pa_packs_free(packs);
    return status;
}
