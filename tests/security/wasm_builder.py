"""Builds WebAssembly modules that no compiler would: section by section in bytes, or as text for WASI.

    module(section(TYPE, vector([FUNCTYPE])), ...)      bytes, in any order, of any size, right or wrong
    command(body, ...)                                  a module whose _start is `body`
    guest(expect("badf", "fd_close", 99), ...)          text: a WASI command that checks what it is answered

Nothing here is checked: that is the point.
"""

import re

HEADER = b"\0asm\x01\0\0\0"

CUSTOM, TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT = range(8)
START, ELEMENT, CODE, DATA, DATA_COUNT, TAG = range(8, 14)

I32, I64, F32, F64, V128, FUNCREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70
BLOCK, LOOP, IF, END, VOID = b"\x02", b"\x03", b"\x04", b"\x0b", b"\x40"


def leb(value):
    """Unsigned LEB128."""
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def sleb(value):
    """Signed LEB128."""
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        last = (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40)
        out.append(byte | (0 if last else 0x80))
        if last:
            return bytes(out)


def sized(content):
    return leb(len(content)) + content


def name(text):
    return sized(text if isinstance(text, bytes) else text.encode())


def vector(items):
    items = list(items)
    return leb(len(items)) + b"".join(items)


def repeated(count, item):
    """A vector of `count` equal items, without a list of them."""
    return leb(count) + item * count


def section(kind, content):
    return bytes([kind]) + sized(content)


def module(*sections):
    return HEADER + b"".join(sections)


def functype(params=(), results=()):
    return b"\x60" + repeated_types(params) + repeated_types(results)


def repeated_types(types):
    return leb(len(types)) + bytes(types)


def limits(minimum, maximum=None, is64=False):
    flags = (4 if is64 else 0) | (1 if maximum is not None else 0)
    return bytes([flags]) + leb(minimum) + (leb(maximum) if maximum is not None else b"")


def export(text, kind=0, index=0):
    return name(text) + bytes([kind]) + leb(index)


def body(code=b"", local_groups=b"\0"):
    """One entry of the code section: `code` without its closing end."""
    return sized(local_groups + code + END)


def command(code=b"", local_groups=b"\0", before=b"", after=b""):
    """_start is `code`; `before` goes between the function and the export section, `after` to the end."""
    return module(section(TYPE, vector([functype()])), section(FUNCTION, vector([leb(0)])), before,
                  section(EXPORT, vector([export("_start")])), section(CODE, vector([body(code, local_groups)])),
                  after)


SIGNATURES = {
    "args_get": "ii", "args_sizes_get": "ii", "clock_res_get": "ii", "clock_time_get": "iIi",
    "environ_get": "ii", "environ_sizes_get": "ii", "fd_advise": "iIIi", "fd_allocate": "iII",
    "fd_close": "i", "fd_datasync": "i", "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii",
    "fd_fdstat_set_rights": "iII", "fd_filestat_get": "ii", "fd_filestat_set_size": "iI",
    "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi", "fd_prestat_dir_name": "iii",
    "fd_prestat_get": "ii", "fd_pwrite": "iiiIi", "fd_read": "iiii", "fd_readdir": "iiiIi",
    "fd_renumber": "ii", "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii",
    "path_create_directory": "iii", "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiiIIi",
    "path_link": "iiiiiii", "path_open": "iiiiiIIii", "path_readlink": "iiiiii",
    "path_remove_directory": "iii", "path_rename": "iiiiii", "path_symlink": "iiiii",
    "path_unlink_file": "iii", "poll_oneoff": "iiii", "proc_exit": "i", "proc_raise": "i",
    "random_get": "ii", "sched_yield": "", "sock_accept": "iii", "sock_recv": "iiiiii",
    "sock_send": "iiiii", "sock_shutdown": "ii",
}

ERRNOS = {
    "ok": 0, "badf": 8, "exist": 20, "fault": 21, "fbig": 22, "ilseq": 25, "inval": 28, "isdir": 31,
    "loop": 32, "mfile": 33, "nametoolong": 37, "nodev": 43, "noent": 44, "nospc": 51, "notdir": 54, "notempty": 55,
    "notsock": 57, "overflow": 61, "perm": 63, "rofs": 69, "spipe": 70, "xdev": 75, "notcapable": 76,
}

_CALLED = re.compile(r"\$(%s)\b" % "|".join(SIGNATURES))


def _import(called):
    types = " ".join({"i": "i32", "I": "i64"}[letter] for letter in SIGNATURES[called])
    result = "" if called == "proc_exit" else " (result i32)"
    return f'(import "wasi_snapshot_preview1" "{called}" (func ${called} (param {types}){result}))'


def call(called, *args):
    """A call of a WASI function: numbers become constants of the parameter's type, text stays as it is."""
    assert len(args) == len(SIGNATURES[called]), called
    constants = (arg if isinstance(arg, str) else f"({'i32' if letter == 'i' else 'i64'}.const {arg})"
                 for arg, letter in zip(args, SIGNATURES[called]))
    return f"(call ${called} {' '.join(constants)})"


def expect(errno, called, *args):
    """The call must answer `errno` ("ok", "badf"...), or the guest ends with the number of this step."""
    return f"(call $judge (i32.eq (i32.const {ERRNOS[errno]}) {call(called, *args)}))\n"


def expect_failure(called, *args):
    """The call may answer any errno but success."""
    return f"(call $judge {call(called, *args)})\n"


def check(condition):
    """`condition`, an i32, must not be zero."""
    return f"(call $judge {condition})\n"


def ignore(called, *args):
    return f"(drop {call(called, *args)})\n"


def forever(code):
    return f"(loop $forever {code} (br $forever))\n"


def times(count, code):
    """`code`, `count` times; $i counts up from 0."""
    return (f"(local.set $i (i32.const 0)) (loop $times {code} (local.set $i (i32.add (local.get $i) (i32.const 1)))"
            f" (br_if $times (i32.lt_u (local.get $i) (i32.const {count}))))\n")


def data(at, content):
    """A data segment."""
    content = content if isinstance(content, bytes) else content.encode()
    return f'(data (i32.const {at}) "{"".join(f"{chr(92)}{byte:02x}" for byte in content)}")'


def guest(*code, functions="", memory="1", extra="", before=""):
    """The text of a WASI command that exits with 0, or with the number of the step that went wrong."""
    code = "\n".join(code)
    calls = sorted({"proc_exit", *_CALLED.findall(code + functions)})
    return f"""(module {before}
{chr(10).join(map(_import, calls))}
(memory (export "memory") {memory})
(global $step (mut i32) (i32.const 0))
(func $judge (param $fine i32)
  (global.set $step (i32.add (global.get $step) (i32.const 1)))
  (if (i32.eqz (local.get $fine)) (then (call $proc_exit (global.get $step)))))
{functions}
(func (export "_start") (local $i i32) (local $j i32)
{code})
{extra})
"""
