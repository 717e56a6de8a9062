/* Buffers and paths out of the guest's memory; see the header. */
#include "wasi/memory.h"

wasi_errno wasi_read_iovecs(const struct pa_guest_memory *memory, uint32_t address, uint32_t count,
                            struct iovec ret[WASI_IOVECS_MAX]) {
    if (count > WASI_IOVECS_MAX)
        return WASI_EINVAL;
    uint8_t *at;
    if (!wasi_span(memory, address, (uint64_t)count * 8, &at))
        return WASI_EFAULT;
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++, at += 8) {
        uint32_t size = wasi_get_u32(at + 4);
        uint8_t *base;
        if (!wasi_span(memory, wasi_get_u32(at), size, &base))
            return WASI_EFAULT;
        ret[i] = (struct iovec){base, size};
        total += size;
    }
    return total > UINT32_MAX ? WASI_EINVAL : WASI_ESUCCESS;
}

/* The length of the well-formed character at `at`, or 0. */
static size_t character_size(const uint8_t *at, size_t room) {
    uint8_t lead = at[0];
    if (lead < 0x80)
        return 1;
    size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || size > room)
        return 0;
    /* The second byte's range excludes overlong forms, surrogates and what is past U+10FFFF. */
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool wasi_utf8_valid(const char *text, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t step = character_size((const uint8_t *)text + at, size - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

wasi_errno wasi_read_path(const struct pa_guest_memory *memory, uint32_t address, uint32_t size,
                          char ret[PA_PATH_MAX]) {
    uint8_t *at;
    if (!wasi_span(memory, address, size, &at))
        return WASI_EFAULT;
    if (size == 0)
        return WASI_ENOENT;
    if (size >= PA_PATH_MAX)
        return WASI_ENAMETOOLONG;
    memcpy(ret, at, size);
    ret[size] = 0;
    if (memchr(ret, 0, size))
        return WASI_EINVAL;
    if (!wasi_utf8_valid(ret, size))
        return WASI_EILSEQ;
    return ret[0] == '/' ? WASI_ENOTCAPABLE : WASI_ESUCCESS;
}
