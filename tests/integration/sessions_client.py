"""A client of sessions_driver: the sessions layer from Python, any number of requests under way."""

import concurrent.futures
import itertools
import json
import os
import signal
import subprocess
import threading

from waiting import descendants, until

HOLD = {"name": "hold", "parameters": {"type": "object"}}


class SessionError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.message = error["code"], error["message"]


class Driver:
    """driver.op(key=value) -> what the driver answers, or SessionError; driver.start("op", ...) -> a future."""

    def __init__(self, polyagent, environment, *arguments):
        self.process = subprocess.Popen(
            [polyagent.parent / "tests" / "integration" / "sessions_driver", polyagent.parent / "polyagent-worker",
             *map(str, arguments)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tags, self.waiting, self.lock = itertools.count(1), {}, threading.Lock()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            reply = json.loads(line)
            with self.lock:
                future = self.waiting.pop(reply["tag"])
            if "error" in reply:
                future.set_exception(SessionError(reply["error"]))
            else:
                future.set_result(reply["ok"])

    def start(self, op, **arguments):
        future = concurrent.futures.Future()
        tag = next(self.tags)
        with self.lock:
            self.waiting[tag] = future
            self.process.stdin.write(json.dumps({"tag": tag, "op": op, **arguments}) + "\n")
            self.process.stdin.flush()
        return future

    def __getattr__(self, op):
        return lambda **arguments: self.start(op, **arguments).result(timeout=120)

    def run(self, session, code, **more):
        """A turn that ends well -> its standard output."""
        outcome = self.turn(id=session, code=code, **more)
        assert outcome["status"] == "ok", outcome
        return outcome["stdout"]

    def hold(self, session, code=""):
        """A turn that goes on until release(), and then with `code` -> the future of its outcome."""
        turn = self.start("turn", id=session, code="from sandbox import tools\ntools.hold()\n" + code, tools=[HOLD])
        until(lambda: self.stats()["held"])
        return turn

    def close(self):
        """Ends the driver -> its exit status."""
        self.process.stdin.close()
        self.reader.join(timeout=60)
        return self.process.wait(timeout=60)

    # ---- processes of the driver ----

    def processes(self):
        """{pid: parent's pid} of all processes that descend from the driver."""
        return {pid: process.parent for pid, process in descendants(self.process.pid).items()}

    def root(self):
        """The warm root: the one child of the driver that has children."""
        [root] = until(lambda: {parent for parent in self.processes().values()} - {self.process.pid})
        return root

    def settled(self, count):
        """Waits until there are `count` processes (the root, an idle copy, sessions)."""
        until(lambda: len(self.processes()) == count, tell=lambda: (count, self.processes()))

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
