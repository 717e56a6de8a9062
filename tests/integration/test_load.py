"""Many runs at once: each answer right, what each took is told, nothing is left; then no processor is used.

The long form is `make soak` (bench/load, 20,000 runs)."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from test_service import Service
from waiting import busy, descendants, until

WORK = "let n = 0; for (let i = 0; i < 300000; i++) n += i; console.log(n)"  # 10 ms and more, of a processor
WORK_MS = 2


def test_600_runs_of_every_kind(root, polyagent, installed_languages):
    done = subprocess.run([root / "bench/load", polyagent, "--runs", "600", "--inflight", "32"], env=installed_languages,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=3600)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("600 runs, 32 in flight, "), done.stdout


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    one = Service(polyagent, installed_languages, tmp_path_factory.mktemp("load"), "javascript", e2b_listen="127.0.0.1:0")
    one.wait_for("is at its checkpoint")
    yield one
    assert one.stop() == 0, one.log()


def cpu_of(process, thread=None):
    """Milliseconds of a processor that a process (or one thread) has used; None when it is gone."""
    folder = pathlib.Path(f"/proc/{process}/task/{thread or process}" if thread else f"/proc/{process}")
    try:
        return int((folder / "schedstat").read_text().split()[0]) / 1e6
    except OSError:
        return None


# --- what a run took ----------------------------------------------------------------------------


def test_each_of_many_runs_is_told_its_cpu_time(server):
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: server.call(WORK)[2], range(200)))
    for answer in answers:
        usage = answer["usage"]
        assert answer["status"] == "ok" and WORK_MS < usage["cpu_ms"] <= usage["wall_ms"] + 1, usage


@pytest.mark.parametrize("code, status, limits, least", [
    ("while (true);", "timeout", {"timeout_ms": 1000}, 1),
    ("while (true);", "cpu_limit", {"cpu_ms": 100}, 100),
    (f"{WORK}; throw Error('x')", "error", {}, WORK_MS),
    (f"{WORK}; while (true) console.log('x'.repeat(1000))", "output_limit", {"output_bytes": 10000}, WORK_MS),
    (f"{WORK}; const all = []; while (true) all.push('x'.repeat(1e6) + all.length)", "out_of_memory", {}, WORK_MS),
])
def test_cpu_time_however_a_run_ends(server, code, status, limits, least):
    for _ in range(5):
        answer = server.call(code, limits=limits)[2]
        usage = answer["usage"]
        assert answer["status"] == status and least <= usage["cpu_ms"] <= usage["wall_ms"] + 1, answer


def test_cpu_time_of_one_that_is_killed_from_outside(server):
    with concurrent.futures.ThreadPoolExecutor(1) as clients:
        call = clients.submit(server.call, "while (true);")
        pid = busy(server.process.pid)
        used = cpu_of(pid)  # some of it before it was given the run
        os.kill(pid, signal.SIGKILL)
        answer = call.result()[2]
    assert answer["status"] == "crashed" and answer["usage"]["cpu_ms"] >= used / 2, (used, answer)


def test_cpu_time_of_a_run_from_the_command_line(server, polyagent):
    """polyagent exec takes a copy of the server's and supervises it itself."""
    for _ in range(5):
        done = subprocess.run([polyagent, "exec", "javascript", "--json", "-c", WORK], env=server.env, capture_output=True,
                              check=True, timeout=60)
        usage = json.loads(done.stdout)["usage"]
        assert WORK_MS < usage["cpu_ms"] <= usage["wall_ms"] + 1, usage


# --- rest ---------------------------------------------------------------------------------------


def test_idle_costs_no_processor(server):
    """What wakes: the two timers of gRPC once a second, the thread of each warm root once in ten."""
    pid = server.process.pid

    def spent():
        """{(process, thread): ms} of the server and all below it."""
        tasks = [(one, task.name) for one in (pid, *descendants(pid)) for task in pathlib.Path(f"/proc/{one}/task").glob("*")]
        return {task: cpu_of(*task) or 0 for task in tasks}

    def rests():
        """Copies are made and rehearse after the last run: then nothing comes or goes."""
        first = spent()
        time.sleep(5)
        last = spent()
        used = sum(last.values()) - sum(first.values())
        return first.keys() == last.keys() and len(last) > 8 and used < 50  # a percent; 0.01 % where nothing disturbs

    until(rests, seconds=120)
