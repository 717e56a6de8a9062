/* polyagent: finds the command and runs it. */
#include "cli/cli.h"

#include <stdio.h>

static const struct pa_command commands[] = {
    {"run", "run a WebAssembly module (WASI preview 1) in the sandbox", pa_command_run},
    {"exec", "run a program in a language: polyagent exec python script.py", pa_command_exec},
    {"serve", "keep warm processes ready for this user", pa_command_serve},
    {"compile", "compile a module into the cache, without running it", pa_command_compile},
    {"lang", "list the languages, install them", pa_command_lang},
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

int main(int argc, char **argv) {
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
    return status >= 0 ? status : pa_report_usage("", "there is no command '%s'", name);
}
