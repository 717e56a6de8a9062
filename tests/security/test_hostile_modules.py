"""Hostile modules end as they should: inside their limits, in bounded time, and nothing is left of them."""

import json
import os
import shutil
import subprocess
import threading

import pytest

import hostile_modules

SOAK = os.environ.get("SOAK") == "1"
MOST_SUPERVISOR_KIB = 64 * 1024  # of the command line's own memory, what it maps of files aside
SECRET = "the-secret-that-no-guest-may-read"


def own_memory_kib(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("RssAnon")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def watched(command, env, seconds):
    """(stdout, stderr, the most memory that the command itself was seen to have, in KiB)"""
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    peak = 0
    done = threading.Event()

    def look():
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, own_memory_kib(process.pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    finally:
        done.set()
        watcher.join()
    return out, err, peak


def test_there_are_enough_of_them():
    assert len(hostile_modules.HOSTILE) >= 150
    names = [module.name for module in hostile_modules.HOSTILE]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("module", hostile_modules.HOSTILE, ids=lambda module: module.name)
def test_hostile_module(module, polyagent, environment, nothing_left, tmp_path):
    content = module.make()
    path = tmp_path / ("hostile.wat" if isinstance(content, str) else "hostile.wasm")
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    out, err, peak = watched([polyagent, "run", "--json", *module.options, path, "--", *module.args],
                             {**environment, **nothing_left}, seconds=600)
    assert out, err.decode(errors="replace")
    got = json.loads(out)
    del got["stdout"], got["stderr"]
    assert got["status"] == module.status, got
    for word in module.words:
        assert word in got["message"], got
    if module.exit_code is not None:
        assert got["exit_code"] == module.exit_code, got
    if module.kind:
        assert got["trap"]["kind"] == module.kind, got
    assert got["usage"]["wall_ms"] < module.most_wall_ms, got
    assert got["usage"]["memory_peak_bytes"] <= 256 << 20, got
    assert peak < MOST_SUPERVISOR_KIB
    leftovers = [name for _, _, names in os.walk(environment["POLYAGENT_CACHE_HOME"]) for name in names
                 if "partial" in name]
    assert not leftovers
    path.unlink()


def test_no_size_of_a_limit_lets_one_through(run, tmp_path):
    """The same module under all sizes of memory: the status changes once, at its size."""
    path = tmp_path / "m.wasm"
    path.write_bytes(hostile_modules.with_memory(64))
    for size, code in (("4095KiB", 137), ("4MiB", 0), ("64KiB", 137), ("4GiB", 0)):
        assert run("run", "--memory", size, path).code == code, size


# --- a host directory that changes under a guest's feet ---------------------------------------------


def swap(folder, outside, stop, swaps):
    """Makes `folder`/d by turns a directory, a link to / or to the secret, and something renamed."""
    inside = folder / "d"
    targets = ("/", str(outside), "../outside", "..", "../../..", str(outside / "secret"))
    turn = 0
    while not stop.is_set():
        turn += 1
        link = folder / "link"
        os.symlink(targets[turn % len(targets)], link)
        os.rename(inside, folder / "aside")
        os.rename(link, inside)
        os.unlink(inside)
        os.rename(folder / "aside", inside)
        # The same with a file in the directory, and with the directory moved out of the mount and back.
        os.rename(inside / "secret", inside / "kept")
        os.symlink(targets[turn % len(targets)], inside / "secret")
        os.unlink(inside / "secret")
        os.rename(inside / "kept", inside / "secret")
        os.rename(inside, outside / "moved")
        os.rename(outside / "moved", inside)
        swaps[0] += 1


@pytest.mark.parametrize("writable", [False, True], ids=["ro", "rw"])
def test_a_race_with_symbolic_links_wins_nothing(polyagent, environment, nothing_left, tmp_path, root, writable):
    clang = shutil.which("clang") or shutil.which("clang-14")
    program = tmp_path / "race.wasm"
    subprocess.run([clang, "--target=wasm32-wasi", "--sysroot=/usr", "-O1", root / "tests/guests/race.c", "-o",
                    program], check=True)
    mounted, outside = tmp_path / "mounted", tmp_path / "outside"
    (mounted / "d").mkdir(parents=True)
    outside.mkdir()
    (mounted / "d" / "secret").write_text("harmless\n")
    (mounted / "d" / "below").mkdir()
    (mounted / "d" / "below" / "file").write_text("harmless\n")
    (outside / "secret").write_text(SECRET)
    (outside / "below").mkdir()
    (outside / "below" / "file").write_text(SECRET)
    seconds = 60 if SOAK else 5
    stop, swaps = threading.Event(), [0]
    mutator = threading.Thread(target=swap, args=(mounted, outside, stop, swaps))
    mutator.start()
    try:
        done = subprocess.run([polyagent, "run", "--timeout", f"{seconds}s", "--cpu-time", f"{seconds}s", "--dir",
                               f"{mounted}::/m" + (":rw" if writable else ""), program],
                              env={**environment, **nothing_left}, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=seconds + 60, check=False)
    finally:
        stop.set()
        mutator.join()
    assert done.returncode in (124, 137), done
    assert SECRET.encode() not in done.stdout and SECRET.encode() not in done.stderr
    assert b"root:" not in done.stdout  # /etc/passwd
    assert b"LEAK" not in done.stdout, done.stdout[:1000]
    # The race was one: the guest saw the directory both there and gone.
    assert b"harmless" in done.stdout and b"refused" in done.stdout
    assert swaps[0] > 10
    assert (outside / "secret").read_text() == SECRET
    assert {path.name for path in outside.iterdir()} == {"secret", "below"}
