"""E2B's own SDK, as PyPI has it, against us in its debug mode."""

import os
import re
import socket
import subprocess
import sys
import textwrap

import pytest

from clients import python_packages
from http_server import Server
from waiting import until

SDK = "e2b-code-interpreter==2.11.5"
PORT = 49999  # the SDK's own, in debug mode


def free():
    """Whether nobody has the port: to the kernel it is one that any connection may get."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return False
    return True


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    until(free)
    server = Server(polyagent, installed_languages, tmp_path_factory.mktemp("e2b"), "python",
                    e2b_listen=f"127.0.0.1:{PORT}")
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture(scope="module")
def sdk(server):
    """sdk(program) runs it with `sandbox` from the SDK; a failed assertion in it is one of the test."""
    folder = python_packages(SDK)
    prelude = "from e2b_code_interpreter import Sandbox\nsandbox = Sandbox.create()\n"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "E2B_DEBUG": "true"}

    def run(program):
        done = subprocess.run([sys.executable, "-c", prelude + textwrap.dedent(program)], env=env, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout.decode() + server.log()[-2000:]

    return run


def test_state_and_values(sdk):
    sdk("""
        first = sandbox.run_code("x = 20; x + 1")
        assert (first.text, first.error) == ("21", None) and first.results[0].is_main_result
        second = sandbox.run_code("x * 2")
        assert second.text == "40" and second.execution_count == first.execution_count + 1
        assert sandbox.run_code("'text'").text == "'text'"
        assert sandbox.run_code("y = 1").results == []
    """)


def test_output_and_callbacks(sdk):
    sdk("""
        out, err, results, errors = [], [], [], []
        done = sandbox.run_code("import sys\\nprint('a'); print('b', file=sys.stderr)\\n1 + 1",
                                on_stdout=out.append, on_stderr=err.append, on_result=results.append)
        assert "".join(done.logs.stdout) == "a\\n" and "".join(done.logs.stderr) == "b\\n"
        assert "".join(m.line for m in out) == "a\\n" and not out[0].error and out[0].timestamp > 10**18
        assert "".join(m.line for m in err) == "b\\n" and err[0].error
        assert [r.text for r in results] == ["2"]
        done = sandbox.run_code("1 / 0", on_error=errors.append)
        assert (done.error.name, done.error.value) == ("ZeroDivisionError", "division by zero")
        assert "1 / 0" in done.error.traceback and errors[0].name == "ZeroDivisionError"
        done = sandbox.run_code("import os; os._exit(3)")
        assert sandbox.run_code("1").text == "1"
    """)


def test_output_comes_as_it_happens(sdk):
    sdk("""
        import time
        seen = []
        sandbox.run_code("import time\\nprint('now', flush=True)\\ntime.sleep(3)",
                         on_stdout=lambda message: seen.append(time.monotonic()))
        assert seen and time.monotonic() - seen[0] > 1.5, seen
    """)


def test_pictures_and_tables(sdk):
    sdk("""
        import base64
        done = sandbox.run_code("import matplotlib.pyplot as plt\\nplt.plot([1, 2])\\nplt.show()")
        assert done.error is None and base64.b64decode(done.results[0].png).startswith(b"\\x89PNG")
        assert not done.results[0].is_main_result
        done = sandbox.run_code("import pandas\\npandas.DataFrame({'a': [1]})")
        assert "<table" in done.results[0].html and done.results[0].is_main_result
    """)


def test_contexts(sdk):
    sdk("""
        from e2b import NotFoundException, SandboxException
        context = sandbox.create_code_context()
        assert (context.language, context.cwd) == ("python", "/workspace")
        sandbox.run_code("z = 5", context=context)
        assert sandbox.run_code("z", context=context).text == "5"
        assert sandbox.run_code("z").error.name == "NameError"
        assert context.id in [one.id for one in sandbox.list_code_contexts()]
        sandbox.restart_code_context(context)
        assert sandbox.run_code("z", context=context).error.name == "NameError"
        sandbox.remove_code_context(context)
        assert context.id not in [one.id for one in sandbox.list_code_contexts()]
        for gone in (lambda: sandbox.run_code("1", context=context), lambda: sandbox.remove_code_context("s-none")):
            try:
                gone()
            except NotFoundException:
                continue
            assert False
        elsewhere = sandbox.create_code_context(cwd="/workspace/project")
        assert sandbox.run_code("import os; os.getcwd()", context=elsewhere).text == "'/workspace/project'"
        assert sandbox.run_code("import os; os.environ['A']", envs={"A": "it's \\"b\\""}).text == repr("it's \\"b\\"")
        try:
            sandbox.create_code_context(cwd="/etc")
            assert False
        except SandboxException as error:
            assert "/workspace" in str(error)
    """)


def test_a_context_is_a_session(server):
    """What one door began, another goes on with; no SDK is needed for that."""
    e2b = {"address": server.e2b_address}
    context = server.ask("POST", "/contexts", {"language": "python"}, **e2b).json()["id"]
    assert server.ask("POST", "/execute", {"code": "z = 5", "context_id": context}, **e2b).status == 200
    session = f"/v1/sessions/{context}"
    fork = server.ask("POST", f"{session}/fork", {}).json()["sessions"][0]
    assert b'"6"' in server.ask("POST", "/execute", {"code": "z += 1; z", "context_id": fork}, **e2b).body
    turn = server.ask("POST", f"{session}/execute", {"code": "z", "mode": "expression"}).json()
    assert turn["results"] == [{"text/plain": "5"}]
    for one in (context, fork):
        assert server.ask("DELETE", f"/contexts/{one}", **e2b).status == 204
    assert server.ask("GET", session).json()["state"] == "ended"


def test_languages(sdk):
    sdk("""
        from e2b import SandboxException
        assert sandbox.run_code("let a = 2; a + 1", language="js").text == "3"
        assert sandbox.run_code("a * 2", language="javascript").text == "4"
        try:
            sandbox.run_code("1", language="cobol")
            assert False
        except SandboxException as error:
            assert "cobol" in str(error)
    """)


def test_a_timeout_ends_the_run_and_not_the_context(sdk, server):
    sdk("""
        from e2b import TimeoutException
        sandbox.run_code("kept = 1")
        try:
            sandbox.run_code("while True: pass", timeout=1)
            assert False
        except TimeoutException:
            pass
        assert sandbox.run_code("kept").text == "1"
    """)
    assert re.search("over e2b: cancelled in", server.log())


def test_health(server):
    answer = server.ask("GET", "/health", address=server.e2b_address)
    assert (answer.status, answer.body) == (200, b"OK")
    assert server.ask("GET", "/v1/tools", address=server.e2b_address).status == 404
