"""Bytes that are no HTTP, or nearly so, at the real server: it stays up and answers the next one."""

import contextlib
import os
import random
import socket
import threading
import time

import pytest

from http_server import Server, post, receive

TOOL = "javascript_executor"
SECONDS = float(os.environ.get("FUZZ_SECONDS", "4"))
GOOD = [
    post(f"/v1/tools/{TOOL}", {"code": "1"}),
    post(f"/v1/tools/{TOOL}?stream=sse", {"code": "1"}),
    post("/v1/sessions", {"language": "none", "labels": {"a": "b"}}),
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PUT /v1/modules HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 77\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nx\r\n--b--\r\n            ",
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Accept: application/json, text/event-stream\r\nContent-Length: 46\r\n\r\n"
    b'{"jsonrpc": "2.0", "id": 1, "method": "ping"} ',
    b"POST /v1/tools/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
]
NASTY = [
    b"", b"\r\n" * 1000, b"\0" * 1000, b"GET", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # a TLS hello
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST /v1/tools/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /v1/tools/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/tools/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    b"POST /v1/tools/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    b"POST /v1/tools/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x, chunked\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n folded\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX\r\n: y\r\n\r\n",
    b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    b"X" * 20000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nRange: bytes=-\r\nTraceparent: \xff\r\nX-Api-Key: \xff\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
]


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    server = Server(polyagent, installed_languages, tmp_path_factory.mktemp("http"), "javascript",
                    client_timeout_ms=3000, request_bytes="1MiB", modules_bytes=0)
    yield server
    assert server.stop() == 0, server.log()
    assert "Sanitizer" not in server.log() and "assertion" not in server.log().lower(), server.log()[-3000:]


def alive(server):
    return server.call(TOOL, {"code": "console.log(1)"}).json()["stdout"] == "1\n"


@pytest.mark.parametrize("data", NASTY, ids=range(len(NASTY)))
def test_nasty_requests(server, data):
    answer = server.send(data)
    # Said goodbye, or answered once or more; a body that is smuggled behind a request is no request.
    assert answer == b"" or answer.startswith(b"HTTP/1."), answer[:100]
    assert server.ask("GET", "/healthz").status == 200


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        elif kind == 1:
            del data[at:at + rng.randrange(1, 20)]
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 3:
            data[at:at] = data[:at][-rng.randrange(1, 60):] * rng.randrange(1, 40)
        else:
            data[at:at] = rng.choice([b"\r\n", b"\r\n\r\n", b"\0", b"%00", b"%2e%2e/", b"9" * 30, b": ",
                                      b"{\"a\":" * 50])
    return bytes(data)


def throw(server, seed, until):
    rng = random.Random(seed)
    while time.monotonic() < until:
        with contextlib.suppress(OSError), server.socket() as connection:
            connection.settimeout(2)
            for _ in range(rng.randrange(1, 4)):
                connection.sendall(mutate(rng, rng.choice(GOOD + NASTY[1:])))
            if rng.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
                receive(connection)


def test_requests_with_faults_of_chance(server):
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=throw, args=(server, seed, until)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.process.poll() is None and alive(server), server.log()[-3000:]
