/*
 * Files of a session, in and out.  A file goes in piece by piece, so its size is bounded by the
 * session's limits alone, not by what a request may have; it comes out as one stream.
 */
#include "cli/session.h"

#include "base/io.h"
#include "base/units.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)

static char *path_of(const char *id, const char *what, const char *path) {
    PA_CLEANUP(pa_freep) char *quoted = pa_client_quote(path);
    PA_CLEANUP(pa_freep) char *rest = pa_xasprintf("/files%s?path=%s", what, quoted);
    return pa_api_session(id, rest);
}

static int cannot(const char *what, const char *local, struct pa_error *err) {
    pa_fail_errno(err, errno, "cannot %s %s", what, local);
    return -1;
}

/* --- out -------------------------------------------------------------------------------------- */

static int copy_out(struct pa_client *client, int fd, const char *local, struct pa_error *err) {
    char bytes[64 * 1024];
    ssize_t n;
    while ((n = pa_client_read(client, bytes, sizeof(bytes), err)) > 0)
        if (pa_write_full(fd, bytes, (size_t)n) < 0)
            return cannot("write to", local, err);
    return (int)n;
}

static int get(struct pa_session_options *options, const char *id, const char *path,
               const char *local, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *target = path_of(id, "", path);
    PA_CLEANUP(pa_closep) int opened = -1;
    struct pa_client *client;
    bool ours = pa_streq(local, "-");
    if (pa_api_send(&options->api, "GET", target, NULL, NULL, 0, &client, err) < 0)
        return -1;
    if (!ours)
        opened = open(local, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int done = !ours && opened < 0 ? cannot("write to", local, err)
                                   : copy_out(client, ours ? STDOUT_FILENO : opened,
                                              ours ? "standard output" : local, err);
    pa_client_free(client);
    if (done == 0 && opened >= 0 && close(pa_steal_fd(&opened)) < 0)
        return cannot("write to", local, err);
    if (done < 0 && opened >= 0)
        pa_error_prefix(err, "%s is not whole", local);
    return done;
}

/* --- in --------------------------------------------------------------------------------------- */

/* The first piece makes the file anew, the others go behind it. */
static int put_piece(const struct pa_api *api, const char *target, uint64_t offset,
                     const void *bytes, size_t size, struct pa_error *err) {
    PA_CLEANUP(pa_freep)
    char *at = offset ? pa_xasprintf("%s&offset=%llu", target, (unsigned long long)offset)
                      : pa_xstrdup(target);
    struct pa_client *client;
    if (pa_api_send(api, "PUT", at, "application/octet-stream", bytes, size, &client, err) < 0)
        return -1;
    pa_client_free(client);
    return 0;
}

static int copy_in(const struct pa_api *api, const char *target, int fd, const char *local,
                   struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *bytes = pa_xcalloc(1, PIECE);
    uint64_t offset = 0;
    for (;;) {
        ssize_t n = pa_read_full(fd, bytes, PIECE);
        if (n < 0)
            return cannot("read", local, err);
        if (n == 0 && offset)
            return 0;
        if (put_piece(api, target, offset, bytes, (size_t)n, err) < 0)
            return -1;
        offset += (uint64_t)n;
        if ((size_t)n < PIECE)
            return 0;
    }
}

static int put(struct pa_session_options *options, const char *id, const char *path,
               const char *local, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *target = path_of(id, "", path);
    if (pa_streq(local, "-"))
        return copy_in(&options->api, target, STDIN_FILENO, "standard input", err);
    PA_CLEANUP(pa_closep) int fd = open(local, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? cannot("read", local, err) : copy_in(&options->api, target, fd, local, err);
}

/* --- what there is ---------------------------------------------------------------------------- */

static void print_file(const json_t *file) {
    char size[32] = "";
    PA_CLEANUP(pa_freep) char *path = pa_session_plain(pa_session_text(file, "path"));
    bool folder = pa_streq(pa_session_text(file, "type"), "directory");
    if (!folder)
        pa_format_bytes((uint64_t)json_integer_value(json_object_get(file, "size")), size,
                        sizeof(size));
    printf("%12s  %.19s  %s%s\n", size, pa_session_text(file, "modified_at"), path,
           folder ? "/" : "");
}

static int list(struct pa_session_options *options, const char *id, const char *path,
                struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *target = path_of(id, "/list", path);
    PA_CLEANUP(pa_freep)
    char *all = pa_xasprintf("%s&depth=%d", target, options->recursive ? 64 : 1);
    json_t *answer, *file;
    size_t i;
    if (pa_api_call(&options->api, "GET", all, NULL, &answer, err) < 0)
        return -1;
    if (options->json)
        pa_session_print_json(answer);
    else
        json_array_foreach(json_object_get(answer, "files"), i, file) print_file(file);
    json_decref(answer);
    return 0;
}

static int remove_file(struct pa_session_options *options, const char *id, const char *path,
                       struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *target = path_of(id, "", path);
    PA_CLEANUP(pa_freep)
    char *all = pa_xasprintf("%s&recursive=%s", target, options->recursive ? "true" : "false");
    return pa_api_call(&options->api, "DELETE", all, NULL, NULL, err);
}

int pa_session_files(struct pa_session_options *options, int argc, char **argv) {
    const char *id = argv[0], *action = argv[1], *path = argc > 2 ? argv[2] : NULL;
    const char *local = argc > 3 ? argv[3] : "-";
    struct pa_error err;
    int done;
    if (pa_streq(action, "ls") && argc <= 3)
        done = list(options, id, path ? path : "/workspace", &err);
    else if (pa_streq(action, "get") && path)
        done = get(options, id, path, local, &err);
    else if (pa_streq(action, "put") && path)
        done = put(options, id, path, local, &err);
    else if (pa_streq(action, "rm") && argc == 3)
        done = remove_file(options, id, path, &err);
    else
        return pa_report_usage("session files", "write: ls [PATH], get PATH [LOCAL|-], "
                                                "put PATH [LOCAL|-] or rm PATH");
    return done < 0 ? pa_report_error(&err) : 0;
}
