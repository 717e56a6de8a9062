/* polyagent volume, and --volume: folders that outlive a run, with a quota. */
#include "cli/cli.h"

#include "base/units.h"
#include "run/volumes.h"
#include <stdio.h>

static const char usage[] =
    "Usage: polyagent volume list|remove [NAME] [--config FILE]\n\n"
    "  list           this user's volumes, what they hold and what they may hold\n"
    "  remove NAME    removes one, with all that is in it\n\n"
    "A volume is made when it is first mounted: polyagent python --volume notes ...\n";

/* Of the command line; callers of a server have volumes of their own. */
#define OWNER "local"

static struct pa_volumes volumes_of(const struct pa_config *config, const char *directory) {
    return (struct pa_volumes){.directory = directory,
                               .quota_bytes = config->server.volume_bytes,
                               .quota_entries = config->server.volume_entries,
                               .most = (unsigned)config->server.volumes_most};
}

/* NAME[::GUEST][:rw|:ro], written like --dir. */
int pa_cli_mount_volume(struct pa_config *config, const char *text, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *directory = pa_server_volumes_directory(&config->server);
    const struct pa_volumes volumes = volumes_of(config, directory);
    PA_CLEANUP(pa_freep) char *name = pa_xstrdup(text);
    size_t size = strlen(name);
    bool read_only = size > 3 && pa_streq(name + size - 3, ":ro");
    if (read_only || (size > 3 && pa_streq(name + size - 3, ":rw")))
        name[size - 3] = 0;
    char *guest = strstr(name, "::");
    if (guest) {
        *guest = 0;
        guest += 2;
    }
    if (pa_volume_mount(&volumes, OWNER, name, guest, !read_only, &config->policy, err) < 0)
        return pa_error_prefix(err, "--volume %s", text);
    return 0;
}

static int list(const struct pa_volumes *volumes, struct pa_error *err) {
    json_t *list, *volume;
    size_t index;
    if (pa_volumes_list(volumes, OWNER, &list, err) < 0)
        return -1;
    json_array_foreach(list, index, volume) {
        char bytes[32], most[32];
        pa_format_bytes((uint64_t)json_integer_value(json_object_get(volume, "bytes")), bytes,
                        sizeof(bytes));
        pa_format_bytes((uint64_t)json_integer_value(json_object_get(volume, "quota_bytes")), most,
                        sizeof(most));
        printf("%-24s %10s of %s, %lld of %lld entries%s\n",
               json_string_value(json_object_get(volume, "name")), bytes, most,
               json_integer_value(json_object_get(volume, "entries")),
               json_integer_value(json_object_get(volume, "quota_entries")),
               json_is_true(json_object_get(volume, "in_use")) ? ", in use" : "");
    }
    printf("%zu volumes in %s\n", json_array_size(list), volumes->directory);
    json_decref(list);
    return 0;
}

static int act(const struct pa_volumes *volumes, const char *action, int argc, char **argv,
               struct pa_error *err) {
    if (pa_streq(action, "list") && argc == 0)
        return list(volumes, err);
    if (pa_streq(action, "remove") && argc == 1)
        return pa_volume_remove(volumes, OWNER, argv[0], err);
    return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                   "'list' or 'remove NAME' is wanted ('polyagent volume --help')");
}

int pa_command_volume(int argc, char **argv) {
    struct pa_run_options options = {0};
    struct pa_error err;
    const char *action;
    int status;
    int at = pa_run_options_parse_action(&options, argc, argv, "list or remove?", usage, &action,
                                         &status);
    if (at < 0)
        return status;
    PA_CLEANUP(pa_freep) char *directory = pa_server_volumes_directory(&options.config.server);
    const struct pa_volumes volumes = volumes_of(&options.config, directory);
    int done = act(&volumes, action, argc - at, argv + at, &err);
    pa_run_options_done(&options);
    return done < 0 ? pa_report_error(&err) : 0;
}
