"""The hostile modules: what each does, and how a run of it has to end.

Each is made when its test runs; what may take a while has small limits of its own.
"""

import dataclasses

import wasm_builder as w
from wasm_builder import call, check, data, expect, expect_failure, forever, guest, ignore, times

MIB = 1 << 20

# Descriptors of a run without mounts, in the order in which it gets them.
STDIN, STDOUT, STDERR, TMP, WORKSPACE, DEV, ROOT = range(7)

READ, SEEK, WRITE, READDIR = 1 << 1, 1 << 2, 1 << 6, 1 << 14
ALL = (1 << 30) - 1
CREATE, DIRECTORY = 1, 2


@dataclasses.dataclass(frozen=True)
class Hostile:
    name: str
    status: str
    make: object  # () -> bytes or text
    options: tuple
    words: tuple  # in the message
    exit_code: object
    kind: object  # of a trap
    args: tuple
    most_wall_ms: int


HOSTILE = []


def hostile(name, status, make, *options, words=(), exit_code=None, kind=None, args=(), most_wall_ms=45000):
    HOSTILE.append(Hostile(name, status, make if callable(make) else lambda: make, options, words, exit_code, kind,
                           args, most_wall_ms))


def invalid(name, make, *words, options=()):
    hostile(name, "invalid_module", make, *options, words=words)


QUICK_COMPILE = ("--limit", "compile_ms=1500ms")
SHORT = ("--timeout", "300ms")
WASTED = ("--cpu-time", "200ms")

# --- what the compiler has to endure -------------------------------------------------------------


def many_functions(count):
    return w.module(w.section(w.TYPE, w.vector([w.functype()])), w.section(w.FUNCTION, w.repeated(count, b"\0")),
                    w.section(w.EXPORT, w.vector([w.export("_start")])),
                    w.section(w.CODE, w.repeated(count, w.body())))


def many_locals(groups, of_each):
    return w.command(local_groups=w.repeated(groups, w.leb(of_each) + bytes([w.I64])))


def nested(opening, count, before=b""):
    return w.command((before + opening + w.VOID) * count + w.END * count)


def branch_table(count):
    """br_table with `count` targets, all the enclosing block."""
    return w.command(w.BLOCK + w.VOID + b"\x41\x00\x0e" + w.repeated(count, b"\0") + b"\0" + w.END)


def typed(*types):
    return w.module(w.section(w.TYPE, w.vector(types)), w.section(w.FUNCTION, w.vector([w.leb(0)])),
                    w.section(w.EXPORT, w.vector([w.export("_start")])), w.section(w.CODE, w.vector([w.body()])))


def with_memory(pages, **more):
    return w.command(before=w.section(w.MEMORY, w.vector([w.limits(pages, **more)])))


def with_tables(count, elements, **more):
    return w.command(before=w.section(w.TABLE, w.repeated(count, bytes([w.FUNCREF]) + w.limits(elements, **more))))


def with_globals(count):
    return w.command(before=w.section(w.GLOBAL, w.repeated(count, bytes([w.I64, 1]) + b"\x42\0" + w.END)))


def with_data(count, size, pages):
    segment = b"\0\x41\0" + w.END + w.sized(b"\xaa" * size)
    return w.command(before=w.section(w.MEMORY, w.vector([w.limits(pages)])),
                     after=w.section(w.DATA, w.repeated(count, segment)))


def big_function(size):
    """Straight code over 200 locals, all alive to its end: work for the register allocator."""
    code = b"".join(b"\x20" + w.leb(i % 200) + b"\x20" + w.leb((i * 7) % 200) + b"\x7c\x21" + w.leb((i * 13) % 200)
                    for i in range(size))
    code += b"".join(b"\x41\0\x20" + w.leb(i) + b"\x37\x03\0" for i in range(200))  # stored in memory
    load = b"".join(b"\x41\0\x29\x03\0\x21" + w.leb(i) for i in range(200))
    return w.command(load + code, local_groups=w.vector([w.leb(200) + bytes([w.I64])]),
                     before=w.section(w.MEMORY, w.vector([w.limits(1)])))


def deep_expression(depth):
    return w.command(b"\x41\x01" * depth + b"\x6a" * (depth - 1) + b"\x1a")


def ifs_in_text(depth):
    return ("(module (func (export \"_start\") " + "(if (i32.const 1) (then " * depth + "))" * depth + "))")


hostile("300,000 nested blocks", "ok", lambda: nested(w.BLOCK, 300000))
hostile("a hundred thousand nested loops", "ok", lambda: nested(w.LOOP, 100000))
hostile("fifty thousand nested ifs", "ok", lambda: nested(w.IF, 50000, before=b"\x41\0"))
invalid("a function of 8 MB", lambda: w.command(b"\x01" * 8000000), "size")
invalid("200,000 groups of locals", lambda: many_locals(200000, 1), "locals")
invalid("4 billion locals in one group", lambda: many_locals(1, 0xFFFFFFFF), "locals")
hostile("50,000 locals", "ok", lambda: many_locals(1, 50000))
invalid("a million functions", lambda: many_functions(1000000), "compile_ms", options=QUICK_COMPILE)
invalid("more than a million functions", lambda: many_functions(1000001), "function")
invalid("100,000 parameters", lambda: typed(w.functype([w.I32] * 100000)), "param")
invalid("100,000 results", lambda: typed(w.functype(), w.functype([], [w.I32] * 100000)), "return")
invalid("more than a million types", lambda: typed(*[w.functype()] * 1000001), "type")
invalid("a branch table of a million targets", lambda: branch_table(1000000), "limit")
hostile("40,000 data segments", "ok", lambda: with_data(40000, 1, 1))
invalid("100,000 data segments", lambda: with_data(100000, 1, 1), "compile_ms", options=("--limit", "compile_ms=500ms"))
invalid("more than 100,000 data segments", lambda: with_data(100001, 1, 1), "data")
hostile("a data segment of 48 MiB", "ok", lambda: with_data(1, 48 * MIB, 48 * 16))
hostile("a data segment beyond its memory", "trap", lambda: with_data(1, 65537, 1), kind="memory_out_of_bounds")
hostile("65,536 globals", "ok", lambda: with_globals(65536))
invalid("more than a million globals", lambda: with_globals(1000001), "global")
invalid("a function with 300,000 live operations", lambda: big_function(300000), "compile_ms",
        options=("--limit", "compile_ms=400ms"))
invalid("within the memory of a compiler that has little", lambda: big_function(200000), "compile_memory_bytes",
        options=("--limit", "compile_memory_bytes=64MiB"))
hostile("an expression 100,000 deep", "ok", lambda: deep_expression(100000))
hostile("100,000 nested ifs in text", "ok", lambda: ifs_in_text(100000))
invalid("5,000 nested components in text", lambda: "(component " * 5000 + ")" * 5000, "nesting too deep")
invalid("a million open parentheses", lambda: "(" * 1000000, ":")
invalid("a million nested comments", lambda: "(;" * 1000000 + ";)" * 1000000 + "(module", "text")
invalid("a million nested annotations", lambda: "(module " + "(@a " * 1000000 + ")" * 1000000 + ")", "_start")
invalid("a string that never ends", lambda: '(module (data "' + "\\00" * 1000000, "text")
invalid("a number with a million digits", lambda: f'(module (global i64 (i64.const {"9" * 1000000})))', "text")
invalid("a floating-point number with a million digits",
        lambda: f'(module (func (export "main") (drop (f64.const 0.{"1" * 1000000}e-400))))', "_start")
invalid("an export's name of a million bytes", lambda: w.command().replace(
    w.section(w.EXPORT, w.vector([w.export("_start")])), w.section(w.EXPORT, w.vector([w.export("x" * 1000000)]))),
        "_start")
invalid("an import's name of a million bytes", lambda: w.module(
    w.section(w.TYPE, w.vector([w.functype()])),
    w.section(w.IMPORT, w.vector([w.name("env") + w.name("y" * 1000000) + b"\0\0"]))), "yyyy...")
invalid("200,000 unknown imports", lambda: w.module(
    w.section(w.TYPE, w.vector([w.functype()])),
    w.section(w.IMPORT, w.repeated(200000, w.name("env") + w.name("f") + b"\0\0"))), "200000 imports")
hostile("a million custom sections", "ok", lambda: w.command(after=w.section(w.CUSTOM, w.name("x")) * 1000000))
hostile("a custom section of 40 MiB", "ok",
        lambda: w.command(after=w.section(w.CUSTOM, w.name(".debug_info") + bytes(40 * MIB))))
hostile("DWARF of noise, and a trap to look up in it", "trap", lambda: w.command(b"\0", after=b"".join(
    w.section(w.CUSTOM, w.name(section) + bytes(i * 37 % 251 for i in range(65536)))
    for section in (".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", "name"))), kind="unreachable")
invalid("a recursive type", lambda: typed(b"\x4e" + w.vector([b"\x60\x01\x64\x00\x00"])), "gc")
invalid("a group of a million types", lambda: typed(b"\x4e" + w.repeated(1000000, w.functype())), "not valid")
invalid("a type that is its own supertype", lambda: typed(b"\x50\x01\x00" + w.functype()), "not valid")
invalid("a shared memory", lambda: w.command(before=w.section(w.MEMORY, w.vector([b"\x03\x01\x01"]))), "thread")
invalid("atomics", '(module (memory (export "memory") 1) (func (export "_start")'
        " (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))))", "thread")

# --- what no memory has room for -------------------------------------------------------------------

hostile("a memory of 65,536 pages", "out_of_memory", lambda: with_memory(65536), words=("4 GiB", "memory_bytes"))
invalid("a memory of 65,537 pages", lambda: with_memory(65537), "memory")
hostile("a 64-bit memory of 2^47 pages", "out_of_memory", lambda: with_memory(1 << 47, is64=True),
        words=("memory_bytes",))
hostile("a 64-bit memory of 2^48 pages", "out_of_memory", lambda: with_memory(1 << 48, is64=True))
hostile("a 64-bit memory of a terabyte", "out_of_memory", lambda: with_memory(1 << 24, is64=True))
hostile("a 64-bit memory that may grow to 2^48 pages", "ok", lambda: with_memory(1, maximum=1 << 48, is64=True))
hostile("a hundred memories", "out_of_memory",
        lambda: w.command(before=w.section(w.MEMORY, w.repeated(100, w.limits(1)))), words=("memories",))
invalid("a thousand memories",
        lambda: w.command(before=w.section(w.MEMORY, w.repeated(1000, w.limits(1)))), "memor")
hostile("sixteen memories that share the limit", "out_of_memory",
        lambda: w.command(before=w.section(w.MEMORY, w.repeated(16, w.limits(512)))), words=("memory_bytes",))
hostile("a table of 10 million and one elements", "out_of_memory", lambda: with_tables(1, 10000001),
        words=("table_elements",))
hostile("a table of 4 billion elements", "out_of_memory", lambda: with_tables(1, 0xFFFFFFFF),
        words=("table_elements",))
hostile("a 64-bit table of 2^60 elements", "out_of_memory", lambda: with_tables(1, 1 << 60, is64=True),
        words=("table_elements",))
hostile("sixteen tables of ten million", "out_of_memory", lambda: with_tables(16, 10000000), "--limit",
        "table_elements=10000000", words=("table",))
hostile("a hundred tables", "out_of_memory", lambda: with_tables(100, 1), words=("tables",))
invalid("a thousand tables", lambda: with_tables(1000, 1), "table")
hostile("memory.grow until it fails, then abort", "out_of_memory",
        '(module (memory (export "memory") 1) (func (export "_start") (loop $more'
        " (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable))", words=("memory_bytes",))
hostile("memory.grow for ever", "cpu_limit",
        '(module (memory (export "memory") 1) (func (export "_start") (loop $more'
        " (drop (memory.grow (i32.const 0x7fffffff))) (br $more))))", *WASTED)
hostile("memory.grow of a 64-bit memory by 2^63 pages", "ok",
        '(module (memory (export "memory") i64 1) (func (export "_start")'
        " (if (i64.ne (memory.grow (i64.const 0x7fffffffffffffff)) (i64.const -1)) (then unreachable))))")
hostile("every page touched as it comes", "out_of_memory",
        '(module (memory (export "memory") 1) (func (export "_start") (local $at i32) (loop $more'
        " (local.set $at (memory.grow (i32.const 16))) (if (i32.eq (local.get $at) (i32.const -1)) (then unreachable))"
        " (memory.fill (i32.mul (local.get $at) (i32.const 65536)) (i32.const 255) (i32.const 1048576))"
        " (br $more))))", "--memory", "128MiB", words=("128 MiB",))
hostile("table.grow until it fails", "ok",
        '(module (table $t 1 funcref) (func (export "_start") (loop $more (br_if $more (i32.ne'
        " (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))"
        " (if (i32.gt_u (table.size $t) (i32.const 1000000)) (then unreachable))))")
hostile("table.grow of sixteen tables, then abort", "trap",
        "(module " + "".join(f"(table $t{i} 1 externref)" for i in range(16)) + ' (func (export "_start")' +
        "".join(f"(loop $m{i} (br_if $m{i} (i32.ne (table.grow $t{i} (ref.null extern) (i32.const 10000))"
                " (i32.const -1))))" for i in range(16)) + " unreachable))", kind="unreachable")
HOARD = "".join(f"(loop $m{i} (br_if $m{i} (i32.ne (table.grow $t{i} (ref.null extern) (i32.const 500000))"
                " (i32.const -1))))" for i in range(16))
hostile("every byte of native memory in tables, then files", "out_of_memory",
        lambda: guest(HOARD, expect("ok", "path_open", TMP, 0, 64, 1, CREATE, ALL, 0, 0, 8),
                      forever("(drop (call $fd_write (i32.load (i32.const 8)) (i32.const 16) (i32.const 1)"
                              " (i32.const 24)))" + ignore("path_open", TMP, 0, 64, 1, CREATE, ALL, 0, 0, 32)),
                      before="", functions="".join(f"(table $t{i} 1 externref)" for i in range(16)),
                      extra=data(64, "f") + data(16, (0).to_bytes(4, "little") + (65536).to_bytes(4, "little"))),
        "--limit", "table_elements=10000000", "--cpu-time", "3s")
hostile("memory.fill past the end", "trap",
        '(module (memory (export "memory") 1) (func (export "_start")'
        " (memory.fill (i32.const 1) (i32.const 1) (i32.const 0xffffffff))))", kind="memory_out_of_bounds")
hostile("memory.copy that wraps around", "trap",
        '(module (memory (export "memory") 1) (func (export "_start")'
        " (memory.copy (i32.const 0xfffffff0) (i32.const 0) (i32.const 32))))", kind="memory_out_of_bounds")
hostile("memory.fill of 128 MiB for ever", "cpu_limit",
        '(module (memory (export "memory") 2048) (func (export "_start") (loop $more'
        " (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x8000000)) (br $more))))", *WASTED)
hostile("loads at 4 GiB plus an offset", "trap",
        '(module (memory (export "memory") 1) (func (export "_start")'
        " (drop (i64.load offset=4294967295 (i32.const -1)))))", kind="memory_out_of_bounds")
hostile("table.copy past the end", "trap",
        '(module (table 10 funcref) (func (export "_start")'
        " (table.copy (i32.const 0xfffffff0) (i32.const 0) (i32.const 32))))", kind="table_out_of_bounds")
hostile("a call through a null element", "trap",
        '(module (table 10 funcref) (type $t (func)) (func (export "_start")'
        " (call_indirect (type $t) (i32.const 3))))", kind="indirect_call_to_null")
hostile("a call through an element of another type", "trap",
        '(module (table funcref (elem $f)) (type $t (func (param i64 i64 i64))) (func $f (export "_start")'
        " (call_indirect (type $t) (i64.const 1) (i64.const 1) (i64.const 1) (i32.const 0))))",
        kind="indirect_call_type_mismatch")

# --- bytes that lie -----------------------------------------------------------------------------

invalid("a module of 50 MiB and a byte", lambda: w.HEADER + bytes(50 * MIB - 7), "module_bytes", "50 MiB")
invalid("an overlong LEB128", w.HEADER + b"\x01\x80\x80\x80\x80\x80\x00", "type section")
invalid("an overlong count", lambda: w.module(w.section(w.TYPE, b"\xff\xff\xff\xff\x7f")), "too large")
invalid("a section longer than the file", w.HEADER + b"\x01\xff\xff\xff\xff\x0f\0", "cut short")
invalid("a section longer than its contents", lambda: w.command().replace(
    w.section(w.TYPE, w.vector([w.functype()])), w.section(w.TYPE, w.vector([w.functype()]) + bytes(96))), "not valid")
invalid("a section shorter than its contents", lambda: w.command().replace(
    w.section(w.CODE, w.vector([w.body()])), b"\x0a\x02\x01\x02\0\x0b"), "cut short")
invalid("a count without items", lambda: w.module(w.section(w.TYPE, w.leb(0xFFFFFFF))), "type")
invalid("two type sections", lambda: w.command() + w.section(w.TYPE, b"\0"), "too late")
invalid("sections out of order", lambda: w.module(w.section(w.EXPORT, b"\0"), w.section(w.TYPE, b"\0")), "order")
invalid("duplicate exports", lambda: w.command().replace(
    w.section(w.EXPORT, w.vector([w.export("_start")])),
    w.section(w.EXPORT, w.vector([w.export("_start"), w.export("_start")]))), "duplicate")
invalid("a name that is not UTF-8", lambda: w.command().replace(
    w.section(w.EXPORT, w.vector([w.export("_start")])),
    w.section(w.EXPORT, w.vector([w.export("_start"), w.export(b"\xff\xfe\xc0\x80")]))), "UTF-8")
invalid("control characters in a name", lambda: w.module(
    w.section(w.TYPE, w.vector([w.functype()])),
    w.section(w.IMPORT, w.vector([w.name("env") + w.name("\x1b[2J\x07") + b"\0\0"]))), "?[2J?")
invalid("an unknown opcode", lambda: w.command(b"\xff\xff"), "not valid")
invalid("a body without an end", lambda: w.command().replace(w.body(), w.sized(b"\0\x01")), "not valid")
invalid("an export of a function that is not there", lambda: w.command().replace(
    w.export("_start"), w.export("_start", index=77)), "not valid")
invalid("a start function with parameters", '(module (func $f (param i32)) (start $f) (func (export "_start")))',
        "start")
invalid("a branch out of the function", lambda: w.command(b"\x0c\xff\xff\xff\x0f"), "not valid")

# --- ends and beginnings -------------------------------------------------------------------------

hostile("a start function that does not end", "timeout",
        '(module (memory (export "memory") 1) (func $f (loop (br 0))) (start $f) (func (export "_start")))', *SHORT)
hostile("a start function that exits", "error",
        lambda: guest(functions="(func $f (call $proc_exit (i32.const 7)))", extra="(start $f)"), exit_code=7)
hostile("a start function that traps", "trap",
        '(module (func $f unreachable) (start $f) (func (export "_start")))', kind="unreachable")
hostile("an exit status of 32 bits", "error", lambda: guest(call("proc_exit", 0xFFFFFFFF)), exit_code=0xFFFFFFFF)
hostile("a loop on fuel", "out_of_fuel", '(module (func (export "_start") (loop (br 0))))', "--fuel", "100000000")
hostile("a loop on the least fuel", "out_of_fuel", '(module (func (export "_start") (loop (br 0))))', "--fuel", "1")
hostile("tail calls without end", "cpu_limit",
        '(module (func $f (export "_start") (return_call $g)) (func $g (return_call $f)))', *WASTED)
hostile("tail calls with growing arguments", "cpu_limit",
        '(module (func (export "_start") (return_call $f (i32.const 1)))'
        " (func $f (param i32) (return_call $g (local.get 0) " + "(i64.const 1)" * 100 + "))"
        " (func $g (param i32 " + "i64 " * 100 + ") (return_call $f (local.get 0))))", *WASTED)


def overflow(name, text):
    hostile(name, "trap", text, kind="stack_overflow", words=("stack_bytes",))


overflow("recursion", '(module (func $f (export "_start") (call $f)))')
overflow("mutual recursion", '(module (func $f (export "_start") (call $g)) (func $g (call $f) (call $f)))')
overflow("recursion through a table",
         '(module (table funcref (elem $f)) (type $t (func)) (func $f (export "_start")'
         " (call_indirect (type $t) (i32.const 0)) (call_indirect (type $t) (i32.const 0))))")
overflow("recursion with 2,000 live values",
         '(module (func (export "_start") (drop (call $f (i64.const 1)))) (func $f (param i64) (result i64) ' +
         "(local i64)" * 500 + "".join(f"(local.set {i} (i64.mul (local.get {i - 1}) (local.get 0)))"
                                       for i in range(1, 501)) +
         "(local.set 0 (call $f (local.get 500)))" +
         "".join(f"(local.set 0 (i64.add (local.get 0) (local.get {i})))" for i in range(1, 501)) +
         "(local.get 0)))")
overflow("recursion in the start function", '(module (func $f (call $f)) (start $f) (func (export "_start")))')
hostile("recursion that calls the host at its deepest", "trap",
        lambda: guest("(call $f)", functions=f"(func $f {ignore('random_get', 0, 64)} (call $f) (call $f))"),
        kind="stack_overflow")

for number in range(32):
    ignored = number in (0, 16, 17, 22, 27)
    hostile(f"signal {number} raised", "ok" if ignored or number > 30 else "trap",
            lambda number=number: guest(expect("inval" if number > 30 else "ok", "proc_raise", number)),
            kind=None if ignored or number > 30 else "signal")
hostile("exceptions thrown and caught for ever", "cpu_limit",
        '(module (tag $e (param i64)) (func (export "_start") (loop $more'
        " (block $h (result i64) (try_table (catch $e $h) (throw $e (i64.const 1))) (i64.const 0)) drop (br $more))))",
        *WASTED)
hostile("exceptions through 1,000 frames", "cpu_limit",
        '(module (tag $e) (func $f (param i32) (if (i32.eqz (local.get 0)) (then (throw $e)))'
        " (call $f (i32.sub (local.get 0) (i32.const 1))))"
        ' (func (export "_start") (loop $more (block $h (try_table (catch_all $h) (call $f (i32.const 1000))))'
        " (br $more))))", *WASTED)
hostile("exceptions that are kept", "out_of_memory",
        '(module (tag $e (param i64 i64 i64 i64)) (table $t 1000000 exnref) (func (export "_start") (local $i i32)'
        " (loop $more (table.set $t (local.get $i) (block $h (result exnref) (try_table (catch_all_ref $h)"
        " (throw $e (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1))) unreachable))"
        " (local.set $i (i32.rem_u (i32.add (local.get $i) (i32.const 1)) (i32.const 1000000))) (br $more))))",
        words=("memory_bytes",))
hostile("an exception that nobody catches", "trap", '(module (tag $e) (func (export "_start") (throw $e)))',
        kind="uncaught_exception")
hostile("NaN games in SIMD", "ok",
        '(module (memory (export "memory") 1) (func (export "_start") (local $v v128) (local $i i32)'
        " (local.set $v (v128.const i64x2 0x7ff0dead0000beef 0xfff8000000000001)) (loop $more (local.set $v"
        " (f64x2.relaxed_madd (f64x2.div (local.get $v) (f64x2.sqrt (f64x2.neg (local.get $v)))) (local.get $v)"
        " (f64x2.pmin (local.get $v) (v128.const f64x2 inf -inf)))) (v128.store (i32.const 0) (local.get $v))"
        " (local.set $i (i32.add (local.get $i) (i32.const 1)))"
        " (br_if $more (i32.lt_u (local.get $i) (i32.const 100000))))"
        " (drop (i32x4.relaxed_trunc_f32x4_s (local.get $v)))))", "--deterministic")
hostile("division of the smallest number by -1", "trap",
        '(module (func (export "_start") (drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))))',
        kind="integer_overflow")
hostile("a NaN made an integer", "trap",
        '(module (func (export "_start") (drop (i32.trunc_f64_u (f64.const nan)))))',
        kind="invalid_conversion_to_integer")

# --- floods of host calls ------------------------------------------------------------------------

hostile("empty writes for ever", "cpu_limit", lambda: guest(forever(ignore("fd_write", STDOUT, 0, 0, 8))), *WASTED)
hostile("the whole memory random for ever", "cpu_limit",
        lambda: guest(forever(ignore("random_get", 0, 64 * MIB)), memory="1024"), *WASTED)
hostile("clocks for ever", "cpu_limit", lambda: guest(forever(ignore("clock_time_get", 1, 0, 0))), *WASTED)
hostile("virtual clocks for ever", "out_of_fuel", lambda: guest(forever(ignore("clock_time_get", 1, 0, 0))),
        "--deterministic", "--fuel", "1000000")
hostile("yields for ever", "cpu_limit", lambda: guest(forever(ignore("sched_yield"))), *WASTED)
hostile("raises of an ignored signal for ever", "cpu_limit", lambda: guest(forever(ignore("proc_raise", 17))),
        *WASTED)
hostile("sockets for ever", "cpu_limit",
        lambda: guest(*(expect("notsock", "sock_shutdown", fd, 2) for fd in (0, 1, 2)),
                      expect("badf", "sock_accept", TMP, 0, 0), expect("badf", "sock_accept", 99, 0, 0),
                      forever(ignore("sock_send", 1, 0, 0xFFFFFFFF, 0, 0xFFFFFFFF) +
                              ignore("sock_recv", 0, 0, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0xFFFFFFFF))), *WASTED)
hostile("output on both streams for ever", "output_limit",
        lambda: guest(forever(ignore("fd_write", STDOUT, 16, 1, 8) + ignore("fd_write", STDERR, 16, 1, 8)),
                      extra=data(16, (1024).to_bytes(4, "little") + (32768).to_bytes(4, "little"))),
        words=("64 MiB", "output_bytes"))
hostile("output byte by byte", "output_limit",
        lambda: guest(forever(ignore("fd_write", STDOUT, 16, 1, 8)),
                      extra=data(16, (1024).to_bytes(4, "little") + (1).to_bytes(4, "little"))),
        "--limit", "output_bytes=20000", words=("output_bytes",))
hostile("output of 1,024 buffers that are all the memory", "output_limit",
        lambda: guest(times(1024, "(i64.store (i32.mul (local.get $i) (i32.const 8)) (i64.const 0x3fc00000000000))"),
                      forever(ignore("fd_write", STDOUT, 0, 1024, 8)), memory="64"))
hostile("output into nowhere", "cpu_limit",
        lambda: guest(expect("ok", "path_open", DEV, 0, 64, 4, 0, WRITE, 0, 0, 8),
                      forever("(drop (call $fd_write (i32.load (i32.const 8)) (i32.const 16) (i32.const 1)"
                              " (i32.const 12)))"),
                      extra=data(64, "null") + data(16, (0).to_bytes(4, "little") + (65536).to_bytes(4, "little"))),
        *WASTED)

SUBSCRIPTIONS = data(1024, bytes(16) + (1).to_bytes(8, "little") + (315360000 * 10**9).to_bytes(8, "little") +
                     bytes(16))  # a monotonic clock, in ten years
hostile("sleep for ten years", "timeout", lambda: guest(ignore("poll_oneoff", 1024, 4096, 1, 8), extra=SUBSCRIPTIONS),
        *SHORT)
hostile("sleep for ten virtual years", "ok",
        lambda: guest(expect("ok", "poll_oneoff", 1024, 4096, 1, 8), extra=SUBSCRIPTIONS), "--deterministic")
hostile("2^31 subscriptions", "ok",
        lambda: guest(expect("inval", "poll_oneoff", 0, 0, 0x80000000, 8), expect("inval", "poll_oneoff", 0, 0, 0, 8),
                      expect("inval", "poll_oneoff", 0, 0, 0x0AAAAAAB, 8),
                      expect("fault", "poll_oneoff", 0, 0, 4096, 8)))
hostile("events that overwrite their subscriptions", "ok",
        lambda: guest(times(64, "(i64.store offset=4112 (i32.mul (local.get $i) (i32.const 48)) (i64.const 1))"),
                      expect("ok", "poll_oneoff", 4096, 4096, 64, 4096),
                      expect("ok", "poll_oneoff", 4096, 4100, 64, 4120)))
hostile("polls of nothing known for ever", "cpu_limit",
        lambda: guest(times(1000, "(i32.store8 offset=4104 (i32.mul (local.get $i) (i32.const 48)) (i32.const 1))"
                            "(i32.store offset=4112 (i32.mul (local.get $i) (i32.const 48)) (local.get $i))"),
                      forever(ignore("poll_oneoff", 4096, 65536, 1000, 8)), memory="4"), *WASTED)
hostile("a poll with unknown kinds", "ok",
        lambda: guest(expect("inval", "poll_oneoff", 4096, 8192, 1, 8), extra=data(4104, b"\x77")))
hostile("a wait for input that never comes", "ok",
        lambda: guest(expect("ok", "poll_oneoff", 4096, 8192, 1, 8), expect("ok", "fd_read", STDIN, 16, 1, 8),
                      extra=data(4104, b"\x01") + data(16, (64).to_bytes(4, "little") + (64).to_bytes(4, "little"))))

# --- pointers ------------------------------------------------------------------------------------

LAST = 65536  # the byte after the last of the one page

hostile("pointers at the edge and beyond", "ok",
        lambda: guest(expect("ok", "clock_time_get", 1, 0, LAST - 8), expect("fault", "clock_time_get", 1, 0, LAST - 7),
                      expect("fault", "clock_time_get", 1, 0, 0xFFFFFFFF), expect("fault", "clock_res_get", 1, LAST),
                      expect("ok", "random_get", LAST, 0), expect("ok", "random_get", 0xFFFFFFFF, 0),
                      expect("fault", "random_get", 0xFFFFFFFF, 2), expect("fault", "random_get", 1, 0xFFFFFFFF),
                      expect("fault", "random_get", LAST - 1, 2), expect("fault", "fd_fdstat_get", 1, LAST - 23),
                      expect("fault", "fd_filestat_get", 1, LAST - 63), expect("fault", "fd_prestat_get", 3, LAST - 7),
                      expect("fault", "fd_prestat_dir_name", 3, LAST - 3, 4),
                      expect("nametoolong", "fd_prestat_dir_name", 3, 0, 3),
                      expect("fault", "fd_prestat_dir_name", 3, 0xFFFFFFFE, 0xFFFFFFFF),
                      expect("fault", "args_sizes_get", LAST - 3, 0), expect("fault", "args_sizes_get", 0, LAST - 3),
                      expect("fault", "args_get", LAST - 3, 0), expect("fault", "args_get", 0, 0xFFFFFFF0),
                      expect("fault", "environ_sizes_get", 0xFFFFFFFC, 0), expect("spipe", "fd_tell", 1, LAST),
                      expect("fault", "fd_readdir", TMP, LAST - 1, 2, 0, 8),
                      expect("fault", "fd_readdir", TMP, 0, 64, 0, LAST - 3),
                      expect("fault", "path_open", TMP, 0, LAST - 1, 2, 0, 0, 0, 0, 8),
                      expect("fault", "path_filestat_get", TMP, 0, 0xFFFFFFF0, 0x20, 0),
                      expect("fault", "path_readlink", TMP, 1024, 1, 0, 0xFFFFFFFF, 0), extra=data(1024, "f")))


def iovec(at, pointer, size):
    return words_at(at, pointer, size)


def words_at(at, *words):
    return data(at, b"".join(word.to_bytes(4, "little") for word in words))


hostile("vectors of buffers that lie", "ok",
        lambda: guest(expect("inval", "fd_write", 1, 0, 1025, 8), expect("inval", "fd_write", 1, 0, 0xFFFFFFFF, 8),
                      expect("fault", "fd_write", 1, LAST - 4, 1, 8), expect("fault", "fd_write", 1, 0xFFFFFFF8, 2, 8),
                      expect("fault", "fd_write", 1, 1024, 1, 8), expect("fault", "fd_write", 1, 1032, 1, 8),
                      expect("fault", "fd_write", 1, 1040, 1, 8), expect("fault", "fd_write", 1, 1048, 1, LAST - 3),
                      expect("ok", "fd_write", 1, 1056, 1, 8), expect("fault", "fd_read", 0, 1024, 1, 8),
                      expect("badf", "fd_write", TMP, 1048, 1, 8), expect("badf", "fd_read", 99, 1048, 1, 8),
                      extra=iovec(1024, 0, 0xFFFFFFFF) + iovec(1032, LAST, 1) + iovec(1040, 0xFFFFFFFF, 2) +
                      iovec(1048, 0, 1) + iovec(1056, 0xFFFFFFFF, 0)))
hostile("buffers that overlap each other and the result", "ok",
        lambda: guest(expect("ok", "path_open", TMP, 0, 64, 1, CREATE, ALL, 0, 0, 8),
                      check("(i32.eqz (call $fd_write (i32.load (i32.const 8)) (i32.const 1024) (i32.const 4)"
                            " (i32.const 1024)))"),
                      check("(i32.eqz (call $fd_pread (i32.load (i32.const 8)) (i32.const 2048) (i32.const 4)"
                            " (i64.const 0) (i32.const 2048)))"),
                      extra=data(64, "f") + "".join(iovec(1024 + 8 * i, 1000 + i, 100) for i in range(4)) +
                      "".join(iovec(2048 + 8 * i, 2048, 32) for i in range(4))))
hostile("more bytes at once than 32 bits count", "ok",
        lambda: guest(times(1024, "(i64.store (i32.mul (local.get $i) (i32.const 8)) (i64.const 0x80000000000000))"),
                      expect("inval", "fd_write", STDOUT, 0, 1024, 8), memory="1024"), "--memory", "64MiB")

# --- descriptors and files -----------------------------------------------------------------------

OPEN_IT = call("path_open", TMP, 0, 64, 1, CREATE, ALL, 0, 0, 8)
FD = "(i32.load (i32.const 8))"

hostile("files opened until there are no descriptors", "ok",
        lambda: guest(f"(loop $more (br_if $more (i32.eqz {OPEN_IT})))", expect("mfile", "path_open", TMP, 0, 64, 1,
                                                                              CREATE, ALL, 0, 0, 8),
                      check(f"(i32.lt_u {FD} (i32.const 256))"), extra=data(64, "f")))
hostile("descriptors used up, then failure", "error",
        lambda: guest(f"(loop $more (br_if $more (i32.eqz {OPEN_IT})))", call("proc_exit", 1), extra=data(64, "f")),
        words=("open_files",), exit_code=1)
hostile("files opened and closed for ever", "cpu_limit",
        lambda: guest(forever(f"(drop {OPEN_IT}) (drop (call $fd_close {FD}))"), extra=data(64, "f")), *WASTED)

NAME_OF_I = ("(i32.store (i32.const 64) (i32.or (i32.const 0x40404040) (i32.and (local.get $i) (i32.const 0xf0f0f0f))))"
             "(i32.store (i32.const 68) (i32.or (i32.const 0x40404040) (i32.and (i32.shr_u (local.get $i)"
             " (i32.const 4)) (i32.const 0xf0f0f0f))))")


def until_failure(code, counted="(local.set $i (i32.add (local.get $i) (i32.const 1)))"):
    return f"(loop $more {counted} (local.set $j {code}) (br_if $more (i32.eqz (local.get $j))))"


NO_SPACE = check(f"(i32.eq (local.get $j) (i32.const {w.ERRNOS['nospc']}))")
MKDIR = f"(block (result i32) {NAME_OF_I} {call('path_create_directory', TMP, 64, 8)})"

hostile("directories until files_count", "disk_limit", lambda: guest(until_failure(MKDIR), NO_SPACE,
                                                                     call("proc_exit", 1)),
        words=("files_count",), exit_code=None)
hostile("symbolic links with targets of 4,000 bytes until files_bytes", "ok",
        lambda: guest("(memory.fill (i32.const 4096) (i32.const 97) (i32.const 4000))",
                      until_failure(f"(block (result i32) {NAME_OF_I}"
                                    f" {call('path_symlink', 4096, 4000, TMP, 64, 8)})"), NO_SPACE),
        "--limit", "files_bytes=1MiB")
hostile("hard links without end", "ok",
        lambda: guest(expect("ok", "path_open", TMP, 0, 32, 1, CREATE, ALL, 0, 0, 8),
                      until_failure(f"(block (result i32) {NAME_OF_I}"
                                    f" {call('path_link', TMP, 0, 32, 1, TMP, 64, 8)})"), NO_SPACE,
                      extra=data(32, "f")))
FILL = ("(call $fd_write (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 24))")
hostile("a file until files_bytes", "disk_limit",
        lambda: guest(f"(drop {OPEN_IT})", until_failure(FILL), NO_SPACE, call("proc_exit", 1),
                      extra=data(64, "f") + iovec(16, 0, 65536)), words=("64 MiB", "files_bytes"))
hostile("files that are deleted while open", "disk_limit",
        lambda: guest(until_failure(f"(block (result i32) (drop {OPEN_IT}) "
                                    f"(drop {call('path_unlink_file', TMP, 64, 1)}) (drop {FILL}) {FILL})"), NO_SPACE,
                      call("proc_exit", 1), extra=data(64, "f") + iovec(16, 0, MIB), memory="16"),
        "--limit", "files_bytes=16MiB")
hostile("a file written at 2^62", "ok",
        lambda: guest(f"(drop {OPEN_IT})",
                      check(f"(call $fd_pwrite {FD} (i32.const 16) (i32.const 1) (i64.const 0x4000000000000000)"
                            " (i32.const 24))"),
                      check(f"(call $fd_pwrite {FD} (i32.const 16) (i32.const 1) (i64.const -1) (i32.const 24))"),
                      check(f"(call $fd_pwrite {FD} (i32.const 16) (i32.const 1) (i64.const 0x7fffffffffffffff)"
                            " (i32.const 24))"), extra=data(64, "f") + iovec(16, 0, 16)))
hostile("sizes and offsets of 2^63", "ok",
        lambda: guest(f"(drop {OPEN_IT})", *(
            check(f"(call ${called} {FD} (i64.const {one}) {two})") for called, one, two in (
                ("fd_allocate", 0, "(i64.const 0x8000000000000000)"), ("fd_allocate", -1, "(i64.const 1)"),
                ("fd_allocate", 0x7FFFFFFFFFFFFFFF, "(i64.const 0x7fffffffffffffff)"),
                ("fd_filestat_set_size", "0x8000000000000000", ""), ("fd_filestat_set_size", -1, ""),
                ("fd_filestat_set_size", 0x7FFFFFFFFFFFFFFF, ""),
                ("fd_seek", -1, "(i32.const 0) (i32.const 24)"), ("fd_seek", -1, "(i32.const 1) (i32.const 24)"),
                ("fd_seek", "0x8000000000000000", "(i32.const 2) (i32.const 24)"),
                ("fd_seek", 0, "(i32.const 77) (i32.const 24)"))),
                      check(f"(i32.eqz (call $fd_seek {FD} (i64.const 0x7fffffffffffffff) (i32.const 0)"
                            " (i32.const 24)))"),
                      check(f"(call $fd_seek {FD} (i64.const 1) (i32.const 1) (i32.const 24))"),
                      check(f"(call $fd_write {FD} (i32.const 16) (i32.const 1) (i32.const 24))"),
                      extra=data(64, "f") + iovec(16, 0, 16)))
hostile("descriptors moved about", "ok",
        lambda: guest(expect("badf", "fd_renumber", 1, 99), expect("badf", "fd_renumber", 99, 1),
                      expect("badf", "fd_renumber", 1, 0xFFFFFFFF), expect("ok", "fd_renumber", 1, 1),
                      expect("ok", "fd_renumber", TMP, STDOUT), expect("badf", "fd_close", TMP),
                      expect("badf", "fd_write", STDOUT, 1024, 0, 8), expect("ok", "path_open", STDOUT, 0, 64, 1,
                                                                            CREATE, ALL, 0, 0, 8),
                      check(f"(i32.eq {FD} (i32.const {TMP}))"), expect("ok", "fd_renumber", TMP, ROOT),
                      expect("ok", "fd_close", STDOUT), expect("badf", "fd_prestat_get", STDOUT, 8),
                      expect("notdir", "path_open", ROOT, 0, 64, 1, 0, ALL, 0, 0, 8),
                      *(expect("ok", "fd_close", fd) for fd in (STDIN, STDERR, WORKSPACE, DEV, ROOT)),
                      expect("badf", "fd_close", STDIN), extra=data(64, "f")))
hostile("rights that were given away", "ok",
        lambda: guest(expect("ok", "fd_fdstat_set_rights", TMP, 0, 0),
                      expect("notcapable", "fd_fdstat_set_rights", TMP, 1 << 13, 0),
                      expect("notcapable", "path_open", TMP, 0, 64, 1, CREATE, ALL, ALL, 0, 8),
                      expect("notcapable", "fd_readdir", TMP, 0, 64, 0, 8),
                      expect("notcapable", "fd_fdstat_set_rights", WORKSPACE, -1, -1), extra=data(64, "f")))
hostile("listings with mad cookies and tiny buffers", "ok",
        lambda: guest(times(50, f"{NAME_OF_I} (drop {call('path_create_directory', TMP, 64, 8)})"),
                      *(expect("ok", "fd_readdir", TMP, 4096, room, 0, 8) for room in (0, 1, 23, 24, 25, 100)),
                      *(ignore("fd_readdir", TMP, 4096, 4096, cookie, 8) for cookie in (-1, 1 << 62, 51, 52, 53)),
                      *(ignore("fd_readdir", fd, 4096, 4096, cookie, 8) for cookie in (-1, 1 << 62, 3)
                        for fd in (DEV, ROOT)),
                      times(2000, "(drop (call $fd_readdir (i32.const 3) (i32.const 4096) (i32.const 100)"
                            " (i64.extend_i32_u (i32.mul (local.get $i) (i32.const 0x9e3779b9))) (i32.const 8)))")))
hostile("a path too long", "ok",
        lambda: guest("(memory.fill (i32.const 0) (i32.const 97) (i32.const 65536))",
                      expect("nametoolong", "path_create_directory", TMP, 0, 256),
                      expect("nametoolong", "path_create_directory", TMP, 0, 4096),
                      expect("nametoolong", "path_create_directory", TMP, 0, 65536),
                      expect("ok", "path_create_directory", TMP, 0, 255),
                      expect("noent", "path_create_directory", TMP, 0, 0)))
hostile("a directory tree 4,000 deep, entered by descriptor", "ok",
        lambda: guest(f"(local.set $j (i32.const {TMP}))",
                      times(4000, "(call $judge (i32.eqz (call $path_create_directory (local.get $j) (i32.const 64)"
                            " (i32.const 1)))) (call $judge (i32.eqz (call $path_open (local.get $j) (i32.const 0)"
                            " (i32.const 64) (i32.const 1) (i32.const 2) (i64.const 0x3fffff00) (i64.const 0x3fffff00)"
                            " (i32.const 0) (i32.const 8)))) (if (i32.ne (local.get $j) (i32.const 3))"
                            " (then (drop (call $fd_close (local.get $j))))) (local.set $j (i32.load (i32.const 8)))"),
                      expect("inval", "path_rename", TMP, 64, 1, TMP, 64, 3),
                      expect("notempty", "path_remove_directory", TMP, 64, 1), extra=data(64, "a/a/a/b")))
hostile("a path of 2,000 components", "ok",
        lambda: guest(expect("noent", "path_open", TMP, 1, 1024, 4000, 0, READ, 0, 0, 8),
                      expect("ok", "path_open", TMP, 1, 8192, 4001, 2, READ, 0, 0, 8),
                      extra=data(1024, "a/" * 2000) + data(8192, "./" * 2000 + ".")))
hostile("chains of ..", "ok",
        lambda: guest(*(expect("notcapable", "path_open", TMP, 1, at, size, 0, READ, ALL, 0, 8)
                        for at, size in ((1024, 2), (1024, 3000), (5000, 6), (6000, 11))),
                      expect("notcapable", "path_filestat_get", TMP, 1, 1024, 2, 20000),
                      expect("notcapable", "path_create_directory", TMP, 1024, 3000),
                      expect_failure("path_open", ROOT, 1, 7000, 15, 0, READ, ALL, 0, 8),
                      expect("inval", "path_open", TMP, 1, 8000, 3, 0, READ, ALL, 0, 8),
                      expect("ilseq", "path_open", TMP, 1, 8100, 2, 0, READ, ALL, 0, 8),
                      extra=data(1024, "../" * 1000) + data(5000, "./../x") + data(6000, "/etc/passwd") +
                      data(7000, "proc/self/envir") + data(8000, b"a\0b") + data(8100, b"\xc0\xae")))
hostile("loops of symbolic links", "ok",
        lambda: guest(expect("ok", "path_symlink", 64, 1, TMP, 65, 1), expect("ok", "path_symlink", 65, 1, TMP, 64, 1),
                      expect("loop", "path_open", TMP, 1, 64, 1, 0, READ, 0, 0, 8),
                      expect("loop", "path_filestat_get", TMP, 1, 65, 1, 1024),
                      expect("ok", "path_symlink", 80, 3, TMP, 67, 1),
                      expect("loop", "path_open", TMP, 1, 80, 3, 0, READ, 0, 0, 8),
                      expect("notcapable", "path_symlink", 96, 4, TMP, 68, 1),
                      expect("ok", "path_symlink", 112, 8, TMP, 69, 1),
                      expect("notcapable", "path_open", TMP, 1, 69, 1, 0, READ, 0, 0, 8),
                      extra=data(64, "abcdefgh") + data(80, "d/x") + data(96, "/etc") + data(112, "../../..")))
hostile("a chain of 64 symbolic links, each naming the next twice", "ok",
        lambda: guest(times(60, "(i32.store8 (i32.const 64) (i32.add (i32.const 33) (local.get $i)))"
                            "(i32.store8 (i32.const 80) (i32.add (i32.const 34) (local.get $i)))"
                            "(i32.store8 (i32.const 85) (i32.add (i32.const 34) (local.get $i)))"
                            f"(drop {call('path_symlink', 80, 6, TMP, 64, 1)})"),
                      expect_failure("path_open", TMP, 1, 96, 1, 0, READ, 0, 0, 8),
                      extra=data(80, "x/../x") + data(96, "!")))
hostile("renames over and into themselves", "ok",
        lambda: guest(expect("ok", "path_create_directory", TMP, 64, 1),
                      expect("ok", "path_create_directory", TMP, 64, 3),
                      expect("ok", "path_rename", TMP, 64, 1, TMP, 64, 1),
                      expect("inval", "path_rename", TMP, 64, 1, TMP, 64, 3),
                      expect("notempty", "path_rename", TMP, 64, 3, TMP, 64, 1),
                      expect_failure("path_rename", TMP, 64, 1, WORKSPACE, 64, 1),
                      expect_failure("path_rename", TMP, 96, 1, TMP, 100, 1),
                      expect_failure("path_rename", ROOT, 110, 3, ROOT, 120, 3),
                      expect_failure("path_remove_directory", ROOT, 110, 3),
                      extra=data(64, "a/b") + data(96, ".") + data(100, "c") + data(110, "tmp") + data(120, "new")))
hostile("random and zero devices read for ever", "cpu_limit",
        lambda: guest(expect("ok", "path_open", DEV, 0, 64, 6, 0, READ, 0, 0, 8),
                      forever(f"(drop (call $fd_read {FD} (i32.const 16) (i32.const 1) (i32.const 24)))"),
                      extra=data(64, "random") + iovec(16, 1024, 32 * MIB), memory="1024"), *WASTED)
hostile("the sandbox's own devices abused", "ok",
        lambda: guest(*(ignore("path_open", DEV, 0, at, size, flags, ALL, ALL, 0, 8) +
                        f"(drop (call $fd_write {FD} (i32.const 16) (i32.const 1) (i32.const 24)))"
                        f"(drop (call $fd_read {FD} (i32.const 16) (i32.const 1) (i32.const 24)))"
                        f"(drop (call $fd_filestat_set_size {FD} (i64.const 0)))"
                        for at, size in ((100, 15), (120, 14), (140, 12), (160, 5), (180, 6), (200, 18))
                        for flags in (0, 8, CREATE, DIRECTORY)),
                      extra=data(100, "sandbox/request") + data(120, "sandbox/result") + data(140, "sandbox/call") +
                      data(160, "stdin") + data(180, "stdout") + data(200, "sandbox/checkpoint") +
                      iovec(16, 1024, 256)))
def at_start(path, what):
    """Opens the device `path` and does `what` with it before there is an instance."""
    return guest(functions=f"""(func $begin
{expect("ok", "path_open", DEV, 0, 64, len(path), 0, READ | WRITE, 0, 0, 8)} {what})""",
                 extra="(start $begin)" + data(64, path) + iovec(16, 1024, 8))


hostile("the poke device from a start function", "ok",
        lambda: at_start("sandbox/poke", f"(drop (call $fd_write {FD} (i32.const 16) (i32.const 1) (i32.const 24)))"))
hostile("the request read in a start function", "ok",
        lambda: at_start("sandbox/request", f"(drop (call $fd_read {FD} (i32.const 16) (i32.const 1) (i32.const 24)))"))
hostile("the checkpoint read in a start function", "ok", lambda: guest(
    functions=f"""(func $begin {ignore("path_open", DEV, 0, 64, 18, 0, READ, 0, 0, 8)}
(drop (call $fd_read {FD} (i32.const 16) (i32.const 1) (i32.const 24))))""",
    extra="(start $begin)" + data(64, "sandbox/checkpoint") + iovec(16, 1024, 8)))
hostile("results written in a start function", "ok",
        lambda: at_start("sandbox/result", f"(drop (call $fd_write {FD} (i32.const 16) (i32.const 1) (i32.const 24)))"))
# Words at 2048 are lists of addresses; each message is three words: a value, where its list is, how long.
hostile("pokes beyond the memory", "ok",
        lambda: guest(expect("ok", "path_open", DEV, 0, 64, 12, 0, READ | WRITE, 0, 0, 8), *(
            check(f"(call $fd_write {FD} (i32.const {vector}) (i32.const 1) (i32.const 24))")
            for vector in (16, 32, 40, 48, 56, 88, 96)),
                      check(f"(i32.eqz (call $fd_write {FD} (i32.const 80) (i32.const 1) (i32.const 24)))"),
                      check("(i32.eq (i32.load (i32.const 65532)) (i32.const 7))"),
                      extra=data(64, "sandbox/poke") + iovec(16, 1024, 12) + iovec(32, 1036, 12) + iovec(40, 1048, 12) +
                      iovec(48, 1024, 11) + iovec(56, 1024, 3) + iovec(88, 1060, 12) + iovec(96, 1072, 12) +
                      iovec(80, 1084, 12) +
                      words_at(1024, 7, 2048, 1, 7, 2052, 1, 7, 2056, 1, 7, LAST, 1, 7, 0xFFFFFFFF, 0xFFFFFFFF,
                               7, 2060, 1) +
                      words_at(2048, LAST, 0xFFFFFFFF, LAST - 3, LAST - 4)))
hostile("fuel that the request's device would give back", "out_of_fuel",
        lambda: guest(expect("ok", "path_open", DEV, 0, 64, 15, 0, READ, 0, 0, 8),
                      times(15000, "(local.set $j (i32.add (local.get $j) (local.get $i)))"),
                      f"(drop (call $fd_read {FD} (i32.const 16) (i32.const 1) (i32.const 24)))",
                      times(15000, "(local.set $j (i32.add (local.get $j) (local.get $i)))"),
                      extra=data(64, "sandbox/request") + iovec(16, 1024, 8)), "--fuel", "200000")
hostile("results without end", "output_limit",
        lambda: guest(expect("ok", "path_open", DEV, 0, 64, 14, 0, WRITE, 0, 0, 8),
                      forever(f"(drop (call $fd_write {FD} (i32.const 16) (i32.const 1) (i32.const 24)))"),
                      extra=data(64, "sandbox/result") + iovec(16, 1024, 32768)),
        words=("results_bytes",))
hostile("arguments and environment of a megabyte", "ok",
        lambda: guest(expect("ok", "args_sizes_get", 0, 4), expect("ok", "environ_sizes_get", 8, 12),
                      expect("fault", "args_get", 1024, 65536), expect("fault", "environ_get", 1024, 4096),
                      check("(i32.gt_u (i32.load (i32.const 4)) (i32.const 900000))"),
                      check("(i32.gt_u (i32.load (i32.const 12)) (i32.const 90000))")),
        "--env", "LARGE=" + "x" * 100000, args=("y" * 100000,) * 9 + ("",) * 1000)
