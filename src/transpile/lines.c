/*
 * Where in the source code comes from: kept while functions are generated, and written as DWARF.
 *
 * Statements are remembered where they begin, and calls: of all that is generated only they can
 * trap or stand in a backtrace.  So the table is short.
 *
 * What is written is version 4 of DWARF, the least that every reader knows: one compilation unit,
 * its functions by name, one line program.  Addresses are offsets in the code section's contents,
 * as WebAssembly's convention for DWARF has it (github.com/WebAssembly/tool-conventions,
 * "DWARF for WebAssembly").  The runtime's functions are in no unit: they have no lines.
 *
 * A source map would say the same to browsers and nothing to anything else; DWARF is also what
 * Wasmtime looks at where a guest traps, so backtraces need no code of ours.
 */
#include "transpile/gen.h"

/* The line program's parameters: special opcodes step -3 to 8 lines and 0 to 19 bytes. */
#define LINE_BASE   (-3)
#define LINE_RANGE  12
#define OPCODE_BASE 13

enum {
    LNS_COPY = 1,
    LNS_ADVANCE_PC,
    LNS_ADVANCE_LINE,
    LNS_SET_FILE,
    LNS_SET_COLUMN,
    LNS_NEGATE_STMT,
    LNE_END_SEQUENCE = 1,
    LNE_SET_ADDRESS
};

enum {
    TAG_COMPILE_UNIT = 0x11,
    TAG_SUBPROGRAM = 0x2e,
    AT_NAME = 0x03,
    AT_STMT_LIST = 0x10,
    AT_LOW_PC = 0x11,
    AT_HIGH_PC = 0x12,
    AT_LANGUAGE = 0x13,
    AT_PRODUCER = 0x25,
    AT_DECL_FILE = 0x3a,
    AT_DECL_LINE = 0x3b,
    FORM_ADDR = 0x01,
    FORM_DATA2 = 0x05,
    FORM_DATA4 = 0x06,
    FORM_STRING = 0x08,
    FORM_DATA1 = 0x0b,
    FORM_UDATA = 0x0f,
    FORM_SEC_OFFSET = 0x17,
    LANG_PYTHON = 0x14
};

/* While generating. */

static void add(struct g_fn *f, bool statement) {
    struct g_line line = {(uint32_t)f->code.size, f->at->place.line, f->at->place.column,
                          statement};
    size_t count = f->lines.size / sizeof(line);
    struct g_line *last = count ? (struct g_line *)(void *)f->lines.data + (count - 1) : NULL;
    if (count && last->offset == line.offset)
        *last = line; /* nothing came from that one */
    else if (!count || statement || last->line != line.line || last->column != line.column)
        pa_buf_append(&f->lines, &line, sizeof(line));
}

void g_line_statement(struct g_fn *f, struct pa_node *at) {
    f->at = at;
    add(f, true);
}

void g_line_call(struct g_fn *f) {
    if (f->at)
        add(f, false);
}

/* Writing. */

static void put(struct pa_buf *buf, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        pa_buf_append(buf, &byte, 1);
    }
}

static void put_text(struct pa_buf *buf, const char *text) {
    pa_buf_append(buf, text, strlen(text) + 1);
}

static void put_section(struct pa_buf *module, const char *name, const struct pa_buf *content) {
    uint8_t custom = 0, length[10];
    struct pa_buf head = PA_BUF_INIT(sizeof(length));
    g_leb(&head, strlen(name));
    pa_buf_append(module, &custom, 1);
    g_leb(module, head.size + strlen(name) + content->size);
    pa_buf_append(module, head.data, head.size);
    pa_buf_append_text(module, name);
    pa_buf_append(module, content->data, content->size);
    pa_buf_done(&head);
}

/* Both begin with a length that counts what comes after it. */
static void set_length(struct pa_buf *buf, size_t at) {
    if (buf->failed)
        return;
    uint32_t length = (uint32_t)(buf->size - at - 4);
    memcpy(buf->data + at, &length, 4); /* little-endian, as the hosts are that this runs on */
}

static void put_abbreviations(struct pa_buf *module) {
    static const uint8_t table[] = {1,
                                    TAG_COMPILE_UNIT,
                                    1,
                                    AT_PRODUCER,
                                    FORM_STRING,
                                    AT_LANGUAGE,
                                    FORM_DATA2,
                                    AT_NAME,
                                    FORM_STRING,
                                    AT_STMT_LIST,
                                    FORM_SEC_OFFSET,
                                    AT_LOW_PC,
                                    FORM_ADDR,
                                    AT_HIGH_PC,
                                    FORM_DATA4,
                                    0,
                                    0,
                                    2,
                                    TAG_SUBPROGRAM,
                                    0,
                                    AT_NAME,
                                    FORM_STRING,
                                    AT_LOW_PC,
                                    FORM_ADDR,
                                    AT_HIGH_PC,
                                    FORM_DATA4,
                                    AT_DECL_FILE,
                                    FORM_DATA1,
                                    AT_DECL_LINE,
                                    FORM_UDATA,
                                    0,
                                    0,
                                    0};
    put_section(module, ".debug_abbrev",
                &(struct pa_buf){.data = (uint8_t *)(uintptr_t)table, .size = sizeof(table)});
}

static void put_info(const struct g_gen *g, uint32_t end, struct pa_buf *module) {
    struct pa_buf info = PA_BUF_INIT(16u << 20);
    put(&info, 0, 4);
    put(&info, 4, 2); /* version */
    put(&info, 0, 4); /* .debug_abbrev's offset */
    put(&info, 4, 1); /* bytes of an address */
    put(&info, 1, 1);
    put_text(&info, "polyagent transpile");
    put(&info, LANG_PYTHON, 2);
    put_text(&info, g->filename);
    put(&info, 0, 4); /* .debug_line's offset */
    put(&info, g->bodies[0].start, 4);
    put(&info, end - g->bodies[0].start, 4);
    for (uint32_t i = 0; i < g->body_count; i++) {
        put(&info, 2, 1);
        put_text(&info, g->bodies[i].name);
        put(&info, g->bodies[i].start, 4);
        put(&info, g->bodies[i].code.size, 4);
        put(&info, 1, 1);
        g_leb(&info, g->bodies[i].line);
    }
    put(&info, 0, 1);
    set_length(&info, 0);
    put_section(module, ".debug_info", &info);
    pa_buf_done(&info);
}

/* The line program's machine, as far as it is used. */
struct machine {
    uint32_t address, line, column;
    bool statement;
};

static void put_row(struct machine *m, const struct machine *to, struct pa_buf *out) {
    if (m->column != to->column) {
        put(out, LNS_SET_COLUMN, 1);
        g_leb(out, to->column);
    }
    if (m->statement != to->statement)
        put(out, LNS_NEGATE_STMT, 1);
    int64_t lines = (int64_t)to->line - m->line;
    uint32_t bytes = to->address - m->address;
    if (lines < LINE_BASE || lines >= LINE_BASE + LINE_RANGE) {
        put(out, LNS_ADVANCE_LINE, 1);
        g_sleb(out, lines);
        lines = 0;
    }
    uint32_t special = (uint32_t)(lines - LINE_BASE) + OPCODE_BASE;
    if (bytes > (255 - special) / LINE_RANGE) {
        put(out, LNS_ADVANCE_PC, 1);
        g_leb(out, bytes);
        bytes = 0;
    }
    put(out, special + bytes * LINE_RANGE, 1);
    *m = *to;
}

static void put_program(const struct g_gen *g, uint32_t end, struct pa_buf *out) {
    struct machine m = {.line = 1, .statement = true};
    put(out, 0, 1); /* an extended opcode, of five bytes */
    put(out, 5, 1);
    put(out, LNE_SET_ADDRESS, 1);
    put(out, g->bodies[0].start, 4);
    m.address = g->bodies[0].start;
    for (uint32_t i = 0; i < g->body_count; i++) {
        const struct g_line *row = (const struct g_line *)(const void *)g->bodies[i].lines.data;
        size_t rows = g->bodies[i].lines.size / sizeof(*row);
        struct machine to = {g->bodies[i].start, g->bodies[i].line, 0, true};
        put_row(&m, &to, out);
        for (size_t k = 0; k < rows; k++) {
            to = (struct machine){g->bodies[i].start + row[k].offset, row[k].line,
                                  row[k].column + 1, row[k].statement};
            put_row(&m, &to, out);
        }
    }
    put(out, LNS_ADVANCE_PC, 1);
    g_leb(out, end - m.address);
    put(out, 0, 1);
    put(out, 1, 1);
    put(out, LNE_END_SEQUENCE, 1);
}

static void put_lines(const struct g_gen *g, uint32_t end, struct pa_buf *module) {
    static const uint8_t operands[OPCODE_BASE - 1] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
    struct pa_buf lines = PA_BUF_INIT(64u << 20);
    put(&lines, 0, 4);
    put(&lines, 4, 2); /* version */
    size_t header = lines.size;
    put(&lines, 0, 4); /* the header's length */
    put(&lines, 1, 1); /* bytes of an instruction at least */
    put(&lines, 1, 1); /* operations of an instruction at most */
    put(&lines, 1, 1); /* rows are statements to begin with */
    put(&lines, (uint8_t)LINE_BASE, 1);
    put(&lines, LINE_RANGE, 1);
    put(&lines, OPCODE_BASE, 1);
    pa_buf_append(&lines, operands, sizeof(operands));
    put(&lines, 0, 1); /* no folders */
    put_text(&lines, g->filename);
    put(&lines, 0, 3); /* in no folder; neither time nor size are known */
    put(&lines, 0, 1);
    set_length(&lines, header);
    put_program(g, end, &lines);
    set_length(&lines, 0);
    put_section(module, ".debug_line", &lines);
    pa_buf_done(&lines);
}

void g_dwarf(const struct g_gen *g, uint32_t end, struct pa_buf *module) {
    put_abbreviations(module);
    put_info(g, end, module);
    put_lines(g, end, module);
}
