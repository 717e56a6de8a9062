/*
 * Helpers shared by the file systems; see the header.  Paths are never rewritten here: components
 * are views into the guest's text, so that what was judged is what is used.
 */
#include "wasi/vfs_util.h"
#include "base/macros.h"

bool pa_path_next(const char **rest, struct pa_component *ret) {
    const char *at = *rest + strspn(*rest, "/");
    if (*at == 0)
        return false;
    size_t size = strcspn(at, "/");
    const char *after = at + size;
    const char *following = after + strspn(after, "/");
    *ret = (struct pa_component){
        .text = at, .size = size, .slash = *after == '/', .last = *following == 0};
    *rest = following;
    return true;
}

bool pa_component_is(const struct pa_component *component, const char *text) {
    return component->size == strlen(text) && memcmp(component->text, text, component->size) == 0;
}

struct pa_path_split pa_path_split(const char *path) {
    struct pa_path_split split = {0};
    const char *rest = path;
    while (pa_path_next(&rest, &split.name))
        split.head_size = (size_t)(split.name.text - path);
    split.special = pa_component_is(&split.name, ".") || pa_component_is(&split.name, "..");
    return split;
}

uint64_t pa_world_next_dev(struct pa_world *world) {
    return PA_DEV_FIRST + world->dev_count++;
}

wasi_errno pa_seek_offset(uint64_t current, uint64_t size, int64_t delta, int whence,
                          uint64_t *ret) {
    uint64_t base = 0;
    if (whence == WASI_WHENCE_CUR)
        base = current;
    else if (whence == WASI_WHENCE_END)
        base = size;
    else if (whence != WASI_WHENCE_SET)
        return WASI_EINVAL;
    PA_ASSERT(base <= INT64_MAX);
    int64_t moved;
    if (__builtin_add_overflow((int64_t)base, delta, &moved))
        return delta > 0 ? WASI_EOVERFLOW : WASI_EINVAL;
    if (moved < 0)
        return WASI_EINVAL;
    *ret = (uint64_t)moved;
    return WASI_ESUCCESS;
}

bool pa_list_dots(uint64_t cookie, uint64_t ino, uint64_t parent_ino, pa_dirent_fn *each,
                  void *context) {
    if (cookie <= PA_COOKIE_DOT) {
        struct pa_dirent dot = {.next = PA_COOKIE_DOTDOT,
                                .ino = ino,
                                .type = WASI_FILETYPE_DIRECTORY,
                                .name = ".",
                                .name_size = 1};
        if (!each(context, &dot))
            return false;
    }
    if (cookie <= PA_COOKIE_DOTDOT) {
        struct pa_dirent dotdot = {.next = PA_COOKIE_FIRST,
                                   .ino = parent_ino,
                                   .type = WASI_FILETYPE_DIRECTORY,
                                   .name = "..",
                                   .name_size = 2};
        if (!each(context, &dotdot))
            return false;
    }
    return true;
}
