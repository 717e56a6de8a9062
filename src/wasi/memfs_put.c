/* Placing a file in an in-memory tree from the host's side: the guest's own operations, in a row. */
#include "wasi/host.h"

static wasi_errno make_parents(struct pa_file *root, const char *path) {
    char prefix[PA_PATH_MAX];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t size = (size_t)(slash - path);
        memcpy(prefix, path, size);
        prefix[size] = 0;
        wasi_errno errnum = root->ops->mkdir(root, prefix);
        if (errnum && errnum != WASI_EEXIST)
            return errnum;
    }
    return WASI_ESUCCESS;
}

static wasi_errno write_all(struct pa_file *file, const void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        struct iovec rest = {(char *)bytes + done, size - done};
        size_t put = 0;
        wasi_errno errnum = file->ops->write(file, &rest, 1, PA_OFFSET_CURRENT, &put);
        if (errnum)
            return errnum;
        if (put == 0)
            return WASI_ENOSPC;
        done += put;
    }
    return WASI_ESUCCESS;
}

static wasi_errno put(struct pa_file *root, const char *path, const void *bytes, size_t size) {
    const struct pa_open how = {
        .oflags = WASI_O_CREAT | WASI_O_TRUNC, .follow = true, .write = true};
    struct pa_file *file;
    wasi_errno errnum = make_parents(root, path);
    if (!errnum)
        errnum = root->ops->open(root, path, &how, &file);
    if (errnum)
        return errnum;
    errnum = write_all(file, bytes, size);
    file->ops->close(file);
    return errnum;
}

int pa_memfs_put(struct pa_memfs *fs, const char *path, const void *bytes, size_t size,
                 struct pa_error *err) {
    const char *relative = path + strspn(path, "/");
    if (!*relative || strlen(relative) >= PA_PATH_MAX || !wasi_utf8_valid(path, strlen(path)))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "file %.64s: not a path (it must be UTF-8 and shorter than %d bytes)", path,
                       PA_PATH_MAX);
    struct pa_file *root;
    wasi_errno errnum = pa_memfs_open_root(fs, &root);
    if (!errnum) {
        errnum = put(root, relative, bytes, size);
        root->ops->close(root);
    }
    if (errnum == WASI_ENOSPC)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "file %.64s: %zu bytes do not fit; raise files_bytes or files_count", path,
                       size);
    if (errnum)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "file %.64s: %s", path,
                       wasi_errno_name(errnum));
    return 0;
}
