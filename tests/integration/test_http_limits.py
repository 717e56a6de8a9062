"""What HTTP does about clients that are slow, large, many, strangers, or not what they seem."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

from http_server import JSON, Server, ask, post, processes, receive
from waiting import Gate, cpu_ms, until

LANGUAGE = "javascript"
TOOL = "javascript_executor"


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    server = Server(polyagent, installed_languages, tmp_path_factory.mktemp("http"), LANGUAGE, request_bytes="1MiB",
                    header_bytes="4KiB", max_connections=40, idle_least=2, idle_most=2)
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture(scope="module")
def strict(polyagent, installed_languages, tmp_path_factory):
    """A server that gives its clients two seconds, and their runs all the output they like."""
    ample = {f"POLYAGENT_{name}": "unlimited" for name in ("STDOUT_BYTES", "OUTPUT_BYTES")}
    server = Server(polyagent, installed_languages | ample, tmp_path_factory.mktemp("http"), LANGUAGE, client_timeout_ms=2000)
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def start(polyagent, installed_languages, tmp_path):
    """start(**settings) -> a server, ended after the test."""
    started = []

    def call(*languages, **settings):
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(Server(polyagent, installed_languages, folder, *languages, **settings))
        return started[-1]

    yield call
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


# ---- size ---------------------------------------------------------------------------------------


def test_headers_that_are_too_large(server):
    for head in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 20_000 + b"\r\n"):
        assert server.send(head).split(b" ")[1:2] in ([b"431"], []), head[:40]
    target = server.send(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert re.match(rb"HTTP/1.1 (400|414|431)", target)


def test_bodies_that_are_too_large(server):
    path = f"/v1/tools/{TOOL}"
    answer = server.ask("POST", path, " " * (1 << 20) + "{}", JSON)
    assert (answer.status, answer.json()["code"]) == (413, "INVALID_ARGUMENT")
    # Without a length it is known only once it has come.
    chunked = iter([b" " * 65536] * 32)
    with contextlib.closing(server.connect()) as connection:
        connection.request("POST", path, chunked, JSON, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == 413 and "server.request_bytes" in json.loads(answer.read())["detail"]
    # One who waits to be told (Expect: 100-continue) sends nothing.
    head = post(path, {}, "Expect: 100-continue", "Connection: close").split(b"\r\n\r\n")[0]
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: 1000000000", head) + b"\r\n\r\n"
    with server.socket() as connection:
        connection.sendall(head)
        assert receive(connection).startswith(b"HTTP/1.1 413 ")
    fits = json.dumps({"code": "console.log(1) //" + "x" * 900_000})
    assert server.ask("POST", path, fits, JSON).json()["stdout"] == "1\n"


# ---- time ---------------------------------------------------------------------------------------


def trickle(server, head, piece=b"x", seconds=60):
    """How long the server listens to a client that sends a byte now and then."""
    began = time.monotonic()
    with server.socket() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(head)
        while time.monotonic() - began < seconds:
            time.sleep(0.05)
            connection.sendall(piece)
    return time.monotonic() - began


@pytest.mark.parametrize("head", [
    b"", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"POST /v1/tools/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"])
def test_slow_clients_are_cut_off(strict, head):
    assert 1.8 < trickle(strict, head) < 60


def test_a_silent_client_is_cut_off(strict):
    began = time.monotonic()
    with strict.socket() as connection:
        assert receive(connection) == b""
    assert time.monotonic() - began > 1.8


def test_a_client_that_does_not_read_is_cut_off_and_its_run_ends(strict):
    said = len(strict.log())
    with strict.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(post(f"/v1/tools/{TOOL}?stream=ndjson", {
            "code": "for (;;) console.log('x'.repeat(1000))", "limits": {"timeout_ms": 20000}}))
        strict.wait_for(rf"r-[0-9a-f]+: {TOOL} for local over http: cancelled in", since=said)


def test_a_run_may_take_longer_than_a_client(strict):
    """The client's time is for what the client does."""
    code = "let t = Date.now(); while (Date.now() - t < 3000); console.log('done')"
    assert strict.call(TOOL, {"code": code}).json()["stdout"] == "done\n"


def test_idle_costs_no_cpu(server):
    """Half a second with less than a tenth of a processor comes soon, and never where something spins."""
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(contextlib.closing(server.connect())) for _ in range(20)]
        for connection in kept:
            assert ask(connection, "GET", "/healthz").status == 200

        def rests():
            before = cpu_ms(server.process.pid)
            time.sleep(0.5)
            return cpu_ms(server.process.pid) - before < 50

        until(rests)
        assert all(ask(connection, "GET", "/healthz").status == 200 for connection in kept)


# ---- number -------------------------------------------------------------------------------------


def test_connections_past_the_limit_are_refused_and_the_others_go_on(server):
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(contextlib.closing(server.connect(timeout=60))) for _ in range(40)]
        for connection in kept:  # one waits while connections of other tests are being closed
            assert ask(connection, "GET", "/healthz").status == 200
        with contextlib.closing(server.connect(timeout=1)) as one_more:
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(one_more, "GET", "/healthz")
        assert ask(kept[0], "GET", "/healthz").status == 200

    def serves():
        with contextlib.suppress(OSError, http.client.HTTPException):
            return server.ask("GET", "/healthz").status == 200

    until(serves)


def test_nothing_is_left_behind(server):
    def counts():
        return len(os.listdir(f"/proc/{server.process.pid}/fd")), processes(server.process.pid)

    def once():
        for query in ("", "?stream=ndjson", "?stream=sse"):
            assert server.call(TOOL, {"code": "console.log(1)"}, query).status == 200
        server.ask("GET", "/nowhere")
        server.ask("PUT", "/v1/modules", b"x" * 200_000, {"Content-Type": "multipart/form-data; boundary=x"})
        with server.socket() as connection:
            connection.sendall(post(f"/v1/tools/{TOOL}?stream=sse", {"code": "while (true);"}))
            connection.recv(1)  # it runs, or is about to

    once()
    # Who goes before the run begins is refused, and not cancelled: either way nothing goes on.
    none = {"polyagent_runs_running 0", "polyagent_runs_queued 0"}
    until(lambda: none <= set(server.ask("GET", "/metrics").body.decode().splitlines()))
    before = counts()
    for _ in range(15):
        once()
    until(lambda: counts()[0] <= before[0] + 2 and abs(counts()[1] - before[1]) <= 3, tell=lambda: (before, counts()))


# ---- strangers ----------------------------------------------------------------------------------


def test_a_host_that_was_made_to_point_here(server, start):
    for host in ("localhost", "127.0.0.1:1", "[::1]:80", "LOCALHOST:99"):
        assert server.ask("GET", "/healthz", headers={"Host": host}).status == 200, host
    for host in ("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]"):
        assert server.ask("GET", "/healthz", headers={"Host": host}).status == 403, host
    named = start(http_hosts="sandbox.example,other.example")
    assert named.ask("GET", "/healthz", headers={"Host": "sandbox.example:8080"}).status == 200
    assert named.ask("GET", "/healthz", headers={"Host": "evil.example"}).status == 403


def test_pages_of_other_origins(server, start):
    path, body = f"/v1/tools/{TOOL}", {"code": "console.log(1)"}
    page = {"Origin": "https://app.example"}
    answer = server.ask("POST", path, body, page)
    assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in server.ask("GET", "/healthz", headers=page).headers
    assert server.ask("POST", path, body, {"Origin": f"http://{server.address}"}).status == 200
    asked = {**page, "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Methods" not in server.ask("OPTIONS", path, headers=asked).headers

    known = start(LANGUAGE, cors_origins="https://app.example,https://two.example")
    preflight = known.ask("OPTIONS", path, headers=asked)
    assert preflight.status == 204 and "POST" in preflight.headers["Access-Control-Allow-Methods"]
    answer = known.ask("POST", path, body, page)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example")
    assert known.ask("POST", path, body, {"Origin": "https://evil.example"}).status == 403


# ---- keys ---------------------------------------------------------------------------------------


@pytest.fixture
def keys(run, tmp_path):
    """keys(name="extra lines") -> (the file of keys, {name: key})."""

    def make(**wanted):
        path, made = tmp_path / "keys.yaml", {}
        text = "keys:\n"
        for name, more in wanted.items():
            result = run("key", "new", name)
            made[name] = result.out.strip()
            text += result.err + "".join(f"    {line}\n" for line in more.splitlines())
        path.write_text(text)
        path.chmod(0o600)
        return path, made

    return make


def test_keys(start, keys):
    path, made = keys(ann="", bob=f"tools: [{TOOL}]\nscopes: [tools]")
    server = start(LANGUAGE, api_keys_file=path)
    call = {"code": "console.log(1)"}
    for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"},
                    {"X-API-Key": "k" * 10000}, {"Authorization": "Bearer"}):
        answer = server.call(TOOL, call, headers=headers)
        assert answer.status in (401, 431), answer
        if answer.status == 401:
            assert answer.json()["code"] == "UNAUTHENTICATED" and answer.headers["WWW-Authenticate"] == "Bearer"
    assert server.call(TOOL, call, headers={"X-API-Key": made["ann"]}).status == 200
    assert server.call(TOOL, call, headers={"Authorization": f"bearer  {made['bob']}"}).status == 200
    bob = {"X-API-Key": made["bob"]}
    assert server.call("python_executor", {"code": ""}, headers=bob).status == 403
    assert server.ask("GET", "/metrics", headers=bob).status == 403
    assert server.ask("PUT", "/v1/modules", b"x", bob).status == 403
    names = [tool["name"] for tool in server.ask("GET", "/v1/tools", headers=bob).json()["tools"]]
    assert names == [TOOL]
    for open_to_all in ("/healthz", "/readyz", "/openapi.json"):
        assert server.ask("GET", open_to_all).status == 200
    # One caller's runs are nobody else's.
    run = server.call(TOOL, call, headers={"X-API-Key": made["ann"]}).json()["run_id"]
    assert server.ask("GET", f"/v1/runs/{run}", headers={"X-API-Key": made["ann"]}).status == 200
    assert server.ask("GET", f"/v1/runs/{run}", headers=bob).status in (403, 404)
    assert not any(key in server.log() for key in made.values())


def test_a_body_is_not_asked_for_from_a_stranger(start, keys):
    server = start(api_keys_file=keys(ann="")[0])
    head = post("/v1/tools/x", {}, "Expect: 100-continue", "Connection: close").split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with server.socket() as connection:
        connection.sendall(head)
        assert receive(connection).startswith(b"HTTP/1.1 401 ")


# ---- TLS ----------------------------------------------------------------------------------------


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path):
    """A folder with an authority (ca.pem), certificates it signed (server, client), and another's (stranger)."""
    folder = tmp_path / "tls"
    folder.mkdir()
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name in ("server", "client"):
        openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", "san", "-out", f"{name}.pem")
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=stranger", "-keyout", "stranger.key", "-out", "stranger.pem")
    return folder


def context_of(authority, client=None):
    context = ssl.create_default_context(cafile=authority / "ca.pem")
    if client:
        context.load_cert_chain(authority / f"{client}.pem", authority / f"{client}.key")
    return context


def test_tls(start, authority):
    server = start(LANGUAGE, tls_certificate=authority / "server.pem", tls_key=authority / "server.key")
    assert "https://127.0.0.1:" in server.log()
    path = f"/v1/tools/{TOOL}"
    answer = server.ask("POST", path, {"code": "console.log(1)"}, context=context_of(authority))
    assert answer.json()["stdout"] == "1\n"
    with pytest.raises(ssl.SSLError):
        server.ask("GET", "/healthz", context=ssl.create_default_context())
    assert not server.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP")
    # A client that goes is noticed through TLS, too.
    with contextlib.closing(server.connect(context_of(authority))) as connection:
        connection.request("POST", path, json.dumps({"code": "while (true);"}), JSON)
        until(lambda: b"\npolyagent_runs_running 1\n" in server.ask("GET", "/metrics", context=context_of(authority)).body)
    server.wait_for("(?i)cancelled in")
    assert server.stop() == 0


def test_certificates_of_clients(start, authority):
    server = start(tls_certificate=authority / "server.pem", tls_key=authority / "server.key",
                   tls_client_ca=authority / "ca.pem")
    assert server.ask("GET", "/healthz", context=context_of(authority, "client")).status == 200
    for client in (None, "stranger"):
        with pytest.raises(OSError):
            server.ask("GET", "/healthz", context=context_of(authority, client))


# ---- the end ------------------------------------------------------------------------------------


def test_draining_answers_what_there_is(start, tmp_path):
    gate = Gate(tmp_path)
    server = start(LANGUAGE, volumes_directory=gate.volumes)
    slow = {"code": gate.javascript + "console.log('done')", "volumes": gate.mounted}
    with server.socket() as running, contextlib.closing(server.connect()) as kept:
        assert ask(kept, "GET", "/healthz").status == 200
        running.sendall(post(f"/v1/tools/{TOOL}", slow, "Connection: close"))
        gate.arrived()
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.ask("GET", "/readyz").status == 503)
        answer = ask(kept, "POST", f"/v1/tools/{TOOL}", {"code": ""})
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert server.ask("GET", "/healthz").status == 200
        gate.open()
        assert b'"stdout":"done\\n"' in receive(running)
    assert server.stop() == 0


def test_what_does_not_end_is_cancelled_and_answered(start, tmp_path):
    gate = Gate(tmp_path)
    server = start(LANGUAGE, drain_ms=500, volumes_directory=gate.volumes)
    endless = {"code": gate.javascript, "volumes": gate.mounted}
    with server.socket() as plain, server.socket() as stream, server.socket() as slow:
        plain.sendall(post(f"/v1/tools/{TOOL}", endless, "Connection: close"))
        stream.sendall(post(f"/v1/tools/{TOOL}?stream=ndjson", endless, "Connection: close"))
        slow.sendall(post(f"/v1/tools/{TOOL}", {"code": ""})[:-3])
        gate.arrived(2)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert b'"status":"cancelled"' in receive(plain)
        assert b'"status":"cancelled"' in receive(stream)
        assert server.process.wait(timeout=60) == 0
        assert time.monotonic() - began < 20  # neither the runs' 30 s nor a client's


def test_a_port_in_use(start, polyagent):
    server = start()
    result = subprocess.run([polyagent, "serve"], env={**server.env, "POLYAGENT_SERVER_HTTP_LISTEN": server.address,
                                                       "POLYAGENT_SOCKET": server.env["POLYAGENT_SOCKET"] + "2"},
                            capture_output=True, timeout=30, check=False)
    assert result.returncode != 0 and b"server.http_listen" in result.stderr and b"in use" in result.stderr
