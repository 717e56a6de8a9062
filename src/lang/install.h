/*
 * Installing a language: its archive from the registry or a file, checked, and unpacked once.
 *
 *     <cache>/downloads/<file>                 archives whose checksum was right
 *     <cache>/languages/<name>-<16 digits>/    module.wasm, what `files` says, and .layout
 *     <cache>/languages/<name>-….lock          held while one process installs; others wait
 *
 * An installation appears whole (written beside, then renamed) or not at all.  Archives come
 * through the registries' own clients, pip and npm, with the user's own settings of mirrors and
 * proxies. Nothing of an archive is parsed before its checksum is known to be the manifest's.
 */
#ifndef PA_LANG_INSTALL_H
#define PA_LANG_INSTALL_H

#include "lang/pack.h"

enum pa_install_step {
    PA_INSTALL_WAITING, /* another process is installing it */
    PA_INSTALL_DOWNLOADING,
    PA_INSTALL_CHECKING,
    PA_INSTALL_UNPACKING,
};

/* "downloading" ... */
const char *pa_install_step_name(enum pa_install_step step);

struct pa_install_progress {
    enum pa_install_step step;
    uint64_t done_bytes, total_bytes; /* total 0 where it is not known */
};

struct pa_install_options {
    const char *cache_directory;
    const char *from_file; /* an archive that is here already, or NULL */
    /* Called at the start of each step and about once a second within; may be NULL. */
    void (*progress)(void *context, const struct pa_install_progress *progress);
    void *context;
};

/* 0 as well when it was installed already.  Each error names the step and what to do. */
int pa_pack_install(const struct pa_pack *pack, const struct pa_install_options *options,
                    struct pa_error *err);

#endif
