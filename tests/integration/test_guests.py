"""Preview 1 from end to end: programs in C (tests/guests), compiled here, in the sandbox.

One program about files runs on a host folder and on both in-memory file systems: what a guest can
see of them is the same.
"""

import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def guest(tmp_path_factory, root):
    """guest("files") -> the module of tests/guests/files.c."""
    clang = shutil.which("clang") or shutil.which("clang-14")
    folder = tmp_path_factory.mktemp("guests")
    made = {}

    def build(name):
        if name not in made:
            module = folder / f"{name}.wasm"
            # Not optimised: where binaryen is installed, clang has it take the names away.
            subprocess.run(
                [clang, "--target=wasm32-wasi", "--sysroot=/usr", "-O0", "-g", "-Wall", "-Wextra", "-Werror",
                 root / "tests/guests" / f"{name}.c", "-o", module],
                check=True, timeout=120,
            )
            made[name] = module
        return made[name]

    return build


@pytest.mark.parametrize("where", ["/tmp", "/workspace", "/mnt", "/deep/mount", "/tmp/on-the-host"])
def test_files(run, guest, tmp_path, where):
    mounts = [] if where in ("/tmp", "/workspace") else ["--dir", f"{tmp_path}::{where}:rw"]
    result = run("run", *mounts, guest("files"), "--", where)
    assert (result.code, result.out) == (0, "fine\n"), result
    assert os.listdir(tmp_path) == []


def test_a_read_only_mount_is_read_only(run, guest, tmp_path):
    result = run("run", "--dir", f"{tmp_path}::/mnt", guest("files"), "--", "/mnt")
    assert result.code == 1
    assert os.listdir(tmp_path) == []


def test_arguments_and_environment(run, guest):
    result = run("run", "--env", "LINES=one\ntwo", "--env", "EMPTY=", "--env", "X=a=b",
                 guest("world"), "--", "echo", "", "two words", "--json", "\u00fcn\u00efcode", "a\nb",
                 env={"SECRET": "not for the guest"})
    assert result.code == 0
    assert result.out == ("[]\n[two words]\n[--json]\n[\u00fcn\u00efcode]\n[a\nb]\n"
                          "{LINES=one\ntwo}\n{EMPTY=}\n{X=a=b}\n")


@pytest.mark.parametrize("size", [0, 1, 4096, 1_000_003])
def test_standard_input(run, guest, size):
    data = bytes(i % 251 for i in range(size))
    result = run("run", guest("world"), "--", "input", stdin=data)
    assert result.out == f"{size} bytes, sum {sum(data) % 2**32}\n"


def test_standard_input_from_a_file(run, guest, tmp_path):
    (tmp_path / "in").write_bytes(b"abc")
    result = run("run", "--stdin", tmp_path / "in", guest("world"), "--", "input")
    assert result.out == "3 bytes, sum 294\n"


@pytest.mark.parametrize("topic, out", [("clocks", ""), ("devices", "by name\n")])
def test_the_world(run, guest, topic, out):
    result = run("run", guest("world"), "--", topic)
    assert (result.code, result.out) == (0, out), result


@pytest.mark.parametrize("status", [0, 1, 3, 77, 124, 125])
def test_exit_statuses(run, guest, status):
    result = run("run", guest("world"), "--", "exit", str(status))
    assert (result.code, result.out, result.err) == (status, "", "")


def test_abort_is_a_trap(outcome, guest):
    got = outcome(guest("world"), "--", "abort")
    assert (got["status"], got["trap"]["kind"]) == ("trap", "unreachable")
    assert "abort" in got["trap"]["backtrace"]


def test_room_for_files_is_bounded_and_comes_back(run, guest):
    result = run("run", "--limit", "files_bytes=1MiB", guest("world"), "--", "disk")
    assert result.out == f"{1 << 20} bytes\n", result


def test_the_number_of_files_is_bounded(run, guest):
    result = run("run", "--limit", "files_count=100", guest("world"), "--", "file-count")
    assert result.out == "100 files\n", result


def test_the_number_of_descriptors_is_bounded(run, guest):
    result = run("run", "--limit", "open_files=40", guest("world"), "--", "open-files")
    count, word = result.out.split()
    assert word == "descriptors" and 30 <= int(count) < 40, result


def test_a_deterministic_run_sees_a_folder_in_order(run, tmp_path, guest):
    for name in ("zebra", "apple", "mango"):
        (tmp_path / name).write_text(name)
    runs = [run("run", "--json", "--deterministic", "--dir", f"{tmp_path}::/mnt", guest("listing"), "--",
                "/mnt").json() for _ in range(2)]
    assert runs[0]["stdout"] == "apple\nmango\nzebra\n"
    assert runs[0]["usage"]["fuel"] == runs[1]["usage"]["fuel"] > 0
    assert runs[0]["stdout"] == runs[1]["stdout"]


def test_a_signal_while_the_module_is_waited_for(polyagent, environment, tmp_path):
    fifo = tmp_path / "module"
    os.mkfifo(fifo)
    process = subprocess.Popen([polyagent, "run", fifo], env=environment)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.3)
        process.terminate()
        assert process.wait(timeout=60) == -15
    finally:
        process.kill()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(polyagent, environment, root, closed):
    """No other file takes the place of a stream that is closed."""
    hello = root / "docs/assets/hello-wasi.wat"
    done = subprocess.run(["sh", "-c", f'exec "$0" run "$1" {closed}', polyagent, hello], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    if ">&-" in closed.replace("2>&-", ""):
        assert (done.returncode, done.stdout) == (130, b"")
    else:
        assert (done.returncode, done.stdout) == (0, b"Hello from WASI!\n")


def test_output_that_cannot_be_written_is_said(polyagent, environment, root):
    for command in (["run", root / "docs/assets/hello-wasi.wat"], ["config", "show"], ["help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([polyagent, *command], env=environment, stdout=full, stderr=subprocess.PIPE,
                                  timeout=60)
        assert done.returncode in (125, 130)
        assert b"cannot write to standard output: No space left on device" in done.stderr
