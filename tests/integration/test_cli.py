"""The commands: help, usage errors, cache, config, version, doctor, compile."""

import json
import os

HELLO = "docs/assets/hello-wasi.wat"


def test_no_command(run):
    result = run()
    assert (result.code, result.out) == (2, "")
    assert "Usage: polyagent COMMAND" in result.err


def test_help(run):
    result = run("help")
    assert result.code == 0
    for command in ("run", "compile", "cache", "config", "doctor", "version"):
        assert f"  {command} " in result.out
        assert run(command, "--help").code in (0, 2)
    assert "--dir HOST[::GUEST][:rw]" in run("run", "--help").out


def test_usage_errors(run):
    for args, message in [
        (("rnu",), "there is no command 'rnu'"),
        (("run",), "which module?"),
        (("run", "--frobnicate", "x.wasm"), "there is no option '--frobnicate'"),
        (("run", "--memory"), "--memory needs a value"),
        (("run", "--memory", "lots", "x.wasm"), "'lots' is not a size such as 256MiB"),
        (("run", "--memory", "1TiB", "x.wasm"), "--memory"),
        (("run", "--limit", "nosuch=3", "x.wasm"), "--limit nosuch=3"),
        (("run", "--dir", "/no/such/dir", "x.wasm"), "/no/such/dir"),
        (("cache", "burn"), "'burn' is not list, clear or path"),
        (("config",), "check or show?"),
    ]:
        result = run(*args)
        assert result.code == 2, (args, result)
        assert message in result.err, (args, result)
        assert result.out == ""


def test_version(run):
    result = run("version")
    assert result.code == 0
    assert result.out.startswith("polyagent ")
    assert "Wasmtime 48." in result.out
    assert run("--version").out == result.out


def test_compile_and_cache(run, root, tmp_path):
    env = {"POLYAGENT_CACHE_HOME": str(tmp_path)}
    first = run("compile", root / HELLO, env=env)
    assert first.code == 0 and "compiled in" in first.out
    again = run("compile", root / HELLO, env=env)
    assert again.code == 0 and "already compiled" in again.out
    listing = run("cache", "list", env=env).out
    assert ".fast.cwasm" in listing and "1 artifacts" in listing
    assert run("compile", "--fuel", "5", root / HELLO, env=env).code == 0
    assert "2 artifacts" in run("cache", "list", env=env).out
    assert run("cache", "path", env=env).out.strip() == str(tmp_path / "modules")
    assert "removed 2 artifacts" in run("cache", "clear", env=env).out
    assert os.listdir(tmp_path / "modules") == []


def test_cache_must_be_closed_to_others(run, root, tmp_path):
    (tmp_path / "modules").mkdir(mode=0o755)
    os.chmod(tmp_path / "modules", 0o755)
    result = run("run", root / HELLO, env={"POLYAGENT_CACHE_HOME": str(tmp_path)})
    assert result.code == 125
    assert "open to others (mode 0755)" in result.err


def test_a_corrupted_artifact_is_made_anew(run, root, tmp_path):
    env = {"POLYAGENT_CACHE_HOME": str(tmp_path)}
    assert run("run", root / HELLO, env=env).code == 0
    artifact, = (tmp_path / "modules").glob("*.cwasm")
    good = artifact.read_bytes()
    for bad in (b"", b"garbage", good[: len(good) // 2], good[:64] + bytes(len(good) - 64)):
        artifact.write_bytes(bad)
        result = run("run", root / HELLO, env=env)
        assert (result.code, result.out) == (0, "Hello from WASI!\n"), (len(bad), result)
    assert artifact.stat().st_size == len(good)


def test_many_processes_share_a_cache(polyagent, environment, root, tmp_path):
    import subprocess

    env = {**environment, "POLYAGENT_CACHE_HOME": str(tmp_path)}
    started = [subprocess.Popen([polyagent, "run", root / HELLO], env=env, stdout=subprocess.PIPE)
               for _ in range(8)]
    assert [p.communicate()[0] for p in started] == [b"Hello from WASI!\n"] * 8
    assert len(list((tmp_path / "modules").glob("*.cwasm"))) == 1


def test_config_show_is_itself_a_config(run, tmp_path):
    shown = run("config", "show", "--memory", "100MiB", env={"POLYAGENT_TIMEOUT_MS": "5000"})
    assert shown.code == 0, shown
    assert "# from flag --memory" in shown.out
    assert "environment" in shown.out
    (tmp_path / "a.yaml").write_text(shown.out)
    again = run("config", "show", "--config", tmp_path / "a.yaml")
    strip = lambda text: [line.split("#")[0].rstrip() for line in text.splitlines()]
    assert strip(again.out) == strip(shown.out)


def test_config_check_says_every_fault(run, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("wasi:\n  memory_limit_byte: 5\n  max_fuel: lots\n  security:\n"
                    "    allow_subprocess: true\n")
    result = run("config", "check", "--config", path)
    assert result.code == 2
    text = result.out + result.err
    assert f"{path}:2" in text and "memory_limit_bytes" in text
    assert f"{path}:3" in text
    assert f"{path}:5" in text and "allow_subprocess" in text


def test_config_file_of_the_original_document(run, outcome, root, tmp_path):
    path = tmp_path / "polyagent.yaml"
    (tmp_path / "data").mkdir()
    path.write_text(f"""
wasi:
  memory_limit_bytes: 268435456
  max_fuel: 100000000
  execution_timeout_ms: 30000
  allowed_paths:
    - "{tmp_path}/data"
  env_vars:
    HOME: "/tmp"
    PATH: "/usr/bin"
  security:
    allow_network: false
    fs_readonly: true
    allow_subprocess: false
    allow_clock: true
    allow_random: true
""")
    got = outcome("--config", path, root / HELLO)
    assert got["status"] == "ok"
    assert got["usage"]["fuel"] > 0


def test_wasi_trace(run, root):
    result = run("run", "--log", "wasi=trace", root / HELLO)
    assert result.code == 0
    assert result.out == "Hello from WASI!\n"
    assert "fd_write(" in result.err and " wasi: " in result.err


def test_json_logs(run, root):
    result = run("run", "--log", "warn,wasi=trace", root / HELLO, env={"POLYAGENT_LOG_FORMAT": "json"})
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert lines and all(line["component"] == "wasi" for line in lines)


def test_doctor(run):
    result = run("doctor")
    assert "Wasmtime" in result.out
    assert "landlock" in result.out
    assert result.code == 0, result


def test_deterministic_runs_are_equal(outcome, wat):
    module = wat("""
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $random (i32.const 100) (i32.const 32)))
    (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 132)))
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 140)))
    (i32.store (i32.const 0) (i32.const 100))
    (i32.store (i32.const 4) (i32.const 48))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
""")
    content = lambda got: (got.get("stdout_base64") or got["stdout"], got["usage"]["fuel"])
    first = content(outcome("--deterministic", "--seed", "7", module))
    assert content(outcome("--deterministic", "--seed", "7", module)) == first
    assert content(outcome("--deterministic", "--seed", "8", module)) != first
    assert content(outcome(module))[0] != content(outcome(module))[0]
    denied = content(outcome("--no-clock", "--no-random", module))
    assert content(outcome("--no-clock", "--no-random", module)) == denied
