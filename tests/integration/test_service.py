"""polyagent serve as operators see it: start, ready, keys, metrics, audit, traces, reload, drain."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

from clients import python_packages
from waiting import Gate, cpu_ms, until

LANGUAGE = "javascript"  # the smallest
TOOL = "javascript_executor"
PROMETHEUS = "prometheus_client==0.26.0"


class Service:
    """A server with gRPC and HTTP on ports of its own."""

    def __init__(self, polyagent, environment, folder, *args, **settings):
        folder.chmod(0o700)
        self.log_path = folder / "log"
        self.env = {**environment, "POLYAGENT_SOCKET": str(folder / "s.sock"),
                    "POLYAGENT_SERVER_GRPC_LISTEN": "127.0.0.1:0", "POLYAGENT_SERVER_HTTP_LISTEN": "127.0.0.1:0",
                    **{f"POLYAGENT_SERVER_{name.upper()}": str(value) for name, value in settings.items()}}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([polyagent, "serve", "--log", "info", *args], env=self.env,
                                            stdout=subprocess.DEVNULL, stderr=log, cwd=folder)
        self.wait_for(r"serving HTTP on \S+\n")
        self.address = urllib.parse.urlparse(re.search(r"serving HTTP on (\S+)\n", self.log())[1]).netloc

    def log(self):
        return self.log_path.read_text()

    def wait_for(self, pattern, seconds=300):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.log()):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def ask(self, method, path, body=None, **headers):
        """(status, headers, body) of a request."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        with contextlib.closing(connection):
            text = json.dumps(body) if body is not None else None
            kept = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
            connection.request(method, path, text, {"Content-Type": "application/json", **kept})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def call(self, code, key=None, **parameters):
        status, headers, body = self.ask("POST", f"/v1/tools/{TOOL}", {"code": code, **parameters}, X_Api_Key=key)
        return status, headers, json.loads(body)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=60)


@pytest.fixture
def service(polyagent, installed_languages, tmp_path):
    """service(*arguments, **settings) -> a server, ended after the test."""
    started = []

    def start(*args, **settings):
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(Service(polyagent, installed_languages, folder, *args, **settings))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def start_and_fail(polyagent, environment, folder, *args, **settings):
    """The exit status and what it says of a server that does not start."""
    env = {**environment, "POLYAGENT_SOCKET": str(folder / "s.sock"),
           **{f"POLYAGENT_SERVER_{name.upper()}": str(value) for name, value in settings.items()}}
    folder.chmod(0o700)
    done = subprocess.run([polyagent, "serve", *args], env=env, cwd=folder, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


# --- start --------------------------------------------------------------------------------------


def test_starts_says_so_and_serves(service):
    server = service(LANGUAGE)
    assert re.search(r"polyagent: serving on \S+s\.sock\n", server.log())
    assert re.search(r"polyagent: serving gRPC on 127\.0\.0\.1:\d+\n", server.log())
    server.wait_for("is at its checkpoint")
    assert server.ask("GET", "/readyz")[0] == 200
    status, _, outcome = server.call("console.log(6 * 7)")
    assert (status, outcome["status"], outcome["stdout"]) == (200, "ok", "42\n")
    assert server.stop() == 0
    assert not os.path.exists(server.env["POLYAGENT_SOCKET"])


def test_a_port_in_use(polyagent, installed_languages, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for name in ("http_listen", "grpc_listen"):
            code, said = start_and_fail(polyagent, installed_languages, tmp_path, **{name: address})
            assert code == 125
            assert f"server.{name}" in said and f"{address} is in use" in said and "choose another" in said
    assert not (tmp_path / "s.sock").exists()


@pytest.mark.parametrize("settings, expected", [
    ({"grpc_listen": "localhost"}, "ADDRESS:PORT"),
    ({"max_queued": "-1"}, "max_queued"),
    ({"tls_key": "/etc/key.pem"}, "server.tls_certificate"),
    ({"audit_code": "true"}, "server.audit_log"),
    ({"api_keys_file": "keys.yaml"}, "an absolute path"),
])
def test_settings_with_faults(polyagent, installed_languages, tmp_path, settings, expected):
    code, said = start_and_fail(polyagent, installed_languages, tmp_path, **settings)
    assert code == 2
    assert expected in said and f"POLYAGENT_SERVER_{list(settings)[0].upper()}" in said


@pytest.mark.parametrize("settings, expected", [
    ({"api_keys_file": "/nonexistent/keys.yaml"}, "server.api_keys_file"),
    ({"audit_log": "/nonexistent/audit"}, "server.audit_log"),
    ({"http_listen": "127.0.0.1:0", "tls_certificate": "/nonexistent/c.pem", "tls_key": "/nonexistent/k.pem"},
     "server.tls_certificate: cannot open /nonexistent/c.pem"),
])
def test_files_that_are_not_there(polyagent, installed_languages, tmp_path, settings, expected):
    code, said = start_and_fail(polyagent, installed_languages, tmp_path, **settings)
    assert code == 125
    assert expected in said


def test_options(run):
    assert "server.api_keys_file" in run("key", "--help").out
    assert "--set KEY=VALUE" in run("serve", "--help").out
    for args in (["serve", "--nothing"], ["serve", "--set"], ["serve", "--set", "server.max_queued"]):
        assert run(*args).code == 2
    result = run("serve", "--set", "server.tls_key=/k.pem")
    assert result.code == 2 and "flag --set: server.tls_key: needs its certificate" in result.err
    result = run("serve", "--set", "server.max_quued=5")
    assert result.code == 2 and "server.max_quued" in result.err
    result = run("serve", "python", "--set", "server.grpc_listen=here")  # options may follow languages
    assert result.code == 2 and "server.grpc_listen: " in result.err and "'here'" in result.err
    assert run("key", "new", "--help").out.startswith("Usage:")
    assert run("key", "new", "-x").code == 2


def test_output_is_kept_as_the_limits_say(service):
    server = service(LANGUAGE)
    _, _, outcome = server.call("console.log('x'.repeat(3000000)); console.log('end')", limits={"stdout_bytes": 1000})
    assert outcome["stdout_truncated"] and len(outcome["stdout"]) < 1200 and outcome["stdout"].endswith("end\n")
    assert server.stop() == 0


# --- keys ---------------------------------------------------------------------------------------


def new_key(run, name):
    result = run("key", "new", name)
    assert result.code == 0
    key = result.out.strip()
    assert hashlib.sha256(key.encode()).hexdigest() in result.err
    return key, result.err


def test_keys_and_reload(run, service, tmp_path):
    first, first_entry = new_key(run, "ann")
    second, second_entry = new_key(run, "bob")
    assert first != second and len(first) == 46
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"keys:\n{first_entry}    languages: [python]\n")
    server = service(api_keys_file=keys)
    assert server.call("1")[0] == 401
    assert server.call("1", key=first + "x")[0] == 401
    assert server.call("1", key=first)[0] == 403  # another language
    keys.write_text(f"keys:\n{first_entry}{second_entry}    limits: {{timeout_ms: 1000}}\n    rate: 2\n")
    assert server.call("1", key=second)[0] == 401
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("were read again")
    assert server.call("console.log(1)", key=first)[2]["stdout"] == "1\n"
    status, _, problem = server.call("1", key=second, limits={"timeout_ms": 2000})
    assert status == 400 and "timeout_ms" in json.dumps(problem)
    # A mistake changes nothing.
    keys.write_text("keys: nonsense\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("the settings stay as they were: .*keys.yaml:1:7")
    assert server.call("console.log(1)", key=first)[0] == 200
    assert first not in server.log() and second not in server.log()
    keys.write_text(f"keys:\n{first_entry}    scopes: [metrics]\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("(?s)were read again.*were read again")
    assert server.ask("GET", "/metrics")[0] == 401
    status, _, metrics = server.ask("GET", "/metrics", X_Api_Key=first)
    assert status == 200
    assert re.search(r'refused_total{door="http",code="UNAUTHENTICATED"} 4\n', metrics), metrics
    assert server.call("1", key=first)[0] == 403
    assert server.stop() == 0


def test_a_rate(run, service, tmp_path):
    key, entry = new_key(run, "ann")
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"keys:\n{entry}    rate: 2\n")
    server = service(LANGUAGE, api_keys_file=keys)
    assert server.call("1", key=key)[0] == 200

    def refused():
        """Of sixteen calls at once one that was too much."""
        with concurrent.futures.ThreadPoolExecutor(16) as callers:
            answers = callers.map(lambda _: server.call("1", key=key), range(16))
            return next(((headers, problem) for status, headers, problem in answers if status == 429), None)

    headers, problem = until(refused)
    assert problem["code"] == "RESOURCE_EXHAUSTED" and int(headers["Retry-After"]) >= 1
    assert server.stop() == 0


# --- the queue ----------------------------------------------------------------------------------


def test_a_full_queue_refuses_at_once(service, tmp_path):
    gate = Gate(tmp_path)
    server = service(LANGUAGE, max_running=1, max_queued=1, volumes_directory=gate.volumes)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.call(gate.javascript, volumes=gate.mounted)))
               for _ in range(2)]
    threads[0].start()
    gate.arrived()
    threads[1].start()
    until(lambda: {"polyagent_runs_running 1", "polyagent_runs_queued 1"} <= set(server.ask("GET", "/metrics")[2].splitlines()))
    queued = time.monotonic()
    status, headers, problem = server.call("1")
    assert status == 429 and problem["code"] == "RESOURCE_EXHAUSTED" and int(headers["Retry-After"]) >= 1
    waited_ms = (time.monotonic() - queued) * 1000
    gate.open()
    for thread in threads:
        thread.join()
    assert [outcome["status"] for _, _, outcome in answers] == ["ok", "ok"]
    assert max(outcome["usage"]["queue_ms"] for _, _, outcome in answers) > waited_ms
    assert server.stop() == 0


def test_more_memory_than_there_is(service):
    server = service(max_memory_bytes="64MiB")
    status, _, problem = server.call("1")
    assert status == 429 and "server.max_memory_bytes" in problem["detail"]
    assert server.call("console.log(1)", limits={"memory_bytes": 32 << 20})[2]["stdout"] == "1\n"
    assert server.stop() == 0


# --- the account --------------------------------------------------------------------------------


CHECK_METRICS = """
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation and family.type != "unknown", family
    for sample in family.samples:
        print(sample.name, sorted(sample.labels.items()), float(sample.value), sep="|")
"""


def test_metrics_as_prometheus_reads_them(service):
    server = service(LANGUAGE)
    server.wait_for("is at its checkpoint")
    server.call("console.log(1)")
    server.call("throw new Error('x')")
    server.ask("POST", "/v1/tools/no_such_tool", {})
    text = server.ask("GET", "/metrics")[2]
    done = subprocess.run([sys.executable, "-c", CHECK_METRICS], input=text, text=True, capture_output=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(python_packages(PROMETHEUS))}, timeout=60)
    assert done.returncode == 0, done.stderr
    samples = dict(line.rsplit("|", 1) for line in done.stdout.splitlines())
    assert len(samples) == len(done.stdout.splitlines())  # none twice
    labels = f"[('door', 'http'), ('language', '{LANGUAGE}'), ('status', '%s'), ('tool', '{TOOL}')]"
    assert samples["polyagent_runs_total|" + labels % "ok"] == "1.0"
    assert samples["polyagent_runs_total|" + labels % "error"] == "1.0"
    assert samples["polyagent_refused_total|[('code', 'NOT_FOUND'), ('door', 'http')]"] == "1.0"
    which = f"[('language', '{LANGUAGE}'), ('tool', '{TOOL}')]"
    for name in ("duration_seconds", "queue_seconds", "start_seconds", "memory_peak_bytes"):
        assert samples[f"polyagent_run_{name}_count|{which}"] == "2.0"
    assert samples[f"polyagent_pool_ready|[('kind', '{LANGUAGE}')]"] == "1.0"
    assert float(samples["process_open_fds|[]"]) > 10
    assert any(name.startswith("polyagent_build_info|") for name in samples)
    assert server.stop() == 0


def test_the_audit_log(service, tmp_path):
    log = tmp_path / "audit" / "log.jsonl"
    log.parent.mkdir()
    server = service(LANGUAGE, audit_log=log)
    code = "console.log('a secret')"
    _, _, outcome = server.call(code)
    server.ask("POST", f"/v1/tools/{TOOL}", {"cod": 1})
    ran, refused = map(json.loads, until(lambda: log.read_text().count("\n") == 2 and log.read_text()).splitlines())
    assert ran["run_id"] == outcome["run_id"]
    assert (ran["caller"], ran["door"], ran["tool"], ran["language"]) == ("local", "http", TOOL, LANGUAGE)
    assert ran["sha256"] == hashlib.sha256(code.encode()).hexdigest()
    assert ran["outcome"]["status"] == "ok" and ran["policy"]["mounts"] == []
    assert refused["outcome"]["code"] == "INVALID_ARGUMENT" and "run_id" not in refused
    assert "secret" not in log.read_text()
    # logrotate's way
    log.rename(log.with_suffix(".1"))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("were read again")
    server.call("1")
    until(lambda: log.read_text().count("\n") == 1)
    assert server.stop() == 0


def test_log_lines_have_the_run(service):
    server = service("--set", "log.format=json", LANGUAGE)
    _, _, outcome = server.call("1")
    server.wait_for(outcome["run_id"])
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    line, = [line for line in lines if line.get("run_id") == outcome["run_id"]]
    assert line["component"] == "server" and f"{TOOL} for local over http: ok in" in line["message"]
    assert server.stop() == 0


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes traces as an OTLP collector does."""

    def do_POST(self):  # pylint: disable=invalid-name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


def test_traces(service):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    collector.bodies = []
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    server = service(LANGUAGE, otlp_endpoint=f"http://localhost:{collector.server_port}/")
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    status, headers, body = server.ask("POST", f"/v1/tools/{TOOL}", {"code": "1"}, traceparent=parent)
    assert status == 200
    unsampled = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    server.ask("POST", f"/v1/tools/{TOOL}", {"code": "1"}, traceparent=unsampled)
    assert server.stop() == 0  # what it has is sent before it ends
    collector.shutdown()
    collector.server_close()
    spans = []
    for path, media, sent in collector.bodies:
        assert (path, media) == ("/v1/traces", "application/json")
        for resource in sent["resourceSpans"]:
            assert {"key": "service.name", "value": {"stringValue": "polyagent"}} in resource["resource"]["attributes"]
            spans += [span for scope in resource["scopeSpans"] for span in scope["spans"]]
    span, = spans
    assert span["traceId"] == "0af7651916cd43dd8448eb211c80319c" and span["parentSpanId"] == "b7ad6b7169203331"
    assert headers["traceparent"] == f"00-{span['traceId']}-{span['spanId']}-01"
    assert int(span["endTimeUnixNano"]) > int(span["startTimeUnixNano"]) > 1.7e18
    attributes = {item["key"]: item["value"]["stringValue"] for item in span["attributes"]}
    assert attributes["polyagent.run_id"] == json.loads(body)["run_id"] and attributes["polyagent.status"] == "ok"


def test_a_collector_that_is_gone_costs_spans_only(service):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        server = service(LANGUAGE, otlp_endpoint=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        for _ in range(3):
            assert server.call("1")[0] == 200
        server.wait_for("spans cannot be sent")
        until(lambda: "\npolyagent_spans_dropped_total 3\n" in server.ask("GET", "/metrics")[2])
        assert server.stop() == 0


# --- the end ------------------------------------------------------------------------------------


def test_sigterm_loses_no_run(service, tmp_path):
    gate = Gate(tmp_path)
    server = service(LANGUAGE, max_running=3, volumes_directory=gate.volumes)
    answers = []
    code = gate.javascript + "console.log('done')"
    threads = [threading.Thread(target=lambda: answers.append(server.call(code, volumes=gate.mounted))) for _ in range(3)]
    for thread in threads:
        thread.start()
    gate.arrived(3)
    server.process.terminate()
    until(lambda: server.ask("GET", "/readyz")[0] == 503)
    assert server.ask("GET", "/healthz")[0] == 200
    status, headers, problem = server.call("1")
    assert status == 503 and problem["code"] == "UNAVAILABLE" and int(headers["Retry-After"]) >= 1
    gate.open()
    for thread in threads:
        thread.join()
    assert [(status, outcome["stdout"]) for status, _, outcome in answers] == [(200, "done\n")] * 3
    assert server.process.wait(timeout=60) == 0


def test_drain_has_an_end(service):
    server = service(LANGUAGE, drain_ms=300)
    server.wait_for("is at its checkpoint")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.call("for (;;);")))
    thread.start()
    until(lambda: "\npolyagent_runs_running 1\n" in server.ask("GET", "/metrics")[2])
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20  # not the 30 s of the run
    thread.join()
    (status, _, outcome), = answers
    assert (status, outcome["status"]) == (200, "cancelled")


def test_idle_costs_nothing(service):
    """Seconds with less than a tenth of a processor and few wake-ups come soon, and never where something spins."""
    server = service(LANGUAGE)
    server.wait_for("is at its checkpoint")
    server.call("1")

    def wakeups():
        switches = 0
        for status in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/status"):
            with contextlib.suppress(OSError):  # a thread that ends
                switches += int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", status.read_text())[1])
        return switches

    def rests():
        began, used, woken = time.monotonic(), cpu_ms(server.process.pid), wakeups()
        time.sleep(2)
        seconds = time.monotonic() - began
        return cpu_ms(server.process.pid) - used < 100 * seconds and 0 <= wakeups() - woken < 20 * seconds

    until(rests)
    assert server.stop() == 0


# --- a service manager --------------------------------------------------------------------------


def test_a_service_manager(polyagent, installed_languages, tmp_path):
    """Sockets that it opened, READY, RELOADING, STOPPING, the watchdog."""
    tmp_path.chmod(0o700)
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(tmp_path / "notify"))
    heard.settimeout(60)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    env = {**installed_languages, "NOTIFY_SOCKET": str(tmp_path / "notify"), "LISTEN_FDS": "1",
           "LISTEN_FDNAMES": "http", "WATCHDOG_USEC": "4000000", "POLYAGENT_SOCKET": str(tmp_path / "s.sock")}
    script = 'exec 3<&"$1"; LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$2" serve'
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(["bash", "-c", script, "bash", str(listener.fileno()), str(polyagent)], env=env,
                                   pass_fds=[listener.fileno()], stderr=log)
    try:
        assert heard.recv(4096).decode().startswith("READY=1")
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=60)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
        assert heard.recv(4096) == b"WATCHDOG=1"
        process.send_signal(signal.SIGHUP)
        said = []
        while "READY=1" not in said:
            said.append(heard.recv(4096).decode().split("\n")[0])
        assert "RELOADING=1" in said
        process.terminate()
        while not said[-1].startswith("STOPPING=1"):
            said.append(heard.recv(4096).decode().split("\n")[0])
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        heard.close()
        listener.close()
