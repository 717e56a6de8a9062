"""A `polyagent serve` with HTTP on a port of its own, and requests to it over real sockets."""

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
import urllib.parse

JSON = {"Content-Type": "application/json"}


class Answer:
    """Status, headers and body of a reply."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"Answer({self.status}, {dict(self.headers)}, {self.body[:1000]!r})"


class Server:
    """Settings are those of `server:`; log() has what it wrote so far."""

    def __init__(self, polyagent, environment, folder, *languages, **settings):
        folder.chmod(0o700)
        self.log_path = folder / "log"
        settings = {"grpc_listen": "off", "http_listen": "127.0.0.1:0", **settings}
        self.env = {**environment, "POLYAGENT_SOCKET": str(folder / "s.sock"),
                    **{f"POLYAGENT_SERVER_{name.upper()}": str(value) for name, value in settings.items()}}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([polyagent, "serve", "--log", "info", *languages], env=self.env,
                                            stdout=subprocess.DEVNULL, stderr=log, cwd=folder)
        self.address = self._address_of("HTTP") if settings["http_listen"] != "off" else None
        self.e2b_address = self._address_of("E2B") if "e2b_listen" in settings else None
        for language in languages:
            self.wait_for(rf"{language} is at its checkpoint")

    def _address_of(self, kind):
        self.wait_for(rf"serving {kind} on \S+\n")
        return urllib.parse.urlparse(re.search(rf"serving {kind} on (\S+)\n", self.log())[1]).netloc

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for(self, pattern, seconds=300, since=0):
        """Until the log matches behind its first `since` characters."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.log()[since:]):
            assert self.process.poll() is None and time.monotonic() < deadline, (pattern, self.log())
            time.sleep(0.005)

    def connect(self, context=None, address=None, timeout=90):
        host, port = (address or self.address).rsplit(":", 1)
        if context:
            return http.client.HTTPSConnection(host, int(port), timeout=timeout, context=context)
        return http.client.HTTPConnection(host, int(port), timeout=timeout)

    def ask(self, method, path, body=None, headers=None, context=None, address=None):
        with contextlib.closing(self.connect(context, address)) as connection:
            return ask(connection, method, path, body, headers)

    def call(self, tool, parameters, query="", headers=None):
        return self.ask("POST", f"/v1/tools/{tool}{query}", parameters, headers)

    def socket(self):
        host, port = self.address.rsplit(":", 1)
        return socket.create_connection((host, int(port)), timeout=90)

    def send(self, data):
        """What comes back for these bytes, until the server closes the connection."""
        with self.socket() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            return receive(connection)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=60)


def ask(connection, method, path, body=None, headers=None):
    kept = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
        kept = {**JSON, **kept}
    connection.request(method, path, body, kept)
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read())


def receive(connection):
    """Everything until the end, or until the connection is reset."""
    data = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := connection.recv(65536):
            data += piece
    return data


def post(path, parameters, *headers):
    """The bytes of a POST with JSON."""
    body = json.dumps(parameters).encode()
    head = ["POST " + path + " HTTP/1.1", "Host: localhost", "Content-Type: application/json",
            f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def lines(answer):
    """The events of an NDJSON reply."""
    return [json.loads(line) for line in answer.body.splitlines()]


def processes(parent):
    """How many processes descend from `parent`."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                    children.setdefault(int(stat.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, waiting = 0, [parent]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += len(below)
        waiting += below
    return found
