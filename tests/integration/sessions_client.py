"""A client of sessions_driver: the sessions layer from Python, any number of requests under way."""

import concurrent.futures
import itertools
import json
import os
import pathlib
import signal
import subprocess
import threading
import time


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

    def close(self):
        """Ends the driver -> its exit status."""
        self.process.stdin.close()
        self.reader.join(timeout=60)
        return self.process.wait(timeout=60)

    # ---- processes of the driver ----

    def processes(self):
        """{pid: parent's pid} of all processes that descend from the driver."""
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except OSError:
                    pass
        ours, grown = {self.process.pid}, True
        while grown:
            more = {pid for pid, parent in parents.items() if parent in ours} - ours
            ours |= more
            grown = bool(more)
        return {pid: parents[pid] for pid in ours - {self.process.pid}}

    def root(self):
        """The warm root: the one child of the driver that has children."""
        processes = self.processes()
        [root] = {parent for parent in processes.values()} - {self.process.pid}
        return root

    def settled(self, count, timeout=20):
        """Waits until there are `count` processes (the root, an idle copy, sessions)."""
        deadline = time.monotonic() + timeout
        while len(self.processes()) != count:
            assert time.monotonic() < deadline, (count, self.processes())
            time.sleep(0.02)

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
