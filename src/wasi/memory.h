/*
 * The guest's memory, one checked access at a time: every pointer that a guest passes goes through
 * wasi_span(), every value is read once into a local, little-endian, whatever its alignment.
 *
 * A span of size 0 is fine anywhere, as nothing is touched.  Addresses have 32 bits, so that no sum
 * of an address and a size overflows 64.
 */
#ifndef PA_WASI_MEMORY_H
#define PA_WASI_MEMORY_H

#include "wasi/wasi.h"
#include <endian.h>
#include <string.h>

#define WASI_IOVECS_MAX 1024

/* False if memory[address .. address + size) is not all there. */
static inline bool wasi_span(const struct pa_guest_memory *memory, uint32_t address, uint64_t size,
                             uint8_t **ret) {
    if (size > memory->size || address > memory->size - size) {
        if (size)
            return false;
        address = 0;
    }
    *ret = memory->base + (size ? address : 0);
    return true;
}

/* For outputs: checked before the call has an effect, written after it. */
static inline bool wasi_in_bounds(const struct pa_guest_memory *memory, uint32_t address,
                                  uint64_t size) {
    uint8_t *at;
    return wasi_span(memory, address, size, &at);
}

static inline uint32_t wasi_get_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static inline uint64_t wasi_get_u64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

static inline uint16_t wasi_get_u16(const uint8_t *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline void wasi_put_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void wasi_put_u32(uint8_t *at, uint32_t value) {
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static inline void wasi_put_u64(uint8_t *at, uint64_t value) {
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static inline wasi_errno wasi_store_u32(const struct pa_guest_memory *memory, uint32_t address,
                                        uint32_t value) {
    uint8_t *at;
    if (!wasi_span(memory, address, sizeof value, &at))
        return WASI_EFAULT;
    wasi_put_u32(at, value);
    return WASI_ESUCCESS;
}

static inline wasi_errno wasi_store_u64(const struct pa_guest_memory *memory, uint32_t address,
                                        uint64_t value) {
    uint8_t *at;
    if (!wasi_span(memory, address, sizeof value, &at))
        return WASI_EFAULT;
    wasi_put_u64(at, value);
    return WASI_ESUCCESS;
}

/* The guest's vector of buffers as one of the host's, pointing into guest memory.  EFAULT, or
 * EINVAL for more than WASI_IOVECS_MAX of them or for more bytes than a result of 32 bits can
 * count. */
wasi_errno wasi_read_iovecs(const struct pa_guest_memory *memory, uint32_t address, uint32_t count,
                            struct iovec ret[WASI_IOVECS_MAX]);

/* A path as vfs.h wants it: EFAULT, ENOENT if empty, ENAMETOOLONG, EINVAL for a NUL inside, EILSEQ
 * for what is not UTF-8, ENOTCAPABLE if absolute. */
wasi_errno wasi_read_path(const struct pa_guest_memory *memory, uint32_t address, uint32_t size,
                          char ret[PA_PATH_MAX]);

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
bool wasi_utf8_valid(const char *text, size_t size);

#endif
