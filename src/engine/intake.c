/*
 * The frame of the binary format:
 *
 *     00 61 73 6d   01 00 00 00   { id:u8  size:u32(leb128)  contents[size] }*
 *
 * A cursor walks over it.  It has a sticky fault, like pa_reader: once something did not fit, every
 * later read gives zero, and the first fault's offset is kept for the message.  Within a section
 * the cursor ends where the section ends.  Sections other than custom ones come once each, in the
 * order of section_order.
 */
#include "engine/intake.h"

#include <stdarg.h>

#define MAX_ITEMS 1000000 /* of a kind; the limit that WebAssembly's engines share */

enum section {
    SECTION_CUSTOM = 0,
    SECTION_TYPE = 1,
    SECTION_IMPORT = 2,
    SECTION_EXPORT = 7,
    SECTION_COUNT = 14,
};

static const struct {
    const char *name;
    int order;
} sections[SECTION_COUNT] = {
    {"custom", 0}, {"type", 1},   {"import", 2},      {"function", 3}, {"table", 4},
    {"memory", 5}, {"global", 7}, {"export", 8},      {"start", 9},    {"element", 10},
    {"code", 12},  {"data", 13},  {"data count", 11}, {"tag", 6},
};

struct cursor {
    const uint8_t *bytes;
    size_t at, end;
    const char *fault; /* what was wrong first, or NULL */
    size_t fault_at;
};

int pa_intake_refuse(struct pa_end *end, const char *fmt, ...) {
    *end = (struct pa_end){.status = PA_STATUS_INVALID_MODULE, .fuel_used = PA_UNLIMITED};
    va_list args;
    va_start(args, fmt);
    vsnprintf(end->message, sizeof(end->message), fmt, args);
    va_end(args);
    return 1;
}

static void fail(struct cursor *cursor, const char *fault, size_t at) {
    if (cursor->fault)
        return;
    cursor->fault = fault;
    cursor->fault_at = at;
}

static uint8_t get_u8(struct cursor *cursor) {
    if (cursor->fault || cursor->at >= cursor->end) {
        fail(cursor, "ends in the middle of an item", cursor->at);
        return 0;
    }
    return cursor->bytes[cursor->at++];
}

/* LEB128 of at most `bits` bits (32 or 64): unused bits of the last byte must be zero. */
static uint64_t get_leb(struct cursor *cursor, unsigned bits) {
    size_t start = cursor->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = get_u8(cursor);
        if (cursor->fault)
            return 0;
        if (bits - shift < 7 && (byte & 0x7f) >> (bits - shift))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    fail(cursor, "has a number that is too large", start);
    return 0;
}

static uint32_t get_u32(struct cursor *cursor) {
    return (uint32_t)get_leb(cursor, 32);
}

static const uint8_t *get_bytes(struct cursor *cursor, size_t size) {
    if (cursor->fault || size > cursor->end - cursor->at) {
        fail(cursor, "ends in the middle of an item", cursor->at);
        return NULL;
    }
    const uint8_t *bytes = cursor->bytes + cursor->at;
    cursor->at += size;
    return bytes;
}

static struct pa_wasm_name get_name(struct cursor *cursor) {
    uint32_t size = get_u32(cursor);
    const uint8_t *text = get_bytes(cursor, size);
    return (struct pa_wasm_name){text ? (const char *)text : "", text ? size : 0};
}

/* A count of items that take at least `min_item` bytes each, with room for them. */
static void *get_array(struct cursor *cursor, size_t min_item, size_t item, uint32_t *ret_count) {
    size_t at = cursor->at;
    uint32_t count = get_u32(cursor);
    *ret_count = 0;
    if (cursor->fault)
        return NULL;
    if (count > (cursor->end - cursor->at) / min_item) {
        fail(cursor, "counts more items than it has bytes for", at);
        return NULL;
    }
    if (count > MAX_ITEMS) {
        fail(cursor, "has more than a million items", at);
        return NULL;
    }
    *ret_count = count;
    return pa_xcalloc((size_t)count + 1, item);
}

/* Types up to the first that is not a plain function type (GC's recursive groups, subtypes); the
 * engine reads them all.  A value type of more than a byte also ends what we know. */
static void scan_types(struct cursor *cursor, struct pa_intake *intake) {
    uint32_t count;
    intake->types = get_array(cursor, 1, sizeof(*intake->types), &count);
    for (uint32_t i = 0; i < count && !cursor->fault; i++) {
        if (get_u8(cursor) != 0x60)
            break;
        struct pa_wasm_functype type = {0};
        type.param_count = get_u32(cursor);
        type.params = get_bytes(cursor, type.param_count);
        type.result_count = get_u32(cursor);
        type.results = get_bytes(cursor, type.result_count);
        if (cursor->fault)
            break;
        for (uint32_t j = 0; j < type.param_count; j++)
            if (type.params[j] == 0x63 || type.params[j] == 0x64)
                return;
        for (uint32_t j = 0; j < type.result_count; j++)
            if (type.results[j] == 0x63 || type.results[j] == 0x64)
                return;
        intake->types[intake->type_count++] = type;
    }
}

static void skip_limits(struct cursor *cursor) {
    uint8_t flags = get_u8(cursor);
    get_leb(cursor, 64);
    if (flags & 0x01)
        get_leb(cursor, 64);
    if (flags & 0x08)
        get_leb(cursor, 32); /* a custom page size */
}

static void skip_value_type(struct cursor *cursor) {
    uint8_t type = get_u8(cursor);
    if (type == 0x63 || type == 0x64) { /* a reference with a heap type: a signed 33-bit number */
        while (get_u8(cursor) & 0x80)
            ;
    }
}

static void scan_import(struct cursor *cursor, struct pa_wasm_import *import) {
    import->offset = cursor->at;
    import->module = get_name(cursor);
    import->name = get_name(cursor);
    size_t at = cursor->at;
    uint8_t kind = get_u8(cursor);
    import->kind = kind;
    switch (kind) {
    case PA_WASM_FUNCTION:
        import->type = get_u32(cursor);
        break;
    case PA_WASM_TABLE:
        skip_value_type(cursor);
        skip_limits(cursor);
        break;
    case PA_WASM_MEMORY:
        skip_limits(cursor);
        break;
    case PA_WASM_GLOBAL:
        skip_value_type(cursor);
        get_u8(cursor);
        break;
    case PA_WASM_TAG:
        get_u8(cursor);
        get_u32(cursor);
        break;
    default:
        fail(cursor, "has an import of an unknown kind", at);
    }
}

static void scan_imports(struct cursor *cursor, struct pa_intake *intake) {
    uint32_t count;
    intake->imports = get_array(cursor, 4, sizeof(*intake->imports), &count);
    for (uint32_t i = 0; i < count && !cursor->fault; i++) {
        scan_import(cursor, &intake->imports[i]);
        intake->import_count += !cursor->fault;
    }
}

static void scan_exports(struct cursor *cursor, struct pa_intake *intake) {
    uint32_t count;
    intake->exports = get_array(cursor, 3, sizeof(*intake->exports), &count);
    for (uint32_t i = 0; i < count && !cursor->fault; i++) {
        struct pa_wasm_export *export = &intake->exports[i];
        export->name = get_name(cursor);
        size_t at = cursor->at;
        uint8_t kind = get_u8(cursor);
        if (kind > PA_WASM_TAG)
            fail(cursor, "has an export of an unknown kind", at);
        export->kind = kind;
        export->index = get_u32(cursor);
        intake->export_count += !cursor->fault;
    }
}

static void scan_custom(struct cursor *cursor, struct pa_intake *intake) {
    static const char dwarf[] = ".debug_info";
    struct pa_wasm_name name = get_name(cursor);
    if (name.size == sizeof(dwarf) - 1 && memcmp(name.text, dwarf, name.size) == 0)
        intake->has_dwarf = true;
}

static void scan_section(struct cursor *cursor, uint8_t id, struct pa_intake *intake) {
    switch (id) {
    case SECTION_CUSTOM:
        scan_custom(cursor, intake);
        break;
    case SECTION_TYPE:
        scan_types(cursor, intake);
        break;
    case SECTION_IMPORT:
        scan_imports(cursor, intake);
        break;
    case SECTION_EXPORT:
        scan_exports(cursor, intake);
        break;
    default:
        break;
    }
}

static int scan_sections(const uint8_t *bytes, size_t size, struct pa_intake *intake,
                         struct pa_end *invalid) {
    struct cursor file = {.bytes = bytes, .at = 8, .end = size};
    uint8_t last = SECTION_CUSTOM;
    while (file.at < file.end) {
        size_t start = file.at;
        uint8_t id = get_u8(&file);
        if (id >= SECTION_COUNT)
            return pa_intake_refuse(invalid,
                                    "the module is malformed: %u is no section's number, at byte "
                                    "%zu (0x%zx); the file is damaged or was changed",
                                    id, start, start);
        uint32_t length = get_u32(&file);
        if (file.fault)
            return pa_intake_refuse(invalid,
                                    "the module is cut short or malformed: the %s section at byte "
                                    "%zu (0x%zx) has no valid size, at byte %zu of %zu",
                                    sections[id].name, start, start, file.fault_at, size);
        if (length > file.end - file.at)
            return pa_intake_refuse(
                invalid,
                "the module is cut short: the %s section at byte %zu (0x%zx) has %u bytes, but the "
                "file ends after %zu of them, at byte %zu (0x%zx); get the whole file again",
                sections[id].name, start, start, length, file.end - file.at, size, size);
        if (id != SECTION_CUSTOM && last != SECTION_CUSTOM &&
            sections[id].order <= sections[last].order)
            return pa_intake_refuse(
                invalid, "the module is malformed: the %s section at byte %zu (0x%zx) %s",
                sections[id].name, start, start,
                id == last ? "is the second of its kind"
                           : "comes too late: sections have an order");
        struct cursor section = {.bytes = bytes, .at = file.at, .end = file.at + length};
        scan_section(&section, id, intake);
        if (section.fault)
            return pa_intake_refuse(
                invalid,
                "the module is malformed: the %s section at byte %zu (0x%zx) %s, at byte "
                "%zu (0x%zx)",
                sections[id].name, start, start, section.fault, section.fault_at, section.fault_at);
        if (id != SECTION_CUSTOM)
            last = id;
        file.at += length;
    }
    return 0;
}

struct known_start {
    const char *bytes;
    size_t size;
    const char *what;
};

/* What people hand in by mistake. */
static const struct known_start known_starts[] = {
    {"\x7f"
     "ELF",
     4, "an ELF file, a native program: compile it for wasm32-wasi"},
    {"\x1f\x8b", 2, "a gzip archive: unpack it first"},
    {"PK\x03\x04", 4, "a zip archive: unpack it first"},
    {"\xfd"
     "7zXZ",
     5, "an xz archive: unpack it first"},
    {"BZh", 3, "a bzip2 archive: unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "a zstd archive: unpack it first"},
    {"BC\xc0\xde", 4, "LLVM bitcode: compile and link it for wasm32-wasi"},
    {"!<arch>", 7, "a static library: link it into a program for wasm32-wasi"},
    {"#!", 2, "a script: run it with `polyagent exec` and its language"},
    {"<!", 2, "an HTML page: the download got a page instead of the file"},
    {"<html", 5, "an HTML page: the download got a page instead of the file"},
    {"MZ", 2, "a Windows program: compile it for wasm32-wasi"},
    {"\xcf\xfa\xed\xfe", 4, "a macOS program: compile it for wasm32-wasi"},
    {"version https://git-lfs", 23, "a Git LFS pointer: fetch the file itself with `git lfs pull`"},
};

static int refuse_magic(const uint8_t *bytes, size_t size, struct pa_end *invalid) {
    if (size == 0)
        return pa_intake_refuse(invalid, "not a WebAssembly module: the file is empty");
    char found[16] = "";
    for (size_t i = 0; i < PA_MIN(size, (size_t)4); i++)
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%02x", i ? " " : "",
                 bytes[i]);
    const char *what = NULL;
    for (size_t i = 0; i < PA_ARRAY_LEN(known_starts) && !what; i++)
        if (size >= known_starts[i].size &&
            memcmp(bytes, known_starts[i].bytes, known_starts[i].size) == 0)
            what = known_starts[i].what;
    return pa_intake_refuse(invalid,
                            "not a WebAssembly module: expected the magic \\0asm at byte 0, found "
                            "%s%s%s%s",
                            found, what ? " (" : "", what ? what : "", what ? ")" : "");
}

static int check_header(const uint8_t *bytes, size_t size, struct pa_end *invalid) {
    static const uint8_t magic[4] = {0, 'a', 's', 'm'};
    if (size == 0 || memcmp(bytes, magic, PA_MIN(size, sizeof(magic))) != 0)
        return refuse_magic(bytes, size, invalid);
    if (size < 8)
        return pa_intake_refuse(
            invalid,
            "the module is cut short: it ends at byte %zu, within its header of "
            "8 bytes; get the whole file again",
            size);
    const uint8_t *version = bytes + 4;
    if (version[0] == 1 && !version[1] && !version[2] && !version[3])
        return 0;
    if (version[2] == 1 && !version[3])
        return pa_intake_refuse(
            invalid,
            "a WebAssembly component, not a module (version %02x %02x %02x %02x at byte 4): build "
            "for preview 1 (`--target wasm32-wasip1`), or take the module out of it with "
            "`wasm-tools component unbundle`",
            version[0], version[1], version[2], version[3]);
    return pa_intake_refuse(invalid,
                            "WebAssembly of an unknown version: expected 01 00 00 00 at byte 4, "
                            "found %02x %02x %02x %02x",
                            version[0], version[1], version[2], version[3]);
}

bool pa_intake_is_text(const uint8_t *bytes, size_t size) {
    size_t i = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (i < size && (bytes[i] == ' ' || (bytes[i] >= '\t' && bytes[i] <= '\r')))
        i++;
    return i < size &&
           (bytes[i] == '(' || (bytes[i] == ';' && i + 1 < size && bytes[i + 1] == ';'));
}

int pa_intake_scan(const uint8_t *bytes, size_t size, struct pa_intake *ret,
                   struct pa_end *invalid) {
    *ret = (struct pa_intake){0};
    if (check_header(bytes, size, invalid))
        return 1;
    return scan_sections(bytes, size, ret, invalid);
}

void pa_intake_done(struct pa_intake *intake) {
    free(intake->types);
    free(intake->imports);
    free(intake->exports);
    *intake = (struct pa_intake){0};
}
