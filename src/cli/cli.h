/*
 * The command line: one file per command, a table of them in main.c, and what they share here.
 *
 * Exit statuses (README): the guest's own; 2 usage; 124 time limit; 125 our own or the host's
 * error; 126 the module is not valid; 130 cancelled; 134 trap; 137 killed by another limit.
 */
#ifndef PA_CLI_CLI_H
#define PA_CLI_CLI_H

#include "base/error.h"
#include "config/config.h"
#include "run/executor.h"
#include "run/image.h"

struct pa_command {
    const char *name;
    const char *summary;               /* for `polyagent help` */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

int pa_command_run(int argc, char **argv);
int pa_command_exec(int argc, char **argv);
int pa_command_serve(int argc, char **argv);
int pa_command_mcp(int argc, char **argv);
int pa_command_key(int argc, char **argv);

/* `polyagent python ...`: the same for the name of a language or an image; -1 if there is none. */
int pa_command_language(int argc, char **argv);
int pa_command_compile(int argc, char **argv);
int pa_command_transpile(int argc, char **argv);
int pa_command_lang(int argc, char **argv);
int pa_command_cache(int argc, char **argv);
int pa_command_volume(int argc, char **argv);
int pa_command_session(int argc, char **argv);
int pa_command_config(int argc, char **argv);
int pa_command_doctor(int argc, char **argv);
int pa_command_version(int argc, char **argv);

/* report.c */

/* "polyagent: MESSAGE" on standard error; returns the exit status that belongs to the code. */
int pa_report_error(const struct pa_error *err);

/* "polyagent: MESSAGE", then "Try 'polyagent COMMAND --help'."; returns 2. */
int pa_report_usage(const char *command, const char *fmt, ...) PA_PRINTF(2, 3);

/* What the guest's end calls for on standard error (nothing for ok and error). */
void pa_report_outcome(const struct pa_outcome *outcome);

/* options.c: the options that `run`, `exec` and `compile` share. */

struct pa_run_options {
    bool language; /* set before parsing: -c CODE and -m MODULE are options, and the last */
    const char *code, *module;
    struct pa_config config; /* file, environment and flags together */
    const char *stdin_path;  /* --stdin */
    bool json;               /* --json */

    /* Of languages. */
    const char *mode;        /* --mode, of Python: interpret, auto, transpile; or NULL */
    bool expression;         /* --expression: the value of a last expression is a result */
    bool interactive;        /* -i */
    char **packages;         /* --package, or NULL */
    char **volumes;          /* --volume, as given */
    const char *interpreter; /* --interpreter, or NULL */
    const char *image;       /* --image, or NULL */
};

#define PA_RUN_OPTIONS_HELP                                                                        \
    "  --dir HOST[::GUEST][:rw]   let the guest see a directory (read-only unless :rw)\n"          \
    "  --volume NAME[::GUEST][:ro]  a folder that outlives the run (default /volumes/NAME)\n"      \
    "  --env NAME=VALUE           set a variable of the guest (--env NAME takes it from here)\n"   \
    "  --stdin FILE               standard input (default: ours)\n"                                \
    "  --memory SIZE              linear memory, for example 256MiB\n"                             \
    "  --timeout TIME             wall time, for example 30s\n"                                    \
    "  --cpu-time TIME            CPU time\n"                                                      \
    "  --fuel N                   WebAssembly operations (metered code)\n"                         \
    "  --limit NAME=VALUE         any other limit, for example output_bytes=unlimited\n"           \
    "  --deterministic            virtual clock, seeded randomness, canonical NaNs\n"              \
    "  --seed N                   seed of the generator\n"                                         \
    "  --no-clock, --no-random    deny the clock or randomness\n"                                  \
    "  --jail MODE                required, or best-effort: run although a layer is missing\n"     \
    "  --json                     print the outcome as one JSON object\n"                          \
    "  --config FILE              read settings from FILE\n"                                       \
    "  --log SPEC                 for example info,wasi=trace\n"

/* Parses options up to the first operand or "--"; returns its index in argv, or -1 after having
 * reported what is wrong (the exit status is then *ret_status).  --help prints `help`, status 0. */
int pa_run_options_parse(struct pa_run_options *options, int argc, char **argv, const char *help,
                         int *ret_status);
void pa_run_options_done(struct pa_run_options *options);

/* The same for `COMMAND ACTION [OPTIONS] ...`; `which` asks for the action ("list or remove?"). */
int pa_run_options_parse_action(struct pa_run_options *options, int argc, char **argv,
                                const char *which, const char *help, const char **ret_action,
                                int *ret_status);

/* What an executor needs of them (borrowed). */
struct pa_executor_config pa_run_options_executor(const struct pa_run_options *options);

/* volume.c: what --volume says, put into the policy. */
int pa_cli_mount_volume(struct pa_config *config, const char *text, struct pa_error *err);

/* Standard input for a run: --stdin, else ours if it is open; *ret_fd -1 where there is none. */
int pa_run_options_stdin(const struct pa_run_options *options, bool ours_is_taken, int *ret_fd,
                         struct pa_error *err);

/* Prints the outcome as the options say and returns our exit status. */
int pa_run_options_finish(const struct pa_run_options *options, const struct pa_outcome *outcome,
                          int cancel_fd);

/* language.c: what exec and the prompt share */

/* The image of a language or an image by its name (NULL: --image says), with what the options add.
 * In place (pa_image_init). */
int pa_cli_image(const struct pa_run_options *options, const struct pa_packs *packs,
                 const char *name, struct pa_image *ret, struct pa_error *err);

/* A warm process from this user's server, if one runs. */
bool pa_cli_take_warm(const struct pa_image *image, const struct pa_policy *policy,
                      struct pa_worker *ret);

/* Results as a terminal can show them: their plain text. */
void pa_cli_print_results(const struct pa_outcome *outcome);

/* repl.c */

struct pa_program;

/* A prompt: turns of a session, until the end of input or exit().  `first`, if not NULL, runs
 * before. */
int pa_cli_repl(const struct pa_run_options *options, const struct pa_image *image,
                const struct pa_program *first, struct pa_executor *executor, int stdin_fd,
                int cancel_fd);

/* prompt.c: lines from a terminal, edited and remembered; or from a pipe */

struct pa_prompt;
struct pa_prompt *pa_prompt_new(const char *history_file, int cancel_fd);
struct pa_prompt *pa_prompt_free(struct pa_prompt *prompt);

enum pa_prompt_end {
    PA_PROMPT_LINE,
    PA_PROMPT_EOF,
    PA_PROMPT_CANCELLED, /* cancel_fd is readable */
};

/* Appends a line, without its newline, to `line`. */
enum pa_prompt_end pa_prompt_read(struct pa_prompt *prompt, const char *text, struct pa_buf *line);

/* What was entered, to be had again with the arrow keys. */
void pa_prompt_remember(struct pa_prompt *prompt, const char *text);

/* module_file.c */

/* A module's bytes, from a file or ("-") from standard input. */
struct pa_module_file {
    struct pa_buf bytes;
};

/* 0; 1 with *outcome filled when it is larger than the policy allows; -1 with *err. */
int pa_module_file_open(const char *path, const struct pa_policy *policy,
                        struct pa_module_file *ret, struct pa_outcome *outcome,
                        struct pa_error *err);
void pa_module_file_close(struct pa_module_file *module);

/* terminal.c */

/* A sink that writes to our standard output and error without ever blocking past a deadline. */
struct pa_sink pa_terminal_sink(void);

/* Tells whoever sits at the terminal why nothing happens while a large module is compiled. */
void pa_terminal_compiling(const char *name, size_t size);

/* The exit status of a run that pa_signals_open's descriptor cancelled: 128 + the signal. */
int pa_terminal_cancel_status(int cancel_fd);

#endif
