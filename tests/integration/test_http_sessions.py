"""Sessions over HTTP: turns, forks, checkpoints, branches and files."""

import concurrent.futures
import io
import os
import re
import tarfile
import threading
import time
import urllib.parse

import pytest

from http_server import Server, lines
from waiting import Gate, until

LANGUAGE = "javascript"


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("gate"))
    server = Server(polyagent, installed_languages, tmp_path_factory.mktemp("http"), LANGUAGE, volumes_directory=gate.volumes)
    server.gate = gate
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def session(server):
    answer = server.ask("POST", "/v1/sessions", {"language": LANGUAGE, "recover": True})
    assert answer.status == 201, answer
    path = answer.headers["Location"]
    assert path == f"/v1/sessions/{answer.json()['id']}"
    yield path
    server.ask("DELETE", path)


@pytest.fixture
def turn(server):
    """turn(session, code) -> the outcome."""

    def call(session, code, **more):
        answer = server.ask("POST", f"{session}/execute", {"code": code, "mode": "expression", **more})
        assert answer.status == 200, answer
        return answer.json()

    return call


def value(outcome):
    assert outcome["status"] == "ok", outcome
    return outcome["results"][-1]["text/plain"]


def test_life(server):
    made = server.ask("POST", "/v1/sessions", {"language": "js", "name": "mine", "labels": {"job": "7"},
                                               "env": {"A": "b"}, "limits": {"timeout_ms": 5000}}).json()
    assert (made["name"], made["language"], made["labels"], made["state"]) == ("mine", LANGUAGE, {"job": "7"}, "idle")
    assert server.ask("GET", "/v1/sessions/mine").json()["id"] == made["id"]
    assert made["id"] in [one["id"] for one in server.ask("GET", "/v1/sessions").json()["sessions"]]
    assert server.ask("POST", "/v1/sessions", {"language": LANGUAGE, "name": "mine"}).status == 409
    assert server.ask("DELETE", "/v1/sessions/mine").status == 204
    assert server.ask("DELETE", "/v1/sessions/mine").status in (404, 412)
    assert server.ask("POST", "/v1/sessions/mine/execute", {"code": ""}).status in (404, 412)


@pytest.mark.parametrize("parameters, path", [
    ({"language": "cobol"}, "/language"), ({"language": 1}, "/language"), ({"labels": {"a": 1}}, "/labels"),
    ({"idle_ms": 0}, "/idle_ms"), ({"recover": "yes"}, "/recover"),
    ({"limits": {"timeout_ms": -1}}, "/limits/timeout_ms"),
    ({"nonsense": 1}, "/nonsense"), ({"session_id": "s"}, "/session_id")])
def test_faults(server, parameters, path):
    answer = server.ask("POST", "/v1/sessions", {"language": LANGUAGE, **parameters})
    assert answer.status == 400 and path in [fault["path"] for fault in answer.json()["faults"]], answer


def test_turns(server, session, turn):
    assert turn(session, "let x = 40; x")["session_lives"]
    assert value(turn(session, "x + 2")) == "42"
    events = lines(server.ask("POST", f"{session}/execute?stream=ndjson", {"code": "console.log(x)"}))
    assert {"type": "stdout", "text": "40\n"} in events
    assert server.ask("GET", session).json()["turns"] == 3
    assert {"x"} <= {one["name"] for one in server.ask("GET", f"{session}/variables").json()["variables"]}
    assert server.ask("POST", f"{session}/execute", {"code": "", "session_id": "other"}).status == 400


def test_is_complete(server, session, turn):
    turn(session, "let x = 1")
    for code, complete in (("x + 1", True), ("function f() {", False), ("function f() {\n}", True), ("}", True)):
        assert server.ask("POST", f"{session}/complete", {"code": code}).json() == {"complete": complete}, code
    assert server.ask("GET", session).json()["turns"] == 1
    assert server.ask("POST", f"{session}/complete", {"code": 1}).status == 400
    assert server.ask("POST", "/v1/sessions/none/complete", {"code": ""}).status == 404


def test_interrupt(server, session, turn):
    turn(session, "let y = 1")
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(turn(session, "y = 2; while (true);")))
    thread.start()
    until(lambda: server.ask("POST", f"{session}/interrupt").json() == {"was_running": True})
    thread.join()
    assert outcomes[0]["status"] == "cancelled" and value(turn(session, "y")) == "1"
    assert server.ask("POST", f"{session}/interrupt").json() == {"was_running": False}


def test_what_waits_for_a_turn_can_give_up(server, turn):
    made = server.ask("POST", "/v1/sessions", {"language": LANGUAGE, "volumes": server.gate.mounted})
    session = made.headers["Location"]
    server.ask("PUT", f"{session}/files?path=f", "x")
    thread = threading.Thread(target=turn, args=(session, server.gate.javascript))
    thread.start()
    server.gate.arrived()
    for method, path in (("POST", "fork?"), ("PUT", "checkpoints/c?"), ("GET", "files?path=f&"), ("GET", "files/list?"),
                         ("GET", "files/archive?"), ("DELETE", "files?path=f&")):
        answer = server.ask(method, f"{session}/{path}timeout_ms=50")
        assert answer.status == 504 and "busy until the deadline" in answer.json()["detail"], (path, answer)
    with server.socket() as gone:  # and what nobody waits for any more is not done
        gone.sendall(f"POST {session}/fork HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        time.sleep(0.2)
    time.sleep(0.5)  # that it has gone is noticed
    assert thread.is_alive()
    server.gate.open()
    thread.join()
    state = server.ask("GET", session).json()
    assert (state["forks"], state["checkpoints"]) == (0, [])
    assert server.ask("GET", f"{session}/files?path=f").body == b"x"
    server.ask("DELETE", session)


def test_forks_and_their_tree(server, session, turn):
    turn(session, "let x = 1")
    answer = server.ask("POST", f"{session}/fork", {"count": 3, "labels": {"branch": "yes"}})
    ids = answer.json()["sessions"]
    assert answer.status == 201 and len(set(ids)) == 3
    branches = [{"session_id": one, "code": f"x += {number}; x", "mode": "expression"}
                for number, one in enumerate(ids)]
    branches.append({"session_id": ids[0], "code": 1})
    done = server.ask("POST", "/v1/sessions/branches", {"branches": branches}).json()["branches"]
    assert [value(one["outcome"]) for one in done[:3]] == ["1", "2", "3"]
    assert done[3]["problem"]["status"] == 400 and done[3]["session_id"] == ids[0]
    assert value(turn(session, "x")) == "1"
    tree = server.ask("GET", f"/v1/sessions/{ids[1]}/tree").json()
    assert set(ids) < {node["id"] for node in tree["nodes"]} and len(tree["roots"]) == 1
    for one in ids:
        assert server.ask("DELETE", f"/v1/sessions/{one}").status == 204
    for body in ({"count": 0}, {"count": 65}, {"count": "x"}, {"labels": 1}):
        assert server.ask("POST", f"{session}/fork", body).status == 400, body
    for body in ({}, {"branches": []}, {"branches": [1]}, {"branches": [{"code": ""}]}):
        assert server.ask("POST", "/v1/sessions/branches", body).status == 400, body
    assert server.ask("POST", "/v1/sessions/branches", {"branches": [{"session_id": "none", "code": ""}]}).status == 404


def test_checkpoints(server, session, turn):
    turn(session, "let x = 1")
    assert server.ask("PUT", f"{session}/checkpoints/one").status == 204
    turn(session, "x = 2")
    assert [one["name"] for one in server.ask("GET", session).json()["checkpoints"]] == ["one"]
    assert server.ask("POST", f"{session}/checkpoints/one").status == 204
    assert value(turn(session, "x")) == "1"
    assert server.ask("DELETE", f"{session}/checkpoints/one").status == 204
    assert server.ask("POST", f"{session}/checkpoints/one").status == 404


# ---- files --------------------------------------------------------------------------------------


def test_a_file(server, session, turn):
    files = f"{session}/files"
    data = os.urandom(700_000)
    assert server.ask("PUT", f"{files}?path=a/b.bin", data).json() == {"path": "a/b.bin", "written": len(data)}
    answer = server.ask("GET", f"{files}?path=/workspace/a/b.bin")
    assert (answer.status, answer.body, answer.headers["Accept-Ranges"]) == (200, data, "bytes")
    assert server.ask("HEAD", f"{files}?path=a/b.bin").headers["Content-Length"] == str(len(data))
    assert server.ask("PUT", f"{files}?path=a/b.bin&offset=5", b"xyz").status == 200
    data = data[:5] + b"xyz" + data[8:]
    assert server.ask("GET", f"{files}?path=a/b.bin").body == data
    for text, part in (("0-0", data[:1]), ("5-7", b"xyz"), ("699999-", data[-1:]), ("-3", data[-3:]),
                       ("300000-800000", data[300_000:])):
        answer = server.ask("GET", f"{files}?path=a/b.bin", headers={"Range": f"bytes={text}"})
        assert (answer.status, answer.body) == (206, part), text
        first = len(data) - len(part) if text[0] == "-" else int(text.split("-")[0])
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(data)}"
    for text in ("700000-", "-0"):
        answer = server.ask("GET", f"{files}?path=a/b.bin", headers={"Range": f"bytes={text}"})
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(data)}")
    for text in ("bytes=5-2", "bytes=x", "lines=1-2", "bytes=1-2,4-5", "bytes=-"):
        assert server.ask("GET", f"{files}?path=a/b.bin", headers={"Range": text}).status == 200
    stat = server.ask("GET", f"{files}/stat?path=a/b.bin").json()
    assert (stat["type"], stat["size"]) == ("file", len(data)) and stat["modified_ms"] > 0
    assert server.ask("PUT", f"{files}?path=empty", b"").status == 200
    assert server.ask("GET", f"{files}?path=empty").body == b""


def test_what_there_is_and_changing_it(server, session):
    files = f"{session}/files"
    for name in ("one.txt", "two.txt", "deep/three.txt"):
        server.ask("PUT", f"{files}?path={name}", f"hello {name}\nbye\n".encode())
    names = [one["path"] for one in server.ask("GET", f"{files}/list").json()["files"]]
    assert names == ["/workspace/deep", "/workspace/one.txt", "/workspace/two.txt"]
    assert len(server.ask("GET", f"{files}/list?depth=3").json()["files"]) == 4
    found = server.ask("GET", f"{files}/search?text=three&glob=*.txt").json()["files"]
    assert [(one["path"], one["matches"][0]["line"]) for one in found] == [("/workspace/deep/three.txt", 1)]
    assert server.ask("POST", f"{files}/rename", {"from": "one.txt", "to": "deep/1.txt"}).status == 204
    edit = {"path": "deep/1.txt", "old": "bye", "new": "ciao"}
    assert server.ask("POST", f"{files}/edit", edit).json() == {"replaced": 1}
    assert server.ask("GET", f"{files}?path=deep/1.txt").body == b"hello one.txt\nciao\n"
    edit = {"path": "deep/1.txt", "old": "o", "new": "0"}
    assert server.ask("POST", f"{files}/edit", edit).status == 412
    assert server.ask("POST", f"{files}/edit", {**edit, "all": True}).json() == {"replaced": 3}
    assert server.ask("PUT", f"{files}/folder?path=empty").status == 204
    assert server.ask("DELETE", f"{files}?path=deep").status in (400, 412, 409)
    assert server.ask("DELETE", f"{files}?path=deep&recursive=true").status == 204
    assert server.ask("DELETE", f"{files}?path=deep").status == 404
    for wrong in ("", "?path=", "?path=../etc/passwd", "?path=/etc/passwd", "?path=none", "?path=/workspace"):
        assert 400 <= server.ask("GET", f"{files}{wrong}").status < 500, wrong


def test_archives(server, session, turn):
    files = f"{session}/files/archive"
    long_name = "d" * 90 + "/" + "n" * 200 + ".txt"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (("x/one", b"1"), (long_name, b"long"), ("big", b"b" * 600_000)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    assert server.ask("PUT", f"{files}?path=/workspace/in", out.getvalue()).json() == {"files": 3}
    answer = server.ask("GET", f"{files}?path=/workspace/in")
    assert answer.headers["Content-Type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        assert tar.extractfile("x/one").read() == b"1" and tar.extractfile(long_name).read() == b"long"
        assert len(tar.extractfile("big").read()) == 600_000
    for hostile in ("../../etc/evil", "/etc/evil"):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            info = tarfile.TarInfo(hostile)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
        answer = server.ask("PUT", files, out.getvalue())
        assert answer.status == 400 or answer.json()["files"] == 0, answer
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert server.ask("PUT", files, out.getvalue()).status == 400
    assert server.ask("PUT", files, b"no archive at all" * 100).status == 400


def test_a_server_without_sessions(polyagent, installed_languages, tmp_path):
    server = Server(polyagent, installed_languages, tmp_path, sessions_most=0)
    assert server.ask("POST", "/v1/sessions", {"language": LANGUAGE}).status in (412, 429)
    assert server.stop() == 0


def test_an_archive_has_names_of_any_language(server, session):
    names = ["å", "d/\N{SNOWMAN}", "\N{GRINNING FACE}"]
    for name in names:
        assert server.ask("PUT", f"{session}/files?path={urllib.parse.quote(name)}", name.encode()).status == 200
    answer = server.ask("GET", f"{session}/files/archive")
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        assert {one.name: archive.extractfile(one).read().decode() for one in archive if one.isfile()} == {n: n for n in names}
    assert server.ask("PUT", f"{session}/files/archive?path=again", answer.body).status == 200
    for name in names:
        assert server.ask("GET", f"{session}/files?path={urllib.parse.quote('again/' + name)}").body == name.encode()


# --- turns that wait for each other ---


@pytest.fixture
def narrow(polyagent, installed_languages, tmp_path):
    """A server with two places, and three that may wait; and a session in which a turn without end runs."""
    server = Server(polyagent, installed_languages, tmp_path, LANGUAGE, max_running=2, max_queued_per_caller=3)
    made = server.ask("POST", "/v1/sessions", {"language": LANGUAGE, "recover": True}).json()
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        server.session = made["id"]
        server.later = lambda code: threads.submit(server.call, f"{LANGUAGE}_executor",
                                                   {"code": code, "session_id": made["id"]})
        server.endless = server.later("for (;;);")
        until(lambda: figure(server, "running") == 1)
        yield server
        server.ask("DELETE", f"/v1/sessions/{made['id']}")
    assert server.stop() == 0, server.log()


def interrupt(server):
    until(lambda: server.ask("POST", f"/v1/sessions/{server.session}/interrupt").json() == {"was_running": True})


def figure(server, what):
    return int(re.search(rf"^polyagent_runs_{what} (\d+)$", server.ask("GET", "/metrics").body.decode(), re.M)[1])


def test_turns_that_wait_for_an_earlier_one_take_no_place(narrow):
    waiting = [narrow.later(f"console.log({n})") for n in range(3)]
    until(lambda: figure(narrow, "queued") == 3)
    assert figure(narrow, "running") == 1
    answer = narrow.call(f"{LANGUAGE}_executor", {"code": "console.log('another')"})  # the second place is free
    assert (answer.status, answer.json()["stdout"]) == (200, "another\n")
    refused = narrow.later("1").result(60)  # as many wait as may
    assert refused.status == 429 and "max_queued_per_caller" in refused.json()["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    assert not narrow.endless.done()
    interrupt(narrow)
    outcomes = [one.result(60).json() for one in waiting]
    assert sorted(one["stdout"] for one in outcomes) == ["0\n", "1\n", "2\n"]
    assert all(one["usage"]["queue_ms"] > 0 for one in outcomes)
    assert narrow.endless.result(60).json()["status"] == "cancelled"
    assert (figure(narrow, "running"), figure(narrow, "queued")) == (0, 0)


def test_a_session_ends_although_a_turn_of_it_waits_for_a_place(narrow):
    """Both places are taken by others: the turn has its session, and wants a place."""
    interrupt(narrow)
    narrow.endless.result(60)
    others = [narrow.call(f"{LANGUAGE}_executor", {"code": "for (;;);"}, headers={"Prefer": "respond-async"}).json()["run_id"]
              for _ in range(2)]
    until(lambda: figure(narrow, "running") == 2)
    held = narrow.later("1")
    until(lambda: figure(narrow, "queued") == 1)
    assert narrow.ask("DELETE", f"/v1/sessions/{narrow.session}").status == 204
    answer = held.result(60)
    assert answer.status == 412 and "ended by its owner" in answer.json()["detail"], answer
    for run in others:
        assert narrow.ask("GET", f"/v1/runs/{run}").json()["state"] == "running"
        narrow.ask("DELETE", f"/v1/runs/{run}")


# --- the memory that they hold ---

MIB = 1 << 20
GROW = "globalThis.kept = new Uint8Array({0} * 1048576); for (let i = 0; i < kept.length; i += 1024) kept[i] = 1; 1"


@pytest.fixture
def small(polyagent, installed_languages, tmp_path, request):
    """A server whose sessions hold at most 160 MiB, those of one caller 80 MiB."""
    server = Server(polyagent, installed_languages, tmp_path, LANGUAGE, max_memory_bytes=getattr(request, "param", "400MiB"),
                    sessions_memory_bytes="160MiB")
    server.held = lambda: gauge(server, "polyagent_sessions_memory_bytes")
    server.begin = lambda **more: server.ask("POST", "/v1/sessions", {"language": LANGUAGE, **more})
    server.turn = lambda id, code: server.call(f"{LANGUAGE}_executor", {"code": code, "session_id": id})
    yield server
    assert server.stop() == 0, server.log()


def gauge(server, name):
    return float(re.search(rf"^{name} (\S+)$", server.ask("GET", "/metrics").body.decode(), re.M)[1])


def test_what_sessions_hold_is_counted(small):
    assert small.held() == 0
    first = small.begin().json()["id"]
    assert small.turn(first, "1").status == 200
    assert 1 * MIB <= small.held() < 4 * MIB  # it shares nearly all with what it was forked from
    assert small.turn(first, GROW.format(40)).status == 200
    grown = small.held()
    assert 40 * MIB <= grown < 60 * MIB
    assert small.ask("POST", f"/v1/sessions/{first}/fork", {"count": 1}).status == 429  # past this caller's half
    assert small.turn(first, "kept.length").status == 200
    second = small.begin().json()["id"]
    assert small.ask("PUT", f"/v1/sessions/{second}/files?path=big", b"x" * (10 * MIB)).status == 200
    assert small.held() > grown + 10 * MIB
    for id in (first, second):
        assert small.ask("DELETE", f"/v1/sessions/{id}").status == 204
    assert small.held() == 0


def test_a_fork_holds_what_its_parent_had(small):
    """Shared as long as both live; the fork's alone when the parent has ended."""
    parent = small.begin().json()["id"]
    assert small.turn(parent, GROW.format(25)).status == 200
    alone = small.held()
    (fork,) = small.ask("POST", f"/v1/sessions/{parent}/fork", {"count": 1}).json()["sessions"]
    assert 50 * MIB <= small.held() < 2 * alone + 4 * MIB
    small.ask("DELETE", f"/v1/sessions/{parent}")
    assert 25 * MIB <= small.held() < alone + 4 * MIB
    assert small.ask("PUT", f"/v1/sessions/{fork}/checkpoints/here").status in (200, 201, 204)
    assert small.held() >= 50 * MIB
    small.ask("DELETE", f"/v1/sessions/{fork}")
    assert small.held() == 0


def test_sessions_past_their_share(small):
    first = small.begin().json()["id"]
    assert small.turn(first, GROW.format(90)).status == 200
    for refused in (small.turn(first, "1"), small.begin(), small.ask("PUT", f"/v1/sessions/{first}/checkpoints/a")):
        assert refused.status == 429 and "server.sessions_memory_bytes" in refused.json()["detail"], refused
    assert small.ask("GET", f"/v1/sessions/{first}").json()["state"] == "idle"  # it is there, and can be looked at
    answer = small.call(f"{LANGUAGE}_executor", {"code": "console.log(1)"})  # and others run
    assert answer.json()["stdout"] == "1\n"
    assert small.ask("DELETE", f"/v1/sessions/{first}").status == 204
    assert small.begin().status == 201


@pytest.mark.parametrize("small", ["300MiB"], indirect=True)  # a run may use 256 MiB
def test_a_run_that_does_not_fit_beside_sessions(small):
    first = small.begin().json()["id"]
    assert small.turn(first, GROW.format(60)).status == 200
    answer = small.call(f"{LANGUAGE}_executor", {"code": "console.log(1)"})
    assert answer.status == 429 and "sessions hold" in answer.json()["detail"], answer
    assert int(answer.headers["Retry-After"]) > 0
    assert small.ask("DELETE", f"/v1/sessions/{first}").status == 204
    assert small.call(f"{LANGUAGE}_executor", {"code": "console.log(1)"}).json()["stdout"] == "1\n"
