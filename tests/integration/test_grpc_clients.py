"""Other people's clients of gRPC: grpcurl by reflection, and the examples in Go and Python."""

import json
import os
import re
import subprocess
import sys

import pytest

from clients import go_program, python_packages
from grpc_server import PACKAGES, GrpcServer

GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.9"  # the newest that Debian 12's Go can build


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    started = GrpcServer(polyagent, installed_languages, tmp_path_factory.mktemp("clients"), "python")
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="module")
def module(polyagent, environment, root, tmp_path_factory):
    """The module that echoes its input, in text form: it is taken as it is."""
    path = tmp_path_factory.mktemp("module") / "module.wasm"
    path.write_bytes((root / "examples/wat/input-reader.wat").read_bytes())
    return path


def shell(text, server, **more):
    """Runs a line of the documentation, with our port in it."""
    line = text.replace("localhost:50051", "localhost:" + server.grpc_address.rsplit(":", 1)[1])
    env = {**os.environ, "PATH": f"{go_program(GRPCURL).parent}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, check=False,
                          timeout=600, **more)


def test_the_line_of_the_document(server, root, tmp_path):
    hello = tmp_path / "hello-wasi.wasm"
    hello.write_bytes((root / "docs/assets/hello-wasi.wat").read_bytes())
    line = """grpcurl -plaintext -d '{
"tool_name": "code_executor",
"parameters": {
"wasm_base64": "'$(base64 -w 0 /tmp/hello-wasi.wasm)'",
"stdin": ""
}
}' localhost:50051 polyagent.agent.AgentService/ExecuteTool"""
    done = shell(line.replace("/tmp/hello-wasi.wasm", str(hello)), server)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["stdout"], answer["exitCode"]) == ("STATUS_OK", "Hello from WASI!\n", 0)


def test_reflection(server):
    services = shell("grpcurl -plaintext localhost:50051 list", server).stdout.decode().split()
    assert services == sorted(["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                               "grpc.reflection.v1alpha.ServerReflection", "polyagent.agent.AgentService",
                               "polyagent.agent.SessionService"])
    for service in services:  # every one of its methods, and all that their messages need
        assert shell(f"grpcurl -plaintext localhost:50051 describe {service}", server).returncode == 0
    for name in ("polyagent.agent.ToolCallRequest.parameters", "polyagent.agent.Status", "google.protobuf.Struct",
                 "polyagent.agent.AgentService.ExecuteTool", "polyagent.agent.ToolCallResponse"):
        done = shell(f"grpcurl -plaintext localhost:50051 describe {name}", server)
        assert done.returncode == 0, (name, done.stderr)
    for name in ("polyagent.agent.Nothing", "polyagent", "x", "polyagent.agent.Status.NOTHING"):
        assert shell(f"grpcurl -plaintext localhost:50051 describe {name}", server).returncode != 0


def test_grpcurl_shows_faults(server):
    done = shell("""grpcurl -plaintext -d '{"tool_name": "python_executor", "parameters": {"code": 7}}' \
        localhost:50051 polyagent.agent.AgentService/ExecuteTool""", server)
    assert b"InvalidArgument" in done.stderr and b"/code" in done.stderr


def check_example(done):
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert re.fullmatch(r"STATUS_OK in [\d.]+ ms: some input", lines[0]), lines
    steps = [re.fullmatch(r"after ([\d.]+) s: step (\d)", line) for line in lines[1:-1]]
    assert [step[2] for step in steps] == ["0", "1", "2"], lines
    assert float(steps[2][1]) - float(steps[0][1]) > 0.02, lines  # as it happened, not at the end
    assert lines[-1] == "ended: STATUS_OK"


def test_the_python_example(server, root, module):
    wanted = (root / "examples/python/requirements.txt").read_text().split()
    assert set(wanted) <= set(PACKAGES)
    env = {**os.environ, "PYTHONPATH": str(python_packages(*PACKAGES))}
    check_example(subprocess.run(
        [sys.executable, root / "examples/python/client.py", "--address", server.grpc_address, module],
        input=b"some input\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, check=False, timeout=600))


def test_the_go_example(server, built_examples, module):
    check_example(subprocess.run(
        [built_examples("go") / "polyagent-go", "-address", server.grpc_address, module],
        input=b"some input\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=600))
