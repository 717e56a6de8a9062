"""The gRPC door, by grpcio: tools, events, errors, deadlines, cancellation, health, TLS, keys, the end."""

import base64
import concurrent.futures
import contextlib
import hashlib
import os
import re
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time

import pytest

from grpc_server import AGENT, BIG, GrpcServer, agent, grpc, health, request, rich
from http_server import processes
from waiting import DEADLINE, Gate, busy, descendants, gone, until

LANGUAGE = "javascript"  # the smallest
TOOL = "javascript_executor"
FOREVER = "for (;;);"
HEALTH = "/grpc.health.v1.Health/"


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    started = GrpcServer(polyagent, installed_languages, tmp_path_factory.mktemp("grpc"), LANGUAGE)
    yield started
    assert started.stop() == 0


@pytest.fixture
def serve(polyagent, installed_languages, tmp_path):
    """serve(**settings) -> a server of this test alone."""
    started = []

    def start(*languages, **settings):
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(GrpcServer(polyagent, installed_languages, folder, *languages, **settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def module(padding=0):
    """A module that does nothing, `padding` bytes larger than it must be."""
    sections = [b"\1\4\1\x60\0\0", b"\3\2\1\0", b"\5\3\1\0\1",
                b"\7\x13\2\x06memory\2\0\x06_start\0\0", b"\x0a\4\1\2\0\x0b"]
    if padding:
        body = b"\4junk" + os.urandom(1024) * (padding // 1024)
        size, rest = b"", len(body)
        while rest >= 0x80:
            size, rest = size + bytes([rest & 0x7f | 0x80]), rest >> 7
        sections.append(b"\0" + size + bytes([rest]) + body)
    return b"\0asm\1\0\0\0" + b"".join(sections)


def b64(data):
    return base64.b64encode(data).decode()


def failure(call, *args, **kwargs):
    """The error that a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        list(call) if not callable(call) else call(*args, **kwargs)
    return caught.value


# --- tools ---------------------------------------------------------------------------------------


def test_a_call_and_its_outcome(server):
    outcome = server.run(TOOL, code="console.log(6 * 7); console.error('x\\u0000y')")
    assert (outcome.status, outcome.exit_code, outcome.stdout) == (agent.STATUS_OK, 0, "42\n")
    assert outcome.stderr == "x\0y\n"
    assert re.fullmatch("r-[0-9a-f]{32}", outcome.run_id)
    assert 0 < outcome.usage.wall_ms < 60000 and outcome.usage.memory_peak_bytes > 0
    assert not outcome.usage.HasField("fuel")
    whole = outcome.outcome
    assert (whole["status"], whole["stdout"], whole["run_id"]) == ("ok", "42\n", outcome.run_id)
    assert whole["usage"]["wall_ms"] == outcome.usage.wall_ms


def test_typed_only_leaves_the_struct_out(server):
    outcome = server.run(TOOL, code="console.log(1)", typed_only=True)
    assert outcome.stdout == "1\n" and not outcome.HasField("outcome")


def test_output_that_is_not_text_comes_exactly(server):
    wat = (r'(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))'
           r'(memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\03\00\00\00a\ffb")'
           r'(func (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))')
    outcome = server.run("code_executor", wasm_base64=b64(wat.encode()))
    assert (outcome.stdout, outcome.stdout_bytes) == ("a\ufffdb", b"a\xffb")


def test_how_runs_end(server):
    cases = [
        ({"code": "throw new RangeError('far')"}, agent.STATUS_ERROR),
        ({"code": FOREVER, "limits": {"timeout_ms": 100}}, agent.STATUS_TIMEOUT),
        ({"code": FOREVER, "limits": {"cpu_ms": 100}}, agent.STATUS_CPU_LIMIT),
    ]
    for parameters, expected in cases:
        assert server.run(TOOL, **parameters).status == expected, parameters
    error = server.run(TOOL, code="throw new RangeError('far')").error
    assert (error.name, error.value) == ("RangeError", "far") and error.traceback
    timeout = server.run(TOOL, code=FOREVER, limits={"timeout_ms": 100})
    assert not timeout.HasField("exit_code") and "100 ms" in timeout.message


def test_modules(server):
    assert server.run("code_executor", wasm_base64=b64(module())).status == agent.STATUS_OK
    assert server.run("code_executor", wasm_base64=b64(b"\0asm\1\0\0\0\x0b")).status == agent.STATUS_INVALID_MODULE


def test_events_come_as_they_happen(serve, tmp_path):
    gate = Gate(tmp_path)
    server, seen = serve(LANGUAGE, volumes_directory=gate.volumes), []
    code = f"console.log('one'); {gate.javascript} console.error('two');"
    for event in server.events(TOOL, code=code, volumes=gate.mounted):
        kind = event.WhichOneof("event")
        seen.append(kind)
        if kind == "stdout":
            gate.arrived()
            gate.open()
    assert seen[0] == "started" and seen[-1] == "ended"
    assert [kind for kind in seen if kind in ("stdout", "stderr")] == ["stdout", "stderr"]
    assert "phase" in seen


def test_the_stream_ends_with_the_outcome(server):
    events = list(server.events(TOOL, code="console.log('x'); throw new Error('e')"))
    outcome = events[-1].ended
    assert outcome.status == agent.STATUS_ERROR and outcome.run_id == events[0].started.run_id
    assert outcome.stdout == "x\n"


def test_a_large_output_comes_whole(server):
    code = "const line = 'x'.repeat(1023); for (let i = 0; i < 900; i++) console.log(line)"
    got = b"".join(event.stdout for event in server.events(TOOL, code=code))
    assert len(got) == 900 * 1024


def test_a_trace_goes_on(server):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    call = server.unary(AGENT + "ExecuteTool", agent.ToolCallResponse)
    outcome, done = call.with_call(request(TOOL, code="1"), metadata=(("traceparent", trace),), timeout=60)
    metadata = dict(done.trailing_metadata())
    assert metadata["run-id"] == outcome.run_id
    assert metadata["traceparent"].split("-")[1] == trace.split("-")[1]
    assert metadata["traceparent"] != trace


def test_what_there_is(server):
    told = server.unary(AGENT + "GetCapabilities", agent.GetCapabilitiesResponse)(agent.GetCapabilitiesRequest())
    assert told.name == "polyagent" and {"code_executor", TOOL} <= set(told.tools)
    assert "javascript" in {language["name"] for language in told.languages}
    discover = server.unary(AGENT + "DiscoverTools", agent.DiscoverToolsResponse)
    every = discover(agent.DiscoverToolsRequest()).tools
    assert [tool.name for tool in every] == list(told.tools)
    assert [tool.name for tool in discover(agent.DiscoverToolsRequest(language="javascript")).tools] == [TOOL]
    assert not discover(agent.DiscoverToolsRequest(filter="no such words")).tools
    assert len(discover(agent.DiscoverToolsRequest(limit=2)).tools) == 2
    get = server.unary(AGENT + "GetToolCapability", agent.GetToolCapabilityResponse)
    tool = get(agent.GetToolCapabilityRequest(name=TOOL)).tool
    assert tool.input_schema["properties"]["code"]["type"] == "string"
    assert tool.description and tool.examples and "status" in tool.output_schema["properties"]
    assert failure(get, agent.GetToolCapabilityRequest(name="x")).code() == grpc.StatusCode.NOT_FOUND


# --- the caller's mistakes -----------------------------------------------------------------------


def test_every_fault_is_named(server):
    error = failure(server.run, TOOL, code=7, limits={"timeout_ms": -1}, nonsense=True)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    fields = {v.field: v.description for v in rich(error)["BadRequest"].field_violations}
    assert {"/code", "/limits/timeout_ms", "/nonsense"} <= set(fields), fields
    assert "got " in fields["/code"] and "allowed: " in fields["/code"]


def test_unknown_names(server):
    assert failure(server.run, "no_tool").code() == grpc.StatusCode.NOT_FOUND
    error = failure(server.unary("/polyagent.agent.AgentService/Nothing", agent.ToolCallResponse), b"")
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED and "/Nothing" in error.details()


def test_bytes_that_are_no_message(server):
    call = server.unary(AGENT + "ExecuteTool", agent.ToolCallResponse)
    for data in (b"\xff\xff", b"\x0a\x05abc", b"\x0a\x02\xff\xfe", b"\x12\x03abc", b"\x08\x01" * 200000):
        assert failure(call, data).code() == grpc.StatusCode.INVALID_ARGUMENT, data[:10]
    nested = b""
    for _ in range(2000):
        nested = wrap(nested)
    assert failure(call, b"\x0a\x01x\x12" + varint(len(nested)) + nested).code() == grpc.StatusCode.INVALID_ARGUMENT


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7f | 0x80]), value >> 7
    return out + bytes([value])


def field(number, data):
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def wrap(struct):
    """A Struct with that Struct as the value of its one field."""
    return field(1, field(1, b"k") + field(2, field(5, struct)))


def test_a_compressed_message_is_refused(server):
    call = server.unary(AGENT + "ExecuteTool", agent.ToolCallResponse)
    error = failure(call, request(TOOL, code="1" * 1000), compression=grpc.Compression.Gzip)
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_module_of_40_mib(server):
    outcome = server.run("code_executor", wasm_base64=b64(module(40 << 20)))
    assert outcome.status == agent.STATUS_OK


def test_a_message_that_is_too_large(serve):
    small = serve(request_bytes="1MiB")
    error = failure(small.run, TOOL, code=" " * (2 << 20))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "1048576" in error.details()
    assert small.run(TOOL, code="console.log(1)").stdout == "1\n"


def test_a_full_queue(serve):
    narrow = serve(LANGUAGE, max_running=1, max_queued=0)
    with contextlib.closing(grpc.insecure_channel(narrow.grpc_address)) as channel:
        first = narrow.events(TOOL, channel, code=FOREVER)
        assert next(first).WhichOneof("event") == "started"
        error = failure(narrow.run, TOOL, code="1")
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        delay = rich(error)["RetryInfo"].retry_delay
        assert delay.seconds + delay.nanos / 1e9 > 0
        first.cancel()


def test_keys(serve, tmp_path):
    key = "pa_" + "k" * 40
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"keys:\n  - {{name: ci, sha256: {hashlib.sha256(key.encode()).hexdigest()}}}\n")
    keys.chmod(0o600)
    locked = serve(api_keys_file=keys)
    call = locked.unary(AGENT + "ExecuteTool", agent.ToolCallResponse)
    ask = request(TOOL, code="console.log(1)")
    for metadata in ((), (("authorization", "Bearer wrong"),), (("x-api-key", "wrong"),), (("authorization", key),)):
        error = failure(call, ask, metadata=metadata)
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED and "wrong" not in error.details()
    for metadata in ((("authorization", f"Bearer {key}"),), (("authorization", f"bearer {key}"),), (("x-api-key", key),)):
        assert call(ask, metadata=metadata).stdout == "1\n"
    assert locked.unary(HEALTH + "Check", health.HealthCheckResponse)(health.HealthCheckRequest()).status == 1
    assert key not in locked.log()


# --- deadlines and cancellation ------------------------------------------------------------------


def until_gone(pid):
    """The seconds until a process is no more, or has left nothing but its end to be looked at."""
    start = time.monotonic()
    while not gone(pid) and time.monotonic() - start < DEADLINE:
        time.sleep(0.001)
    return time.monotonic() - start


@pytest.mark.parametrize("streams", [False, True])
def test_cancelling_kills(server, streams):
    """Within 50 ms on a machine that does nothing else; a run would go on for 30 s."""
    for _ in range(3):
        if streams:
            call = server.events(TOOL, code=FOREVER)
        else:
            call = server.unary(AGENT + "ExecuteTool", agent.ToolCallResponse).future(request(TOOL, code=FOREVER))
        pid = busy(server.process.pid)
        call.cancel()
        assert until_gone(pid) < 10


def test_a_deadline_kills(server):
    call = server.unary(AGENT + "ExecuteTool", agent.ToolCallResponse)
    said, began = len(server.log()), time.monotonic()
    assert failure(call, request(TOOL, code=FOREVER), timeout=2).code() == grpc.StatusCode.DEADLINE_EXCEEDED
    server.wait_for(rf"{TOOL} for local over grpc: \w+ in", since=said)
    assert time.monotonic() - began < 20  # not the 30 s of a run


def test_a_client_that_vanishes_kills(server):
    host, port = server.grpc_address.rsplit(":", 1)
    relay = Relay((host, int(port)))
    with contextlib.closing(grpc.insecure_channel(relay.address)) as channel:
        call = server.events(TOOL, channel, code=FOREVER)
        next(call)
        pid = busy(server.process.pid)
        relay.cut()
        assert until_gone(pid) < 10
        call.cancel()


class Relay:
    """Passes bytes on, until it is cut: then the server sees its client reset the connection."""

    def __init__(self, target):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.target, self.ends = target, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                ends = self.listener.accept()[0], socket.create_connection(self.target)
                self.ends += ends
                for one, other in (ends, ends[::-1]):
                    threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    @staticmethod
    def _copy(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)

    def cut(self):
        self.listener.close()
        for end in self.ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def test_streams_that_vanish_under_load(server):
    """Twenty clients that are gone in the middle of what they asked for, while others call."""
    host, port = server.grpc_address.rsplit(":", 1)
    stop, wrong, right = threading.Event(), [], []

    def caller(number):
        while not stop.is_set():
            outcome = server.run(TOOL, code=f"console.log({number})")
            (right if outcome.stdout == f"{number}\n" else wrong).append(outcome)

    def spent():
        return {pid: process.ticks for pid, process in descendants(server.process.pid).items()}

    with concurrent.futures.ThreadPoolExecutor(4) as callers:
        calling = [callers.submit(caller, number) for number in range(4)]
        try:
            for _ in range(20):
                relay = Relay((host, int(port)))
                with contextlib.closing(grpc.insecure_channel(relay.address)) as channel:
                    call = server.events(TOOL, channel, code="while (true) console.log('x'.repeat(1000));")
                    next(call)
                    relay.cut()
                    call.cancel()
            until(lambda: wrong or len(right) >= 4)
        finally:
            stop.set()
    for one in calling:
        one.result()
    assert not wrong

    def rest():
        before = spent()
        time.sleep(0.5)
        return all(used - before.get(pid, used) < 5 for pid, used in spent().items())

    until(rest, tell=lambda: "a run goes on for a client that is gone")


def test_nothing_is_left_behind(server):
    def state():
        """Descriptors without the two of each warm process, of which the pool keeps more or less; memory in KiB."""
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
            rss = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
        return len(os.listdir(f"/proc/{server.process.pid}/fd")) - 2 * processes(server.process.pid), rss

    def some_calls():
        for _ in range(20):
            server.run(TOOL, code="console.log(1)")
            server.events(TOOL, code="console.log(1)").cancel()
            failure(server.run, "no_tool")
        list(server.events(TOOL, code="1"))

    some_calls()
    time.sleep(1)
    descriptors, rss = state()
    for _ in range(3):
        some_calls()
    until(lambda: state()[0] < descriptors + 10, tell=lambda: (descriptors, state()))  # of 180 calls
    assert state()[1] < rss + 50000


def test_garbage_on_the_wire(server):
    host, port = server.grpc_address.rsplit(":", 1)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), preface + os.urandom(5000), preface + b"\0" * 9,
                 preface + b"\0\0\0\4\0\0\0\0\0" + b"\xff\xff\xff\1\5\0\0\0\1", b""):
        with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
    assert server.run(TOOL, code="console.log(1)").stdout == "1\n"


def test_many_at_once(server):
    call = server.unary(AGENT + "ExecuteTool", agent.ToolCallResponse)
    waiting = [call.future(request(TOOL, code=f"console.log({n} * 7)")) for n in range(100)]
    assert [one.result(timeout=60).stdout for one in waiting] == [f"{n * 7}\n" for n in range(100)]


# --- health, and the end -------------------------------------------------------------------------


def test_health(server):
    check = server.unary(HEALTH + "Check", health.HealthCheckResponse)
    for service in ("", "polyagent.agent.AgentService"):
        assert check(health.HealthCheckRequest(service=service)).status == health.HealthCheckResponse.SERVING
    assert failure(check, health.HealthCheckRequest(service="x")).code() == grpc.StatusCode.NOT_FOUND
    watch = server.stream(HEALTH + "Watch", health.HealthCheckResponse)
    known, unknown = watch(health.HealthCheckRequest()), watch(health.HealthCheckRequest(service="x"))
    assert next(known).status == health.HealthCheckResponse.SERVING
    assert next(unknown).status == health.HealthCheckResponse.SERVICE_UNKNOWN
    for one in (known, unknown):
        one.cancel()
    told = server.unary(AGENT + "HealthCheck", agent.HealthCheckResponse)(agent.HealthCheckRequest())
    assert told.healthy and told.version


def test_sigterm_lets_runs_end(serve, tmp_path):
    gate = Gate(tmp_path)
    ending = serve(LANGUAGE, volumes_directory=gate.volumes)
    code = gate.javascript + "console.log('done')"
    running = ending.unary(AGENT + "ExecuteTool", agent.ToolCallResponse).future(request(TOOL, code=code, volumes=gate.mounted))
    watch = ending.stream(HEALTH + "Watch", health.HealthCheckResponse)(health.HealthCheckRequest())
    assert next(watch).status == health.HealthCheckResponse.SERVING
    gate.arrived()
    ending.process.send_signal(signal.SIGTERM)
    assert next(watch).status == health.HealthCheckResponse.NOT_SERVING
    assert failure(ending.run, TOOL, code="1").code() == grpc.StatusCode.UNAVAILABLE
    gate.open()
    assert running.result(timeout=DEADLINE).stdout == "done\n"
    assert failure(watch).code() == grpc.StatusCode.UNAVAILABLE
    assert ending.process.wait(timeout=DEADLINE) == 0


def test_sigterm_cancels_what_does_not_end(serve):
    ending = serve(LANGUAGE, drain_ms=300)
    running = ending.events(TOOL, code=FOREVER)
    next(running)
    busy(ending.process.pid)
    ending.process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    ending.process.wait(timeout=DEADLINE)
    assert time.monotonic() - start < 20  # not the 30 s of the run
    with contextlib.suppress(grpc.RpcError):
        assert list(running)[-1].ended.status == agent.STATUS_CANCELLED


def test_a_port_in_use(polyagent, server, tmp_path):
    env = {**server.env, "POLYAGENT_SOCKET": str(tmp_path / "s.sock"),
           "POLYAGENT_SERVER_GRPC_LISTEN": server.grpc_address}
    tmp_path.chmod(0o700)
    done = subprocess.run([polyagent, "serve"], env=env, stderr=subprocess.PIPE, check=False, timeout=30)
    assert done.returncode == 125 and b"is in use" in done.stderr


# --- connections ---------------------------------------------------------------------------------


def test_connections_are_bounded(serve):
    server = serve(max_connections=3)
    host, port = server.grpc_address.rsplit(":", 1)

    def connect():
        connection = socket.create_connection((host, int(port)), timeout=DEADLINE)
        with contextlib.suppress(ConnectionError):
            return connection, connection.recv(1) == b"\0"  # the first byte of a SETTINGS frame, or the end
        return connection, False

    there = [connect() for _ in range(3)]
    assert [taken for _, taken in there] == [True] * 3
    refused, taken = connect()
    refused.close()
    assert not taken
    there.pop()[0].close()
    until(lambda: there.append(connect()) or there[-1][1])
    for connection, _ in there:
        connection.close()
    assert "server.max_connections" in server.log()


# --- TLS -----------------------------------------------------------------------------------------


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder with ca, server and client certificates, and a stranger's that nobody signed."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "stranger"):
        openssl(folder, "req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj",
                f"/CN={name}")
    for name in ("server", "client"):
        openssl(folder, "req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", "san", "-out", f"{name}.pem")
    return folder


def secure(server, certificates, client=None):
    """A channel to the server, of this client's certificate."""
    chain = [(certificates / f"{client}.{kind}").read_bytes() for kind in ("key", "pem")] if client else [None, None]
    credentials = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes(), *chain)
    return contextlib.closing(grpc.secure_channel(server.grpc_address, credentials, options=BIG))


def test_tls(serve, certificates):
    server = serve(tls_certificate=certificates / "server.pem", tls_key=certificates / "server.key")
    with secure(server, certificates) as channel:
        assert server.run(TOOL, channel, code="console.log(1)").stdout == "1\n"
    error = failure(server.unary(HEALTH + "Check", health.HealthCheckResponse), health.HealthCheckRequest(), timeout=DEADLINE)
    assert error.code() == grpc.StatusCode.UNAVAILABLE  # in the clear


def test_a_certificate_is_read_again(serve, certificates, tmp_path):
    def replace(name, key):
        for kind, stem in (("pem", name), ("key", key)):
            (tmp_path / "new").write_bytes((certificates / f"{stem}.{kind}").read_bytes())
            (tmp_path / "new").rename(tmp_path / f"shown.{kind}")

    def shown(address):
        host, port = address.rsplit(":", 1)
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port))))

    def der(name):
        return ssl.PEM_cert_to_DER_cert((certificates / f"{name}.pem").read_text())

    replace("server", "server")
    server = serve(tls_certificate=tmp_path / "shown.pem", tls_key=tmp_path / "shown.key", http_listen="127.0.0.1:0")
    doors = (server.grpc_address, re.search(r"serving HTTP on https://(\S+)", server.log())[1])
    with secure(server, certificates) as channel:
        assert server.run(TOOL, channel, code="console.log(1)").stdout == "1\n"
        assert [shown(door) for door in doors] == [der("server")] * 2
        replace("client", "client")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("were read again")
        replace("client", "server")  # a key that is another's: logged, and nothing changes
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("the certificate stays as it was: server.tls_key: .*shown.key is not the key of")
        assert [shown(door) for door in doors] == [der("client")] * 2
        assert server.run(TOOL, channel, code="console.log(2)").stdout == "2\n"  # on the connection that there was


def test_mutual_tls(serve, certificates):
    server = serve(tls_certificate=certificates / "server.pem", tls_key=certificates / "server.key",
                   tls_client_ca=certificates / "ca.pem")
    with secure(server, certificates, "client") as channel:
        assert server.run(TOOL, channel, code="console.log(1)").stdout == "1\n"
    for client in (None, "stranger"):
        with secure(server, certificates, client) as channel:
            check = server.unary(HEALTH + "Check", health.HealthCheckResponse, channel)
            assert failure(check, health.HealthCheckRequest(), timeout=DEADLINE).code() == grpc.StatusCode.UNAVAILABLE


def test_a_print_costs_little_more_than_an_empty_call(server):
    """The benchmark holds the promise (0.7 ms); this only tells a warm process from one that has to start."""

    def median(call, message):
        times = []
        for _ in range(100):
            start = time.perf_counter()
            call(message)
            times.append((time.perf_counter() - start) * 1000)
        return statistics.median(times)

    empty = median(server.unary(HEALTH + "Check", health.HealthCheckResponse), health.HealthCheckRequest())
    printing = median(server.unary(AGENT + "ExecuteTool", agent.ToolCallResponse), request(TOOL, code="console.log(1)"))
    assert printing - empty < 300
