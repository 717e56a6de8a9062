"""HTTP as its callers see it: every route, its errors, streams, and calls that nobody waits for."""

import contextlib
import hashlib
import http.server
import json
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time
import uuid

import pytest

from http_server import Server, ask, lines, post, receive
from waiting import Gate, until

LANGUAGE = "javascript"  # the smallest
TOOL = "javascript_executor"
WASM = b"\0asm\1\0\0\0"


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("gate"))
    server = Server(polyagent, installed_languages, tmp_path_factory.mktemp("http"), LANGUAGE,
                    max_running=4, max_queued=2, volumes_directory=gate.volumes)
    server.gate = gate
    yield server
    assert server.stop() == 0, server.log()


def check_problem(answer, status, code, *words):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    for word in words:
        assert word in problem["detail"], problem
    return problem


# ---- what there is ------------------------------------------------------------------------------


def test_health_and_readiness(server):
    assert server.ask("GET", "/healthz").json() == {"status": "ok"}
    assert server.ask("GET", "/readyz").json() == {"status": "ready"}
    head = server.ask("HEAD", "/healthz")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "15")


def test_metrics(server):
    answer = server.ask("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"# TYPE polyagent_" in answer.body


def test_tools_and_languages(server):
    tools = {tool["name"]: tool for tool in server.ask("GET", "/v1/tools").json()["tools"]}
    assert {"code_executor", "python_wasi_runner", "python_executor", TOOL, "ruby_executor"} <= set(tools)
    assert server.ask("GET", f"/v1/tools/{TOOL}").json() == tools[TOOL]
    assert tools[TOOL]["input_schema"]["properties"]["code"]
    names = {language["name"] for language in server.ask("GET", "/v1/languages").json()["languages"]}
    assert {"python", LANGUAGE, "ruby"} <= names
    check_problem(server.ask("GET", "/v1/tools/none"), 404, "NOT_FOUND", "none")


def test_openapi_is_made_of_what_is_served(server):
    document = server.ask("GET", "/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    tool = server.ask("GET", f"/v1/tools/{TOOL}").json()
    call = document["paths"][f"/v1/tools/{TOOL}"]["post"]
    assert call["requestBody"]["content"]["application/json"]["schema"] == tool["input_schema"]
    for path, operations in document["paths"].items():
        for method in operations:
            allowed = server.ask("OPTIONS", path.replace("{", "").replace("}", "")).headers["Allow"]
            assert method.upper() in allowed, (path, method, allowed)


# ---- calls --------------------------------------------------------------------------------------


def test_a_call(server):
    answer = server.call(TOOL, {"code": "console.log(6 * 7)"})
    outcome = answer.json()
    assert (answer.status, outcome["status"], outcome["stdout"]) == (200, "ok", "42\n")
    assert answer.headers["traceparent"].startswith("00-")
    assert outcome["run_id"].startswith("r-")


@pytest.mark.parametrize("code, limits, status", [
    ("throw new Error('no')", {}, "error"), ("while (true);", {"timeout_ms": 1000}, "timeout"),
    ("let a = []; while (true) a.push(new Array(1000).fill(1))", {"memory_bytes": 64 << 20}, "out_of_memory")])
def test_whatever_the_guest_does_is_200(server, code, limits, status):
    answer = server.call(TOOL, {"code": code, "limits": limits})
    assert (answer.status, answer.json()["status"]) == (200, status)


def test_a_trace_goes_on(server):
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = server.call(TOOL, {"code": ""}, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert answer.headers["traceparent"].split("-")[1] == trace
    assert answer.headers["traceparent"].split("-")[2] != "b7ad6b7169203331"


def test_a_deadline_shortens_a_run(server):
    began = time.monotonic()
    answer = server.call(TOOL, {"code": "while (true);"}, "?timeout_ms=300")
    assert time.monotonic() - began < 20  # not the 30 s of a run
    assert answer.json()["status"] == "timeout" if answer.status == 200 else answer.status == 504, answer


def test_one_connection_serves_many_calls(server):
    with contextlib.closing(server.connect()) as connection:
        for number in range(20):
            answer = ask(connection, "POST", f"/v1/tools/{TOOL}", {"code": f"console.log({number})"})
            assert answer.json()["stdout"] == f"{number}\n"
        assert ask(connection, "GET", "/nowhere").status == 404
        assert ask(connection, "POST", f"/v1/tools/{TOOL}", "{", {"Content-Type": "application/json"}).status == 400
        assert ask(connection, "GET", "/healthz").status == 200


def test_chunked_and_pipelined(server):
    body = b'{"code": "console.log(1)"}'
    chunked = (f"POST /v1/tools/{TOOL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               "Transfer-Encoding: chunked\r\n\r\n").encode()
    chunked += b"".join(b"%x\r\n%b\r\n" % (1, body[i:i + 1]) for i in range(len(body))) + b"0\r\n\r\n"
    with server.socket() as connection:
        connection.sendall(chunked + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = receive(connection)
    assert got.count(b"HTTP/1.1 200 OK") == 2 and b'"stdout":"1\\n"' in got and got.endswith(b'{"status":"ok"}')


def test_absolute_form_of_a_target(server):
    request = b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with server.socket() as connection:
        connection.sendall(request)
        assert receive(connection).endswith(b'{"status":"ok"}')


# ---- what is wrong with a request ---------------------------------------------------------------


def test_faults_come_all_at_once(server):
    problem = check_problem(server.call(TOOL, {"code": 1, "nonsense": 2, "limits": {"timeout_ms": -1}}), 400,
                            "INVALID_ARGUMENT")
    assert {fault["path"] for fault in problem["faults"]} == {"/code", "/nonsense", "/limits/timeout_ms"}


def test_bodies_that_are_no_json(server):
    for body in ("{", "[1]", "nul", '{"a": 1, "a": 2}', '"\\ud800"', "\x00"):
        answer = server.ask("POST", f"/v1/tools/{TOOL}", body, {"Content-Type": "application/json"})
        check_problem(answer, 400, "INVALID_ARGUMENT")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = server.ask("POST", f"/v1/tools/{TOOL}", "{}", {"Content-Type": kind})
        check_problem(answer, 415, "INVALID_ARGUMENT", "application/json")


def test_json_that_is_deep(server):
    for depth in (2000, 100_000):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            body = '{"code": ' + opening * depth + "1" + closing * depth + "}"
            answer = server.ask("POST", f"/v1/tools/{TOOL}", body, {"Content-Type": "application/json"})
            check_problem(answer, 400, "INVALID_ARGUMENT")


def test_unknown_paths_and_methods(server):
    check_problem(server.ask("GET", "/v1/nothing"), 404, "NOT_FOUND", "/openapi.json")
    for path in ("/v1/tools/%zz", "/%00", "/v1/../healthz", "/v1/tools/%ff", "/" + "a/" * 20):
        check_problem(server.ask("GET", path), 400, "INVALID_ARGUMENT")
    answer = server.ask("DELETE", "/v1/tools")
    check_problem(answer, 405, "UNIMPLEMENTED", "GET")
    assert answer.headers["Allow"] == "GET, HEAD"
    check_problem(server.ask("POST", "/v1/tools/none", {"code": ""}), 404, "NOT_FOUND", "none")


def test_query_parameters(server):
    check_problem(server.call(TOOL, {"code": ""}, "?timeout_ms=0"), 400, "INVALID_ARGUMENT", "timeout_ms")
    check_problem(server.call(TOOL, {"code": ""}, "?timeout_ms=x"), 400, "INVALID_ARGUMENT", "timeout_ms")
    check_problem(server.call(TOOL, {"code": ""}, "?stream=xml"), 400, "INVALID_ARGUMENT", "ndjson")


def test_full_is_429_at_once(server):
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(server.socket()) for _ in range(6)]
        for connection in waiting:
            connection.sendall(post(f"/v1/tools/{TOOL}", {"code": "while (true);"}))
        until(lambda: gauges(server) == (4, 2))
        answer = server.call(TOOL, {"code": ""})
        assert gauges(server) == (4, 2)
        problem = check_problem(answer, 429, "RESOURCE_EXHAUSTED")
        assert int(answer.headers["Retry-After"]) >= 1 and problem["retry_after_ms"] > 0
        # The same while a stream is asked for: no run began, so it is no event but the status.
        check_problem(server.call(TOOL, {"code": ""}, "?stream=sse"), 429, "RESOURCE_EXHAUSTED")
        check_problem(server.call(TOOL, {"code": ""}, headers={"Prefer": "respond-async"}), 429, "RESOURCE_EXHAUSTED")
    until(lambda: server.call(TOOL, {"code": ""}).status == 200)


def gauges(server):
    """How many runs go on, and how many wait."""
    text = server.ask("GET", "/metrics").body.decode()
    return tuple(int(re.search(rf"\npolyagent_runs_{name} (\d+)\n", text)[1]) for name in ("running", "queued"))


# ---- streams ------------------------------------------------------------------------------------


def test_lines_of_json(server):
    answer = server.call(TOOL, {"code": "console.log('a'); console.error('b'); 1 + 1", "mode": "expression"},
                         "?stream=ndjson")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    events = lines(answer)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "run" and kinds[-1] == "outcome"
    assert {"type": "stdout", "text": "a\n"} in events and {"type": "stderr", "text": "b\n"} in events
    assert any(event["type"] == "result" and event["data"]["text/plain"] == "2" for event in events)
    outcome = events[-1]["outcome"]
    assert outcome["stdout"] == "a\n" and outcome["run_id"] == events[0]["run_id"]


def test_server_sent_events(server):
    answer = server.call(TOOL, {"code": "console.log('a\\nb')"}, headers={"Accept": "text/event-stream"})
    assert answer.headers["Content-Type"] == "text/event-stream"
    events = [dict(line.split(": ", 1) for line in event.splitlines())
              for event in answer.body.decode().strip().split("\n\n")]
    assert [json.loads(event["data"])["type"] for event in events] == [event["event"] for event in events]
    assert json.loads(events[-1]["data"])["outcome"]["stdout"] == "a\nb\n"


def test_events_come_as_they_happen(server):
    asked = {"code": f"console.log('first'); {server.gate.javascript} console.log('second')", "volumes": server.gate.mounted}
    with server.socket() as connection:
        connection.sendall(post(f"/v1/tools/{TOOL}?stream=ndjson", asked, "Connection: close"))
        data = b""
        while b"first" not in data:
            data += connection.recv(65536)
        server.gate.arrived()
        server.gate.open()
        assert b"second" in receive(connection)


def test_characters_are_whole(server):
    """Output is cut into frames anywhere; the text of an event is not."""
    text = "€𝄞" * 40000
    events = lines(server.call(TOOL, {"code": "for (let i = 0; i < 4; i++) console.log('€𝄞'.repeat(10000))"},
                               "?stream=ndjson"))
    got = "".join(event["text"] for event in events if event["type"] == "stdout")
    assert got.replace("\n", "") == text and len([e for e in events if e["type"] == "stdout"]) > 1


def test_what_is_refused_before_it_runs_is_no_stream(server):
    check_problem(server.call(TOOL, {"code": 1}, "?stream=ndjson"), 400, "INVALID_ARGUMENT")
    check_problem(server.call("none", {"code": ""}, "?stream=sse"), 404, "NOT_FOUND")


# ---- runs ---------------------------------------------------------------------------------------


def test_a_call_that_nobody_waits_for(server):
    answer = server.call(TOOL, {"code": "console.log('later')"}, headers={"Prefer": "respond-async, wait=1"})
    assert answer.status == 202 and answer.headers["Preference-Applied"] == "respond-async"
    path = answer.headers["Location"]
    assert path == f"/v1/runs/{answer.json()['run_id']}"
    until(lambda: server.ask("GET", path).json()["state"] == "done")
    assert server.ask("GET", path).json()["outcome"]["stdout"] == "later\n"


def test_cancelling_a_run(server):
    path = server.call(TOOL, {"code": "while (true);"}, headers={"Prefer": "respond-async"}).headers["Location"]
    until(lambda: server.ask("GET", path).json()["state"] == "running")
    assert server.ask("DELETE", path).status == 204
    until(lambda: server.ask("GET", path).json()["state"] == "done")
    assert server.ask("GET", path).json()["outcome"]["status"] == "cancelled"
    for method in ("GET", "DELETE"):
        check_problem(server.ask(method, "/v1/runs/r-none"), 404, "NOT_FOUND")


# ---- modules ------------------------------------------------------------------------------------


@pytest.fixture
def forgotten(installed_languages):
    """What is stored in the cache during the test is removed from it afterwards."""
    store = pathlib.Path(installed_languages["POLYAGENT_CACHE_HOME"]) / "uploads"
    before = set(store.glob("*"))
    yield
    for path in set(store.glob("*")) - before:
        path.unlink()


def test_modules_by_their_digest(server, wat, forgotten):
    module = wat('(module (import "wasi_snapshot_preview1" "proc_exit" (func $e (param i32)))'
                 ' (memory (export "memory") 1) (func (export "_start") (call $e (i32.const 7))))').read_bytes()
    module += f";; {uuid.uuid4()}".encode()
    digest = hashlib.sha256(module).hexdigest()
    check_problem(server.ask("GET", f"/v1/modules/{digest}"), 404, "NOT_FOUND")
    for _ in range(2):
        answer = server.ask("PUT", "/v1/modules", module)
        assert (answer.status, answer.json()) == (201, {"sha256": digest})
        assert answer.headers["Location"] == f"/v1/modules/{digest}"
    assert server.ask("GET", f"/v1/modules/{digest}").json() == {"sha256": digest, "size": len(module)}
    assert server.ask("HEAD", f"/v1/modules/{digest}").status == 200
    outcome = server.call("code_executor", {"wasm_sha256": digest}).json()
    assert (outcome["status"], outcome["exit_code"]) == ("error", 7), outcome


def test_a_module_in_a_form(server, forgotten):
    big = WASM + b"\0" + struct.pack("<B", 0) + b"\r\n--no" * 20000  # past what is kept in memory
    body = (b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n"
            b"--b\r\nContent-Disposition: form-data; name=\"module\"; filename=\"a.wasm\"\r\n"
            b"Content-Type: application/wasm\r\n\r\n" + big + b"\r\n--b--\r\n")
    kind = {"Content-Type": 'multipart/form-data; boundary="b"'}
    assert server.ask("PUT", "/v1/modules", body, kind).json() == {"sha256": hashlib.sha256(big).hexdigest()}
    for broken in (body.replace(b'name="module"', b'name="other"'), body.replace(b"--b--", b""), b"", b"--b\r\n"):
        check_problem(server.ask("PUT", "/v1/modules", broken, kind), 400, "INVALID_ARGUMENT")
    check_problem(server.ask("PUT", "/v1/modules", body, {"Content-Type": "multipart/form-data"}), 400,
                  "INVALID_ARGUMENT", "boundary")
    check_problem(server.ask("PUT", "/v1/modules", b""), 400, "INVALID_ARGUMENT")
    check_problem(server.ask("GET", "/v1/modules/abc"), 400, "INVALID_ARGUMENT", "hexadecimal")


def test_the_tour_with_curl(server, root):
    done = subprocess.run([root / "examples/curl/tour", f"http://{server.address}"], capture_output=True, timeout=100,
                          check=False)
    assert done.returncode == 0, done
    for words in (b'"stdout":"45\\n"', b'"type":"outcome"', b'"state":"done"', b"Hello PolyAgent", b'"text/plain":"21"',
                  b'"text/plain":"40"', b"A,B\n1,2\n"):
        assert words in done.stdout, (words, done)


# ---- tasks --------------------------------------------------------------------------------------


def test_tasks_that_bring_their_code(server):
    answer = server.ask("POST", "/v1/tasks", {"task": "Execute JavaScript: console.log('task')"})
    assert answer.json()["tool"] == TOOL and answer.json()["outcome"]["stdout"] == "task\n", answer
    fenced = "Run this:\n```javascript\nconsole.log(1 + 1)\n```"
    assert server.ask("POST", "/v1/tasks", {"task": fenced}).json()["outcome"]["stdout"] == "2\n"


def test_a_task_as_it_happens(server):
    for stream, start in (("ndjson", ""), ("sse", "data: ")):
        answer = server.ask("POST", f"/v1/tasks?stream={stream}", {"task": "Execute JavaScript: console.log('task')"})
        events = [json.loads(line[len(start):]) for line in answer.body.decode().splitlines() if line.startswith(start + "{")]
        assert events[1] == {"type": "task", "tool": TOOL, "parameters": {"code": "console.log('task')"}}, answer
        assert events[0]["type"] == "run" and events[-1]["outcome"]["stdout"] == "task\n"
    check_problem(server.ask("POST", "/v1/tasks?stream=x", {"task": "Execute JavaScript: 1"}), 400, "INVALID_ARGUMENT")
    answer = server.ask("POST", "/v1/tasks", {"task": "Execute JavaScript: 1"}, {"Prefer": "respond-async"})
    assert answer.status == 202 and answer.headers["Location"].endswith(answer.json()["run_id"])


def test_tasks_that_need_a_model(server):
    problem = check_problem(server.ask("POST", "/v1/tasks", {"task": "compute the factorial of 10"}), 422,
                            "FAILED_PRECONDITION", "server.tasks_endpoint")
    assert problem["title"]
    for body in ({}, {"task": 1}, {"task": ""}, {"task": "x", "more": 1}):
        check_problem(server.ask("POST", "/v1/tasks", body), 400, "INVALID_ARGUMENT")


class Model(http.server.BaseHTTPRequestHandler):
    """An endpoint with OpenAI's chat completions, as far as one question needs it."""

    asked = []
    reply = (200, {"choices": [{"message": {"content": "Here:\n```javascript\nconsole.log(3628800)\n```"}}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], body))
        status, value = self.reply
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        pass


@pytest.fixture
def model(polyagent, installed_languages, tmp_path):
    endpoint = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    key = tmp_path / "key"
    key.write_text("sk-secret\n")
    server = Server(polyagent, installed_languages, tmp_path, LANGUAGE, tasks_model="writer",
                    tasks_endpoint=f"http://127.0.0.1:{endpoint.server_port}/v1", tasks_api_key_file=key)
    yield server
    assert server.stop() == 0
    endpoint.shutdown()
    endpoint.server_close()


def test_a_model_writes_the_code(model, monkeypatch):
    answer = model.ask("POST", "/v1/tasks", {"task": "Compute the factorial of 10 in JavaScript"})
    assert answer.json()["outcome"]["stdout"] == "3628800\n" and answer.json()["written_by"] == "writer", answer
    path, key, body = Model.asked[-1]
    assert (path, key, body["model"]) == ("/v1/chat/completions", "Bearer sk-secret", "writer")
    assert any("factorial of 10" in message["content"] for message in body["messages"])
    assert "sk-secret" not in model.log()
    for reply, words in (((500, {}), "500"), ((200, b"no json"), "chat completion"), ((200, {"choices": []}), "chat")):
        monkeypatch.setattr(Model, "reply", reply)
        check_problem(model.ask("POST", "/v1/tasks", {"task": "do something in JavaScript"}), 503, "UNAVAILABLE", words)


# ---- a client that goes -------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?stream=ndjson", "?stream=sse"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_run_ends_when_its_client_has_gone(server, query, reset):
    said = len(server.log())
    with server.socket() as connection:
        connection.sendall(post(f"/v1/tools/{TOOL}{query}", {"code": "while (true);"}))
        until(lambda: gauges(server)[0] == 1)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.wait_for("(?i)cancelled in", since=said)


def test_a_run_that_floods_ends_when_its_client_has_gone(server):
    said = len(server.log())
    with server.socket() as connection:
        connection.sendall(post(f"/v1/tools/{TOOL}?stream=ndjson",
                                {"code": "while (true) console.log('x'.repeat(1000))"}))
        connection.recv(1000)
        time.sleep(0.5)
    server.wait_for("(?i)(cancelled|output_limit) in", since=said)
