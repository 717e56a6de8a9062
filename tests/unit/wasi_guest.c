#include "wasi_guest.h"

#include "base/macros.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>

static int keep(char *out, size_t room, size_t *used, const void *bytes, size_t size) {
    size_t part = PA_MIN(size, room - *used);
    memcpy(out + *used, bytes, part);
    *used += part;
    return 0;
}

static int write_out(void *context, const void *bytes, size_t size) {
    struct guest *guest = context;
    if (guest->out_closed) {
        errno = EPIPE;
        return -1;
    }
    guest->out_writes++;
    return keep(guest->out, sizeof guest->out - 1, &guest->out_size, bytes, size);
}

static int write_err(void *context, const void *bytes, size_t size) {
    struct guest *guest = context;
    return keep(guest->err, sizeof guest->err - 1, &guest->err_size, bytes, size);
}

static ssize_t read_in(void *context, void *out, size_t size) {
    struct guest *guest = context;
    if (!guest->in) {
        errno = EIO;
        return -1;
    }
    size_t part = PA_MIN(size, strlen(guest->in));
    memcpy(out, guest->in, part);
    guest->in += part;
    return (ssize_t)part;
}

static int in_poll_fd(void *context) {
    return ((struct guest *)context)->in_fd;
}

static bool in_ready(void *context, uint64_t *ret_bytes, bool *ret_hangup) {
    struct guest *guest = context;
    *ret_bytes = guest->in ? strlen(guest->in) : 0;
    *ret_hangup = guest->in && !*guest->in;
    return guest->in_ready;
}

struct pa_wasi_config guest_config(struct guest *guest, const struct pa_policy *policy) {
    static const char *const argv[] = {"program", "two words", ""};
    return (struct pa_wasi_config){
        .policy = policy,
        .argv = argv,
        .argc = 3,
        .stdin_stream = {guest, read_in, NULL, in_poll_fd, in_ready},
        .stdout_stream = {.context = guest, .write = write_out},
        .stderr_stream = {.context = guest, .write = write_err},
    };
}

struct guest *guest_new(struct pa_policy *policy, const struct guest_mount *mounts, size_t count) {
    struct pa_error err = {0};
    int fds[8];
    struct guest *guest = pa_xcalloc(1, sizeof *guest);
    guest->memory = (struct pa_guest_memory){pa_xcalloc(1, GUEST_MEMORY), GUEST_MEMORY};
    guest->in_fd = -1;
    guest->in_ready = true;
    guest->in = "";
    for (size_t i = 0; i < count; i++) {
        if (pa_policy_add_mount(policy, mounts[i].host, mounts[i].guest, mounts[i].writable, &err))
            fail_msg("%s", err.message);
        fds[i] = open(mounts[i].host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    struct pa_wasi_config config = guest_config(guest, policy);
    config.mount_fds = fds;
    if (pa_wasi_new(&config, &guest->wasi, &err) < 0)
        fail_msg("%s", err.message);
    return guest;
}

void guest_free(struct guest *guest) {
    pa_wasi_free(guest->wasi);
    free(guest->memory.base);
    free(guest);
}

uint32_t guest_call(struct guest *guest, const char *name, size_t count, const uint64_t *args) {
    for (size_t i = 0; i < pa_wasi_import_count; i++) {
        const struct pa_wasi_import *import = &pa_wasi_imports[i];
        if (!pa_streq(import->name, name))
            continue;
        assert_int_equal(strlen(import->params), count);
        uint64_t raw[16] = {0};
        for (size_t k = 0; k < count; k++)
            raw[k] = import->params[k] == 'i' ? (uint32_t)args[k] : args[k];
        return import->call(guest->wasi, guest->memory, raw);
    }
    fail_msg("no import %s", name);
    return 0;
}

uint64_t guest_text(struct guest *guest, uint32_t address, const char *text) {
    size_t size = strlen(text);
    memcpy(guest->memory.base + address, text, size);
    return size;
}

uint64_t guest_iovec(struct guest *guest, uint32_t address, uint32_t size) {
    guest_put_u32(guest, IOVEC, address);
    guest_put_u32(guest, IOVEC + 4, size);
    return 1;
}

uint32_t guest_u32(struct guest *guest, uint32_t address) {
    uint32_t value;
    memcpy(&value, guest->memory.base + address, sizeof value);
    return le32toh(value);
}

uint64_t guest_u64(struct guest *guest, uint32_t address) {
    uint64_t value;
    memcpy(&value, guest->memory.base + address, sizeof value);
    return le64toh(value);
}

void guest_put_u32(struct guest *guest, uint32_t address, uint32_t value) {
    value = htole32(value);
    memcpy(guest->memory.base + address, &value, sizeof value);
}

void guest_put_u64(struct guest *guest, uint32_t address, uint64_t value) {
    value = htole64(value);
    memcpy(guest->memory.base + address, &value, sizeof value);
}

uint32_t guest_open(struct guest *guest, uint32_t dir, const char *path, uint32_t oflags) {
    assert_int_equal(CALL(guest, path_open, dir, 1, PATH(guest, path), oflags, UINT64_MAX >> 1,
                          UINT64_MAX, 0, RESULT),
                     0);
    return guest_u32(guest, RESULT);
}

uint32_t guest_preopen(struct guest *guest, const char *name) {
    for (uint32_t fd = 3; CALL(guest, fd_prestat_get, fd, RESULT) == 0; fd++) {
        uint32_t size = guest_u32(guest, RESULT + 4);
        assert_int_equal(CALL(guest, fd_prestat_dir_name, fd, RESULT, size), 0);
        if (size == strlen(name) && memcmp(guest->memory.base + RESULT, name, size) == 0)
            return fd;
    }
    return 0;
}
