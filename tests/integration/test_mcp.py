"""The Model Context Protocol: `polyagent mcp` and /mcp, raw and by the official SDKs."""

import json
import os
import subprocess
import sys
import time

import pytest

from clients import node_packages, python_packages

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
    """mcp(*messages) -> {id: answer}, and under None what has no id."""

    def call(*messages, shake=True):
        lines = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in [*(HANDSHAKE if shake else []), *messages]]
        done = subprocess.run([polyagent, "mcp"], input=b"\n".join(lines) + b"\n", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=installed_languages, cwd=tmp_path, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        answers = {}
        for line in done.stdout.splitlines():
            message = json.loads(line)
            assert message["jsonrpc"] == "2.0"
            answers.setdefault(message.get("id"), []).append(message)
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
    began = time.monotonic()
    send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}, request(2, "ping"))
    assert json.loads(server.stdout.readline())["id"] == 2
    server.stdin.close()
    assert server.stdout.read() == b"" and server.wait(timeout=10) == 0
    assert time.monotonic() - began < 2
    assert [m["params"]["progress"] for m in heard[1:]] == list(range(1, len(heard)))


# ---- the official SDKs ------------------------------------------------------------------------------


def check_python(told, revision):
    assert (told["revision"], told["server"]) == (revision, "polyagent")
    assert "code" in told["tools"]["python_executor"] and "wasm_base64" in told["tools"]["code_executor"]
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
    assert told["hello"]["structuredContent"]["stdout"] == "hello\n" and "running" in told["progress"]
    assert told["failure"]["isError"] and "oh" in told["failure"]["structuredContent"]["error"]["value"]
    assert (told["cancelled"], told["unknown"], told["after"]) == ("cancelled", -32602, "after\n")


def run_client(command, environment, cwd, **more):
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**environment, **more}, cwd=cwd, timeout=120, check=False)
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
