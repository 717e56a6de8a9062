"""polyagent session: the command line as a client of a running server."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from test_repl import Terminal
from test_service import Service
from waiting import DEADLINE, until

LANGUAGE = "python"
DEAD = "http://127.0.0.1:9"  # discard: nobody listens there


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    server = Service(polyagent, installed_languages, tmp_path_factory.mktemp("cli"), LANGUAGE, sessions_most=100,
                     sessions_per_caller=100)
    server.wait_for("is at its checkpoint")
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def session(run, server, tmp_path):
    """session(*arguments) -> Result of `polyagent session arguments...` against the server."""

    def call(*args, url=None, **more):
        env = {"POLYAGENT_URL": url or f"http://{server.address}", **more.pop("env", {})}
        return run("session", *args, env=env, cwd=tmp_path, **more)

    return call


@pytest.fixture
def new(session):
    """new(*arguments) -> the id of a session, which ends with the test."""
    ids = []

    def make(*args):
        made = session("new", *args)
        assert made.code == 0 and re.fullmatch(r"s-[0-9a-f]{16}\n", made.out), made
        ids.append(made.out.strip())
        return ids[-1]

    yield make
    session("rm", *ids)


def test_life(session, new):
    one = new(LANGUAGE, "--name", "life", "--label", "job=7", "--label", "who=a b", "--env", "A=b", "--idle", "90s",
              "--memory", "64MiB", "--timeout", "5")
    told = session("inspect", "life", "--json").json()
    assert (told["id"], told["name"], told["labels"]) == (one, "life", {"job": "7", "who": "a b"})
    assert told["expires_in_ms"] <= 90000
    assert re.search(rf"(?m)^{one}  life .* idle .* job=7 who=a b$", session("list").out)
    assert one in [each["id"] for each in session("list", "--json").json()["sessions"]]
    assert re.search(r"(?m)^name +life$", session("inspect", one).out)
    assert session("exec", "life", "-c", "import os; os.environ['A']").out == "'b'\n"
    assert session("rm", "life").code == 0
    gone = session("exec", "life", "-c", "1")
    assert (gone.code, gone.out) == (125, "") and "life" in gone.err


def test_programs(session, new, tmp_path):
    one = new()
    said = session("exec", one, "-c", "import sys\nx = 40\nprint('out')\nprint('err', file=sys.stderr)\nx + 2")
    assert (said.code, said.out, said.err) == (0, "out\n42\n", "err\n")
    (tmp_path / "a.py").write_text("import sys; print(x, sys.argv[1:], sys.stdin.read())")
    (tmp_path / "in").write_text("given")
    assert session("exec", one, "--stdin", "in", "a.py", "b", "--json").out == "40 ['b', '--json'] given\n"
    assert session("exec", one, stdin="x + 1").out == "41\n"
    assert session("exec", one, "-", stdin="x + 1").out == "41\n"
    assert session("exec", one, "--script", "-c", "x").out == ""
    assert session("exec", one, "-c", "import sys; sys.exit(3)").code == 3
    failed = session("exec", one, "-c", "1 / 0")
    assert failed.code == 1 and "ZeroDivisionError" in failed.err
    outcome = session("exec", one, "--json", "-c", "print('é'); x")
    assert (outcome.code, outcome.json()["stdout"], outcome.json()["results"]) == (0, "é\n", [{"text/plain": "40"}])
    assert re.search(r"(?m)^x +int +40$", session("inspect", one, "--variables").out)


def test_output_comes_as_it_happens(polyagent, server, new):
    one = new()
    env = {**server.env, "POLYAGENT_URL": f"http://{server.address}"}
    code = "import time; print('now', flush=True); time.sleep(100)"
    program = subprocess.Popen([polyagent, "session", "exec", one, "-c", code], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert program.stdout.readline() == b"now\n"
    program.send_signal(signal.SIGTERM)
    assert program.communicate(timeout=DEADLINE)[1].endswith(b"polyagent: the session has ended\n")
    assert program.returncode == 128 + signal.SIGTERM


def test_a_limit_and_a_signal_take_a_session_back(polyagent, server, session, new):
    one = new("--recover")
    session("exec", one, "-c", "x = 1")
    late = session("exec", one, "--timeout", "200ms", "-c", "x = 2\nwhile True: pass")
    assert late.code == 124 and "timeout_ms" in late.err and "is as before" in late.err
    env = {**server.env, "POLYAGENT_URL": f"http://{server.address}"}
    program = subprocess.Popen([polyagent, "session", "exec", one, "-c", "x = 3\nprint('on', flush=True)\nwhile 1: pass"],
                               env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    program.stdout.readline()
    program.send_signal(signal.SIGINT)
    assert b"is as before" in program.communicate(timeout=DEADLINE)[1] and program.returncode == 130
    thread = threading.Thread(target=session, args=("exec", one, "-c", "while True: pass"))
    thread.start()
    until(lambda: session("interrupt", one).out == "interrupted\n")
    thread.join()
    assert session("interrupt", one).out == "nothing was running\n"
    assert session("exec", one, "-c", "x").out == "1\n"


def test_forks_and_their_tree(session, new):
    one = new("--name", "root", "--label", "a=\x1b[31mred")
    session("exec", one, "-c", "x = 1")
    left, right = session("fork", "root", "-n", "2", "--label", "side=l").out.split()
    below = session("fork", left).out.strip()
    session("exec", below, "-c", "x += 1")
    assert [session("exec", each, "-c", "x").out for each in (one, left, right, below)] == ["1\n", "1\n", "1\n", "2\n"]
    session("rm", right)
    lines = session("tree", below).out.splitlines()
    assert lines[0] == f"{one} root  idle, 2 turns, a=?[31mred"
    assert sorted(lines[1:]) == sorted([
        f"├─ {left}  idle, 2 turns, side=l", f"│  └─ {below}  idle, 3 turns, side=l   <",
        f"└─ {right}  ended (it was ended by its owner), 2 turns, side=l"])
    assert len(session("tree", one, "--json").json()["nodes"]) == 4
    assert len(session("fork", one, "-n", "2", "--json").json()["sessions"]) == 2
    refused = session("fork", one, "-n", "65")
    assert refused.code == 2 and "64" in refused.err
    session("rm", *[node["id"] for node in session("tree", one, "--json").json()["nodes"] if node["state"] != "ended"])


def test_checkpoints(session, new):
    one = new()
    session("exec", one, "-c", "x = 1")
    assert session("checkpoint", one, "keep", "first").code == 0
    session("exec", one, "-c", "x = 2")
    assert session("checkpoint", one, "back", "first").code == 0
    assert session("exec", one, "-c", "x").out == "1\n"
    assert session("checkpoint", one, "drop", "first").code == 0
    gone = session("checkpoint", one, "back", "first")
    assert gone.code == 125 and "first" in gone.err
    assert session("checkpoint", one, "hold", "first").code == 2


def test_files(session, new, tmp_path):
    one = new()
    data = os.urandom((1 << 20) + 4097)  # more than one piece
    (tmp_path / "local").write_bytes(data)
    assert session("files", one, "put", "d/å &?#%.bin", "local").code == 0
    assert session("files", one, "get", "d/å &?#%.bin").out_bytes == data
    assert session("files", one, "get", "/workspace/d/å &?#%.bin", "back").code == 0
    assert (tmp_path / "back").read_bytes() == data
    for text in (b"text", b""):
        assert session("files", one, "put", "t", stdin=text).code == 0
        assert session("files", one, "get", "t", "-").out_bytes == text
    assert re.findall(r"(/workspace\S+)", session("files", one, "ls").out) == ["/workspace/d/", "/workspace/t"]
    assert "å &?#%.bin\n" in session("files", one, "ls", "--recursive").out
    assert [each["size"] for each in session("files", one, "ls", "d", "--json").json()["files"]] == [len(data)]
    full = session("files", one, "rm", "d")
    assert full.code == 125 and "d" in full.err
    assert session("files", one, "rm", "d", "--recursive").code == 0
    missing = session("files", one, "get", "d/x", "never")
    assert missing.code == 125 and not (tmp_path / "never").exists()
    assert session("files", one, "put", "t", "never").code == 125
    assert session("files", one, "move", "t").code == 2


# --- a prompt -----------------------------------------------------------------------------------


def test_attached_through_a_pipe(session, new):
    one = new()
    done = session("attach", one, stdin="x = 1\nfor i in range(2):\n    print(i)\n\n1 / 0\nx + 1\n")
    assert (done.code, done.out) == (0, "0\n1\n2\n") and "ZeroDivisionError" in done.err
    assert session("exec", one, "-c", "x").out == "1\n"
    ended = session("attach", one, stdin="import os; os._exit(4)\nprint('never')\n")
    assert (ended.code, ended.out) == (4, "") and "the session has ended" in ended.err
    assert session("attach", one).code == 125


def test_attached_on_a_terminal(polyagent, server, new, tmp_path):
    one = new("--recover")
    env = {**server.env, "POLYAGENT_URL": f"http://{server.address}", "POLYAGENT_CACHE_HOME": str(tmp_path)}
    terminal = Terminal(polyagent, env, "session", "attach", one)
    try:
        assert f"session {one}" in terminal.expect(">>> ")
        assert terminal.enter("y = 20") == ""
        assert terminal.enter("y + 1") == "21"
        terminal.type("print('on', flush=True); exec('while True: pass')\n")
        terminal.expect("on\n")
        terminal.type("\x03")
        assert "is as before" in terminal.expect(">>> ")
        assert terminal.enter("y + 2") == "22"
        terminal.type("\x04")
        assert terminal.end() == 0
    finally:
        terminal.close()


# --- servers that are none, keys ----------------------------------------------------------------


def test_no_server_there(session):
    none = session("list", url=DEAD)
    assert (none.code, none.out) == (125, "") and "polyagent serve" in none.err and DEAD in none.err
    assert session("list", "--server", DEAD).code == 125
    for url, word in (("https://localhost:1", "proxy"), ("localhost:80", "http://HOST:PORT"), ("http://", "http://HOST:PORT"),
                      ("http://a:0", "http://HOST:PORT"), ("http://a b", "http://HOST:PORT")):
        bad = session("list", url=url)
        assert bad.code == 2 and word in bad.err


def test_keys(polyagent, installed_languages, session, run, tmp_path):
    made = run("key", "new", "ci")
    (tmp_path / "keys.yaml").write_text("keys:\n" + made.err)
    (tmp_path / "keys.yaml").chmod(0o600)
    folder = tmp_path / "server"
    folder.mkdir()
    server = Service(polyagent, installed_languages, folder, api_keys_file=tmp_path / "keys.yaml")
    url = f"http://{server.address}"
    assert "set POLYAGENT_API_KEY" in session("list", url=url).err
    wrong = session("list", url=url, env={"POLYAGENT_API_KEY": "pa_wrong"})
    assert wrong.code == 125 and "does not know the key" in wrong.err
    assert session("list", url=url, env={"POLYAGENT_API_KEY": made.out.strip()}).code == 0
    assert session("list", url=url, env={"POLYAGENT_API_KEY": "a\r\nX: y"}).code == 2
    assert server.stop() == 0


ANSWERS = {  # what a stranger answers, and what is said of it (None: it is taken)
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n{\"se\r\n10\r\nssions\": [], \"a\"\r\n3\r\n:1}\r\n0\r\nA: b\r\n\r\n": None,
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}etc": None,
    b"HTTP/1.0 200 OK\r\n\r\n{}": None,
    b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}": "hung up",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}": "hung up",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n": "does not speak HTTP",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n": "does not speak HTTP",
    b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\n": "does not speak HTTP",
    b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000: "does not speak HTTP",
    b"HTTP/1.1 200 OK\r\n" + b"A" * 200000: "does not speak HTTP",
    b"\x15\x03\x01\x00\x02\x02\x0a": "does not speak HTTP",
    b"": "does not speak HTTP",
    b"HTTP/1.1 200 OK\r\n\r\nhello": "something else than JSON",
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>": "status 502",
    b"HTTP/1.1 429 X\r\nContent-Type: application/problem+json\r\n\r\n{\"detail\": \"slowly\", \"code\": \"RESOURCE_EXHAUSTED\"}": "slowly",
}


def test_what_a_stranger_answers(session):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            for answer in ANSWERS:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        for answer, said in ANSWERS.items():
            done = session("list", url=f"http://127.0.0.1:{listener.getsockname()[1]}")
            assert done.code == (125 if said else 0) and (said or "ID") in done.err + done.out, (answer[:80], done)
        thread.join()


def test_usage(session):
    assert session("--help").out.startswith("Usage: polyagent session")
    assert session("fork", "--help").code == 0
    for args, word in (((), "what is to be done"), (("dance",), "dance"), (("fork",), "fork ID"), (("tree", "a", "b"), "tree ID"),
                       (("fork", "a", "--recover"), "--recover is not an option"), (("new", "--limit", "x=1"), "--limit x=1"),
                       (("new", "--label", "x"), "NAME=VALUE"), (("list", "--nonsense"), "--nonsense"),
                       (("exec", "a", "-c"), "wants a value"), (("fork", "a", "-n", "two"), "--count two")):
        wrong = session(*args)
        assert wrong.code == 2 and word in wrong.err, (args, wrong)
