/*
 * The prompt: what is entered runs in one process, turn by turn.
 *
 *     read lines until the language says that the input is complete
 *     run it as a turn ("expression": the value of a last expression is shown)
 *     ... its process waits for the next one, or has ended
 *
 * The process is a session's copy of a warm root of our own: a run that a server hands over may not
 * fork.  Before each turn it is copied.  The copy sleeps, and takes over where the turn was killed
 * (Ctrl-C, a limit) or crashed: nothing of that turn was ever in it, so variables are as before.
 * Each turn has the limits of a run.
 */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/io.h"
#include "run/language.h"
#include "run/pools.h"
#include <stdio.h>
#include <unistd.h>

#define INPUT_MAX (16 * PA_MIB)
#define COPY_NS   (5 * PA_NS_PER_S) /* for a process that does nothing but wait */

struct repl {
    const struct pa_run_options *options;
    const struct pa_image *image;
    const struct pa_program *first; /* gives later turns its arguments */
    struct pa_executor *executor;
    int stdin_fd, cancel_fd;
    struct pa_packs *packs;
    struct pa_pools *pools; /* of one kind, whose root the session is forked from */
    struct pa_want want;
    bool alive; /* `worker` waits for a turn */
    struct pa_worker worker;
    bool used;      /* it has had a turn, so its random generators go on as they are */
    unsigned turns; /* of all sessions, for names in tracebacks */
    bool over;
    int status; /* ours, once it is over */
};

/* --- the session ------------------------------------------------------------------------------ */

/* The root starts now, in a thread of its pool, and boots while a greeting is read. */
static int start(struct repl *repl, struct pa_error *err) {
    const struct pa_config *config = &repl->options->config;
    const struct pa_program nothing = {.code = "", .session = true};
    struct pa_language_run run;
    if (pa_language_run_init(&run, repl->image, config->cache_directory, &config->policy, &nothing,
                             err) < 0)
        return -1;
    pa_want_init(&repl->want, repl->image, &run.policy);
    pa_language_run_done(&run);
    if (pa_packs_load(NULL, &repl->packs, err) < 0)
        return -1;
    const struct pa_pools_config pools = {.executor = repl->executor,
                                          .packs = repl->packs,
                                          .cache_directory = config->cache_directory,
                                          .policy = &config->policy,
                                          .idle_most = 1};
    return pa_pools_new(&pools, &repl->pools, err) < 0 ||
                   pa_pools_warm(repl->pools, repl->image, err) < 0
               ? -1
               : 0;
}

static void lose(struct repl *repl) {
    if (repl->alive)
        pa_worker_discard(&repl->worker);
    repl->alive = repl->used = false;
}

static void stop(struct repl *repl) {
    lose(repl);
    pa_pools_free(repl->pools);
    pa_packs_free(repl->packs);
    pa_want_done(&repl->want);
}

static int copy_session(struct repl *repl, struct pa_worker *ret, struct pa_error *err) {
    return pa_pool_fork(&repl->worker, pa_clock_monotonic_ns() + COPY_NS, ret, err);
}

/* A session that waits, a new one if need be, and in *ret_copy its copy. */
static int prepare(struct repl *repl, struct pa_worker *ret_copy, struct pa_error *err) {
    if (repl->alive) {
        if (copy_session(repl, ret_copy, err) == 0)
            return 0;
        lose(repl);
        fprintf(stderr,
                "polyagent: the session is lost, with its variables: %s; a new one begins\n",
                err->message);
    }
    if (pa_pools_take_session(repl->pools, &repl->want, PA_NEVER, repl->cancel_fd, &repl->worker,
                              err) < 0)
        return -1;
    repl->alive = true;
    return copy_session(repl, ret_copy, err);
}

/* --- turns ------------------------------------------------------------------------------------ */

static int execute(struct repl *repl, struct pa_program *program, bool shown,
                   struct pa_outcome *outcome, struct pa_error *err) {
    const struct pa_config *config = &repl->options->config;
    struct pa_language_run run;
    struct pa_sink sink = pa_terminal_sink();
    program->continued = repl->used;
    if (pa_language_run_init(&run, repl->image, config->cache_directory, &config->policy, program,
                             err) < 0)
        return -1;
    run.request.warm = &repl->worker;
    run.request.session = program->session ? &repl->worker : NULL;
    run.request.stdin_fd = shown ? repl->stdin_fd : -1;
    run.request.sink = shown ? &sink : NULL;
    run.request.cancel_fd = repl->cancel_fd;
    int done = pa_execute(repl->executor, &run.request, outcome, err);
    repl->alive = done == 0 && outcome->session_lives;
    pa_language_run_done(&run);
    return done;
}

/* Whatever becomes of the turn, a session is alive after it, unless that could not be made. */
static int run_turn(struct repl *repl, struct pa_program *program, bool shown,
                    struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_worker copy;
    if (prepare(repl, &copy, err) < 0)
        return -1;
    int done = execute(repl, program, shown, outcome, err);
    if (repl->alive) {
        repl->used |= shown; /* questions leave everything as it is */
        pa_worker_discard(&copy);
    } else {
        repl->worker = copy;
        repl->alive = outcome->session_rolled_back = true;
    }
    return done;
}

static void end(struct repl *repl, int status) {
    repl->over = true;
    repl->status = status;
}

/* The program ended its process itself: no hook is run again in the copy. */
static void end_with_process(struct repl *repl, const struct pa_outcome *outcome) {
    lose(repl);
    end(repl, pa_outcome_exit(outcome));
}

/* What a turn's end means for the prompt. */
static void judge(struct repl *repl, const struct pa_outcome *outcome) {
    if (!outcome->session_rolled_back) {
        pa_report_outcome(outcome);
        if (outcome->exited)
            end(repl, (int)(outcome->exit_code & 0xff));
    } else if (outcome->status == PA_STATUS_CANCELLED) {
        int status = pa_terminal_cancel_status(repl->cancel_fd);
        if (status == 130)
            fputs("\npolyagent: interrupted; variables are as before this input\n", stderr);
        else
            end(repl, status);
    } else {
        pa_report_outcome(outcome);
        if (pa_status_exit(outcome->status) < 0)
            end_with_process(repl, outcome);
        else
            fputs("polyagent: variables are as before this input\n", stderr);
    }
}

static void run_and_show(struct repl *repl, struct pa_program *program) {
    struct pa_outcome outcome;
    struct pa_error err;
    pa_outcome_init(&outcome);
    if (run_turn(repl, program, true, &outcome, &err) < 0) {
        end(repl, pa_report_error(&err));
    } else {
        pa_cli_print_results(&outcome);
        judge(repl, &outcome);
    }
    pa_outcome_done(&outcome);
}

static struct pa_program turn_of(const struct repl *repl, enum pa_program_mode mode,
                                 const struct pa_buf *code) {
    return (struct pa_program){.mode = mode,
                               .code = code ? pa_buf_text(code) : "",
                               .code_size = code ? code->size : 0,
                               .argv = repl->first ? repl->first->argv : NULL,
                               .argc = repl->first ? repl->first->argc : 0,
                               .session = true};
}

static bool is_complete(struct repl *repl, const struct pa_buf *code) {
    struct pa_program program = turn_of(repl, PA_PROGRAM_COMPLETE, code);
    struct pa_outcome outcome;
    struct pa_error err;
    pa_outcome_init(&outcome);
    bool complete =
        run_turn(repl, &program, false, &outcome, &err) < 0 || pa_outcome_is_complete(&outcome);
    pa_outcome_done(&outcome);
    return complete;
}

/* Hooks at exit run and files are flushed: the process is asked to end by itself. */
static void leave(struct repl *repl) {
    if (!repl->alive)
        return;
    struct pa_program nothing = turn_of(repl, PA_PROGRAM_SCRIPT, NULL);
    struct pa_outcome outcome;
    struct pa_error err;
    nothing.session = false;
    pa_outcome_init(&outcome);
    if (execute(repl, &nothing, true, &outcome, &err) == 0)
        pa_report_outcome(&outcome);
    pa_outcome_done(&outcome);
}

/* --- input ------------------------------------------------------------------------------------ */

static bool is_blank(const struct pa_buf *code) {
    const char *text = pa_buf_text(code);
    return text[strspn(text, " \t\r\n")] == 0;
}

/* One input, of as many lines as it takes; nothing where it was given up. */
static void read_input(struct repl *repl, struct pa_prompt *prompt, struct pa_buf *code) {
    pa_buf_clear(code);
    for (bool first = true;; first = false) {
        if (!first)
            pa_buf_append_text(code, "\n");
        switch (pa_prompt_read(prompt, first ? ">>> " : "... ", code)) {
        case PA_PROMPT_EOF:
            end(repl, 0);
            pa_buf_clear(code);
            return;
        case PA_PROMPT_CANCELLED: {
            int status = pa_terminal_cancel_status(repl->cancel_fd);
            if (status != 130)
                end(repl, status);
            pa_buf_clear(code);
            return;
        }
        case PA_PROMPT_LINE:
            break;
        }
        if (code->failed) {
            fprintf(stderr, "polyagent: the input is larger than %llu bytes\n",
                    (unsigned long long)INPUT_MAX);
            pa_buf_clear(code);
            return;
        }
        if (is_blank(code) || is_complete(repl, code))
            return;
    }
}

static void converse(struct repl *repl, struct pa_prompt *prompt) {
    struct pa_buf code = PA_BUF_INIT(INPUT_MAX);
    while (!repl->over) {
        char name[32];
        read_input(repl, prompt, &code);
        if (is_blank(&code))
            continue;
        pa_prompt_remember(prompt, pa_buf_text(&code));
        struct pa_program program = turn_of(repl, PA_PROGRAM_EXPRESSION, &code);
        snprintf(name, sizeof(name), "<input-%u>", ++repl->turns);
        program.filename = name;
        run_and_show(repl, &program);
    }
    pa_buf_done(&code);
}

static void greet(const struct repl *repl) {
    const struct pa_pack *pack = repl->image->pack;
    if (isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
        printf("%s, in the sandbox.  Ctrl-D ends, Ctrl-C stops what runs.\n", pack->summary);
    fflush(stdout);
}

int pa_cli_repl(const struct pa_run_options *options, const struct pa_image *image,
                const struct pa_program *first, struct pa_executor *executor, int stdin_fd,
                int cancel_fd) {
    /* From a pipe all lines are the prompt's: a program that read would read ahead. */
    bool has_input = options->stdin_path || isatty(STDIN_FILENO);
    struct repl repl = {.options = options,
                        .image = image,
                        .first = first,
                        .executor = executor,
                        .stdin_fd = has_input ? stdin_fd : -1,
                        .cancel_fd = cancel_fd};
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(options->config.cache_directory);
    PA_CLEANUP(pa_freep) char *folder = pa_path_join(home, "history");
    PA_CLEANUP(pa_freep) char *history = pa_path_join(folder, image->pack->name);
    struct pa_error err;
    bool kept = pa_mkdir_parents(folder, 0700, &err) == 0;
    struct pa_prompt *prompt = pa_prompt_new(kept ? history : NULL, cancel_fd);
    if (start(&repl, &err) < 0) {
        end(&repl, pa_report_error(&err));
    } else {
        greet(&repl);
        if (first) {
            struct pa_program program = *first;
            program.session = true;
            run_and_show(&repl, &program);
        }
        converse(&repl, prompt);
        leave(&repl);
    }
    stop(&repl);
    pa_prompt_free(prompt);
    return repl.status;
}
