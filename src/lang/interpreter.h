/*
 * A user's own interpreter: a module in place of a pack's.
 *
 *     struct pa_pack own;
 *     pa_pack_with_interpreter(packs, pack, "/opt/python.wasm", cache_directory, &own, &err)
 *     ... like any other pack; its module is that file, known by its content ...
 *     pa_pack_done(&own);
 *
 * The digest of a file is kept in <cache>/interpreters, under what tells that the file has not
 * changed (its inode, size and times), since taking it is slower than a run.
 *
 * It is started by the recipe of a pack that needs no files beside its module: the pack itself,
 * else one that shares its boot script and is a plain WASI command (for `python` that is
 * `python3.12`, which need not be installed).  Whether the module then comes as far as the
 * checkpoint is for whoever runs it to find out.
 */
#ifndef PA_LANG_INTERPRETER_H
#define PA_LANG_INTERPRETER_H

#include "lang/pack.h"

/* INVALID_ARGUMENT where the file is not a WebAssembly module, or the language has no recipe. */
int pa_pack_with_interpreter(const struct pa_packs *packs, const struct pa_pack *pack,
                             const char *path, const char *cache_directory, struct pa_pack *ret,
                             struct pa_error *err);

/* The same for a file whose digest and size are known: it is not read. */
int pa_pack_with_known_interpreter(const struct pa_packs *packs, const struct pa_pack *pack,
                                   const char *path, const char *sha256, uint64_t bytes,
                                   struct pa_pack *ret, struct pa_error *err);

/* The digest and size of a file that is open already, `path` for messages.  INVALID_ARGUMENT where
 * it is not a module. */
int pa_interpreter_look(int fd, const char *path, const char *cache_directory,
                        char ret_sha256[PA_DIGEST_TEXT], uint64_t *ret_bytes, struct pa_error *err);

/* A short text kept in <cache>/interpreters; what cannot be kept is found out again.  `name` is a
 * digest.  False where there is none. */
bool pa_interpreter_recall(const char *cache_directory, const char *name, struct pa_buf *text);
void pa_interpreter_remember(const char *cache_directory, const char *name, const char *text);

/* A digest of all that decides whether the pack reaches its checkpoint: the module, its boot script
 * and how it is started. */
int pa_pack_identity(const struct pa_pack *pack, char ret_text[PA_DIGEST_TEXT],
                     struct pa_error *err);

#endif
