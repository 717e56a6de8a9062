"""Sessions over HTTP: turns, forks, checkpoints, branches and files."""

import io
import os
import tarfile
import threading
import time
import urllib.parse

import pytest

from http_server import Server, lines

LANGUAGE = "javascript"


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    server = Server(polyagent, installed_languages, tmp_path_factory.mktemp("http"), LANGUAGE)
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
    time.sleep(0.3)
    assert server.ask("POST", f"{session}/interrupt").json() == {"was_running": True}
    thread.join()
    assert outcomes[0]["status"] == "cancelled" and value(turn(session, "y")) == "1"
    assert server.ask("POST", f"{session}/interrupt").json() == {"was_running": False}


def test_what_waits_for_a_turn_can_give_up(server, session, turn):
    server.ask("PUT", f"{session}/files?path=f", "x")
    thread = threading.Thread(target=turn, args=(session, "const until = Date.now() + 1500; while (Date.now() < until);"))
    thread.start()
    time.sleep(0.3)
    for method, path in (("POST", "fork?"), ("PUT", "checkpoints/c?"), ("GET", "files?path=f&"), ("GET", "files/list?"),
                         ("GET", "files/archive?"), ("DELETE", "files?path=f&")):
        answer = server.ask(method, f"{session}/{path}timeout_ms=50")
        assert answer.status == 504 and "busy until the deadline" in answer.json()["detail"], (path, answer)
    with server.socket() as gone:  # and what nobody waits for any more is not done
        gone.sendall(f"POST {session}/fork HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        time.sleep(0.2)
        assert thread.is_alive()
    thread.join()
    state = server.ask("GET", session).json()
    assert (state["forks"], state["checkpoints"]) == (0, [])
    assert server.ask("GET", f"{session}/files?path=f").body == b"x"


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
