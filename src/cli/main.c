/* polyagent: finds the command and runs it. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static const struct pa_command commands[] = {
    {"run", "run a WebAssembly module (WASI preview 1) in the sandbox", pa_command_run},
    {"exec", "run a program in a language: polyagent exec python script.py", pa_command_exec},
    {"serve", "serve runs over gRPC, HTTP and MCP, and warm processes to this user",
     pa_command_serve},
    {"session", "sessions of a running server: programs in them, forks, files, a prompt",
     pa_command_session},
    {"mcp", "speak MCP on standard input and output, for an agent that starts it", pa_command_mcp},
    {"key", "make an API key for a server", pa_command_key},
    {"compile", "compile a module into the cache, without running it", pa_command_compile},
    {"transpile", "compile a Python program to a WebAssembly module", pa_command_transpile},
    {"lang", "list the languages, install them", pa_command_lang},
    {"volume", "list or remove the folders that outlive a run", pa_command_volume},
    {"cache", "list or clear the compiled modules", pa_command_cache},
    {"config", "check or show the settings and where they come from", pa_command_config},
    {"doctor", "say what this machine offers and what would not work", pa_command_doctor},
    {"version", "print the versions of this program and its engine", pa_command_version},
};

static int help(FILE *out) {
    fputs("Usage: polyagent COMMAND [OPTIONS] [ARGUMENTS]\n\n"
          "Runs untrusted code in WebAssembly, each run in a jailed process of its own.\n\n",
          out);
    for (size_t i = 0; i < PA_ARRAY_LEN(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n'polyagent COMMAND --help' tells the options of a command.\n", out);
    return out == stdout ? 0 : 2;
}

/* A standard stream that we were started without must not become the number of the next file that
 * we open: a guest's output would go there.  What takes its place can be neither read nor written.
 */
static void occupy_closed_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH) != fd)
            return;
}

/* What was printed and never arrived (a full disk) is a failure, whatever the command says. */
static int flush_output(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "polyagent: cannot write to standard output: %s\n", strerror(errno));
    return status ? status : pa_error_code_exit(PA_ERR_UNAVAILABLE);
}

static int dispatch(int argc, char **argv) {
    if (argc < 2)
        return help(stderr);
    const char *name = argv[1];
    if (pa_streq(name, "help") || pa_streq(name, "--help") || pa_streq(name, "-h"))
        return help(stdout);
    if (pa_streq(name, "--version") || pa_streq(name, "-V"))
        name = "version";
    for (size_t i = 0; i < PA_ARRAY_LEN(commands); i++)
        if (pa_streq(commands[i].name, name))
            return commands[i].run(argc - 1, argv + 1);
    int status = pa_command_language(argc - 1, argv + 1);
    return status >= 0 ? status
                       : pa_report_usage("",
                                         "there is no command '%s', nor a language of that name "
                                         "('polyagent lang list')",
                                         name);
}

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); /* a file past `ulimit -f` is an error of write, which has words */
    occupy_closed_streams();
    return flush_output(dispatch(argc, argv));
}
