/*
 * The standard streams and the generator as open files.
 *
 * A stream's file refers to the stream by number in its world, so that /dev/stdin opened twice is
 * the same stream, and so that pa_wasi_rearm() can exchange what is behind it.  Streams report the
 * file type "unknown", like a pipe under Wasmtime: no guest takes one for a terminal.
 */
#include "wasi/host.h"
#include <errno.h>

/* Short buffers of one write are joined, so that a line with its end is one message to the host. */
#define JOIN_MAX 8192

struct stream_file {
    struct pa_file head;
    struct pa_wasi *wasi;
    int stream; /* which of the world's, a device's after the standard ones */
};

static struct stream_file *stream_file_of(struct pa_file *file) {
    return (struct stream_file *)file;
}

static const struct pa_stream *stream_of(struct pa_file *file) {
    const struct stream_file *stream = stream_file_of(file);
    if (stream->stream < WASI_STREAMS)
        return &stream->wasi->streams[stream->stream];
    return &stream->wasi->devices[stream->stream - WASI_STREAMS].device.stream;
}

static void file_close(struct pa_file *file) {
    free(file);
}

static wasi_errno file_set_fdflags(struct pa_file *file, uint32_t fdflags) {
    file->fdflags = fdflags;
    return WASI_ESUCCESS;
}

static wasi_errno refuse_times(struct pa_file *file, const struct pa_times *times) {
    return WASI_EPERM;
}

static wasi_errno stream_stat(struct pa_file *file, struct pa_stat *ret) {
    *ret = (struct pa_stat){
        .type = file->type, .ino = (uint64_t)stream_file_of(file)->stream + 1, .nlink = 1};
    return WASI_ESUCCESS;
}

static wasi_errno nothing_to_sync(struct pa_file *file, bool data_only) {
    return WASI_EINVAL;
}

static bool stream_ready(struct pa_file *file, bool write, uint64_t *ret_bytes, bool *ret_hangup) {
    const struct pa_stream *stream = stream_of(file);
    *ret_bytes = 0;
    *ret_hangup = false;
    if (write)
        return true;
    if (!stream->read)
        *ret_hangup = true;
    return !stream->read || !stream->ready || stream->ready(stream->context, ret_bytes, ret_hangup);
}

static int stream_poll_fd(struct pa_file *file) {
    const struct pa_stream *stream = stream_of(file);
    return stream->read && stream->poll_fd ? stream->poll_fd(stream->context) : -1;
}

/* One read of the host's stream: what comes is enough, more is not waited for. */
static wasi_errno stream_read(struct pa_file *file, const struct iovec *iov, int count,
                              uint64_t offset, size_t *ret) {
    const struct pa_stream *stream = stream_of(file);
    if (!file->readable)
        return WASI_EBADF;
    while (count > 0 && iov->iov_len == 0)
        iov++, count--;
    if (count == 0 || !stream->read) {
        *ret = 0;
        return WASI_ESUCCESS;
    }
    uint64_t bytes;
    bool hangup;
    if ((file->fdflags & WASI_FDFLAG_NONBLOCK) && !stream_ready(file, false, &bytes, &hangup))
        return WASI_EAGAIN;
    ssize_t got = stream->read(stream->context, iov->iov_base, iov->iov_len);
    if (got < 0)
        return pa_errno_to_wasi(errno);
    *ret = (size_t)got;
    return WASI_ESUCCESS;
}

static size_t total_size(const struct iovec *iov, int count) {
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    return total;
}

static wasi_errno stream_write(struct pa_file *file, const struct iovec *iov, int count,
                               uint64_t offset, size_t *ret) {
    const struct pa_stream *stream = stream_of(file);
    if (!file->writable)
        return WASI_EBADF;
    size_t total = total_size(iov, count);
    uint8_t joined[JOIN_MAX];
    struct iovec single = {joined, total};
    if (count > 1 && total <= sizeof joined) {
        uint8_t *at = joined;
        for (int i = 0; i < count; i++) {
            if (iov[i].iov_len)
                memcpy(at, iov[i].iov_base, iov[i].iov_len);
            at += iov[i].iov_len;
        }
        iov = &single;
        count = 1;
    }
    size_t done = 0;
    for (int i = 0; stream->write && i < count; i++) {
        if (iov[i].iov_len && stream->write(stream->context, iov[i].iov_base, iov[i].iov_len) < 0) {
            if (done == 0)
                return pa_errno_to_wasi(errno);
            total = done;
            break;
        }
        done += iov[i].iov_len;
    }
    *ret = total;
    return WASI_ESUCCESS;
}

static const struct pa_file_ops stream_ops = {
    .close = file_close,
    .stat = stream_stat,
    .set_times = refuse_times,
    .set_fdflags = file_set_fdflags,
    .sync = nothing_to_sync,
    .read = stream_read,
    .write = stream_write,
    .poll_fd = stream_poll_fd,
    .ready = stream_ready,
};

static wasi_errno file_new(struct pa_wasi *wasi, const struct pa_file *head, int stream,
                           struct pa_file **ret) {
    struct stream_file *file = calloc(1, sizeof *file);
    if (!file)
        return WASI_ENOMEM;
    *file = (struct stream_file){.head = *head, .wasi = wasi, .stream = stream};
    *ret = &file->head;
    return WASI_ESUCCESS;
}

wasi_errno wasi_stream_open(struct pa_wasi *wasi, int stream, uint32_t fdflags,
                            struct pa_file **ret) {
    struct pa_file head = {.ops = &stream_ops,
                           .type = WASI_FILETYPE_UNKNOWN,
                           .fdflags = fdflags,
                           .readable = stream == WASI_STDIN,
                           .writable = stream != WASI_STDIN};
    return file_new(wasi, &head, stream, ret);
}

/* random and urandom: every read is fresh, what is written is swallowed. */
static wasi_errno random_stat(struct pa_file *file, struct pa_stat *ret) {
    *ret = (struct pa_stat){.type = file->type, .ino = WASI_STREAMS + 1, .nlink = 1};
    return WASI_ESUCCESS;
}

static wasi_errno random_read(struct pa_file *file, const struct iovec *iov, int count,
                              uint64_t offset, size_t *ret) {
    if (!file->readable)
        return WASI_EBADF;
    for (int i = 0; i < count; i++) {
        wasi_errno errnum =
            wasi_random_fill(&stream_file_of(file)->wasi->world, iov[i].iov_base, iov[i].iov_len);
        if (errnum)
            return errnum;
    }
    *ret = total_size(iov, count);
    return WASI_ESUCCESS;
}

static wasi_errno random_write(struct pa_file *file, const struct iovec *iov, int count,
                               uint64_t offset, size_t *ret) {
    if (!file->writable)
        return WASI_EBADF;
    *ret = total_size(iov, count);
    return WASI_ESUCCESS;
}

/* Every offset is the beginning, as on Linux. */
static wasi_errno random_seek(struct pa_file *file, int64_t delta, int whence, uint64_t *ret) {
    *ret = 0;
    return WASI_ESUCCESS;
}

static const struct pa_file_ops random_ops = {
    .close = file_close,
    .stat = random_stat,
    .set_times = refuse_times,
    .set_fdflags = file_set_fdflags,
    .sync = nothing_to_sync,
    .read = random_read,
    .write = random_write,
    .seek = random_seek,
};

static wasi_errno open_random(void *context, const struct pa_open *how, struct pa_file **ret) {
    struct pa_file head = {.ops = &random_ops,
                           .type = WASI_FILETYPE_CHARACTER_DEVICE,
                           .fdflags = how->fdflags,
                           .readable = how->read,
                           .writable = how->write};
    return file_new(context, &head, 0, ret);
}

static wasi_errno open_stdin(void *context, const struct pa_open *how, struct pa_file **ret) {
    return wasi_stream_open(context, WASI_STDIN, how->fdflags, ret);
}

static wasi_errno open_stdout(void *context, const struct pa_open *how, struct pa_file **ret) {
    return wasi_stream_open(context, WASI_STDOUT, how->fdflags, ret);
}

static wasi_errno open_stderr(void *context, const struct pa_open *how, struct pa_file **ret) {
    return wasi_stream_open(context, WASI_STDERR, how->fdflags, ret);
}

/* A device of the host's: what pa_wasi_config named. */
static wasi_errno open_host_device(void *context, const struct pa_open *how, struct pa_file **ret) {
    const struct wasi_host_device *device = context;
    struct pa_file head = {.ops = &stream_ops,
                           .type = WASI_FILETYPE_CHARACTER_DEVICE,
                           .fdflags = how->fdflags,
                           .readable = how->read && device->device.stream.read,
                           .writable = how->write && device->device.stream.write};
    return file_new(device->wasi, &head, WASI_STREAMS + (int)(device - device->wasi->devices), ret);
}

struct pa_device wasi_host_device(struct wasi_host_device *device) {
    return (struct pa_device){device->device.name, open_host_device, device};
}

void wasi_own_devices(struct pa_wasi *wasi, struct pa_device ret[WASI_OWN_DEVICES]) {
    ret[0] = (struct pa_device){"stdin", open_stdin, wasi};
    ret[1] = (struct pa_device){"stdout", open_stdout, wasi};
    ret[2] = (struct pa_device){"stderr", open_stderr, wasi};
    ret[3] = (struct pa_device){"random", open_random, wasi};
    ret[4] = (struct pa_device){"urandom", open_random, wasi};
}
