/* polyagent cache: what is compiled already. */
#include "cli/cli.h"

#include "base/units.h"
#include <stdio.h>

static const char usage[] = "Usage: polyagent cache list|clear|path [--config FILE]\n\n"
                            "  list    the compiled modules, most recently used first\n"
                            "  clear   remove them all (runs in progress are not disturbed)\n"
                            "  path    print the folder\n";

static int list(struct pa_cache *cache, struct pa_error *err) {
    struct pa_cache_entry *entries;
    size_t count;
    uint64_t total = 0;
    if (pa_cache_list(cache, &entries, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char used[32], size[32];
        struct tm local;
        localtime_r(&entries[i].used, &local);
        strftime(used, sizeof(used), "%Y-%m-%d %H:%M", &local);
        pa_format_bytes(entries[i].bytes, size, sizeof(size));
        printf("%-16s %12s  %s\n", used, size, entries[i].name);
        total += entries[i].bytes;
    }
    char size[32];
    printf("%zu artifacts, %s in %s\n", count, pa_format_bytes(total, size, sizeof(size)),
           pa_cache_directory(cache));
    free(entries);
    return 0;
}

static int clear(struct pa_cache *cache, struct pa_error *err) {
    size_t removed;
    if (pa_cache_clear(cache, &removed, err) < 0)
        return -1;
    printf("removed %zu artifacts from %s\n", removed, pa_cache_directory(cache));
    return 0;
}

int pa_command_cache(int argc, char **argv) {
    struct pa_run_options options = {0};
    const char *action;
    int status;
    int at = pa_run_options_parse_action(&options, argc, argv, "list, clear or path?", usage,
                                         &action, &status);
    if (at < 0)
        return status;
    struct pa_error err;
    struct pa_cache *cache = NULL;
    int done =
        pa_cache_open(options.config.cache_directory, options.config.cache_max_bytes, &cache, &err);
    status = 0;
    if (at != argc)
        status = pa_report_usage("cache", "'%s' is one word too many", argv[at]);
    else if (done < 0)
        status = pa_report_error(&err);
    else if (pa_streq(action, "list"))
        done = list(cache, &err);
    else if (pa_streq(action, "clear"))
        done = clear(cache, &err);
    else if (pa_streq(action, "path"))
        puts(pa_cache_directory(cache));
    else
        status = pa_report_usage("cache", "'%s' is not list, clear or path", action);
    if (done < 0 && !status)
        status = pa_report_error(&err);
    pa_cache_free(cache);
    pa_run_options_done(&options);
    return status;
}
