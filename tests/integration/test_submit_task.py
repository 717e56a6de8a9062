"""scripts/submit_task.sh against a server: the original document's sentences."""

import http.server
import json
import os
import subprocess
import threading

import http_server
import pytest
from waiting import until

SCRIPT = "scripts/submit_task.sh"
FACTORIAL = "import math\nprint(f\"10! = {math.factorial(10)}\")\n"


class Model(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint whose model knows one answer."""

    asked = []

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, request))
        content = f"Here it is:\n\n```python\n{FACTORIAL}```\n"
        body = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def model():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model) as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{endpoint.server_port}/v1"
        endpoint.shutdown()


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory, model):
    started = http_server.Server(polyagent, installed_languages, tmp_path_factory.mktemp("submit"), "python",
                                 tasks_endpoint=model, tasks_model="small")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def submit(root, server):
    def call(task, stdin="", url=None, **environment):
        env = {**os.environ, "POLYAGENT_URL": url or f"http://{server.address}", **environment}
        return subprocess.run([root / SCRIPT, *([task] if task is not None else [])], input=stdin, text=True, env=env,
                              capture_output=True, timeout=300, check=False)

    return call


def test_the_documents_sentence(submit):
    done = submit('Use python_wasi_runner to execute: print("Hello PolyAgent")')
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello PolyAgent\n", "")


def test_a_model_writes_what_a_sentence_only_describes(submit):
    done = submit("Execute the Python code that calculates factorial of 10")
    assert (done.returncode, done.stdout) == (0, "10! = 3628800\n"), done
    path, request = Model.asked[-1]
    assert path == "/v1/chat/completions" and request["model"] == "small"
    assert request["messages"][-1] == {"role": "user", "content": "Execute the Python code that calculates factorial of 10"}


def test_what_a_model_wrote_is_told_of_a_run_in_the_background(server):
    answer = server.ask("POST", "/v1/tasks", {"task": "Execute the Python code that calculates factorial of 10"},
                        {"Prefer": "respond-async"})
    told = answer.json()
    assert answer.status == 202 and answer.headers["Location"] == f"/v1/runs/{told['run_id']}"
    assert (told["tool"], told["written_by"]) == ("python_executor", "small")
    assert told["parameters"]["code"] == FACTORIAL
    run = until(lambda: (run := server.ask("GET", answer.headers["Location"]).json())["state"] == "done" and run)
    assert run["outcome"]["stdout"] == "10! = 3628800\n"


@pytest.mark.parametrize("task, code, out", [
    ("Execute Python: import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", 3, "out\n"),
    ("Evaluate this Python expression: 6*7", 0, "42\n"),
    ("Run this:\n```javascript\nconsole.log('a', `b`)\n```", 0, "a b\n"),
    ("Execute Python: import sys; sys.stdout.buffer.write(b'\\xff\\n')", 0, None),
])
def test_output_and_exit_code_are_the_programs(submit, task, code, out):
    if out is None:
        with pytest.raises(UnicodeDecodeError):
            submit(task)
        return
    done = submit(task)
    assert (done.returncode, done.stdout) == (code, out), done
    assert ("err" in done.stderr) == (code == 3)


def test_a_task_from_standard_input(submit):
    done = submit("-", stdin="Execute Python:\nprint('\"quoted\" $HOME')\n")
    assert (done.returncode, done.stdout) == (0, '"quoted" $HOME\n'), done


def test_a_limit_has_the_status_of_the_command_line(submit):
    done = submit("Use code_executor to run: " + "AGFzbQEAAAA=")
    assert done.returncode == 126 and "invalid_module" in done.stderr, done


def test_what_is_wrong_is_said(submit):
    usage = submit(None)
    assert usage.returncode == 2 and "usage" in usage.stderr
    nobody = submit("Execute Python: 1", url="http://127.0.0.1:1")
    assert nobody.returncode == 125 and "cannot reach" in nobody.stderr and nobody.stdout == ""
    empty = submit("   ")
    assert empty.returncode == 125 and "empty" in empty.stderr
