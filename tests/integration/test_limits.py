"""Every limit ends a run in its own way, says so, and has its exit status."""

import os
import signal
import subprocess

import pytest

from waiting import DEADLINE, busy, gone, until

LOOP = '(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))'

# Writes `size` bytes of 'x' in pieces of 64 KiB to the descriptor `fd`.
WRITER = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $left i64)
    (memory.fill (i32.const 65536) (i32.const 120) (i32.const 65536))
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (local.set $left (i64.const {pieces}))
    (loop $again
      (br_if 1 (i64.eqz (local.get $left)))
      (drop (call $write (i32.const {fd}) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br $again))))
"""

# poll_oneoff on a relative clock of ten years.
SLEEPER = """
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store8 (i32.const 8) (i32.const 0))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 315360000000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))
"""

GROW = """
(module (memory (export "memory") 1)
  (func (export "_start")
    (loop $more
      (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    unreachable))
"""


def test_wall_time(outcome, wat):
    got = outcome("--timeout", "300ms", wat(LOOP))
    assert got["status"] == "timeout"
    assert "wall time of a run limit of 300 ms reached (timeout_ms)" in got["message"]
    assert 300 <= got["usage"]["wall_ms"] < 10000


def test_a_sleeping_host_call_ends_too(outcome, wat):
    got = outcome("--timeout", "200ms", wat(SLEEPER))
    assert got["status"] == "timeout"
    assert got["usage"]["cpu_ms"] < 200


def test_cpu_time(run, outcome, wat):
    module = wat(LOOP)
    got = outcome("--cpu-time", "150ms", module)
    assert got["status"] == "cpu_limit"
    assert "150 ms reached (cpu_ms)" in got["message"]
    assert 140 <= got["usage"]["cpu_ms"] < 3000
    assert run("run", "--cpu-time", "100ms", module).code == 137


def test_fuel(run, outcome, wat):
    module = wat(LOOP)
    got = outcome("--fuel", "100000", module)
    assert got["status"] == "out_of_fuel"
    assert got["usage"]["fuel"] == 100000
    assert "fuel limit of 100000 used up" in got["message"]
    assert run("run", "--fuel", "1000", module).code == 137


def test_fuel_is_counted(outcome, wat):
    nothing = wat('(module (memory (export "memory") 1) (func (export "_start")))')
    first, second = (outcome("--fuel", "1000", nothing)["usage"]["fuel"] for _ in range(2))
    assert first == second > 0
    assert outcome(nothing)["usage"]["fuel"] is None


def test_memory(run, outcome, wat):
    module = wat(GROW)
    got = outcome("--memory", "32MiB", module)
    assert got["status"] == "out_of_memory"
    assert "memory limit of 32 MiB reached" in got["message"] and "memory_bytes" in got["message"]
    assert got["usage"]["memory_peak_bytes"] <= 32 << 20
    assert got["usage"]["memory_peak_bytes"] > 30 << 20
    assert run("run", "--memory", "1MiB", module).code == 137


def test_a_module_that_starts_too_large(outcome, wat):
    got = outcome("--memory", "1MiB", wat('(module (memory (export "memory") 1000) (func (export "_start")))'))
    assert got["status"] == "out_of_memory"
    assert "1 MiB" in got["message"]


def test_stack(run, outcome, wat):
    module = wat('(module (memory (export "memory") 1) (func $f (export "_start") (call $f)))')
    got = outcome(module)
    assert (got["status"], got["trap"]["kind"]) == ("trap", "stack_overflow")
    assert run("run", module).code == 134


def test_output_head_and_tail_are_kept(outcome, wat):
    got = outcome("--limit", "stdout_bytes=4096", wat(WRITER.format(fd=1, pieces=3)))
    assert got["status"] == "ok"
    assert got["stdout_truncated"] and not got["stderr_truncated"]
    head, marker, tail = got["stdout"].split("\n")
    assert (len(head), len(tail)) == (3072, 1024)
    assert str(3 * 65536 - 4096) in marker and "stdout_bytes" in marker


def test_output_limit_ends_the_run(run, outcome, wat):
    module = wat(WRITER.format(fd=2, pieces=10**12))
    got = outcome("--limit", "output_bytes=1MiB", module)
    assert got["status"] == "output_limit"
    assert "limit of 1 MiB reached (output_bytes)" in got["message"]
    assert run("run", "--limit", "output_bytes=100000", module).code == 137


def test_output_streams_as_it_comes_and_head_is_whole(run, wat):
    result = run("run", "--limit", "stdout_bytes=65536", wat(WRITER.format(fd=1, pieces=4)))
    assert result.code == 0
    assert result.out.startswith("x" * 65536 + "\n[... ")
    assert "stdout was cut: the guest wrote 262144 bytes" in result.err


def peak_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


def test_a_gibibyte_through_a_pipe_in_constant_memory(polyagent, environment, wat):
    size = 1 << 30
    process = subprocess.Popen(
        [polyagent, "run", "--limit", "stdout_bytes=unlimited", "--limit", "output_bytes=unlimited",
         "--timeout", "600s", "--cpu-time", "600s", wat(WRITER.format(fd=1, pieces=size // 65536))],
        stdout=subprocess.PIPE, env=environment,
    )
    got = 0
    peak = 0
    while chunk := process.stdout.read(1 << 20):
        assert chunk.count(b"x") == len(chunk)
        got += len(chunk)
        if got % (64 << 20) < (1 << 20):
            peak = max(peak, peak_kib(process.pid))
    assert process.wait() == 0
    assert got == size
    assert 0 < peak < 64 * 1024


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_guest_and_leaves_nothing(polyagent, environment, wat, number, code):
    process = subprocess.Popen([polyagent, "run", wat(LOOP)], env=environment,
                               stderr=subprocess.PIPE)
    worker = busy(process.pid)
    process.send_signal(number)
    assert process.wait(timeout=DEADLINE) == code
    assert b"cancelled" in process.stderr.read()
    assert not os.path.exists(f"/proc/{worker}")


def test_kill_9_takes_the_guest_along(polyagent, environment, wat):
    process = subprocess.Popen([polyagent, "run", wat(LOOP)], env=environment)
    worker = busy(process.pid)
    process.kill()
    process.wait()
    until(lambda: gone(worker))


def test_a_broken_pipe_ends_the_run(polyagent, environment, wat):
    process = subprocess.Popen([polyagent, "run", "--limit", "output_bytes=unlimited",
                                wat(WRITER.format(fd=1, pieces=10**12))],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=DEADLINE) != 0


@pytest.mark.parametrize("largest", [0, 4096])
def test_a_limit_on_files_is_an_error_with_words(polyagent, environment, tmp_path, largest):
    """Not a death by SIGXFSZ: neither for the file in memory nor for the artifact."""
    (tmp_path / "m.wat").write_text('(module (memory (export "memory") 1) (func (export "_start")))')
    done = subprocess.run(["prlimit", f"--fsize={largest}", polyagent, "run", "m.wat"], cwd=tmp_path, timeout=60,
                          env={**environment, "POLYAGENT_CACHE_HOME": str(tmp_path / "cache")}, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 125
    assert "File too large" in done.stderr and "ulimit -f" in done.stderr


def test_a_small_stack_is_not_the_artifacts_fault(polyagent, environment, tmp_path):
    (tmp_path / "m.wat").write_text('(module (memory (export "memory") 1) (func (export "_start")))')
    for _ in range(2):
        done = subprocess.run(["prlimit", "--stack=524288:524288", polyagent, "run", "m.wat"], cwd=tmp_path,
                              timeout=60, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 125
        assert "ulimit -" in done.stderr and "artifact" not in done.stderr


def test_a_stream_past_the_limit_on_modules(run):
    message = run("run", "--limit", "module_bytes=1MiB", "-", stdin=bytes(2 << 20)).err
    assert "standard input has more than the limit of 1 MiB (module_bytes)" in message
