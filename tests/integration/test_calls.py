"""Tools of the caller's through the doors: asked while the program runs, answered by the client."""

import http.client
import http.server
import json
import queue
import threading
import time

import pytest

from grpc_server import AGENT, GrpcServer, agent, grpc, request, serialize
from test_service import Service

NUMBER = {"type": "integer"}
ADD = {"name": "add", "description": "Adds.", "parameters": {
    "type": "object", "properties": {"a": NUMBER, "b": NUMBER}, "required": ["a", "b"], "additionalProperties": False}}
ANY = {"name": "any", "parameters": {"type": "object"}}


@pytest.fixture(scope="module")
def start(polyagent, installed_languages, tmp_path_factory):
    started = []

    def call(**settings):
        started.append(Service(polyagent, installed_languages, tmp_path_factory.mktemp("server"), "python", "javascript", **settings))
        return started[-1]

    yield call
    for one in started:
        assert one.stop() == 0, one.log()


@pytest.fixture(scope="module")
def server(start):
    return start()


def events_of(server, language, code, tools, stream="ndjson", **parameters):
    """The events of a streamed call, as they come."""
    connection = http.client.HTTPConnection(server.address, timeout=60)
    connection.request("POST", f"/v1/tools/{language}_executor?stream={stream}",
                       json.dumps({"code": code, "tools": tools, **parameters}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    for line in answer:
        if stream == "sse":
            if not line.startswith(b"data: "):
                continue
            line = line[6:]
        yield json.loads(line)
    connection.close()


def reply(server, event, **body):
    status, _, text = server.ask("POST", f"/v1/runs/{event['run_id']}/calls/{event['call_id']}", body)
    return status, text


def run(server, language, code, tools, answer, **parameters):
    """The outcome; answer(event) gives what is replied, as keywords."""
    for event in events_of(server, language, code, tools, **parameters):
        if event["type"] == "call":
            assert reply(server, event, **answer(event))[0] == 204
    assert event["type"] == "outcome", event
    return event["outcome"]


def add(event):
    return {"result": event["arguments"]["a"] + event["arguments"]["b"]}


@pytest.mark.parametrize("stream", ["ndjson", "sse"])
@pytest.mark.parametrize("language, code", [
    ("python", "from sandbox import tools\nprint(tools.add(a=2, b=40))"),
    ("javascript", "console.log(await tools.add({a: 2, b: 40}))"),
    ("ruby", "puts Sandbox.tools.add(a: 2, b: 40)"),
])
def test_a_call_is_an_event_and_its_answer_a_request(server, language, code, stream):
    outcome = run(server, language, code, [ADD], add, stream=stream)
    assert (outcome["status"], outcome["stdout"]) == ("ok", "42\n"), outcome
    assert [(c["name"], c["status"]) for c in outcome["calls"]] == [("add", "ok")]


def test_an_error_is_an_exception(server):
    code = "from sandbox import tools, ToolError\ntry: tools.any(x=1)\nexcept ToolError as e: print(e)"
    outcome = run(server, "python", code, [ANY], lambda event: {"error": "not today"})
    assert (outcome["stdout"], outcome["calls"][0]["status"]) == ("not today\n", "error")


def test_what_does_not_fit_the_schema_is_not_asked(server):
    code = ("import json, os\n"
            "fd = os.open('/dev/sandbox/call', os.O_RDWR)\n"
            "os.write(fd, b'{\"id\":1,\"name\":\"add\",\"arguments\":{\"a\":\"x\"}}\\n')\nprint(os.read(fd, 1000).decode(), end='')")
    events = list(events_of(server, "python", code, [ADD]))
    assert not [e for e in events if e["type"] == "call"]
    outcome = events[-1]["outcome"]
    assert "error" in json.loads(outcome["stdout"]) and outcome["calls"][0]["status"] == "refused"


def test_parallel_calls_are_answered_in_any_order(server):
    code = ("const order = [];\n"
            "await Promise.all([1, 2, 3, 4].map(async n => { const got = await tools.any({n}); order.push(got); }));\n"
            "console.log(order.join(' '))")
    waiting, outcome = [], None
    for event in events_of(server, "javascript", code, [ANY]):
        if event["type"] == "call":
            waiting.append(event)
            if len(waiting) == 4:  # all four are under way before any is answered
                for one in reversed(waiting):
                    assert reply(server, one, result=one["arguments"]["n"] * 10)[0] == 204
                    time.sleep(0.05)
        elif event["type"] == "outcome":
            outcome = event["outcome"]
    assert outcome["stdout"] == "40 30 20 10\n" and len(outcome["calls"]) == 4, outcome


def test_each_tool_has_a_time_of_its_own(server):
    code = "from sandbox import tools, ToolError\ntry: tools.any()\nexcept ToolError as e: print(e)"
    events = list(events_of(server, "python", code, [{**ANY, "timeout_ms": 300}]))
    outcome = events[-1]["outcome"]
    assert "300 ms" in outcome["stdout"] and outcome["calls"][0]["status"] == "error"
    late = next(e for e in events if e["type"] == "call")
    assert reply(server, late, result=1)[0] == 404


def test_the_runs_own_limit_counts_while_it_waits(server):
    outcome = list(events_of(server, "python", "from sandbox import tools\ntools.any()", [ANY], limits={"timeout_ms": 3000}))[-1]["outcome"]
    assert (outcome["status"], outcome["calls"][0]["status"]) == ("timeout", "abandoned")


def test_an_answer_is_taken_once_and_from_its_caller(server):
    seen = []

    def answer(event):
        seen.append(event)
        assert server.ask("POST", f"/v1/runs/{event['run_id']}/calls/{event['call_id'] + 1}", {"result": 1})[0] == 404
        assert server.ask("POST", f"/v1/runs/{event['run_id']}/calls/x", {"result": 1})[0] == 400
        assert server.ask("POST", f"/v1/runs/r-{'0' * 32}/calls/1", {"result": 1})[0] == 404
        for body in ({}, {"result": 1, "error": "x"}, {"error": 1}, {"other": 1}):
            assert reply(server, event, **body)[0] == 400
        return {"result": None}

    outcome = run(server, "python", "from sandbox import tools\nprint(tools.any())", [ANY], answer)
    assert outcome["stdout"] == "None\n"
    assert reply(server, seen[0], result=1)[0] == 404


def test_without_a_stream_it_is_a_fault(server):
    status, _, body = server.ask("POST", "/v1/tools/python_executor", {"code": "", "tools": [ANY]})
    fault = json.loads(body)["faults"][0]
    assert (status, fault["path"]) == (400, "/tools") and "?stream=ndjson" in fault["allowed"]
    status, _, body = server.ask("POST", "/v1/tools/python_executor", {"code": "", "tools": [ANY]}, Prefer="respond-async")
    assert status == 400 and "stream" in body


@pytest.mark.parametrize("tools, path", [
    ([{"name": "a b", "parameters": {}}], "/tools/0/name"),
    ([{"name": "a"}], "/tools/0/parameters"),
    ([ADD, ADD], "/tools"),
    ([{"name": "a", "parameters": {"type": "string"}}], "/tools"),
    ([{**ANY, "timeout_ms": 0}], "/tools/0/timeout_ms"),
    ({}, "/tools"),
])
def test_faults_of_an_offer(server, tools, path):
    status, _, body = server.ask("POST", "/v1/tools/python_executor?stream=ndjson", {"code": "", "tools": tools})
    assert status == 400 and json.loads(body)["faults"][0]["path"] == path, body


def test_in_a_session(server):
    outcome = run(server, "python", "from sandbox import tools\nx = tools.add(1, 2)", [ADD], add, new_session=True)
    events = list(events_of(server, "python", "print(x)\nfrom sandbox import tools", [], session_id=outcome["session_id"]))
    assert events[-1]["outcome"]["stdout"] == "3\n" and "offers no tools" in events[-1]["outcome"]["error"]["value"]
    assert server.ask("DELETE", f"/v1/sessions/{outcome['session_id']}")[0] == 204


# --- approval -----------------------------------------------------------------------------------


class Approver(http.server.ThreadingHTTPServer):
    """Allows `add` and nothing else."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.asked.append(question)
            answer = {"allow": True} if question["name"] == "add" else {"allow": False, "reason": "only sums"}
            body = json.dumps(answer).encode()
            self.send_response(500 if question["arguments"].get("a") == 500 else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass


def test_each_call_is_approved_first(start):
    approver = Approver()
    server = start(calls_approval_url=f"http://127.0.0.1:{approver.server_port}/approve")
    told = []

    def answer(event):
        told.append(event["name"])
        return add(event)

    code = ("from sandbox import tools, ToolError\nprint(tools.add(1, 2))\n"
            "for ask in (lambda: tools.any(), lambda: tools.add(500, 1)):\n    try: ask()\n    except ToolError as e: print(e)")
    outcome = run(server, "python", code, [ADD, ANY], answer)
    assert outcome["stdout"] == "3\nthe call was not approved: only sums\nthe call was not approved\n", outcome
    assert told == ["add"]
    first = approver.asked[0]
    assert (first["name"], first["arguments"], first["caller"], first["call_id"]) == ("add", {"a": 1, "b": 2}, "local", 1)
    assert first["run_id"] == outcome["run_id"]
    approver.shutdown()
    approver.server_close()
    outcome = run(server, "python", "from sandbox import tools\ntools.add(1, 2)", [ADD], answer)
    assert outcome["error"]["name"] == "ToolError" and told == ["add"]
    assert server.stop() == 0


# --- gRPC and MCP -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grpc_server(polyagent, installed_languages, tmp_path_factory):
    started = GrpcServer(polyagent, installed_languages, tmp_path_factory.mktemp("grpc"), "javascript")
    yield started
    assert started.stop() == 0, started.log()


class Conversation:
    """RunWithCalls: its events, and a way to reply."""

    def __init__(self, server, code, tools, **parameters):
        self.sent = queue.Queue()
        self.send(agent.RunWithCallsRequest(call=request("javascript_executor", code=code, tools=tools, **parameters)))
        self.events = server.channel.stream_stream(
            AGENT + "RunWithCalls", request_serializer=serialize, response_deserializer=agent.ToolCallEvent.FromString)(
                iter(self.sent.get, None), timeout=60)

    def send(self, message):
        self.sent.put(message)

    def reply(self, call_id, **body):
        reply = agent.CallReply(call_id=call_id)
        reply.reply.update(body)
        self.send(agent.RunWithCallsRequest(reply=reply))

    def end(self):
        self.sent.put(None)


def test_a_conversation_over_grpc(grpc_server):
    talk = Conversation(grpc_server, "const both = await Promise.all([tools.add({a: 1, b: 2}), tools.any({x: [1, null]})]);\n"
                                     "try { await tools.any({}) } catch (e) { console.log(JSON.stringify(both), e.message) }", [ADD, ANY])
    seen, outcome = [], None
    for event in talk.events:
        if event.WhichOneof("event") == "call":
            seen.append((event.call.name, dict(event.call.arguments)))
            if len(seen) == 2:  # out of order
                talk.reply(2, result={"y": True})
                talk.reply(99, result=1)  # nobody's
                talk.reply(1, result=3)
            elif len(seen) == 3:
                talk.reply(event.call.call_id, error="no")
        elif event.WhichOneof("event") == "ended":
            outcome = event.ended
    assert outcome.stdout == '[3,{"y":true}] no\n', outcome
    assert seen[0] == ("add", {"a": 1, "b": 2}) and [c["status"] for c in outcome.calls] == ["ok", "ok", "error"]
    talk.end()


def test_a_client_that_says_no_more_or_goes(grpc_server):
    talk = Conversation(grpc_server, "console.log(1)", [ADD])
    talk.end()
    assert [e for e in talk.events][-1].ended.stdout == "1\n"
    talk = Conversation(grpc_server, "await tools.any({})", [ANY])
    assert next(e for e in talk.events if e.WhichOneof("event") == "call")
    talk.events.cancel()
    talk.end()
    talk = Conversation(grpc_server, "await tools.any({})", [{**ANY, "timeout_ms": 200}])
    talk.end()
    assert "200 ms" in [e for e in talk.events][-1].ended.error.value


def test_what_is_no_conversation(grpc_server):
    for first in (agent.RunWithCallsRequest(), agent.RunWithCallsRequest(reply=agent.CallReply(call_id=1)), b"\xff", None):
        talk = Conversation.__new__(Conversation)
        talk.sent = queue.Queue()
        talk.sent.put(first)
        talk.sent.put(None)
        call = grpc_server.channel.stream_stream(AGENT + "RunWithCalls", request_serializer=serialize,
                                                 response_deserializer=agent.ToolCallEvent.FromString)(iter(talk.sent.get, None), timeout=60)
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    talk = Conversation(grpc_server, "await tools.any({})", [ANY])
    assert next(e for e in talk.events if e.WhichOneof("event") == "call")
    talk.reply(1, neither=1)
    assert [e for e in talk.events][-1].ended.status == agent.STATUS_CANCELLED
    with pytest.raises(grpc.RpcError) as caught:
        grpc_server.run("javascript_executor", code="", tools=[ANY])
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "RunWithCalls" in caught.value.details()


def test_volumes_by_grpc(grpc_server):
    code = "require('fs').writeFileSync('/volumes/g/a', 'abc')"
    assert grpc_server.run("javascript_executor", code=code, volumes=[{"name": "g"}]).status == agent.STATUS_OK
    listed = grpc_server.unary(AGENT + "ListVolumes", agent.ListVolumesResponse)(agent.ListVolumesRequest(), timeout=60)
    (volume,) = [v for v in listed.volumes if v.name == "g"]
    assert (volume.bytes, volume.entries, volume.in_use) == (3, 1, False)
    remove = grpc_server.unary(AGENT + "RemoveVolume", agent.RemoveVolumeResponse)
    remove(agent.RemoveVolumeRequest(name="g"), timeout=60)
    with pytest.raises(grpc.RpcError) as caught:
        remove(agent.RemoveVolumeRequest(name="g"), timeout=60)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_mcp_refuses_with_the_reason(server):
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    params = {"name": "python_executor", "arguments": {"code": "", "tools": [ANY]}, "_meta": meta}
    _, _, body = server.ask("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
                            MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="python_executor",
                            Accept="application/json, text/event-stream")
    assert "a client of MCP cannot be asked" in body and '"isError":true' in body
