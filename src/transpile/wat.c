/*
 * A module for people to read: the program's own functions, instruction by instruction, each after
 * the line of Python that it comes from.  The runtime's functions are named, not shown.
 */
#include "transpile/gen.h"

static const char *const names[256] = {[0x00] = "unreachable",
                                       [0x02] = "block",
                                       [0x03] = "loop",
                                       [0x04] = "if",
                                       [0x05] = "else",
                                       [0x0b] = "end",
                                       [0x0c] = "br",
                                       [0x0d] = "br_if",
                                       [0x0f] = "return",
                                       [0x10] = "call",
                                       [0x1a] = "drop",
                                       [0x1b] = "select",
                                       [0x20] = "local.get",
                                       [0x21] = "local.set",
                                       [0x22] = "local.tee",
                                       [0x28] = "i32.load",
                                       [0x29] = "i64.load",
                                       [0x2b] = "f64.load",
                                       [0x2d] = "i32.load8_u",
                                       [0x36] = "i32.store",
                                       [0x37] = "i64.store",
                                       [0x39] = "f64.store",
                                       [0x3a] = "i32.store8",
                                       [0x41] = "i32.const",
                                       [0x42] = "i64.const",
                                       [0x44] = "f64.const",
                                       [0x45] = "i32.eqz",
                                       [0x46] = "i32.eq",
                                       [0x47] = "i32.ne",
                                       [0x48] = "i32.lt_s",
                                       [0x49] = "i32.lt_u",
                                       [0x4a] = "i32.gt_s",
                                       [0x4b] = "i32.gt_u",
                                       [0x4c] = "i32.le_s",
                                       [0x4e] = "i32.ge_s",
                                       [0x4f] = "i32.ge_u",
                                       [0x50] = "i64.eqz",
                                       [0x51] = "i64.eq",
                                       [0x52] = "i64.ne",
                                       [0x53] = "i64.lt_s",
                                       [0x54] = "i64.lt_u",
                                       [0x55] = "i64.gt_s",
                                       [0x57] = "i64.le_s",
                                       [0x58] = "i64.le_u",
                                       [0x59] = "i64.ge_s",
                                       [0x5a] = "i64.ge_u",
                                       [0x61] = "f64.eq",
                                       [0x62] = "f64.ne",
                                       [0x63] = "f64.lt",
                                       [0x64] = "f64.gt",
                                       [0x65] = "f64.le",
                                       [0x66] = "f64.ge",
                                       [0x6a] = "i32.add",
                                       [0x6b] = "i32.sub",
                                       [0x6c] = "i32.mul",
                                       [0x71] = "i32.and",
                                       [0x72] = "i32.or",
                                       [0x73] = "i32.xor",
                                       [0x74] = "i32.shl",
                                       [0x7c] = "i64.add",
                                       [0x7d] = "i64.sub",
                                       [0x7e] = "i64.mul",
                                       [0x7f] = "i64.div_s",
                                       [0x81] = "i64.rem_s",
                                       [0x83] = "i64.and",
                                       [0x84] = "i64.or",
                                       [0x85] = "i64.xor",
                                       [0x86] = "i64.shl",
                                       [0x87] = "i64.shr_s",
                                       [0x88] = "i64.shr_u",
                                       [0x99] = "f64.abs",
                                       [0x9a] = "f64.neg",
                                       [0x9f] = "f64.sqrt",
                                       [0xa0] = "f64.add",
                                       [0xa1] = "f64.sub",
                                       [0xa2] = "f64.mul",
                                       [0xa3] = "f64.div",
                                       [0xa7] = "i32.wrap_i64",
                                       [0xad] = "i64.extend_i32_u",
                                       [0xb7] = "f64.convert_i32_s",
                                       [0xb9] = "f64.convert_i64_s",
                                       [0xbd] = "i64.reinterpret_f64",
                                       [0xbf] = "f64.reinterpret_i64",
                                       [0xfc] = "memory.fill"};

struct cursor {
    const uint8_t *at, *end;
};

static int64_t number(struct cursor *c, bool is_signed) {
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0x80;
    while (c->at < c->end && byte & 0x80 && shift < 64) {
        byte = *c->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    }
    if (is_signed && shift < 64 && byte & 0x40)
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}

static const char *type_name(uint8_t type) {
    return type == G_I32 ? "i32" : type == G_I64 ? "i64" : "f64";
}

static void put_callee(struct g_gen *g, uint32_t function, struct pa_buf *out) {
    static const char *const imports[] = {"fd_write", "fd_read", "proc_exit"};
    uint32_t own = g->link.first + g->link.taken_count;
    if (function < pa_rt_import_count) {
        pa_buf_printf(out, " $%s", imports[function]);
    } else if (function < own) {
        const char *name = pa_rt_functions[g->link.taken[function - g->link.first]].name;
        pa_buf_printf(out, " $%s", name ? name : "rt");
    } else {
        pa_buf_printf(out, " %u (; %s ;)", function, g->bodies[function - own].name);
    }
}

static void put_instruction(struct g_gen *g, struct cursor *c, unsigned *depth,
                            struct pa_buf *out) {
    uint8_t op = *c->at++;
    if ((op == 0x05 || op == 0x0b) && *depth)
        --*depth;
    pa_buf_printf(out, "    %*s%s", 2 * (int)PA_MIN(*depth, 40u), "", names[op] ? names[op] : "?");
    if (op == 0x02 || op == 0x03 || op == 0x04 || op == 0x05)
        ++*depth;
    double value;
    switch (op) {
    case 0x02:
    case 0x03:
    case 0x04:
        if (*c->at++ != G_VOID)
            pa_buf_printf(out, " (result %s)", type_name(c->at[-1]));
        break;
    case 0x10:
        put_callee(g, (uint32_t)number(c, false), out);
        break;
    case 0x0c:
    case 0x0d:
    case 0x20:
    case 0x21:
    case 0x22:
        pa_buf_printf(out, " %lld", (long long)number(c, false));
        break;
    case 0x28:
    case 0x29:
    case 0x2b:
    case 0x2d:
    case 0x36:
    case 0x37:
    case 0x39:
    case 0x3a:
        number(c, false);
        pa_buf_printf(out, " offset=%lld", (long long)number(c, false));
        break;
    case 0x41:
    case 0x42:
        pa_buf_printf(out, " %lld", (long long)number(c, true));
        break;
    case 0x44:
        memcpy(&value, c->at, sizeof(value));
        c->at += sizeof(value);
        pa_buf_printf(out, " %.17g", value);
        break;
    case 0xfc:
        c->at += 2;
        break;
    default:
        break;
    }
    pa_buf_append(out, "\n", 1);
}

static void put_line(struct g_gen *g, uint32_t number_of, struct pa_buf *out) {
    const char *at = g->tree->source, *end = at + g->tree->size;
    for (uint32_t i = 1; i < number_of && at < end; i++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next ? next + 1 : end;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    int size = (int)PA_MIN((stop ? stop : end) - at, 200);
    pa_buf_printf(out, "    ;; line %u: %.*s\n", number_of, size, at);
}

static void put_body(struct g_gen *g, const struct g_body *body, uint32_t index,
                     struct pa_buf *out) {
    struct cursor c = {body->code.data, body->code.data + body->code.size};
    const struct g_line *line = (const struct g_line *)(const void *)body->lines.data;
    const struct g_line *last_line = line + body->lines.size / sizeof(*line);
    uint32_t shown = 0;
    unsigned depth = 0;
    pa_buf_printf(out, "\n  (func (;%u;) ;; %s\n", index, body->name);
    int64_t locals = number(&c, false);
    for (int64_t i = 0; i < locals; i++) {
        number(&c, false);
        pa_buf_printf(out, "%s %s", i ? "" : "    (local", type_name(*c.at++));
    }
    if (locals)
        pa_buf_append_text(out, ")\n");
    while (c.at < c.end - 1) {
        uint32_t offset = (uint32_t)(c.at - body->code.data);
        for (; line < last_line && line->offset <= offset; line++) {
            if (line->line != shown)
                put_line(g, line->line, out);
            shown = line->line;
        }
        put_instruction(g, &c, &depth, out);
    }
    pa_buf_append_text(out, "  )\n");
}

void g_wat(struct g_gen *g, struct pa_buf *out) {
    uint32_t own = g->link.first + g->link.taken_count;
    pa_buf_printf(
        out,
        "(module ;; %s\n  ;; imports fd_write, fd_read, proc_exit of wasi_snapshot_preview1\n"
        "  ;; and %u functions of the runtime:",
        g->filename, g->link.taken_count);
    for (uint32_t i = 0; i < g->link.taken_count; i++)
        if (pa_rt_functions[g->link.taken[i]].name)
            pa_buf_printf(out, " %s", pa_rt_functions[g->link.taken[i]].name);
    pa_buf_append_text(out, "\n");
    for (uint32_t i = 0; i < g->body_count; i++)
        put_body(g, &g->bodies[i], own + i, out);
    pa_buf_append_text(out, ")\n");
}
