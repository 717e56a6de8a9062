/*
 * A guest without an engine: a memory, a world, and calls by name, as an engine makes them.
 *
 *     struct guest *guest = guest_new(&policy, NULL);        a mount's descriptor, or NULL
 *     CALL(guest, fd_close, 3)                               the errno
 *     guest_free(guest);
 *
 * Input is written to the guest's memory at addresses that the tests choose; RESULT is free for
 * results, TEXT for paths.
 */
#ifndef PA_TEST_WASI_GUEST_H
#define PA_TEST_WASI_GUEST_H

#include "test.h"

#include "wasi/wasi.h"

#define GUEST_MEMORY 65536u
#define TEXT         1024u /* the first path or text */
#define TEXT2        8192u /* the second */
#define IOVEC        16384u
#define RESULT       20480u
#define DATA         24576u /* up to the end */

struct guest {
    struct pa_wasi *wasi;
    struct pa_guest_memory memory;
    char out[4096], err[256]; /* what was written to the standard streams */
    size_t out_size, err_size;
    int out_writes;
    const char *in; /* what is left of standard input; NULL: nothing comes, ever */
    int in_fd;      /* what poll_fd answers */
    bool in_ready, out_closed;
};

struct guest_mount {
    const char *host, *guest;
    bool writable;
};

/* A world with the streams above; aborts the test if it cannot be made. */
struct guest *guest_new(struct pa_policy *policy, const struct guest_mount *mounts, size_t count);
void guest_free(struct guest *guest);
struct pa_wasi_config guest_config(struct guest *guest, const struct pa_policy *policy);

uint32_t guest_call(struct guest *guest, const char *name, size_t count, const uint64_t *args);
#define CALL(guest, name, ...)                                                                     \
    guest_call(guest, #name, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),                 \
               (const uint64_t[]){__VA_ARGS__})

/* Places text at TEXT or TEXT2; the macros give address and size as two arguments. */
uint64_t guest_text(struct guest *guest, uint32_t address, const char *text);
#define PATH(guest, text)  TEXT, guest_text(guest, TEXT, text)
#define PATH2(guest, text) TEXT2, guest_text(guest, TEXT2, text)

/* One buffer at IOVEC; the macro gives address and count. */
uint64_t guest_iovec(struct guest *guest, uint32_t address, uint32_t size);
#define BUFFER(guest, address, size) IOVEC, guest_iovec(guest, address, size)

uint32_t guest_u32(struct guest *guest, uint32_t address);
uint64_t guest_u64(struct guest *guest, uint32_t address);
void guest_put_u32(struct guest *guest, uint32_t address, uint32_t value);
void guest_put_u64(struct guest *guest, uint32_t address, uint64_t value);

/* path_open below a directory with the rights of a file for reading and writing; the descriptor. */
uint32_t guest_open(struct guest *guest, uint32_t dir, const char *path, uint32_t oflags);
uint32_t guest_preopen(struct guest *guest, const char *name); /* its descriptor, or 0 */

#endif
