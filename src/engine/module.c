/*
 * Artifacts.  Loading maps the file; pages of code are read when they are first executed.
 *
 * A process that will be forked moves its busiest code to anonymous memory in huge pages
 * (pa_module_move_code).  Of a mapped file a fork copies nothing, so that each copy would fault its
 * code in by small pages: some eighty times for a run of nothing in Python.  Of anonymous memory it
 * copies one entry for 2 MiB, and there is nothing to fault in.
 *
 *     | header | code ................................................ | data |
 *     [== HEAD ==]                                          [=== TAIL ===]      moved
 *
 * What is busy is not known before the guest runs, and once it has run nothing may become
 * executable any more.  So of more code than a process may well have for itself it is a guess: a
 * linker puts the program first, and the C library last.
 */
#include "engine/internal.h"

#include <elf.h>
#include <sys/mman.h>

#define HUGE_PAGE  ((size_t)2 << 20)
#define ALL_BYTES  (64 * PA_MIB) /* of no more code: all of it */
#define HEAD_BYTES (8 * PA_MIB)
#define TAIL_BYTES (16 * PA_MIB)

/* Where the code of an artifact ends, which is an ELF file of ours. */
static const uint8_t *end_of_code(const uint8_t *image, size_t size) {
    const Elf64_Ehdr *header = (const void *)image;
    if (size < sizeof(*header) || header->e_shoff > size ||
        (size - header->e_shoff) / sizeof(Elf64_Shdr) < header->e_shnum)
        return image;
    const Elf64_Shdr *section = (const void *)(image + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++)
        if (section[i].sh_flags & SHF_EXECINSTR && section[i].sh_offset <= size &&
            section[i].sh_size <= size - section[i].sh_offset)
            return image + section[i].sh_offset + section[i].sh_size;
    return image;
}

/* Wishes, all of it: where something cannot be had, the file stays mapped. */
static void move(uint8_t *at, size_t size) {
    uint8_t *mapping =
        mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return;
    size_t skip = -(uintptr_t)mapping % HUGE_PAGE;
    uint8_t *fresh = mapping + skip;
    madvise(fresh, size, MADV_HUGEPAGE);
    memcpy(fresh, at, size);
    if (mprotect(fresh, size, PROT_READ | PROT_EXEC) < 0 ||
        mremap(fresh, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED)
        munmap(fresh, size);
    if (skip)
        munmap(mapping, skip);
    munmap(fresh + size, HUGE_PAGE - skip);
}

void pa_module_move_code(struct pa_module *module) {
    void *from, *to;
    wasmtime_module_image_range(module->wasm, &from, &to);
    uint8_t *start = from;
    size_t size = (size_t)(end_of_code(start, (size_t)((uint8_t *)to - start)) - start);
    size_t whole = size / HUGE_PAGE * HUGE_PAGE;
    if ((uintptr_t)start % HUGE_PAGE) /* huge pages do not fit here */
        return;
    if (whole <= ALL_BYTES) {
        move(start, whole);
        return;
    }
    move(start, HEAD_BYTES);
    move(start + whole - TAIL_BYTES, TAIL_BYTES);
}

int pa_module_load(struct pa_engine *engine, const char *path, struct pa_module **ret,
                   struct pa_error *err) {
    struct pa_module *module = pa_xcalloc(1, sizeof(*module));
    wasmtime_error_t *error = wasmtime_module_deserialize_file(engine->wasm, path, &module->wasm);
    if (error) {
        free(module);
        PA_CLEANUP(pa_freep) char *text = pa_engine_take_error(error);
        return pa_fail(err, PA_ERR_UNIMPLEMENTED,
                       "cannot load the artifact %s: %s; remove it (`polyagent cache clear`), and "
                       "the module is compiled again",
                       path, text);
    }
    *ret = module;
    return 0;
}

struct pa_module *pa_module_free(struct pa_module *module) {
    if (!module)
        return NULL;
    wasmtime_module_delete(module->wasm);
    free(module);
    return NULL;
}

bool pa_module_has_export(struct pa_module *module, const char *name) {
    wasm_exporttype_vec_t exports;
    wasmtime_module_exports(module->wasm, &exports);
    bool found = false;
    for (size_t i = 0; i < exports.size && !found; i++) {
        const wasm_name_t *export = wasm_exporttype_name(exports.data[i]);
        found = export->size == strlen(name) && memcmp(export->data, name, export->size) == 0;
    }
    wasm_exporttype_vec_delete(&exports);
    return found;
}
