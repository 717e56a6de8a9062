/* Line tables of transpiled modules: what was written is read again, by a reader of this file's
 * own, and held against the code section. */
#include "test.h"

#include "transpile/transpile.h"

#define MAX_ROWS   400
#define MAX_BODIES 600

struct reader {
    const uint8_t *at, *end;
};

static uint64_t fixed(struct reader *r, unsigned size) {
    uint64_t value = 0;
    assert_true(r->end - r->at >= size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)*r->at++ << 8 * i;
    return value;
}

static int64_t leb(struct reader *r, bool is_signed) {
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)fixed(r, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (is_signed && byte & 0x40)
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}

static const char *text(struct reader *r) {
    const char *start = (const char *)r->at;
    while (fixed(r, 1))
        ;
    return start;
}

/* A section's contents by its number, or of a custom one by its name. */
static struct reader section(const struct pa_buf *module, uint8_t wanted, const char *name) {
    struct reader r = {module->data + 8, module->data + module->size};
    while (r.at < r.end) {
        uint8_t id = (uint8_t)fixed(&r, 1);
        uint64_t size = (uint64_t)leb(&r, false);
        struct reader content = {r.at, r.at + size};
        r.at += size;
        assert_true(r.at <= r.end);
        if (id == wanted && !name)
            return content;
        if (id || !name)
            continue;
        uint64_t length = (uint64_t)leb(&content, false);
        if (length == strlen(name) && memcmp(content.at, name, length) == 0) {
            content.at += length;
            return content;
        }
    }
    fail_msg("no section %u %s", wanted, name ? name : "");
    return r;
}

struct row {
    uint32_t address, line, column;
};

struct module {
    struct pa_transpile_result result;
    struct {
        uint32_t start, end;
    } bodies[MAX_BODIES];
    struct row rows[MAX_ROWS];
    size_t body_count, row_count;
    uint32_t end; /* of the sequence */
};

static void read_code(struct module *m) {
    struct reader r = section(&m->result.module, 10, NULL);
    const uint8_t *base = r.at;
    m->body_count = (size_t)leb(&r, false);
    assert_true(m->body_count <= MAX_BODIES);
    for (size_t i = 0; i < m->body_count; i++) {
        uint64_t size = (uint64_t)leb(&r, false);
        m->bodies[i].start = (uint32_t)(r.at - base);
        r.at += size;
        m->bodies[i].end = (uint32_t)(r.at - base);
    }
    assert_ptr_equal(r.at, r.end);
}

static void read_lines(struct module *m) {
    struct reader r = section(&m->result.module, 0, ".debug_line");
    struct row row = {0, 1, 0};
    uint64_t length = fixed(&r, 4);
    assert_int_equal(length, r.end - r.at);
    assert_int_equal(fixed(&r, 2), 4);
    uint64_t header = fixed(&r, 4);
    struct reader program = {r.at + header, r.end};
    assert_int_equal(fixed(&r, 1), 1);
    assert_int_equal(fixed(&r, 1), 1);
    assert_int_equal(fixed(&r, 1), 1);
    int8_t base = (int8_t)fixed(&r, 1);
    uint8_t range = (uint8_t)fixed(&r, 1), first = (uint8_t)fixed(&r, 1);
    r.at += first - 1;
    assert_int_equal(fixed(&r, 1), 0);
    assert_string_equal(text(&r), "test.py");
    assert_int_equal(fixed(&r, 4), 0);
    assert_ptr_equal(r.at, program.at);
    r = program;
    while (r.at < r.end) {
        uint8_t op = (uint8_t)fixed(&r, 1);
        if (op >= first) {
            row.address += (op - first) / range;
            row.line = (uint32_t)((int64_t)row.line + base + (op - first) % range);
            assert_true(m->row_count < MAX_ROWS);
            m->rows[m->row_count++] = row;
        } else if (op == 2) {
            row.address += (uint32_t)leb(&r, false);
        } else if (op == 3) {
            row.line = (uint32_t)((int64_t)row.line + leb(&r, true));
        } else if (op == 5) {
            row.column = (uint32_t)leb(&r, false);
        } else if (op == 0 && leb(&r, false) == 5) {
            assert_int_equal(fixed(&r, 1), 2);
            row.address = (uint32_t)fixed(&r, 4);
        } else if (op == 0) {
            assert_int_equal(fixed(&r, 1), 1);
            m->end = row.address;
            assert_ptr_equal(r.at, r.end);
        } else {
            assert_int_equal(op, 6);
        }
    }
}

static void load(struct module *m, const char *source) {
    memset(m, 0, sizeof(*m));
    pa_transpile_source(source, strlen(source), "test.py", &m->result);
    if (m->result.refused)
        fail_msg("%s", m->result.refusal.message);
    read_code(m);
    read_lines(m);
}

static const char program[] = "def f(a, b):\n"             /* 1 */
                              "    c = [a]\n"              /* 2 */
                              "    for i in range(b):\n"   /* 3 */
                              "        c.append(a // i)\n" /* 4 */
                              "    return c[b]\n"          /* 5 */
                              "\n"                         /* 6 */
                              "def g(n):\n"                /* 7 */
                              "    for i in range(n):\n"   /* 8 */
                              "        n += (f(n, 1)\n"    /* 9 */
                              "              + f(n, n))\n" /* 10 */
                              "    return n\n"             /* 11 */
                              "\n"                         /* 12 */
                              "for k in range(2):\n"       /* 13 */
                              "    print(g(k))\n";         /* 14 */

/* The rows of a body: in order, in it, of the lines that are its own, the first at its start. */
static void expect_lines(const struct module *m, size_t body, uint32_t first, uint32_t last) {
    size_t found = 0;
    bool seen[16] = {false};
    for (size_t i = 0; i < m->row_count; i++) {
        const struct row *row = &m->rows[i];
        if (row->address < m->bodies[body].start || row->address >= m->bodies[body].end)
            continue;
        if (!found++)
            assert_int_equal(row->address, m->bodies[body].start);
        assert_in_range(row->line, first, last);
        seen[row->line] = true;
    }
    for (uint32_t line = first; line <= last; line++)
        assert_true(seen[line]);
}

static void lines_are_those_of_their_functions(void **state) {
    static struct module m;
    load(&m, program);
    for (size_t i = 0; i + 1 < m.row_count; i++)
        assert_true(m.rows[i].address <= m.rows[i + 1].address);
    /* The runtime's functions, then the module's code, f or g, _start. */
    size_t own = 0;
    while (m.bodies[own].start != m.rows[0].address)
        own++;
    assert_int_equal(m.body_count - own, 4);
    assert_int_equal(m.end, m.bodies[m.body_count - 2].end);
    assert_int_equal(m.rows[0].line, 1);
    bool f_first = false;
    for (size_t i = 0; i < m.row_count; i++)
        if (m.rows[i].address == m.bodies[own + 1].start)
            f_first = m.rows[i].line == 1;
    expect_lines(&m, own + (f_first ? 1 : 2), 1, 5);
    expect_lines(&m, own + (f_first ? 2 : 1), 7, 11);
    pa_transpile_result_done(&m.result);
    (void)state;
}

/* Columns count from 1, and calls have their own. */
static void calls_have_columns(void **state) {
    static struct module m;
    load(&m, program);
    bool first = false, second = false;
    for (size_t i = 0; i < m.row_count; i++) {
        first |= m.rows[i].line == 9 && m.rows[i].column == 15;
        second |= m.rows[i].line == 10 && m.rows[i].column == 17;
    }
    assert_true(first && second);
    pa_transpile_result_done(&m.result);
    (void)state;
}

static void functions_are_named(void **state) {
    static const char *const expected[] = {"<module>", "f", "g"};
    static struct module m;
    load(&m, program);
    struct reader r = section(&m.result.module, 0, ".debug_info");
    uint64_t length = fixed(&r, 4);
    assert_int_equal(length, r.end - r.at);
    assert_int_equal(fixed(&r, 2), 4);
    assert_int_equal(fixed(&r, 4), 0);
    assert_int_equal(fixed(&r, 1), 4);
    assert_int_equal(leb(&r, false), 1);
    text(&r);                             /* producer */
    assert_int_equal(fixed(&r, 2), 0x14); /* Python */
    assert_string_equal(text(&r), "test.py");
    assert_int_equal(fixed(&r, 4), 0);
    assert_int_equal(fixed(&r, 4), m.rows[0].address);
    assert_int_equal(fixed(&r, 4), m.end - m.rows[0].address);
    size_t count = 0, named = 0;
    while (leb(&r, false) == 2) {
        const char *name = text(&r);
        for (size_t i = 0; i < PA_ARRAY_LEN(expected); i++)
            named += pa_streq(name, expected[i]);
        size_t own = m.body_count - 4 + count++;
        assert_int_equal(fixed(&r, 4), m.bodies[own].start);
        assert_int_equal(fixed(&r, 4), m.bodies[own].end - m.bodies[own].start);
        assert_int_equal(fixed(&r, 1), 1);
        leb(&r, false);
    }
    assert_ptr_equal(r.at, r.end);
    assert_int_equal(count, 3);
    assert_int_equal(named, 3);
    pa_transpile_result_done(&m.result);
    (void)state;
}

/* What a ten-line program pays for it. */
static void tables_are_small(void **state) {
    static struct module m;
    load(&m, program);
    size_t size = 0;
    static const char *const names[] = {".debug_line", ".debug_info", ".debug_abbrev"};
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++) {
        struct reader r = section(&m.result.module, 0, names[i]);
        size += (size_t)(r.end - r.at);
    }
    assert_in_range(size, 150, 700);
    pa_transpile_result_done(&m.result);
    (void)state;
}

static void text_shows_lines(void **state) {
    struct pa_transpile_result result;
    pa_transpile_to_text(program, strlen(program), "test.py", &result);
    assert_false(result.refused);
    for (unsigned line = 2; line <= 5; line++) {
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "    ;; line %u: ", line);
        assert_non_null(strstr(pa_buf_text(&result.module), wanted));
    }
    assert_null(strstr(pa_buf_text(&result.module), " ?\n")); /* every instruction has a name */
    pa_transpile_result_done(&result);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_those_of_their_functions),
        cmocka_unit_test(calls_have_columns),
        cmocka_unit_test(functions_are_named),
        cmocka_unit_test(tables_are_small),
        cmocka_unit_test(text_shows_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
