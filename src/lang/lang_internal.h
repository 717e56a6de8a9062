/* What the files of this folder share; nobody else includes it. */
#ifndef PA_LANG_LANG_INTERNAL_H
#define PA_LANG_LANG_INTERNAL_H

#include "lang/install.h"

/* Reports about once a second, and when the step changes. */
struct pa_reporter {
    const struct pa_install_options *options;
    enum pa_install_step step;
    uint64_t last_ns; /* 0: nothing was reported yet */
};

void pa_reporter_say(struct pa_reporter *reporter, enum pa_install_step step, uint64_t done,
                     uint64_t total);

/* "DIR/FILE" is a path that cannot lead out of where it is put: relative, no empty component, no
 * "." or "..", no control characters. */
bool pa_safe_path(const char *path);

/* A digest of what the manifest wants unpacked, and where: the contents of .layout. */
void pa_pack_layout(const struct pa_pack *pack, char ret_text[PA_DIGEST_TEXT]);

#define PA_PACK_LAYOUT_FILE ".layout"
#define PA_PACK_MODULE_FILE "module.wasm"

/* install.c */

/* Makes a folder (0700) and sees to it that it is ours alone to write. */
int pa_prepare_folder(const char *path, struct pa_error *err);

/* The digest and the size of a whole regular file; `path` is for messages. */
int pa_file_digest(int fd, const char *path, uint64_t *ret_bytes, char ret_text[PA_DIGEST_TEXT],
                   struct pa_error *err);

/* fetch.c */

/* Has the registry's client put the archive into the (empty) folder; the caller checks what came.
 */
int pa_fetch(const struct pa_pack *pack, const char *folder, struct pa_reporter *reporter,
             struct pa_error *err);

/* unpack.c */

/* What one opening of an archive may cost. */
struct pa_unpack_bounds {
    uint64_t bytes;   /* unpacked, in all */
    uint64_t entries; /* in the archive */
};

/* What an archive of that size may come to. */
struct pa_unpack_bounds pa_unpack_bounds_of(uint64_t archive_bytes);

/* A member to be taken out, to a new file `to` under the folder. */
struct pa_unpack_member {
    const char *path; /* in the archive */
    const char *to;
    bool found; /* set when it was */
};

/* Takes members out of the archive (zip, tar or tar.gz), which `what` calls it in messages.
 * Members that are not there are left with found == false. */
int pa_unpack_members(int archive_fd, const char *what, int folder_fd,
                      struct pa_unpack_member *members, size_t count,
                      const struct pa_unpack_bounds *bounds, struct pa_reporter *reporter,
                      struct pa_error *err);

/* Unpacks everything into the folder `to` under `folder_fd`, which is made. */
int pa_unpack_all(int archive_fd, const char *what, int folder_fd, const char *to,
                  const struct pa_unpack_bounds *bounds, struct pa_reporter *reporter,
                  struct pa_error *err);

#endif
