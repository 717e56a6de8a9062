"""polyagent serve: warm processes for the command line, and what happens when things die."""

import os
import signal
import subprocess
import threading
import time

import pytest

from waiting import busy, children, descendants, gone, until

LANGUAGE = "javascript"  # the smallest: installed in seconds, compiled in one


class Server:
    def __init__(self, polyagent, environment, folder, *args):
        self.socket = folder / "run" / "polyagent.sock"
        self.env = {**environment, "POLYAGENT_SOCKET": str(self.socket)}
        (folder / "log").unlink(missing_ok=True)  # of another that was here
        self.log = open(folder / "log", "a+b")  # appended to, wherever it is read
        self.process = subprocess.Popen([polyagent, "serve", "--log", "info", *args], env=self.env,
                                        stderr=self.log)
        until(lambda: "serving on" in self.logged() or self.process.poll() is not None)
        assert self.process.poll() is None, self.logged()

    def logged(self):
        self.log.seek(0)
        return self.log.read().decode()

    def roots(self):
        spawner, = children(self.process.pid)
        return [pid for pid in children(spawner) if not gone(pid)]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.log.close()
        return code


@pytest.fixture
def server(polyagent, installed_languages, tmp_path):
    started = Server(polyagent, installed_languages, tmp_path, LANGUAGE)
    yield started
    if started.process.poll() is None:
        started.stop()


def js(run, server, code, *args, **options):
    home = server.env.get("POLYAGENT_CACHE_HOME")  # the same cache, or none named
    return run(LANGUAGE, *args, "-c", code, env={**server.env, "POLYAGENT_CACHE_HOME": home}, **options)


def test_runs_use_the_warm_process(run, server):
    result = js(run, server, "console.log('warm')")
    assert (result.code, result.out, result.err) == (0, "warm\n", "")
    assert "is at its checkpoint" in server.logged()
    roots = server.roots()
    assert len(roots) == 1
    for number in range(5):
        assert js(run, server, f"console.log({number})").out == f"{number}\n"
    assert server.roots() == roots


def test_everything_is_gone_after_sigterm(run, server):
    js(run, server, "1")
    pids = descendants(server.process.pid)
    assert len(pids) >= 2
    assert server.stop() == 0
    assert not server.socket.exists()
    until(lambda: all(map(gone, pids)))


def test_a_killed_root_is_replaced(run, server):
    assert js(run, server, "console.log(1)").out == "1\n"
    root, = server.roots()
    os.kill(root, signal.SIGKILL)
    until(lambda: server.roots() not in ([], [root]))
    assert js(run, server, "console.log(2)").out == "2\n"


def test_limits_are_the_clients(run, server):
    assert js(run, server, "for (;;);", "--timeout", "300ms").code == 124
    assert js(run, server, "let a = []; for (;;) a.push(new Array(1000).fill(7))", "--memory",
              "32MiB").code in (1, 137)
    assert js(run, server, "for (;;);", "--cpu-time", "200ms").code == 137
    assert js(run, server, "console.log('fine')").out == "fine\n"


def test_a_client_that_dies_takes_its_run_along(polyagent, run, server):
    js(run, server, "1")
    root, = server.roots()
    client = subprocess.Popen([polyagent, LANGUAGE, "-c", "for (;;);"], env=server.env)
    spinning = busy(root)
    client.kill()
    client.wait()
    until(lambda: gone(spinning))
    assert server.roots() == [root]
    assert server.process.poll() is None


def test_many_at_once(polyagent, server):
    results = [None] * 40

    def one(number):
        done = subprocess.run([polyagent, LANGUAGE, "-c", f"console.log({number} * 7)"],
                              env=server.env, stdout=subprocess.PIPE, check=False, timeout=60)
        results[number] = (done.returncode, done.stdout.decode())

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(0, f"{number * 7}\n") for number in range(len(results))]


def test_a_second_server_is_refused(polyagent, server):
    done = subprocess.run([polyagent, "serve"], env=server.env, stderr=subprocess.PIPE, check=False,
                          timeout=60)
    assert done.returncode == 125
    assert b"a server is running already" in done.stderr


def test_a_socket_left_behind_is_replaced(polyagent, installed_languages, tmp_path, run):
    first = Server(polyagent, installed_languages, tmp_path)
    first.process.kill()
    first.process.wait()
    assert first.socket.exists()
    second = Server(polyagent, installed_languages, tmp_path)
    assert js(run, second, "console.log('again')").out == "again\n"
    assert second.stop() == 0


def test_a_folder_that_others_may_enter_is_refused(polyagent, installed_languages, tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    env = {**installed_languages, "POLYAGENT_SOCKET": str(folder / "polyagent.sock")}
    done = subprocess.run([polyagent, "serve"], env=env, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 125
    assert b"mode 0700" in done.stderr


def test_without_a_server_the_run_is_our_own(run, installed_languages, tmp_path):
    env = {**installed_languages, "POLYAGENT_SOCKET": str(tmp_path / "none")}
    result = run(LANGUAGE, "-c", "console.log('cold')", env=env)
    assert (result.code, result.out) == (0, "cold\n")


def test_descriptors_and_memory_of_the_server_stay(run, server):
    pid = server.process.pid
    js(run, server, "1")

    def descriptors():
        copies = len(descendants(pid))  # each has a channel and a pidfd; their number follows demand
        return len(os.listdir(f"/proc/{pid}/fd")) - 2 * copies

    def memory():
        with open(f"/proc/{pid}/status") as status:
            return int(dict(line.split(":", 1) for line in status)["VmRSS"].split()[0])

    def settled():
        """The descriptors, once their number and that of the copies rest."""
        first = descriptors()
        for _ in range(10):
            time.sleep(0.05)
            if descriptors() != first:
                return None
        return first

    for _ in range(30):
        js(run, server, "1")
    before, rss = until(settled), memory()
    for _ in range(150):
        assert js(run, server, "1").code == 0
    until(lambda: descriptors() <= before + 2, tell=lambda: (before, descriptors()))
    assert memory() <= rss * 1.5 + 4096
