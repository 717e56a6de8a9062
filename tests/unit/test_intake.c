/* The first look at a module: what is wrong, where, and what to do. */
#include "test.h"

#include "engine/intake.h"

static const struct pa_wasi_import table[] = {
    {"fd_write", "iiii", true, NULL},
    {"proc_exit", "i", false, NULL},
};

static const struct pa_intake_wants wants_start = {table, PA_ARRAY_LEN(table), true, NULL};
static const struct pa_intake_wants wants_nothing = {table, PA_ARRAY_LEN(table), false, NULL};

#define HEADER      "\0asm\1\0\0\0"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Scans and judges; the message goes to `end`. */
static int look(const uint8_t *bytes, size_t size, const struct pa_intake_wants *wants,
                struct pa_end *end) {
    /* On the heap and of the exact size, so that a sanitizer sees a byte too far. */
    uint8_t *copy = malloc(size + (size == 0));
    memcpy(copy, bytes, size);
    struct pa_intake intake;
    *end = (struct pa_end){0};
    int refused = pa_intake_scan(copy, size, &intake, end) || pa_intake_judge(&intake, wants, end);
    pa_intake_done(&intake);
    free(copy);
    if (refused)
        assert_int_equal(end->status, PA_STATUS_INVALID_MODULE);
    return refused;
}

static void assert_refused(const uint8_t *bytes, size_t size, const struct pa_intake_wants *wants,
                           const char *part) {
    struct pa_end end;
    assert_int_equal(look(bytes, size, wants, &end), 1);
    if (!strstr(end.message, part))
        fail_msg("expected \"%s\" in \"%s\"", part, end.message);
}

static void text_is_told_from_binary(void **state) {
    assert_true(pa_intake_is_text(BYTES("(module)")));
    assert_true(pa_intake_is_text(BYTES(" \n\t;; a comment\n(module)")));
    assert_true(pa_intake_is_text(BYTES("(; a comment ;) (module)")));
    assert_false(pa_intake_is_text(BYTES("")));
    assert_false(pa_intake_is_text(BYTES(";")));
    assert_false(pa_intake_is_text(BYTES(HEADER)));
    assert_false(pa_intake_is_text(BYTES("#!/bin/sh")));
}

static void what_is_no_module_is_recognised(void **state) {
    const struct pa_intake_wants *wants = &wants_nothing;
    assert_refused(BYTES(""), wants, "the file is empty");
    assert_refused(BYTES("\x7f"
                         "ELF\2\1"),
                   wants, "expected the magic \\0asm at byte 0, found 7f 45 4c 46 (an ELF file");
    assert_refused(BYTES("\x1f\x8b\x08"), wants, "gzip");
    assert_refused(BYTES("PK\3\4abc"), wants, "zip");
    assert_refused(BYTES("<!DOCTYPE html>"), wants, "HTML");
    assert_refused(BYTES("abc"), wants, "found 61 62 63");
    assert_refused(BYTES("\0asm\x0d\0\1\0"), wants, "a WebAssembly component");
    assert_refused(BYTES("\0asm\2\0\0\0"), wants, "found 02 00 00 00");
    assert_refused(BYTES("\0as"), wants, "ends at byte 3");
    assert_refused(BYTES("\0asm\1\0\0"), wants, "ends at byte 7");
}

static void a_cut_is_found_where_it_is(void **state) {
    const struct pa_intake_wants *wants = &wants_nothing;
    assert_refused(BYTES(HEADER "\1\x0a\1\x60"), wants,
                   "the type section at byte 8 (0x8) has 10 bytes, but the file ends after 2 of "
                   "them, at byte 12 (0xc)");
    assert_refused(BYTES(HEADER "\1"), wants, "type section at byte 8 (0x8) has no valid size");
    assert_refused(BYTES(HEADER "\1\x80\x80"), wants, "has no valid size");
    assert_refused(BYTES(HEADER "\1\xff\xff\xff\xff\x7f"), wants, "has no valid size");
}

static void sections_have_an_order(void **state) {
    const struct pa_intake_wants *wants = &wants_nothing;
    assert_refused(BYTES(HEADER "\x0e\0"), wants, "14 is no section's number, at byte 8");
    assert_refused(BYTES(HEADER "\1\1\0\1\1\0"), wants,
                   "at byte 11 (0xb) is the second of its kind");
    assert_refused(BYTES(HEADER "\3\1\0\1\1\0"), wants, "comes too late");
    struct pa_end end; /* custom sections are anywhere, and data count comes before code */
    assert_int_equal(
        look(BYTES(HEADER "\0\2\1a\1\1\0\0\2\1b\x0c\1\0\x0a\1\0\x0b\1\0"), wants, &end), 0);
}

static void hostile_counts_and_lengths(void **state) {
    const struct pa_intake_wants *wants = &wants_nothing;
    assert_refused(BYTES(HEADER "\2\5\xff\xff\xff\xff\x0f"), wants, "counts more items");
    assert_refused(BYTES(HEADER "\2\6\1\x7f"
                                "abcd"),
                   wants, "ends in the middle of an item");
    assert_refused(BYTES(HEADER "\2\6\1\1a\1b\x09"), wants,
                   "import of an unknown kind, at byte 15");
    assert_refused(BYTES(HEADER "\7\5\1\1a\x09\0"), wants, "export of an unknown kind");
    assert_refused(BYTES(HEADER "\2\x0d\1\1a\1b\0\x80\x80\x80\x80\x80\x80\x80"), wants,
                   "number that is too large");
}

static void dwarf_is_seen(void **state) {
    struct pa_intake intake;
    struct pa_end end;
    assert_int_equal(pa_intake_scan(BYTES(HEADER "\0\x0c\x0b.debug_info"), &intake, &end), 0);
    assert_true(intake.has_dwarf);
    pa_intake_done(&intake);
    assert_int_equal(pa_intake_scan(BYTES(HEADER "\0\x0c\x0b.debug_line"), &intake, &end), 0);
    assert_false(intake.has_dwarf);
    pa_intake_done(&intake);
}

/* type 0: (i32) -> (); an import env.NAME of it. */
#define TYPE_I "\1\5\1\x60\1\x7f\0"

static void unknown_imports_are_listed(void **state) {
    assert_refused(BYTES(HEADER TYPE_I "\2\x0b\1\3env\3foo\0\0"), &wants_nothing,
                   "1 import that nothing here provides: env.foo (at 0x12); functions were left "
                   "undefined");
    assert_refused(BYTES(HEADER TYPE_I "\2\x20\2\3env\3foo\0\0\3env\x0e"
                                       "emscripten_foo\0\0"),
                   &wants_nothing, "2 imports");
    assert_refused(BYTES(HEADER TYPE_I "\2\x20\2\3env\3foo\0\0\3env\x0e"
                                       "emscripten_foo\0\0"),
                   &wants_nothing, "Emscripten");
    assert_refused(BYTES(HEADER TYPE_I "\2\x1b\1\x0dwasi_unstable\x09"
                                       "proc_exit\0\0"),
                   &wants_nothing, "preview 0");
    assert_refused(BYTES(HEADER TYPE_I "\2\x1f\1\x16wasi_snapshot_preview1\4nope\0\0"),
                   &wants_nothing,
                   "wasi_snapshot_preview1.nope (at 0x12); WASI preview 1 has no such");
    assert_refused(BYTES(HEADER "\2\x0f\1\3env\6memory\2\0\1"), &wants_nothing,
                   "memory env.memory (at 0xb); it imports its memory");
    assert_refused(BYTES(HEADER TYPE_I "\2\x12\1\x0cwasi:cli/run\1f\0\0"), &wants_nothing,
                   "wasi:cli/run.f (at 0x12); it is built for WASI preview 2");
}

static void many_imports_are_cut(void **state) {
    struct pa_buf module = PA_BUF_INIT(4096);
    pa_buf_append(&module, HEADER TYPE_I "\2\x9a\2\x14", sizeof(HEADER TYPE_I "\2\x9a\2\x14") - 1);
    for (int i = 0; i < 20; i++) {
        pa_buf_printf(&module, "%cenv%cname\n%03d", 3, 8, i);
        pa_buf_append(&module, "\0\0", 2);
    }
    /* 20 imports of 15 bytes and their count */
    module.data[sizeof(HEADER TYPE_I "\2") - 1] = 0x80 | ((20 * 15 + 1) & 0x7f);
    struct pa_end end;
    assert_int_equal(look(module.data, module.size, &wants_nothing, &end), 1);
    assert_non_null(strstr(end.message, "20 imports"));
    assert_non_null(strstr(end.message, "env.name?007"));
    assert_null(strstr(end.message, "env.name?008"));
    assert_non_null(strstr(end.message, " and 12 more; "));
    assert_null(strchr(end.message, '\n'));
    pa_buf_done(&module);
}

static void known_imports_have_a_type(void **state) {
    struct pa_end end;
    assert_int_equal(
        look(BYTES(HEADER TYPE_I "\2\x24\1\x16wasi_snapshot_preview1\x09proc_exit\0\0"),
             &wants_nothing, &end),
        0);
    assert_refused(BYTES(HEADER TYPE_I "\2\x23\1\x16wasi_snapshot_preview1\x08"
                                       "fd_write\0\0"),
                   &wants_nothing,
                   "has the type (i32), but the function is (i32, i32, i32, i32) -> i32");
}

static void a_memory_is_needed_for_pointers(void **state) {
    assert_refused(BYTES(HEADER "\1\x09\1\x60\4\x7f\x7f\x7f\x7f\1\x7f"
                                "\2\x23\1\x16wasi_snapshot_preview1\x08"
                                "fd_write\0\0"),
                   &wants_nothing, "exports no \"memory\"");
}

static void a_command_has_a_start(void **state) {
    assert_refused(BYTES(HEADER), &wants_start, "exports no _start, and nothing else");
    assert_refused(BYTES(HEADER "\7\x10\2\3add\0\0\6memory\2\0"), &wants_start,
                   "exports no function _start (exports: add, memory)");
    assert_refused(BYTES(HEADER "\7\x0f\1\x0b_initialize\0\0"), &wants_start, "a reactor");
    assert_refused(BYTES(HEADER "\7\x0a\1\6_start\2\0"), &wants_start, "no function _start");
    struct pa_end end;
    assert_int_equal(look(BYTES(HEADER "\7\x0a\1\6_start\0\0"), &wants_start, &end), 0);
    assert_int_equal(look(BYTES(HEADER), &wants_nothing, &end), 0);
}

/* Every prefix of a module is refused or scanned, never read past (the sanitizer watches). */
static void every_prefix_is_survived(void **state) {
    static const char module[] = HEADER TYPE_I
        "\2\x24\1\x16wasi_snapshot_preview1\x09proc_exit\0\0\7\x10\2\3add\0\0\6memory\2\0";
    struct pa_end end;
    for (size_t size = 0; size < sizeof(module) - 1; size++)
        look((const uint8_t *)module, size, &wants_start, &end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_told_from_binary),
        cmocka_unit_test(what_is_no_module_is_recognised),
        cmocka_unit_test(a_cut_is_found_where_it_is),
        cmocka_unit_test(sections_have_an_order),
        cmocka_unit_test(hostile_counts_and_lengths),
        cmocka_unit_test(dwarf_is_seen),
        cmocka_unit_test(unknown_imports_are_listed),
        cmocka_unit_test(many_imports_are_cut),
        cmocka_unit_test(known_imports_have_a_type),
        cmocka_unit_test(a_memory_is_needed_for_pointers),
        cmocka_unit_test(a_command_has_a_start),
        cmocka_unit_test(every_prefix_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
