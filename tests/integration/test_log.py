"""The log: who writes to it is known by name, and a line of JSON is JSON."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
WRITES = re.compile(r'pa_log(?:_error|_warn|_info|_debug|_trace|_enabled)?\((?:PA_LOG_\w+, )?"(\w+)"')


def test_every_component_of_the_sources_can_be_named(run, tmp_path):
    used = {name for path in (ROOT / "src").rglob("*.c") for name in WRITES.findall(path.read_text())}
    assert {"warm", "cache", "wasi"} <= used
    for name in sorted(used):
        done = run("config", "check", "--log", f"warn,{name}=error", cwd=tmp_path)
        assert done.code == 0, done.err


def test_an_unknown_component_is_an_error_that_names_the_known_ones(run, tmp_path):
    (tmp_path / "m.wat").write_text('(module (func (export "_start")))')
    done = run("run", "--log", "info,wsai=trace", "m.wat", cwd=tmp_path)
    assert done.code == 2
    assert "'wsai'" in done.err and "wasi" in done.err and "cache" in done.err


def test_bytes_of_a_guest_in_a_line_of_json(run, tmp_path):
    """A path that is no UTF-8, with a quote and an escape, in the trace of WASI calls."""
    (tmp_path / "m.wat").write_text(r"""(module
      (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "a\ff\22\1bz")
      (func (export "_start") (drop (call $unlink (i32.const 3) (i32.const 0) (i32.const 5)))))""")
    done = run("run", "--log", "warn,wasi=trace", "m.wat", cwd=tmp_path, env={"POLYAGENT_LOG_FORMAT": "json"})
    lines = [json.loads(line) for line in done.err.encode("utf-8", "surrogateescape").decode().splitlines()]
    assert any("a" in line["message"] for line in lines)


def test_a_line_of_dotenv_that_is_no_setting_is_told(run, tmp_path):
    (tmp_path / ".env").write_text("A=1\nthis is none\nPOLYAGENT_LOG=error\n\n# a comment\n   \nnor is this\n")
    (tmp_path / "m.wat").write_text('(module (func (export "_start")))')
    done = run("run", "m.wat", cwd=tmp_path)
    assert done.code == 0
    assert ".env:2 is not NAME=value and is passed over, as are others" in done.err
