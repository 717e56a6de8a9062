"""What is not a module that we can run is refused with what, where and what to do."""

import gzip

import pytest

GOOD = b"\0asm\x01\0\0\0"


def refused(outcome, path, *words):
    got = outcome(path)
    assert got["status"] == "invalid_module", got
    for word in words:
        assert word in got["message"], got["message"]
    return got


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", ["empty"]),
        (b"\x7fELF\x02\x01\x01" + bytes(64), ["ELF", "byte 0"]),
        (gzip.compress(b"x" * 100), ["gzip"]),
        (b"PK\x03\x04" + bytes(30), ["zip"]),
        (b"<!DOCTYPE html><html>", ["HTML"]),
        (b"\0asm\x0d\0\x01\0" + bytes(20), ["component", "module"]),
        (b"\0asm\x02\0\0\0", ["version"]),
        (b"\0as", ["byte"]),
        (GOOD + b"\x01\x85\x80", ["type section", "at byte 11"]),
        (GOOD + b"\x01\x7f\x00", ["cut short", "at byte 11"]),
        (b"(module (func (export \"_start\") (i32.add)))", [":"]),
        (b"(module", [":"]),
    ],
    ids=["empty", "elf", "gzip", "zip", "html", "component", "version", "short", "cut-section",
         "long-section", "wat-type-error", "wat-syntax"],
)
def test_what_is_not_a_module(outcome, tmp_path, content, words):
    path = tmp_path / "m.wasm"
    path.write_bytes(content)
    refused(outcome, path, *words)


def test_exit_status_and_message(run, tmp_path):
    path = tmp_path / "m.wasm"
    path.write_bytes(b"\x7fELF")
    result = run("run", path)
    assert result.code == 126
    assert result.out == ""
    assert result.err.startswith("polyagent: invalid_module: ")


def test_unknown_import(outcome, wat):
    refused(outcome, wat('(module (import "env" "fetch" (func)) (func (export "_start")))'), "env",
            "fetch")


def test_preview_0(outcome, wat):
    refused(outcome, wat('(module (import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32)'
                         ' (result i32))) (func (export "_start")))'), "wasi_unstable")


def test_wrong_signature(outcome, wat):
    refused(outcome, wat('(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64)'
                         ' (result i32))) (func (export "_start")))'), "fd_close")


def test_missing_start(outcome, wat):
    refused(outcome, wat('(module (func (export "add")))'), "_start", "add")


def test_too_large(outcome, tmp_path):
    path = tmp_path / "m.wasm"
    path.write_bytes(GOOD + bytes(2000))
    got = outcome("--limit", "module_bytes=1KiB", path)
    assert got["status"] == "invalid_module"
    assert "1 KiB" in got["message"] and "module_bytes" in got["message"]


def test_a_file_that_is_not_there(run):
    result = run("run", "/no/such/module.wasm")
    assert result.code == 125
    assert result.err == ("polyagent: cannot open the module /no/such/module.wasm: "
                          "No such file or directory\n")


def test_from_standard_input(run, root):
    text = (root / "docs/assets/hello-wasi.wat").read_bytes()
    assert run("run", "-", stdin=text).out == "Hello from WASI!\n"


def test_traps_have_kind_and_backtrace(outcome, run, wat):
    module = wat('(module (memory (export "memory") 1) (func $inner unreachable)'
                 ' (func $outer (export "_start") (call $inner)))')
    got = outcome(module)
    assert (got["status"], got["exit_code"]) == ("trap", None)
    assert got["trap"]["kind"] == "unreachable"
    assert got["trap"]["backtrace"].index("inner") < got["trap"]["backtrace"].index("outer")
    result = run("run", module)
    assert result.code == 134
    assert "unreachable" in result.err and "inner" in result.err


def test_backtrace_with_file_and_line(outcome, tmp_path, root):
    import shutil
    import subprocess

    source = tmp_path / "boom.c"
    source.write_text("int zero;\nint main(void) {\n    return 1 / zero;\n}\n")
    clang = shutil.which("clang") or shutil.which("clang-14")
    subprocess.run([clang, "--target=wasm32-wasi", "--sysroot=/usr", "-g", "-O0", "boom.c", "-o",
                    "boom.wasm"], check=True, cwd=tmp_path)
    got = outcome(tmp_path / "boom.wasm")
    assert got["trap"]["kind"] == "integer_divide_by_zero"
    assert "boom.c:3" in got["trap"]["backtrace"]


def test_guest_exit_status_is_ours(run, wat):
    module = wat('(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
                 ' (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 42))))')
    assert run("run", module).code == 42
