/*
 * An image: what a program runs in.  A language, with packages, with modules that are imported
 * before the program starts, and perhaps with a user's own interpreter.
 *
 *     struct pa_image image;
 *     pa_image_init(&image, pack);
 *     pa_image_interpreter(&image, packs, "python.wasm", cache_directory, &err)    if at all
 *     pa_image_add_package(&image, "lib.whl", cache_directory, &err)
 *     pa_image_add_preload(&image, "numpy");
 *     pa_image_prepare(&image, cache_directory, &err)     before many runs
 *     pa_language_run_init(&run, &image, ...)
 *     pa_image_done(&image);
 *
 * Each image that differs in any of these has a warm root of its own.
 */
#ifndef PA_RUN_IMAGE_H
#define PA_RUN_IMAGE_H

#include "lang/pack.h"
#include "lang/package.h"
#include "run/executor.h"

struct pa_image {
    const struct pa_pack *pack; /* borrowed, or &own */
    struct pa_pack own;         /* the pack with a user's interpreter; .module_file NULL: none */
    struct pa_package *packages;
    size_t package_count;
    char **preload;          /* modules; NULL: none */
    char **paths;            /* guest folders on the import path; NULL: none */
    bool without_checkpoint; /* the interpreter knows no boot script: see pa_image_probe */
    bool prepared;
    struct pa_policy mounts; /* ... and then: nothing but the image's mounts */
};

/* In place: `pack` may come to point into the image, which is not to be moved. */
void pa_image_init(struct pa_image *image, const struct pa_pack *pack);
void pa_image_done(struct pa_image *image);

/* The same image once more, without looking at a file.  In place, like pa_image_init. */
int pa_image_copy(struct pa_image *image, const struct pa_image *from, const struct pa_packs *packs,
                  struct pa_error *err);

int pa_image_interpreter(struct pa_image *image, const struct pa_packs *packs, const char *path,
                         const char *cache_directory, struct pa_error *err);
/* The same for one whose digest and size are known: it is not read. */
int pa_image_known_interpreter(struct pa_image *image, const struct pa_packs *packs,
                               const char *path, const char *sha256, uint64_t bytes,
                               struct pa_error *err);
int pa_image_add_package(struct pa_image *image, const char *path, const char *cache_directory,
                         struct pa_error *err);
void pa_image_add_preload(struct pa_image *image, const char *module);

/* Finds what the image mounts, once: its runs, and those of its copies, look at no file for it from
 * then on.  FAILED_PRECONDITION where the language is not installed; the image is as it was then.
 * Another interpreter or package makes it unprepared. */
int pa_image_prepare(struct pa_image *image, const char *cache_directory, struct pa_error *err);

/* The image's mounts, /boot among them, into a run's policy. */
int pa_image_add_mounts(const struct pa_image *image, const char *cache_directory,
                        struct pa_policy *policy, struct pa_error *err);

/*
 * Finds out how a user's interpreter is started, and remembers it by content; of other images there
 * is nothing to find out.  One that comes to the checkpoint with the language's boot script is used
 * like any pack, and made warm.  Else (without_checkpoint) it is started as
 *
 *     python -c 'import sys; exec(sys.stdin.read())'
 *
 * with the program as its standard input, if it understands that.  FAILED_PRECONDITION with what it
 * said where it does neither.
 */
int pa_image_probe(struct pa_image *image, struct pa_executor *executor,
                   const char *cache_directory, const struct pa_policy *policy, int cancel_fd,
                   struct pa_error *err);

#endif
