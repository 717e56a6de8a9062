#include "cli/cli.h"

#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A limit is checked by one byte more than it, so that a pipe tells as well as a file. */
static int read_module(int fd, const char *name, const struct pa_policy *policy, struct pa_buf *buf,
                       struct pa_outcome *outcome, struct pa_error *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "cannot stat %s", name);
    if (S_ISDIR(st.st_mode))
        return pa_fail_errno(err, EISDIR, "cannot read %s", name);
    if (S_ISREG(st.st_mode) && pa_module_too_large(name, (uint64_t)st.st_size, policy, outcome))
        return 1;
    uint64_t limit = policy->limits.module_bytes;
    struct pa_error reading;
    *buf = PA_BUF_INIT(limit);
    if (pa_read_all(fd, name, buf, &reading) == 0)
        return 0;
    if (reading.code == PA_ERR_RESOURCE_EXHAUSTED && buf->size == limit) {
        pa_module_too_large(name, limit + 1, policy, outcome);
        return 1;
    }
    *err = reading;
    return -1;
}

int pa_module_file_open(const char *path, const struct pa_policy *policy,
                        struct pa_module_file *ret, struct pa_outcome *outcome,
                        struct pa_error *err) {
    *ret = (struct pa_module_file){.bytes = PA_BUF_INIT(0)};
    if (pa_streq(path, "-"))
        return read_module(STDIN_FILENO, "standard input", policy, &ret->bytes, outcome, err);
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return pa_fail_errno(err, errno, "cannot open the module %s", path);
    return read_module(fd, path, policy, &ret->bytes, outcome, err);
}

void pa_module_file_close(struct pa_module_file *module) {
    pa_buf_done(&module->bytes);
}
