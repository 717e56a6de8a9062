/* polyagent config: are the settings right, and where does each value come from? */
#include "cli/cli.h"

#include <stdio.h>

static const char usage[] =
    "Usage: polyagent config check|show [OPTIONS]\n\n"
    "  check   say everything that is wrong with the file, .env and the environment\n"
    "  show    print every value in force as YAML, with where it came from\n\n"
    "The options of 'polyagent run' count too:\n" PA_RUN_OPTIONS_HELP;

int pa_command_config(int argc, char **argv) {
    if (argc < 2)
        return pa_report_usage("config", "check or show?");
    const char *action = argv[1];
    argv[1] = argv[0]; /* what the parser names in its messages */
    if (pa_streq(action, "--help") || pa_streq(action, "-h")) {
        fputs(usage, stdout);
        return 0;
    }
    if (!pa_streq(action, "check") && !pa_streq(action, "show"))
        return pa_report_usage("config", "'%s' is not check or show", action);
    struct pa_run_options options = {0};
    int status;
    int at = pa_run_options_parse(&options, argc - 1, argv + 1, usage, &status);
    if (at < 0)
        return status;
    struct pa_buf text = PA_BUF_INIT(1 << 20);
    if (pa_streq(action, "check"))
        pa_config_check(&options.config, &text);
    else
        pa_config_show(&options.config, &text);
    fputs(pa_buf_text(&text), stdout);
    pa_buf_done(&text);
    pa_run_options_done(&options);
    return 0;
}
