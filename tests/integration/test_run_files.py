"""Files that runs keep (keep_files): fetched by HTTP, gRPC and MCP, once by content, for a while."""

import base64
import hashlib
import json
import urllib.parse

import pytest

from grpc_server import AGENT, GrpcServer, agent, grpc
from test_service import Service
from waiting import until

TOOL = "javascript_executor"
WRITE = "var fs = require('fs'); "


@pytest.fixture(scope="module")
def start(polyagent, installed_languages, tmp_path_factory):
    started = []

    def call(kind=Service, **settings):
        started.append(kind(polyagent, installed_languages, tmp_path_factory.mktemp("server"), "javascript", **settings))
        return started[-1]

    yield call
    for one in started:
        assert one.stop() == 0, one.log()


@pytest.fixture(scope="module")
def server(start):
    return start(files_kept_bytes=1000000)


def run(server, code, keep=True, **parameters):
    status, _, outcome = server.call(WRITE + code, keep_files=keep, **parameters)
    assert (status, outcome["status"]) == (200, "ok"), outcome
    return outcome


def get(server, outcome, path):
    return server.ask("GET", f"/v1/runs/{outcome['run_id']}/files/{urllib.parse.quote(path)}")


def test_what_a_run_makes_is_fetched(server):
    outcome = run(server, "fs.mkdirSync('out'); fs.writeFileSync('out/a b.txt', 'one'); fs.writeFileSync('é', ''); "
                          "fs.writeFileSync('/tmp/t', 'no result')")
    files = {f["path"]: f for f in outcome["files"]}
    assert files["/workspace/out/a b.txt"]["kept"] and "content" not in files["/workspace/out/a b.txt"]
    for path in ("out/a b.txt", "workspace/out/a b.txt"):
        status, headers, body = get(server, outcome, path)
        assert (status, body, headers["Content-Type"]) == (200, "one", "application/octet-stream")
        assert headers["ETag"] == f'"{hashlib.sha256(b"one").hexdigest()}"' == f'"{files["/workspace/out/a b.txt"]["sha256"]}"'
    assert get(server, outcome, "é")[2] == ""
    for path in ("nothing", "out", "workspace", "tmp/t"):
        assert get(server, outcome, path)[0] == 404, path
    assert server.ask("GET", f"/v1/runs/r-{'0' * 32}/files/a")[0] == 404


def test_outputs_still_come_inline(server):
    outcome = run(server, "fs.writeFileSync('a.txt', 'a'); fs.writeFileSync('b.bin', 'b')", outputs=["*.txt"])
    files = {f["path"]: f for f in outcome["files"]}
    assert files["/workspace/a.txt"]["content"] == "a" and files["/workspace/a.txt"]["kept"]
    assert "content" not in files["/workspace/b.bin"] and get(server, outcome, "b.bin")[2] == "b"


def test_without_keep_files_nothing_is_kept(server):
    outcome = run(server, "fs.writeFileSync('a.txt', 'a')", keep=False)
    assert "kept" not in outcome["files"][0]
    status, _, body = get(server, outcome, "a.txt")
    assert status == 404 and "keep_files" in body


def test_of_a_session_too(server):
    outcome = run(server, "fs.writeFileSync('s.txt', 'one')", new_session=True)
    later = run(server, "fs.writeFileSync('s.txt', 'two')", session_id=outcome["session_id"])
    assert get(server, outcome, "s.txt")[2] == "one" and get(server, later, "s.txt")[2] == "two"
    assert server.ask("DELETE", f"/v1/sessions/{outcome['session_id']}")[0] == 204


def test_the_same_contents_are_there_once_and_the_oldest_go_first(server):
    """A server that keeps a million bytes."""
    same = [run(server, "fs.writeFileSync('big', 'x'.repeat(600000))") for _ in range(4)]
    assert all(get(server, outcome, "big")[0] == 200 for outcome in same)
    other = run(server, "fs.writeFileSync('big', 'y'.repeat(600000))")
    assert get(server, other, "big")[0] == 200
    assert [get(server, outcome, "big")[0] for outcome in same] == [404] * 4
    outcome = run(server, "fs.writeFileSync('large', 'z'.repeat(1000001)); fs.writeFileSync('small', '1')")
    assert {f["path"]: f["kept"] for f in outcome["files"]} == {"/workspace/large": False, "/workspace/small": True}


def test_until_the_run_expires(start):
    server = start(runs_kept_ms=3000)
    outcome = run(server, "fs.writeFileSync('a', '1')")
    assert get(server, outcome, "a")[0] == 200
    until(lambda: get(server, outcome, "a")[0] == 404)
    assert server.stop() == 0


def test_a_server_that_keeps_nothing_says_so(start):
    server = start(files_kept_bytes=0)
    status, _, problem = server.call("", keep_files=True)
    assert status == 400 and "server.files_kept_bytes" in problem["faults"][0]["allowed"]
    assert server.stop() == 0


def test_by_another_caller_it_is_not_found(start, tmp_path):
    keys = tmp_path / "keys.yaml"
    keys.write_text("keys:\n" + "".join(f"  - name: {name}\n    sha256: {hashlib.sha256(name.encode()).hexdigest()}\n" for name in "ab"))
    keys.chmod(0o600)
    server = start(api_keys_file=keys)
    _, _, outcome = server.call(WRITE + "fs.writeFileSync('a', '1')", key="a", keep_files=True)
    path = f"/v1/runs/{outcome['run_id']}/files/a"
    assert server.ask("GET", path, X_Api_Key="a")[0] == 200 and server.ask("GET", path, X_Api_Key="b")[0] == 404
    assert server.stop() == 0


# --- gRPC ---------------------------------------------------------------------------------------


def test_by_grpc(start):
    server = start(GrpcServer)
    size = 600000
    outcome = server.run(TOOL, code=WRITE + f"fs.writeFileSync('big', 'x'.repeat({size})); fs.writeFileSync('empty', '')", keep_files=True)
    assert all(f.kept for f in outcome.files)
    fetch = server.stream(AGENT + "GetRunFile", agent.RunFileChunk)
    chunks = list(fetch(agent.GetRunFileRequest(run_id=outcome.run_id, path="big"), timeout=60))
    assert (chunks[0].path, chunks[0].size) == ("/workspace/big", size) and len(chunks) == 3
    content = b"".join(c.content for c in chunks)
    assert content == b"x" * size and chunks[0].sha256 == hashlib.sha256(content).hexdigest()
    (empty,) = fetch(agent.GetRunFileRequest(run_id=outcome.run_id, path="/workspace/empty"), timeout=60)
    assert (empty.size, empty.content) == (0, b"")
    with pytest.raises(grpc.RpcError) as caught:
        list(fetch(agent.GetRunFileRequest(run_id=outcome.run_id, path="nothing"), timeout=60))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


# --- MCP ----------------------------------------------------------------------------------------


def mcp(server, method, **params):
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    names = {"Mcp_Name": params.get("name") or params.get("uri")} if method in ("tools/call", "resources/read") else {}
    status, _, body = server.ask("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}},
                                 MCP_Protocol_Version="2026-07-28", Mcp_Method=method, Accept="application/json, text/event-stream", **names)
    return status, json.loads(body.removeprefix("event: message\n").removeprefix("data: "))


def test_by_mcp(server):
    code = WRITE + "fs.writeFileSync('a b%.txt', 'text'); fs.writeFileSync('b.bin', new Uint8Array([255, 0]))"
    _, answer = mcp(server, "tools/call", name=TOOL, arguments={"code": code, "keep_files": True})
    links = {c["name"]: c["uri"] for c in answer["result"]["content"] if c["type"] == "resource_link"}
    assert set(links) == {"a b%.txt", "b.bin"} and links["a b%.txt"].endswith("/files/workspace/a%20b%25.txt")
    _, answer = mcp(server, "resources/read", uri=links["a b%.txt"])
    (content,) = answer["result"]["contents"]
    assert content == {"uri": links["a b%.txt"], "mimeType": "text/plain", "text": "text"}
    _, answer = mcp(server, "resources/read", uri=links["b.bin"])
    assert base64.b64decode(answer["result"]["contents"][0]["blob"]) == b"\xff\0"
    for uri in (links["b.bin"] + "x", "polyagent://runs/x/files/%zz", "file:///etc/passwd"):
        _, answer = mcp(server, "resources/read", uri=uri)
        assert answer["error"]["code"] == -32602 and answer["error"]["data"] == {"uri": uri}, answer
    assert mcp(server, "resources/list")[1]["result"]["resources"] == []
    (template,) = mcp(server, "resources/templates/list")[1]["result"]["resourceTemplates"]
    assert template["uriTemplate"] == "polyagent://runs/{run_id}/files/{+path}"
    _, answer = mcp(server, "tools/call", name=TOOL, arguments={"code": WRITE + "fs.writeFileSync('a', '')"})
    assert [c["type"] for c in answer["result"]["content"]] == ["text"]
