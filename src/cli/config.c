/* polyagent config: are the settings right, and where does each value come from? */
#include "cli/cli.h"

#include <stdio.h>

static const char usage[] =
    "Usage: polyagent config check|show [OPTIONS]\n\n"
    "  check   say everything that is wrong with the file, .env and the environment\n"
    "  show    print every value in force as YAML, with where it came from\n\n"
    "The options of 'polyagent run' count too:\n" PA_RUN_OPTIONS_HELP;

int pa_command_config(int argc, char **argv) {
    struct pa_run_options options = {0};
    const char *action;
    int status;
    if (pa_run_options_parse_action(&options, argc, argv, "check or show?", usage, &action,
                                    &status) < 0)
        return status;
    struct pa_buf text = PA_BUF_INIT(1 << 20);
    status = 0;
    if (pa_streq(action, "check"))
        pa_config_check(&options.config, &text);
    else if (pa_streq(action, "show"))
        pa_config_show(&options.config, &text);
    else
        status = pa_report_usage("config", "'%s' is not check or show", action);
    fputs(pa_buf_text(&text), stdout);
    pa_buf_done(&text);
    pa_run_options_done(&options);
    return status;
}
