/*
 * Whether a module that is whole can run here: what it imports, and what a command must export.
 *
 * A message names up to eight imports, each with its place in the file, and gives the one hint that
 * fits the toolchain which such imports betray.
 */
#include "engine/intake.h"

#define NAMED 8

/* A message's text, cut where the space that it may take ends. */
struct list {
    char text[320];
    size_t used;
    size_t left_out;
};

static bool name_is(struct pa_wasm_name name, const char *text) {
    return name.size == strlen(text) && memcmp(name.text, text, name.size) == 0;
}

static bool name_starts(struct pa_wasm_name name, const char *text) {
    return name.size >= strlen(text) && memcmp(name.text, text, strlen(text)) == 0;
}

/* A guest's name in a message: short, and without control characters. */
static const char *show(struct pa_wasm_name name, char out[52]) {
    size_t size = PA_MIN(name.size, (size_t)48);
    while (size < name.size && size > 0 && ((unsigned char)name.text[size] & 0xc0) == 0x80)
        size--;
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)name.text[i] < 0x20 || name.text[i] == 0x7f ? '?' : name.text[i];
    memcpy(out + size, size < name.size ? "..." : "", size < name.size ? 4 : 1);
    return out;
}

static void list_add(struct list *list, const char *item) {
    size_t size = strlen(item), comma = list->used ? 2 : 0;
    if (list->left_out || list->used + comma + size >= sizeof(list->text)) {
        list->left_out++;
        return;
    }
    memcpy(list->text + list->used, ", ", comma);
    memcpy(list->text + list->used + comma, item, size + 1);
    list->used += comma + size;
}

static int compare_name(const void *key, const void *element) {
    const struct pa_wasm_name *name = key;
    const char *text = ((const struct pa_wasi_import *)element)->name;
    size_t length = strlen(text);
    int order = memcmp(name->text, text, PA_MIN(name->size, length));
    return order ? order : (name->size > length) - (name->size < length);
}

static const struct pa_wasi_import *find(const struct pa_intake_wants *wants,
                                         const struct pa_wasm_import *import) {
    if (import->kind != PA_WASM_FUNCTION || !name_is(import->module, PA_WASI_MODULE))
        return NULL;
    return bsearch(&import->name, wants->imports, wants->import_count, sizeof(wants->imports[0]),
                   compare_name);
}

static bool has_stub(const struct pa_intake_wants *wants, const struct pa_wasm_import *import) {
    return wants->entry && import->kind == PA_WASM_FUNCTION &&
           pa_entry_stub(wants->entry, import->module.text, import->module.size, import->name.text,
                         import->name.size);
}

struct hint {
    const char *module, *name; /* what they begin with */
    const char *text;
};

/* The first that fits is given. */
static const struct hint hints[] = {
    {"wasi_unstable", "",
     "it is built for WASI preview 0: rebuild it with a current wasi-sdk or for wasm32-wasip1"},
    {PA_WASI_MODULE, "", "WASI preview 1 has no such function: is the name misspelt?"},
    {"wasi:", "", "it is built for WASI preview 2: build it for wasm32-wasip1"},
    {"wasi", "thread-spawn", "it needs threads, which a run does not have: build it without them"},
    {"wasix", "", "it is built for WASIX: build it for wasm32-wasip1"},
    {"wasi_", "", "it is built for an extension of WASI: build it for wasm32-wasip1"},
    {"wbg", "", "it is built by wasm-bindgen for a browser: build it for wasm32-wasip1"},
    {"__wbindgen", "", "it is built by wasm-bindgen for a browser: build it for wasm32-wasip1"},
    {"go", "", "it is built by Go for a browser: build it with GOOS=wasip1 GOARCH=wasm"},
    {"env", "emscripten_",
     "it is compiled by Emscripten for a browser: use wasi-sdk, or emcc -sSTANDALONE_WASM"},
    {"env", "_emscripten_",
     "it is compiled by Emscripten for a browser: use wasi-sdk, or emcc -sSTANDALONE_WASM"},
    {"env", "invoke_",
     "it is compiled by Emscripten for a browser: use wasi-sdk, or emcc -sSTANDALONE_WASM"},
    {"env", "__syscall_",
     "it is compiled by Emscripten for a browser: use wasi-sdk, or emcc -sSTANDALONE_WASM"},
    {"env", "__indirect_function_table",
     "it is a library for dynamic linking: link a whole program instead"},
    {"env", "__linear_memory", "it is an object file: link it with wasm-ld first"},
    {"env", "__memory_base", "it is a library for dynamic linking: link a whole program instead"},
    {"env", "__stack_pointer", "it is a library for dynamic linking: link a whole program instead"},
    {"env", "memory", "it imports its memory: link it without --import-memory"},
    {"GOT.", "", "it is a library for dynamic linking: link a whole program instead"},
    {"a", "", "it is compiled by Emscripten for a browser, with shortened names: use wasi-sdk"},
    {"env", "", "functions were left undefined when it was linked: link the library that has them"},
};

static const char *hint_for(const struct pa_wasm_import *import) {
    for (size_t i = 0; i < PA_ARRAY_LEN(hints); i++)
        if ((pa_streq(hints[i].module, "a") ? name_is(import->module, "a")
                                            : name_starts(import->module, hints[i].module)) &&
            name_starts(import->name, hints[i].name))
            return hints[i].text;
    return "a run provides wasi_snapshot_preview1 alone: build it for wasm32-wasip1";
}

static int rank(const char *hint) {
    for (size_t i = 0; i < PA_ARRAY_LEN(hints); i++)
        if (hints[i].text == hint)
            return (int)i;
    return PA_ARRAY_LEN(hints);
}

static int judge_names(const struct pa_intake *intake, const struct pa_intake_wants *wants,
                       struct pa_end *invalid) {
    static const char *const kinds[] = {"", "table ", "memory ", "global ", "tag "};
    struct list list = {{0}, 0, 0};
    size_t unknown = 0;
    const char *hint = NULL;
    for (size_t i = 0; i < intake->import_count; i++) {
        const struct pa_wasm_import *import = &intake->imports[i];
        if (find(wants, import) || has_stub(wants, import))
            continue;
        const char *its = hint_for(import);
        if (!hint || rank(its) < rank(hint))
            hint = its;
        char module[52], name[52], item[160];
        snprintf(item, sizeof(item), "%s%s.%s (at 0x%zx)", kinds[import->kind],
                 show(import->module, module), show(import->name, name), import->offset);
        if (unknown++ < NAMED)
            list_add(&list, item);
        else
            list.left_out++;
    }
    if (!unknown)
        return 0;
    char more[48] = "";
    if (list.left_out)
        snprintf(more, sizeof(more), " and %zu more", list.left_out);
    return pa_intake_refuse(invalid, "%zu import%s that nothing here provides: %s%s; %s", unknown,
                            unknown == 1 ? "" : "s", list.text, more, hint);
}

static const char *value_type(uint8_t type) {
    switch (type) {
    case 0x7f:
        return "i32";
    case 0x7e:
        return "i64";
    case 0x7d:
        return "f32";
    case 0x7c:
        return "f64";
    case 0x7b:
        return "v128";
    default:
        return "ref";
    }
}

static void describe(const struct pa_wasm_functype *type, char *out, size_t room) {
    struct list list = {{0}, 0, 0};
    for (uint32_t i = 0; i < type->param_count && i < 16; i++)
        list_add(&list, value_type(type->params[i]));
    snprintf(out, room, "(%.100s%s)%s%s%s", list.text, type->param_count > 16 ? ", ..." : "",
             type->result_count ? " -> " : "",
             type->result_count ? value_type(type->results[0]) : "",
             type->result_count > 1 ? ", ..." : "");
}

static int judge_types(const struct pa_intake *intake, const struct pa_intake_wants *wants,
                       struct pa_end *invalid) {
    for (size_t i = 0; i < intake->import_count; i++) {
        const struct pa_wasm_import *import = &intake->imports[i];
        const struct pa_wasi_import *known = find(wants, import);
        if (!known || import->type >= intake->type_count)
            continue; /* the engine judges what we do not read */
        uint8_t params[16], result = 0x7f;
        struct pa_wasm_functype is = {.params = params, .results = &result};
        for (; known->params[is.param_count]; is.param_count++)
            params[is.param_count] = known->params[is.param_count] == 'I' ? 0x7e : 0x7f;
        is.result_count = known->has_result;
        const struct pa_wasm_functype *wanted = &intake->types[import->type];
        if (wanted->param_count == is.param_count && wanted->result_count == is.result_count &&
            memcmp(wanted->params, is.params, is.param_count) == 0 &&
            memcmp(wanted->results, is.results, is.result_count) == 0)
            continue;
        char wanted_text[128], is_text[128];
        describe(wanted, wanted_text, sizeof(wanted_text));
        describe(&is, is_text, sizeof(is_text));
        return pa_intake_refuse(invalid,
                                "the import " PA_WASI_MODULE ".%s (at 0x%zx) has the type %s, but "
                                "the function is %s; rebuild the module with a current wasi-sdk",
                                known->name, import->offset, wanted_text, is_text);
    }
    return 0;
}

static const struct pa_wasm_export *find_export(const struct pa_intake *intake, const char *name) {
    for (size_t i = 0; i < intake->export_count; i++)
        if (name_is(intake->exports[i].name, name))
            return &intake->exports[i];
    return NULL;
}

static int refuse_without_start(const struct pa_intake *intake, struct pa_end *invalid) {
    if (intake->export_count == 0)
        return pa_intake_refuse(invalid,
                                "the module exports no _start, and nothing else: a program "
                                "exports _start; link it as a command");
    struct list list = {{0}, 0, 0};
    for (size_t i = 0; i < intake->export_count; i++) {
        char name[52];
        show(intake->exports[i].name, name);
        if (i < NAMED)
            list_add(&list, name);
        else
            list.left_out++;
    }
    char more[48] = "";
    if (list.left_out)
        snprintf(more, sizeof(more), " and %zu more", list.left_out);
    return pa_intake_refuse(
        invalid, "the module exports no function _start (exports: %s%s); %s", list.text, more,
        find_export(intake, "_initialize")
            ? "it is a reactor, a library with an _initialize: link it as a command"
            : "a program exports _start: is it a library? Link it as a command");
}

/* Calls whose arguments are all values: they work in a module that has no memory. */
static bool takes_no_pointer(const char *name) {
    static const char *const names[] = {
        "fd_advise",
        "fd_allocate",
        "fd_close",
        "fd_datasync",
        "fd_fdstat_set_flags",
        "fd_fdstat_set_rights",
        "fd_filestat_set_size",
        "fd_filestat_set_times",
        "fd_renumber",
        "fd_sync",
        "proc_exit",
        "proc_raise",
        "sched_yield",
        "sock_shutdown",
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++)
        if (pa_streq(names[i], name))
            return true;
    return false;
}

static int judge_exports(const struct pa_intake *intake, const struct pa_intake_wants *wants,
                         struct pa_end *invalid) {
    const struct pa_wasm_export *start = find_export(intake, "_start");
    if (wants->need_start && (!start || start->kind != PA_WASM_FUNCTION))
        return refuse_without_start(intake, invalid);
    const struct pa_wasm_export *memory = find_export(intake, "memory");
    if (memory && memory->kind == PA_WASM_MEMORY)
        return 0;
    for (size_t i = 0; i < intake->import_count; i++) {
        const struct pa_wasi_import *known = find(wants, &intake->imports[i]);
        if (known && !takes_no_pointer(known->name))
            return pa_intake_refuse(invalid,
                                    "the module imports " PA_WASI_MODULE ".%s (at 0x%zx), which "
                                    "works on its memory, but it exports no \"memory\"",
                                    known->name, intake->imports[i].offset);
    }
    return 0;
}

int pa_intake_judge(const struct pa_intake *intake, const struct pa_intake_wants *wants,
                    struct pa_end *invalid) {
    return judge_names(intake, wants, invalid) || judge_types(intake, wants, invalid) ||
           judge_exports(intake, wants, invalid);
}
