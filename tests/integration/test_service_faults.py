"""What breaks under load: only the runs it touches fail, with a clear status, and service goes on.

Four clients call all the time; each fault happens in their midst.  What they may see is listed with each
fault; anything else, or a service that has not recovered in RECOVERED seconds, fails the test.
"""

import base64
import collections
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from test_service import Service
from waiting import DEADLINE, Gate, busy, gone, until

LANGUAGE = "javascript"
RECOVERED = 30  # seconds; one on a machine that does nothing else
UNTOUCHED = ("200", "ok")


class Load:
    """Clients that call all the time, and how their calls end."""

    def __init__(self, service, clients=4):
        self.service, self.ends, self.stopping = service, collections.Counter(), threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work) for _ in range(clients)]

    def work(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                status, _, answer = self.service.call(f"console.log({number})")
                end = (str(status), answer.get("status", answer.get("code", "")) if status == 200 else answer.get("title", ""))
                if end == UNTOUCHED and answer["stdout"] != f"{number}\n":
                    end = ("wrong", json.dumps(answer))
            except (OSError, http.client.HTTPException) as error:
                end = (type(error).__name__, "")
            except ValueError as error:
                end = ("not JSON", str(error))
            with self.lock:
                self.ends[end] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        until(lambda: sum(self.ends.values()) >= len(self.threads))
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def goes_on(self):
        """Until some more calls have ended as they should."""
        before = self.ends[UNTOUCHED]
        until(lambda: self.ends[UNTOUCHED] >= before + 2 * len(self.threads), tell=lambda: dict(self.ends))

    def touched(self):
        return {end: count for end, count in self.ends.items() if end != UNTOUCHED}


def recovers(service):
    """Seconds until a call succeeds again."""
    began = time.monotonic()
    while True:
        try:
            status, _, answer = service.call("console.log('back')")
            if status == 200 and answer["status"] == "ok":
                return time.monotonic() - began
        except (OSError, ValueError, http.client.HTTPException):
            pass
        assert time.monotonic() - began < 60, service.log()
        time.sleep(0.01)


def processes(pid):
    """{pid: (parent, name)} of a process and its descendants."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text()
            except OSError:
                continue
            name, rest = fields[fields.index("(") + 1:fields.rindex(")")], fields[fields.rindex(")") + 2:].split()
            found[int(entry.name)] = (int(rest[1]), name, int(rest[11]) + int(rest[12]))
    family = {pid}
    while True:
        more = {one for one, (parent, *_) in found.items() if parent in family} - family
        if not more:
            return {one: found[one] for one in family if one in found}
        family |= more


def workers(service):
    return {pid: said for pid, said in processes(service.process.pid).items() if said[1].startswith("polyagent-work")}


def root_of(service):
    """The warm root: the worker that has workers as children."""
    def parents():
        family = workers(service)
        return collections.Counter(parent for parent, *_ in family.values() if parent in family).most_common(1)

    ((root, _),) = until(parents)
    return root


@pytest.fixture
def service(polyagent, installed_languages, tmp_path):
    started = []

    def start(environment=installed_languages, **settings):
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(Service(polyagent, environment, folder, LANGUAGE, **settings))
        recovers(started[-1])
        return started[-1]

    yield start
    for one in started:
        assert one.stop() == 0, one.log()


def copy_cache(theirs, mine):
    """Of the cache the language alone: it is compiled in a moment."""
    mine.mkdir(mode=0o700)
    (mine / "languages").mkdir(mode=0o700)
    for path in (pathlib.Path(theirs) / "languages").iterdir():
        if path.is_dir() and path.name.startswith(LANGUAGE):
            shutil.copytree(path, mine / "languages" / path.name, symlinks=True)


@pytest.fixture
def own_cache(installed_languages, tmp_path):
    """The environment of a server with a cache of its own."""
    copy_cache(installed_languages["POLYAGENT_CACHE_HOME"], tmp_path / "cache")
    return {**installed_languages, "POLYAGENT_CACHE_HOME": str(tmp_path / "cache")}


def test_a_run_is_killed(service):
    server = service()
    with Load(server) as load:
        results = []
        thread = threading.Thread(target=lambda: results.append(server.call("while (true);")))
        thread.start()
        os.kill(busy(root_of(server), ticks=30), signal.SIGKILL)
        thread.join()
        (status, _, answer), *_ = results
        assert (status, answer["status"]) == (200, "crashed"), answer
        assert recovers(server) < RECOVERED
    assert load.touched() == {}


def test_a_warm_root_is_killed(service):
    server = service()
    with Load(server) as load:
        os.kill(root_of(server), signal.SIGKILL)
        took = recovers(server)
        load.goes_on()
    assert took < RECOVERED
    touched = load.touched()
    assert set(touched) <= {("200", "crashed"), ("503", "UNAVAILABLE"), ("503", "Service Unavailable")}, touched
    assert sum(touched.values()) <= 16, touched


def test_a_compile_worker_is_killed(service, own_cache):
    server = service(own_cache)
    functions = "".join(f"(func (param i32) (result i32) {'(i32.add (local.get 0) ' * 200}(i32.const {n}){')' * 200})" for n in range(3000))
    module = base64.b64encode(f'(module (memory (export "memory") 1) {functions} (func (export "_start")))'.encode()).decode()
    before = set(workers(server))
    results = []
    with Load(server) as load:
        thread = threading.Thread(target=lambda: results.append(server.ask("POST", "/v1/tools/code_executor", {"wasm_base64": module})))
        thread.start()
        compiling = None
        deadline = time.monotonic() + DEADLINE
        while compiling is None:
            assert time.monotonic() < deadline and not results, results
            root = root_of(server)
            new = {pid: said for pid, said in workers(server).items() if pid not in before and said[0] != root and said[2] > 5}
            compiling = max(new, key=lambda pid: new[pid][2], default=None)
            time.sleep(0.01)
        os.kill(compiling, signal.SIGKILL)
        thread.join()
    status, _, body = results[0]
    answer = json.loads(body)
    assert (status, answer.get("status")) in ((200, "crashed"), (200, "invalid_module")) or status == 503, answer
    assert load.touched() == {}
    status, _, body = server.ask("POST", "/v1/tools/code_executor", {"wasm_base64": module})
    assert (status, json.loads(body)["status"]) == (200, "ok"), body


def test_the_cache_is_deleted_and_corrupted(service, own_cache):
    mine = pathlib.Path(own_cache["POLYAGENT_CACHE_HOME"])
    server = service(own_cache)
    module = {"wasm_base64": base64.b64encode(b'(module (memory (export "memory") 1) (func (export "_start")))').decode()}

    def run():
        status, _, body = server.ask("POST", "/v1/tools/code_executor", module)
        return status, json.loads(body).get("status")

    assert run() == (200, "ok")
    with Load(server) as load:
        newest = max((mine / "modules").glob("*.cwasm"), key=lambda path: path.stat().st_ctime)
        garbage = bytearray(newest.read_bytes())
        for at in range(0, len(garbage), 64):
            garbage[at] ^= 0x5A
        newest.unlink()  # a file of its own, not the link that others share
        newest.write_bytes(garbage)
        newest.chmod(0o600)
        assert run() == (200, "ok")
        newest.write_bytes(b"")
        assert run() == (200, "ok")
        for path in (mine / "modules").iterdir():
            path.unlink()
        assert run() == (200, "ok")
    assert load.touched() == {}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=0755", "polyagent-test", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk(service, installed_languages, small_disk):
    """The cache and the audit log on a file system that takes no more: runs go on, uncached and untold."""
    cache = small_disk / "cache"
    copy_cache(installed_languages["POLYAGENT_CACHE_HOME"], cache)
    server = service({**installed_languages, "POLYAGENT_CACHE_HOME": str(cache)}, audit_log=str(small_disk / "audit"))
    module = base64.b64encode(b'(module (memory (export "memory") 1) (func (export "_start")))').decode()
    with Load(server) as load:
        with open(small_disk / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
        load.goes_on()
        status, _, body = server.ask("POST", "/v1/tools/code_executor", {"wasm_base64": module})
        assert (status, json.loads(body)["status"]) == (200, "ok"), body
    assert load.touched() == {}


def test_descriptors_are_exhausted(service):
    server = service()
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with Load(server, clients=8) as load:
        open_now = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 2, before[1]))
        time.sleep(1)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        took = recovers(server)
    assert took < RECOVERED
    assert not any(status in ("wrong", "not JSON") for status, _ in load.touched()), load.touched()


def test_clients_that_vanish_in_the_middle(service):
    server = service()
    host, port = server.address.split(":")
    body = json.dumps({"code": "while (true) console.log('x'.repeat(1000));", "limits": {"timeout_ms": 20000}}).encode()
    with Load(server) as load:
        for _ in range(20):
            with socket.create_connection((host, int(port)), timeout=DEADLINE) as client:
                client.sendall(b"POST /v1/tools/javascript_executor?stream=ndjson HTTP/1.1\r\nHost: localhost\r\n"
                               b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                client.recv(1000)
        assert recovers(server) < RECOVERED
    until(lambda: "polyagent_runs_running 0" in server.ask("GET", "/metrics")[2])
    assert not any(status in ("wrong", "not JSON") for status, _ in load.touched()), load.touched()


def test_the_clock_jumps(service, installed_languages, polyagent, tmp_path):
    """Days ahead and back: dates change, and nothing else does; what waits goes by the clock that only runs.

    Without gRPC: C-core tells the kernel when to wake it by this clock, and the kernel's does not jump here."""
    offset = tmp_path / "offset"
    offset.write_bytes(bytes(8))
    server = service({**installed_languages, "LD_PRELOAD": str(polyagent.parent / "tests/integration/libclock_jump.so"),
                      "CLOCK_JUMP_FILE": str(offset),
                      "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}, grpc_listen="off")
    years, results = set(), []
    with Load(server) as load:
        thread = threading.Thread(target=lambda: results.append(
            server.call("while (true);", limits={"timeout_ms": 2000})))
        thread.start()
        for seconds in (400 * 86400, -400 * 86400, 3600, 0, 40000 * 86400, 0):
            with open(offset, "r+b") as file:
                file.write(seconds.to_bytes(8, "little", signed=True))
            run = server.call("console.log(1)")[2]["run_id"]
            years.add(json.loads(server.ask("GET", f"/v1/runs/{run}")[2])["started_at"][:4])
            load.goes_on()
        thread.join()
        assert recovers(server) < RECOVERED
    assert len(years) >= 4, years
    (status, _, answer), *_ = results
    assert (status, answer["status"]) == (200, "timeout") and 2000 <= answer["usage"]["wall_ms"] < 60000, answer
    assert load.touched() == {}


def test_memory_is_short(service, tmp_path):
    """More than the admission's share is refused at once, with when to come again."""
    gate = Gate(tmp_path)
    server = service(max_memory_bytes=512 << 20, max_queued=4, volumes_directory=gate.volumes)
    results = []

    def call():
        status, headers, _ = server.call(gate.javascript, limits={"memory_bytes": 256 << 20}, volumes=gate.mounted)
        results.append((status, headers.get("Retry-After")))

    threads = [threading.Thread(target=call) for _ in range(24)]
    for thread in threads:
        thread.start()
    gate.arrived(2)
    until(lambda: len(results) == 18)  # the two that run and the four that wait aside
    gate.open()
    for thread in threads:
        thread.join()
    assert collections.Counter(status for status, _ in results) == {200: 6, 429: 18}, results
    assert all(after for status, after in results if status == 429)


def test_sigterm_under_load(service, polyagent):
    server = service()
    family = set(processes(server.process.pid))
    with Load(server, clients=8) as load:
        code = server.stop()
    assert code == 0
    assert set(load.touched()) <= {("ConnectionRefusedError", ""), ("ConnectionResetError", ""), ("RemoteDisconnected", ""), ("BrokenPipeError", ""),
                                   ("503", "UNAVAILABLE"), ("503", "Service Unavailable")}, load.touched()
    until(lambda: all(map(gone, family)))
