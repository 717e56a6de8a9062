/*
 * Files that a worker says its guest has made or changed: its word, checked as far as it can be.
 */
#include "run/outcome.h"

#include "base/digest.h"
#include "warm/request.h"

static bool is_hex(const char *text) {
    return strlen(text) == PA_DIGEST_TEXT - 1 &&
           strspn(text, "0123456789abcdef") == PA_DIGEST_TEXT - 1;
}

static bool is_place(const char *path) {
    return strncmp(path, "/workspace/", 11) == 0 || strncmp(path, "/tmp/", 5) == 0;
}

/* One that has its contents with it has the digest that they have. */
static bool is_true(const struct pa_changed_file *file) {
    char digest[PA_DIGEST_TEXT];
    if (!is_place(file->path) || !is_hex(file->sha256))
        return false;
    if (!file->bytes)
        return true;
    pa_digest(file->bytes, (size_t)file->size, digest);
    return pa_streq(digest, file->sha256);
}

static void take(struct pa_outcome *outcome, struct pa_changed_file *file) {
    struct pa_outcome_file taken = {.path = pa_steal(&file->path), .size = file->size};
    memcpy(taken.sha256, file->sha256, sizeof(taken.sha256));
    if (file->bytes) {
        taken.bytes = pa_xcalloc(1, (size_t)file->size + 1);
        memcpy(taken.bytes, file->bytes, (size_t)file->size);
    }
    outcome->files[outcome->file_count++] = taken;
}

int pa_outcome_take_files(struct pa_outcome *outcome, const struct pa_buf *changed) {
    struct pa_reader reader = PA_READER(changed->data, changed->size);
    struct pa_changed_file file;
    size_t room = 0;
    while (pa_changed_file_decode(&reader, &file)) {
        if (outcome->file_count > PA_CHANGED_MOST) {
            free(file.path);
            return -1;
        }
        if (outcome->file_count == room) {
            room = PA_MAX(room * 2, (size_t)16);
            struct pa_outcome_file *files = reallocarray(outcome->files, room, sizeof(*files));
            PA_ASSERT(files);
            outcome->files = files;
        }
        bool more = !*file.path, good = more || is_true(&file);
        outcome->files_truncated |= more;
        if (good && !more)
            take(outcome, &file);
        free(file.path);
        if (!good)
            return -1;
    }
    return reader.failed ? -1 : 0;
}
