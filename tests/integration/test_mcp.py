"""The Model Context Protocol: `polyagent mcp` and /mcp, raw and by the official SDKs."""

import contextlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from clients import node_packages, python_packages
from waiting import until

PYTHON_SDK = ("mcp==2.3.0",)
NODE_SDK = ("@modelcontextprotocol/sdk@1.32.2",)
STATELESS = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
}


def request(number, method, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


HANDSHAKE = [
    request(0, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "1"}),
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]


@pytest.fixture
def mcp(polyagent, installed_languages, tmp_path):
    """mcp(*messages, **settings) -> {id: [answer]}, and under None what has no id; its input ends once all is answered."""

    def call(*messages, shake=True, **settings):
        said = [*(HANDSHAKE if shake else []), *messages]
        lines = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in said]
        wanted = {m["id"] for m in said if isinstance(m, dict) and "method" in m and m.get("id") is not None}
        answers = {}
        with open(tmp_path / "stderr", "w+b") as stderr:
            server = subprocess.Popen([polyagent, "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                                      env={**installed_languages, **settings}, cwd=tmp_path)

            def speak():
                with contextlib.suppress(BrokenPipeError):
                    server.stdin.write(b"\n".join(lines) + b"\n")
                    server.stdin.flush()

            speaker, guard = threading.Thread(target=speak), threading.Timer(600, server.kill)
            speaker.start()
            guard.start()
            for line in server.stdout:
                message = json.loads(line)
                assert message["jsonrpc"] == "2.0"
                answers.setdefault(message.get("id"), []).append(message)
                wanted.discard(message.get("id"))
                if not wanted and not server.stdin.closed:
                    speaker.join()
                    server.stdin.close()
            guard.cancel()
            assert server.wait(timeout=60) == 0, (tmp_path / "stderr").read_text()
        return answers

    return call


def error_of(answers, number):
    (answer,) = answers[number]
    return answer["error"]["code"], answer["error"]["message"]


@pytest.mark.parametrize("asked, agreed", [
    ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2024-11-05", "2024-11-05"), ("1999-01-01", "2025-11-25")])
def test_the_handshake_agrees_on_a_revision(mcp, asked, agreed):
    (answer,) = mcp(request(1, "initialize", protocolVersion=asked, capabilities={}), shake=False)[1]
    result = answer["result"]
    assert (result["protocolVersion"], result["serverInfo"]["name"]) == (agreed, "polyagent")
    assert "tools" in result["capabilities"] and "resultType" not in result


def test_what_is_not_a_message(mcp):
    answers = mcp(b"{not json", b"[]", b'"x"', {"jsonrpc": "1.0", "id": 1, "method": "ping"},
                  {"jsonrpc": "2.0", "id": None, "method": "ping"}, {"jsonrpc": "2.0", "id": 2, "method": "ping", "params": []},
                  {"jsonrpc": "2.0", "id": 3, "result": {}}, b"", request(4, "no/such"), request(5, "server/discover"),
                  request(6, "ping"), request(7, "tools/call", name=5), request(8, "tools/list", cursor="x"))
    assert [m["error"]["code"] for m in answers[None]] == [-32700, -32600, -32600, -32600]
    assert error_of(answers, 1)[0] == -32600 and error_of(answers, 2)[0] == -32600
    assert 3 not in answers  # a response to what was never asked
    assert error_of(answers, 4) == (-32601, "there is no method 'no/such'")
    assert error_of(answers, 5)[0] == -32602 and "params._meta" in error_of(answers, 5)[1]
    assert answers[6][0]["result"] == {}
    assert error_of(answers, 7)[0] == -32602 and error_of(answers, 8)[0] == -32602
    assert error_of(mcp(request(1, "tools/list"), shake=False), 1) == (-32600, "'initialize' must come before 'tools/list'")


def test_a_line_that_is_too_long(mcp, installed_languages):
    installed = {**installed_languages}
    long = json.dumps(request(1, "tools/call", name="python_executor", arguments={"code": "#" * (300 << 20)})).encode()
    answers = mcp(long, request(2, "ping"))
    (refused,) = answers[None]
    assert "longer than" in refused["error"]["message"] and "server.request_bytes" in refused["error"]["message"]
    assert answers[2][0]["result"] == {} and installed


def test_the_stateless_revision(mcp):
    answers = mcp(
        request(1, "server/discover", _meta=STATELESS),
        request(2, "tools/list", _meta=STATELESS),
        request(3, "tools/call", _meta=STATELESS, name="python_executor", arguments={"code": "print('stateless')"}),
        request(4, "tools/list", _meta={**STATELESS, "io.modelcontextprotocol/protocolVersion": "2031-01-01"}),
        request(5, "tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "2026-07-28"}),
        request(6, "ping", _meta=STATELESS),
        shake=False)
    found = answers[1][0]["result"]
    assert (found["supportedVersions"], found["resultType"]) == (["2026-07-28"], "complete")
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "polyagent"
    assert {"ttlMs", "cacheScope"} <= found.keys() and {"ttlMs", "cacheScope"} <= answers[2][0]["result"].keys()
    result = answers[3][0]["result"]
    assert (result["structuredContent"]["stdout"], result["isError"], result["resultType"]) == ("stateless\n", False, "complete")
    refused = answers[4][0]["error"]
    assert (refused["code"], refused["data"]) == (-32022, {"supported": ["2026-07-28"], "requested": "2031-01-01"})
    assert error_of(answers, 5)[0] == -32602
    assert error_of(answers, 6)[0] == -32601  # it went with the handshake


NOTHING_KEPT = {"POLYAGENT_SERVER_VOLUMES_MOST": "0", "POLYAGENT_SERVER_KV": "false",
                "POLYAGENT_SERVER_FILES_KEPT_BYTES": "0", "POLYAGENT_SERVER_SESSIONS_MOST": "0"}
READS, ADDS, REPLACES = (True, False, True), (False, False, False), (False, True, False)


@pytest.mark.parametrize("allowed, python, wasm", [
    ({}, READS, READS),
    ({"POLYAGENT_SERVER_VOLUMES_MOST": "1"}, REPLACES, REPLACES),
    ({"POLYAGENT_SERVER_KV": "true"}, REPLACES, REPLACES),
    ({"POLYAGENT_SERVER_KV": "true", "POLYAGENT_DETERMINISTIC": "true"}, READS, READS),
    ({"POLYAGENT_SERVER_SESSIONS_MOST": "1"}, REPLACES, READS),
    ({"POLYAGENT_SERVER_FILES_KEPT_BYTES": "1MiB"}, ADDS, ADDS),
])
def test_annotations_say_what_a_call_may_write(mcp, allowed, python, wasm):
    (answer,) = mcp(request(1, "tools/list"), **{**NOTHING_KEPT, **allowed})[1]
    hints = {tool["name"]: tool["annotations"] for tool in answer["result"]["tools"]}
    for name, expected in (("python_executor", python), ("code_executor", wasm)):
        told = hints[name]
        assert (told["readOnlyHint"], told["destructiveHint"], told["idempotentHint"]) == expected, name
        assert told["openWorldHint"] is False
    assert ("session_end" in hints) == ("POLYAGENT_SERVER_SESSIONS_MOST" in allowed)


def test_both_eras_on_one_pipe(mcp):
    answers = mcp(request(1, "tools/list"), request(2, "tools/list", _meta=STATELESS))
    names = [tool["name"] for tool in answers[1][0]["result"]["tools"]]
    assert names == [tool["name"] for tool in answers[2][0]["result"]["tools"]]
    assert {"code_executor", "python_wasi_runner", "python_executor", "javascript_executor", "ruby_executor"} <= set(names)
    for tool in answers[1][0]["result"]["tools"]:
        assert {"title", "description", "inputSchema", "outputSchema", "annotations"} <= tool.keys()


def test_a_cancelled_call_is_not_answered(polyagent, installed_languages, tmp_path):
    server = subprocess.Popen([polyagent, "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=installed_languages, cwd=tmp_path)

    def send(*messages):
        for message in messages:
            server.stdin.write(json.dumps(message).encode() + b"\n")
        server.stdin.flush()

    progress = {"progressToken": "p"}
    send(*HANDSHAKE, request(1, "tools/call", name="python_executor", arguments={"code": "while True: pass"}, _meta=progress))
    heard = []
    while not heard or heard[-1].get("params", {}).get("message") != "running":
        heard.append(json.loads(server.stdout.readline()))
    send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}, request(2, "ping"))
    assert json.loads(server.stdout.readline())["id"] == 2
    server.stdin.close()
    began = time.monotonic()
    assert server.stdout.read() == b"" and server.wait(timeout=60) == 0
    assert time.monotonic() - began < 20  # not the 30 s of a run
    assert [m["params"]["progress"] for m in heard[1:]] == list(range(1, len(heard)))


def test_mutated_messages_leave_it_standing(mcp):
    """Bytes and values of real messages changed at random: each line is answered or passed over."""
    chance = random.Random(20261124)
    real = [*HANDSHAKE, request(1, "tools/list"), request(2, "tools/call", name="code_executor", arguments={"wasm_base64": "AGFzbQEAAAA="}),
            request(3, "tools/call", name="session_fork", arguments={"session_id": "s-0", "count": 2}, _meta=STATELESS),
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}}]
    lines = []
    for _ in range(3000):
        line = bytearray(json.dumps(chance.choice(real)).encode())
        for _ in range(chance.randrange(1, 4)):
            where = chance.randrange(len(line))
            change = chance.randrange(3)
            if change == 0:
                line[where] = chance.choice(b'{}[]",:0123456789-.eE\\ntfu\x00\xff')
            elif change == 1:
                del line[where:where + chance.randrange(1, 8)]
            else:
                line[where:where] = chance.choice([b"[" * 3000, b"1e999", b"null", b'"\\ud800"', b"-0", b"\xc3\x28"])
        lines.append(bytes(line).replace(b"\n", b" "))
    answers = mcp(*lines, request("last", "ping"))
    assert answers["last"][0]["result"] == {}


# ---- the official SDKs ------------------------------------------------------------------------------


def check_python(told, revision):
    assert (told["revision"], told["server"]) == (revision, "polyagent")
    assert "code" in told["tools"]["python_executor"] and "wasm_base64" in told["tools"]["code_executor"]
    hints = told["annotations"]
    assert hints["python_executor"]["read_only_hint"] is False  # volumes, the store, sessions
    assert hints["python_executor"]["destructive_hint"] is True
    assert [hints[name]["read_only_hint"] for name in ("session_list", "session_end")] == [True, False]
    assert [hints[name]["idempotent_hint"] for name in ("session_create", "session_end")] == [False, True]
    hello = told["hello"]
    assert (hello["structured"]["stdout"], hello["is_error"]) == ("hello\n", False)
    assert hello["structured"]["results"][0]["text/plain"] == "42"
    assert json.loads(hello["content"][0][1]) == hello["structured"]
    assert "running" in hello["progress"]
    assert told["failure"]["is_error"] and "ZeroDivisionError" in told["failure"]["content"][0][1]
    image = next(item for item in told["figure"]["content"] if item[0] == "image")
    assert image[2] == "image/png" and image[3] > 1000
    assert told["invalid"]["is_error"] and "/code" in told["invalid"]["content"][0][1]
    assert told["many"] == [f"{n}\n" for n in range(8)]
    assert told["cancelled"]["structured"]["stdout"] == "after\n"


def check_node(told):
    assert told["server"] == "polyagent" and "ruby_executor" in told["tools"]
    assert told["hello"]["structuredContent"]["stdout"] == "hello\n" and told["progress"]
    assert told["failure"]["isError"] and "oh" in told["failure"]["structuredContent"]["error"]["value"]
    assert (told["cancelled"], told["unknown"], told["after"]) == ("cancelled", -32602, "after\n")


def run_client(command, environment, cwd, **more):
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**environment, **more}, cwd=cwd, timeout=600, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    return json.loads(done.stdout)


def python_client(mode, target, environment, cwd):
    return run_client([sys.executable, os.path.join(os.path.dirname(__file__), "mcp_python_client.py"), mode, *target],
                      environment, cwd, PYTHONPATH=str(python_packages(*PYTHON_SDK)))


def node_client(target, environment):
    return run_client(["node", os.path.join(os.path.dirname(__file__), "mcp_node_client.mjs"), *target], environment,
                      node_packages(*NODE_SDK))


@pytest.mark.parametrize("mode, revision", [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_python_sdk_on_a_pipe(polyagent, installed_languages, tmp_path, mode, revision):
    check_python(python_client(mode, [polyagent, "mcp"], installed_languages, tmp_path), revision)


def test_the_typescript_sdk_on_a_pipe(polyagent, installed_languages):
    check_node(node_client([polyagent, "mcp"], installed_languages))


# ---- over HTTP ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(polyagent, installed_languages, tmp_path_factory):
    """The address of a server's HTTP door."""
    folder = tmp_path_factory.mktemp("mcp")
    folder.chmod(0o700)
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(folder / "polyagent.sock"),
                   "POLYAGENT_SERVER_HTTP_LISTEN": "127.0.0.1:0", "POLYAGENT_SERVER_GRPC_LISTEN": "off"}
    log = folder / "serve.log"
    with open(log, "wb") as stderr:
        server = subprocess.Popen([polyagent, "serve", "python"], env=environment, cwd=folder, stderr=stderr)
    found = until(lambda: server.poll() is not None or re.search(r"HTTP on (http://\S+)\n", log.read_text()))
    assert server.poll() is None, log.read_text()
    yield found.group(1)
    server.terminate()
    assert server.wait(timeout=60) == 0


def post(url, message, **headers):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    sent = urllib.request.Request(f"{url}/mcp", body, {
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        **{name.replace("_", "-"): value for name, value in headers.items()}}, method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=60) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_a_session_over_http(url):
    status, headers, body = post(url, HANDSHAKE[0])
    assert (status, json.loads(body)["result"]["protocolVersion"]) == (200, "2025-11-25")
    session = {"Mcp_Session_Id": headers["Mcp-Session-Id"], "MCP_Protocol_Version": "2025-11-25"}
    assert post(url, HANDSHAKE[1], **session)[0] == 202
    status, headers, body = post(url, request("a", "tools/list"), **session)
    assert (status, headers["Content-Type"]) == (200, "application/json") and json.loads(body)["id"] == "a"
    status, headers, body = post(url, request(2, "tools/call", name="python_executor", arguments={"code": "print('hi')"},
                                              _meta={"progressToken": 1}), **session)
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    messages = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: ")]
    assert messages[0]["method"] == "notifications/progress" and messages[-1]["id"] == 2
    assert messages[-1]["result"]["structuredContent"]["stdout"] == "hi\n"
    assert post(url, request(3, "ping"))[0] == 400
    assert post(url, request(3, "ping"), Mcp_Session_Id="0" * 32)[0] == 404
    ended = urllib.request.Request(f"{url}/mcp", headers={"Mcp-Session-Id": session["Mcp_Session_Id"]}, method="DELETE")
    with urllib.request.urlopen(ended, timeout=60) as reply:
        assert reply.status == 204
    assert post(url, request(4, "ping"), **session)[0] == 404


def test_the_stateless_revision_over_http(url):
    def call(message, version="2026-07-28", method=None, **headers):
        status, _, body = post(url, message, MCP_Protocol_Version=version, Mcp_Method=method or message["method"], **headers)
        return status, json.loads(body)

    listing = request(1, "tools/list", _meta=STATELESS)
    status, answer = call(listing)
    assert (status, answer["result"]["resultType"]) == (200, "complete")
    assert [call(listing, version="2025-11-25")[1]["error"]["code"], call(listing, method="ping")[1]["error"]["code"]] == [-32020, -32020]
    run = request(2, "tools/call", _meta=STATELESS, name="python_executor", arguments={"code": "print(2)"})
    assert call(run)[1]["error"]["code"] == -32020  # no Mcp-Name
    status, answer = call(run, Mcp_Name="python_executor")
    assert (status, answer["result"]["structuredContent"]["stdout"]) == (200, "2\n")
    status, answer = call(request(3, "no/such", _meta=STATELESS))
    assert (status, answer["error"]["code"]) == (404, -32601)
    later = {**STATELESS, "io.modelcontextprotocol/protocolVersion": "2031-01-01"}
    status, answer = call(request(4, "tools/list", _meta=later), version="2031-01-01")
    assert (status, answer["error"]["code"]) == (400, -32022)
    assert post(url, {"jsonrpc": "2.0", "method": "x"}, MCP_Protocol_Version="2026-07-28")[0] == 202


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}'])
def test_what_is_not_a_message_over_http(url, body):
    status, _, answer = post(url, body)
    assert status == 400 and json.loads(answer)["error"]["code"] in (-32700, -32600)


def test_who_hangs_up_cancels(url):
    """A stateless call ends with its connection."""
    address = urllib.parse.urlsplit(url)
    body = json.dumps(request(1, "tools/call", name="python_executor", arguments={"code": "while True: pass"},
                              _meta={**STATELESS, "progressToken": 1})).encode()
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        client.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       b"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
                       b"Mcp-Method: tools/call\r\nMcp-Name: python_executor\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        heard = b""
        while b"running" not in heard:
            heard += client.recv(4096)
        assert running(url) == 1
    until(lambda: running(url) == 0, seconds=20)  # not the 30 s of a run


def running(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as reply:
        return int(float(re.search(r"^polyagent_runs_running\S* (\S+)$", reply.read().decode(), re.M).group(1)))


@pytest.mark.parametrize("mode, revision", [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_python_sdk_over_http(url, installed_languages, tmp_path, mode, revision):
    check_python(python_client(mode, [f"{url}/mcp"], installed_languages, tmp_path), revision)


def test_the_typescript_sdk_over_http(url, installed_languages):
    check_node(node_client([f"{url}/mcp"], installed_languages))
