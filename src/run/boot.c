/*
 * A boot script that need not be compiled at every start.
 *
 * Where a program `compile` lies beside a pack's boot script, with the same ending (compile.py
 * beside boot.py), what it writes to standard output is the boot script in a form that the
 * interpreter starts from at once.  It runs in the sandbox as any program of the language, under
 * the default policy, so nothing of a user's goes into it.  What it wrote is kept in the language's
 * installation, below the first folder that every run sees read-only:
 *
 *     <installation>/<mounts[0].from>/boot-<16 digits of a digest>
 *
 * The digest is of the interpreter, the boot script, how it is started and that program: what was
 * made of others has another name and is never looked at.  An empty file says that there is no such
 * form, so that it is not tried at every run.
 */
#include "run/language.h"

#include "base/io.h"
#include "base/log.h"
#include "lang/interpreter.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_MAX PA_MIB
#define DIGITS      16

static char *compiler_path(const struct pa_pack *pack) {
    const char *ending = strrchr(pack->boot_file, '.');
    return pa_xasprintf("%s/compile%s", pack->boot_folder, ending ? ending : "");
}

static int name_of(const struct pa_pack *pack, const struct pa_buf *compiler, char **ret,
                   struct pa_error *err) {
    char identity[PA_DIGEST_TEXT], all[PA_DIGEST_TEXT];
    if (pa_pack_identity(pack, identity, err) < 0)
        return -1;
    const struct pa_span spans[] = {{identity, strlen(identity)}, {compiler->data, compiler->size}};
    pa_digest_spans(spans, PA_ARRAY_LEN(spans), all);
    *ret = pa_xasprintf("boot-%.*s", DIGITS, all);
    return 0;
}

/* 1: it is there; 0: it is known that there is none; -1: it is not known. */
static int look_for(const char *path) {
    struct stat st;
    if (lstat(path, &st) < 0)
        return -1;
    return S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) && st.st_size > 0;
}

static void keep(const char *path, const struct pa_buf *bytes) {
    PA_CLEANUP(pa_freep) char *partial = pa_xasprintf("%s.partial-%d", path, getpid());
    PA_CLEANUP(pa_closep)
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || pa_write_full(fd, bytes->data, bytes->size) < 0 || rename(partial, path) < 0) {
        pa_log_debug("lang", "cannot keep %s: %s", path, strerror(errno));
        unlink(partial);
    }
}

/* Runs the compiler; what it wrote is kept, and nothing where it failed. */
static void compile(const struct pa_pack *pack, const struct pa_buf *compiler,
                    struct pa_executor *executor, const char *cache_directory, int cancel_fd,
                    const char *path) {
    static const struct pa_buf nothing = PA_BUF_INIT(0);
    const struct pa_program program = {.code = compiler->data, .code_size = compiler->size};
    struct pa_image plain;
    struct pa_policy policy;
    struct pa_language_run run;
    struct pa_outcome outcome;
    struct pa_error err;
    pa_image_init(&plain, pack);
    pa_policy_init(&policy);
    pa_outcome_init(&outcome);
    if (pa_language_run_init(&run, &plain, cache_directory, &policy, &program, &err) == 0) {
        run.request.cancel_fd = cancel_fd;
        const struct pa_output_record *written = &outcome.output[PA_STDOUT];
        if (pa_execute(executor, &run.request, &outcome, &err) < 0)
            pa_log_debug("lang", "%s: %s", path, err.message);
        else if (outcome.status == PA_STATUS_OK && !written->truncated)
            keep(path, &written->kept);
        else if (outcome.status == PA_STATUS_ERROR || outcome.status == PA_STATUS_TRAP)
            keep(path, &nothing);
        pa_language_run_done(&run);
    }
    pa_outcome_done(&outcome);
    pa_policy_done(&policy);
    pa_image_done(&plain);
}

/* The path in the guest; NULL where it cannot be had. */
static char *find_or_make(const struct pa_pack *pack, struct pa_executor *executor,
                          const char *cache_directory, int cancel_fd) {
    PA_CLEANUP(pa_buf_done) struct pa_buf compiler = PA_BUF_INIT(PROGRAM_MAX);
    PA_CLEANUP(pa_freep) char *source = compiler_path(pack);
    PA_CLEANUP(pa_freep) char *name = NULL;
    struct pa_error err;
    if (access(source, F_OK) < 0 || pa_read_file(source, &compiler, &err) < 0 ||
        name_of(pack, &compiler, &name, &err) < 0)
        return NULL;
    PA_CLEANUP(pa_freep) char *installation = pa_pack_directory(pack, cache_directory);
    PA_CLEANUP(pa_freep) char *folder = pa_path_join(installation, pack->mounts[0].from);
    PA_CLEANUP(pa_freep) char *path = pa_path_join(folder, name);
    int found = look_for(path);
    if (found < 0 && access(folder, W_OK) == 0) {
        compile(pack, &compiler, executor, cache_directory, cancel_fd, path);
        found = look_for(path);
    }
    return found > 0 ? pa_path_join(pack->mounts[0].guest, name) : NULL;
}

void pa_language_run_compiled_boot(struct pa_language_run *run, const struct pa_image *image,
                                   struct pa_executor *executor, const char *cache_directory,
                                   int cancel_fd) {
    const struct pa_pack *pack = image->pack;
    const size_t prefix = strlen("/boot/");
    if (pack->module_file || !pack->mount_count || run->policy.deterministic)
        return;
    run->boot_path = find_or_make(pack, executor, cache_directory, cancel_fd);
    if (!run->boot_path)
        return;
    run->argv = pa_xcalloc(run->request.argc + 1, sizeof(*run->argv));
    for (size_t i = 0; i < run->request.argc; i++) {
        const char *arg = run->request.argv[i];
        bool boot = strncmp(arg, "/boot/", prefix) == 0 && pa_streq(arg + prefix, pack->boot_file);
        run->argv[i] = boot ? run->boot_path : arg;
    }
    run->request.argv = run->argv;
}
