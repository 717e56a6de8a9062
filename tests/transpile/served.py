"""Programs compiled and run by a `polyagent serve` of our own, as users' are: in the jail, one after the other.

    with Server("build/polyagent", folder) as server:
        client = Client(server.address)                          one for each process that asks
        client.ask(text, "transpile"); ...; client.answer() -> the outcome, as docs/http.md describes it

The server, its socket, its cache and its log live in `folder`; it ends with the block.
"""

import ctypes
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import time

LANGUAGES = pathlib.Path(__file__).resolve().parents[2] / "languages"
OPTIONS = {
    "server.http_listen": "127.0.0.1:0",
    "server.grpc_listen": "off",
    "cache.max_bytes": "256MiB",  # a program that was tried is not tried again
}


PR_SET_PDEATHSIG = 1


def end_with_parent():
    """In a new process: it gets SIGTERM when the process that started it ends, however that was."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    def __init__(self, polyagent, folder):
        folder = pathlib.Path(folder)
        self.log = folder / "serve.log"
        (folder / "cache").mkdir(mode=0o700)
        environment = {"POLYAGENT_LANGUAGES": str(LANGUAGES), **os.environ, "POLYAGENT_CACHE_HOME": str(folder / "cache"),
                       "POLYAGENT_SOCKET": str(folder / "serve.sock")}
        command = [polyagent, "serve"]
        for name, value in OPTIONS.items():
            command += ["--set", f"{name}={value}"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stderr=log,
                                            start_new_session=True, preexec_fn=end_with_parent)
        self.address = self.wait()

    def wait(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"serving HTTP on http://([\d.]+):(\d+)", self.log.read_text())
            if found:
                return found[1], int(found[2])
            time.sleep(0.01)
        self.close()
        raise RuntimeError(f"the server does not start: {self.log.read_text()}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Client:
    def __init__(self, address):
        self.connection = http.client.HTTPConnection(*address, timeout=120)

    def ask(self, text, mode):
        body = json.dumps({"code": text, "mode": mode})
        self.connection.request("POST", "/v1/tools/python_wasi_runner", body, {"Content-Type": "application/json"})

    def answer(self):
        """The outcome of what was asked; its `stdout` and `stderr` are text."""
        answer = self.connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"the server answers {answer.status}: {said}")
        return said

    def close(self):
        self.connection.close()
