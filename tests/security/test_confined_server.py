"""polyagent serve confines itself once it listens; its workers do not come from it but from a spawner."""

import os
import pathlib
import signal
import subprocess

import pytest

from waiting import children, gone, until

LANGUAGE = "javascript"


def status(task):
    """What the kernel says of a thread; None: it has ended."""
    try:
        lines = pathlib.Path(task, "status").read_text().splitlines()
    except OSError:
        return None
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@pytest.fixture
def server(polyagent, installed_languages, tmp_path):
    socket = tmp_path / "run" / "polyagent.sock"
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(socket)}
    with subprocess.Popen([polyagent, "serve", LANGUAGE], env=environment, cwd=tmp_path) as process:
        try:
            until(socket.exists)
            process.environment = environment
            yield process
        finally:
            process.terminate()


def run(polyagent, server, *arguments):
    return subprocess.run([polyagent, "exec", LANGUAGE, *arguments], env=server.environment, timeout=60,
                          capture_output=True, text=True, check=False)


def test_every_thread_is_confined(polyagent, server):
    assert run(polyagent, server, "-c", "console.log(1)").stdout == "1\n"
    tasks = list(pathlib.Path(f"/proc/{server.pid}/task").iterdir())
    assert len(tasks) >= 2
    for task in tasks:
        found = status(task)
        assert found is None or (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2"), task


def test_the_spawner_holds_nothing_of_the_servers(server):
    spawner, = children(server.pid)
    until(lambda: len(os.listdir(f"/proc/{spawner}/fd")) == 5)  # it has settled
    links = [os.readlink(link) for link in pathlib.Path(f"/proc/{spawner}/fd").iterdir()]
    held = [link for link in links if link.startswith("socket:")]
    assert len(held) == 1, links  # its own; neither the listener nor a client's
    assert sorted(os.listdir(f"/proc/{spawner}/fd"), key=int) == ["0", "1", "2", "3", "4"]


def test_mounts_outside_its_own_files_still_work(polyagent, server, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "file").write_text("from the host")
    code = f"console.log(require('fs').readFileSync('{folder}/file', 'utf8'))"
    done = run(polyagent, server, "--dir", str(folder), "-c", code)
    assert done.stdout == "from the host\n", done.stderr


def limits(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    except OSError:  # it has ended
        return {"Max cpu time": ""}
    return {line[:26].strip(): line[26:47].strip() for line in lines}


def test_a_copy_has_the_kernels_limits_of_its_request(polyagent, server):
    """Beside the supervisor's clock: on memory and on CPU time, which its root has not."""
    run(polyagent, server, "-c", "1")
    spawner, = children(server.pid)
    root, = children(spawner)
    code = "for (;;);"
    with subprocess.Popen([polyagent, "exec", LANGUAGE, "--limit", "cpu_ms=60s", "--limit", "memory_bytes=64MiB", "-c",
                           code], env=server.environment) as client:
        copy, = until(lambda: [pid for pid in children(root) if limits(pid)["Max cpu time"] == "65"])
        assert limits(root)["Max cpu time"] == "unlimited"
        assert int(limits(copy)["Max data size"]) < int(limits(root)["Max data size"])
        assert int(limits(copy)["Max address space"]) < 128 << 30
        client.kill()


def test_all_die_with_the_server_whatever_kills_it(polyagent, server):
    run(polyagent, server, "-c", "1")
    spawner, = children(server.pid)
    everything = [spawner, *children(spawner)]
    assert len(everything) >= 2
    server.send_signal(signal.SIGKILL)
    server.wait()
    until(lambda: all(map(gone, everything)))


def test_it_ends_when_its_spawner_does(polyagent, server):
    spawner, = children(server.pid)
    os.kill(spawner, signal.SIGKILL)
    assert server.wait(timeout=60) == 125
    done = run(polyagent, server, "-c", "console.log('here')")
    assert done.stdout == "here\n"  # the command line runs it itself
