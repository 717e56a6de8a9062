/*
 * What a hostile guest may do: any calls of preview 1 with any arguments over any memory, in a
 * world with the in-memory file system, devices and a writable host directory.
 *
 * An input is a program for a small machine:
 *
 *     | flags | operation | ... |
 *     operation:   0..45 a call, followed by its arguments;  anything else stores bytes in memory
 *     argument:    0..191 itself;  192..223 an address of the prepared memory;  224.. raw bytes
 * follow a store:     | address, 2 bytes | size | bytes |
 *
 * Memory starts with paths and buffers at fixed places, so that plain bytes already make calls that
 * mean something.  The clock is virtual: nothing sleeps.  Files on the host are limited in size and
 * removed after each input.
 */
#include "wasi/wasi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY     65536u
#define PREPARED   4096u
#define CALLS_MAX  256
#define HOST_BYTES (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static uint8_t next_byte(struct input *input) {
    return input->at < input->end ? *input->at++ : 0;
}

static uint64_t next_raw(struct input *input, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)next_byte(input) << (8 * i);
    return value;
}

static uint64_t next_argument(struct input *input, char kind) {
    uint8_t head = next_byte(input);
    if (head < 192)
        return head;
    if (head < 224)
        return PREPARED + (head - 192u) * 64;
    if (kind == 'I')
        return next_raw(input, head < 240 ? 2 : 8);
    return next_raw(input, head < 240 ? 2 : 4);
}

/* 32 places of 64 bytes: paths in the first half, then buffers, subscriptions and room. */
static void prepare_memory(uint8_t *memory) {
    static const char *const paths[] = {
        "a",    "b",     "dir",      "dir/a", "dir/b",  "../a", "dir/../b", "link",
        "dir/", "./a//", "tmp/file", "data",  "data/a", ".",    "dev/zero", "dev/urandom",
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(paths); i++)
        memcpy(memory + PREPARED + i * 64, paths[i], strlen(paths[i]));
    uint8_t *buffers = memory + PREPARED + 16 * 64;
    for (uint32_t i = 0; i < 32; i++) { /* vectors of short, empty and overlapping buffers */
        uint32_t iovec[2] = {8192 + i * 16, i % 5 ? i * 7 : 0};
        memcpy(buffers + i * 8, iovec, sizeof iovec);
    }
}

static void do_call(struct pa_wasi *wasi, struct pa_guest_memory memory, uint8_t operation,
                    struct input *input) {
    const struct pa_wasi_import *import = &pa_wasi_imports[operation];
    uint64_t args[16] = {0};
    for (size_t i = 0; import->params[i]; i++)
        args[i] = next_argument(input, import->params[i]);
    uint32_t result = import->call(wasi, memory, args);
    PA_ASSERT(result <= WASI_ENOTCAPABLE);
}

static void do_store(struct pa_guest_memory memory, struct input *input) {
    uint64_t address = next_raw(input, 2);
    size_t size = next_byte(input);
    for (size_t i = 0; i < size && address + i < memory.size; i++)
        memory.base[address + i] = next_byte(input);
}

static ssize_t read_in(void *context, void *out, size_t size) {
    size_t part = PA_MIN(size, 5u);
    memcpy(out, "input", part);
    return (ssize_t)part;
}

static int write_out(void *context, const void *bytes, size_t size) {
    volatile uint8_t sum = 0; /* all of it must be readable */
    for (size_t i = 0; i < size; i++)
        sum ^= ((const uint8_t *)bytes)[i];
    (void)sum;
    if (size > 4096) {
        errno = EPIPE;
        return -1;
    }
    return 0;
}

static void run(struct pa_policy *policy, int scratch, struct input *input) {
    static const char *const argv[] = {"program", "argument"};
    struct pa_error err;
    struct pa_wasi *wasi;
    struct pa_wasi_config config = {
        .policy = policy,
        .mount_fds = &scratch,
        .argv = argv,
        .argc = 2,
        .stdin_stream = {.read = read_in},
        .stdout_stream = {.write = write_out},
    };
    if (pa_wasi_new(&config, &wasi, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    /* An allocation of the exact size, so that a sanitizer sees what leaves it. */
    struct pa_guest_memory memory = {pa_xcalloc(1, MEMORY), MEMORY};
    prepare_memory(memory.base);
    for (int i = 0; i < CALLS_MAX && input->at < input->end; i++) {
        uint8_t operation = next_byte(input);
        if (operation < pa_wasi_import_count)
            do_call(wasi, memory, operation, input);
        else
            do_store(memory, input);
    }
    free(memory.base);
    pa_wasi_free(wasi);
}

/* By descriptors: a guest can nest directories deeper than a path can say. */
static void remove_below(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    PA_ASSERT(fd >= 0);
    DIR *dir = fdopendir(fd);
    PA_ASSERT(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (pa_streq(entry->d_name, ".") || pa_streq(entry->d_name, ".."))
            continue;
        if (entry->d_type == DT_DIR)
            remove_below(fd, entry->d_name);
        else
            PA_ASSERT(unlinkat(fd, entry->d_name, 0) == 0);
    }
    closedir(dir);
    PA_ASSERT(unlinkat(parent, name, AT_REMOVEDIR) == 0);
}

/* A confined guest has made nothing outside of `inside`: its parent is empty without it. */
static void check_and_remove(const char *place, const char *inside) {
    remove_below(AT_FDCWD, inside);
    PA_ASSERT(rmdir(place) == 0);
}

/* No file of a run may fill the disk; what hits the limit is EFBIG to the guest. */
static void run_limited(struct pa_policy *policy, int scratch, struct input *input) {
    struct rlimit before, limited;
    signal(SIGXFSZ, SIG_IGN);
    PA_ASSERT(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limited = before;
    limited.rlim_cur = HOST_BYTES;
    PA_ASSERT(setrlimit(RLIMIT_FSIZE, &limited) == 0);
    run(policy, scratch, input);
    PA_ASSERT(setrlimit(RLIMIT_FSIZE, &before) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct input input = {data + 1, data + size};
    struct pa_policy policy;
    struct pa_error err;
    /* In memory where there is such a place: fd_sync would wait for a disk. */
    char place[] = "/dev/shm/pa-fuzz-wasi-XXXXXX", fallback[] = "/tmp/pa-fuzz-wasi-XXXXXX";
    const char *scratch_dir = mkdtemp(place) ? place : mkdtemp(fallback);
    PA_ASSERT(scratch_dir);
    PA_CLEANUP(pa_freep) char *inside = pa_xasprintf("%s/inside", scratch_dir);
    PA_ASSERT(mkdir(inside, 0700) == 0);
    pa_policy_init(&policy);
    policy.allow_clock = false;
    policy.allow_random = data[0] & 1;
    policy.deterministic = data[0] & 2;
    policy.limits.files_bytes = 65536;
    policy.limits.files_count = 64;
    policy.limits.open_files = 32;
    PA_ASSERT(pa_policy_add_mount(&policy, inside, data[0] & 4 ? "/" : "/data", !(data[0] & 8),
                                  &err) == 0);
    int scratch = open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    PA_ASSERT(scratch >= 0);
    run_limited(&policy, scratch, &input);
    pa_policy_done(&policy);
    check_and_remove(scratch_dir, inside);
    return 0;
}
