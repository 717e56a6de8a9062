/*
 * A first look at a module's bytes, before any compiler sees them: is it one, is it whole, what
 * does it import and export.
 *
 *     struct pa_intake intake;
 *     if (pa_intake_scan(bytes, size, &intake, &invalid) == 0)
 *         pa_intake_judge(&intake, &wants, &invalid);
 *     pa_intake_done(&intake);
 *
 * The bytes are hostile.  Nothing is read outside of them; what is allocated is bounded by the
 * limits that every engine has (a million types, imports, exports).  The scanner knows the frame of
 * the format and the sections named above; that the module is valid is for the engine to say.
 * Source: WebAssembly Core Specification, "Binary Format".
 */
#ifndef PA_ENGINE_INTAKE_H
#define PA_ENGINE_INTAKE_H

#include "policy/entry.h"
#include "policy/status.h"
#include "wasi/wasi.h"

struct pa_wasm_name { /* a view into the module */
    const char *text;
    size_t size;
};

enum pa_wasm_kind {
    PA_WASM_FUNCTION,
    PA_WASM_TABLE,
    PA_WASM_MEMORY,
    PA_WASM_GLOBAL,
    PA_WASM_TAG,
};

struct pa_wasm_functype { /* a byte per value type; views into the module */
    const uint8_t *params, *results;
    uint32_t param_count, result_count;
};

struct pa_wasm_import {
    struct pa_wasm_name module, name;
    enum pa_wasm_kind kind;
    uint32_t type; /* of a function */
    size_t offset; /* in the file */
};

struct pa_wasm_export {
    struct pa_wasm_name name;
    enum pa_wasm_kind kind;
    uint32_t index;
};

struct pa_intake {
    struct pa_wasm_functype *types; /* up to the first of a form that we do not read */
    size_t type_count;
    struct pa_wasm_import *imports;
    size_t import_count;
    struct pa_wasm_export *exports;
    size_t export_count;
    bool has_dwarf; /* backtraces will have files and lines */
};

/* True if the bytes are to be taken for the text format: they begin, after white space, with `(` or
 * a comment. */
bool pa_intake_is_text(const uint8_t *bytes, size_t size);

/* 0, or 1 with the verdict in *invalid.  In both cases *ret can and must be done with. */
int pa_intake_scan(const uint8_t *bytes, size_t size, struct pa_intake *ret,
                   struct pa_end *invalid);
void pa_intake_done(struct pa_intake *intake);

/* Whether we can run it: its imports are in the table (sorted by name, all of PA_WASI_MODULE) and
 * of its types, and what a command must export is there.  0, or 1 with the verdict. */
struct pa_intake_wants {
    const struct pa_wasi_import *imports;
    size_t import_count;
    bool need_start;
    const struct pa_entry *entry; /* has the stand-ins for other imports; NULL: none */
};
int pa_intake_judge(const struct pa_intake *intake, const struct pa_intake_wants *wants,
                    struct pa_end *invalid);

/* Fills *end with PA_STATUS_INVALID_MODULE and the message; returns 1. */
int pa_intake_refuse(struct pa_end *end, const char *fmt, ...) PA_PRINTF(2, 3);

#endif
