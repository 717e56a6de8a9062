"""Other users of the machine, and what they may put where the programs look for each other."""

import os
import pathlib
import signal
import socket
import subprocess

import pytest

from waiting import until

LANGUAGE = "javascript"
HELLO = ("-c", "console.log('here')")


@pytest.fixture
def execute(polyagent, installed_languages, tmp_path):
    """execute(socket) -> a run of the command line that would use a server there."""

    def call(path):
        environment = {**installed_languages, "POLYAGENT_SOCKET": str(path)}
        return subprocess.run([polyagent, "exec", LANGUAGE, *HELLO], env=environment, cwd=tmp_path, timeout=60,
                              capture_output=True, text=True, check=False)

    return call


@pytest.fixture
def deaf(tmp_path):
    """A socket whose owner takes no call: once its queue is full, connecting waits for ever."""
    folder = tmp_path / "deaf"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(folder / "polyagent.sock"))
        listener.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as queued:
            queued.connect(str(folder / "polyagent.sock"))
            yield folder


def test_a_socket_in_a_folder_that_others_may_enter_is_left_alone(execute, deaf):
    deaf.chmod(0o755)
    assert execute(deaf / "polyagent.sock").stdout == "here\n"


def test_a_link_to_a_folder_is_not_followed(execute, deaf, tmp_path):
    deaf.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(deaf)
    assert execute(link / "polyagent.sock").stdout == "here\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
def test_a_folder_of_another_user_is_not_used(execute, deaf):
    deaf.chmod(0o700)
    os.chown(deaf, 65534, 65534)
    assert execute(deaf / "polyagent.sock").stdout == "here\n"


def test_the_server_does_not_listen_where_others_may_enter(polyagent, installed_languages, tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(folder / "polyagent.sock")}
    done = subprocess.run([polyagent, "serve"], env=environment, cwd=tmp_path, timeout=60, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 125
    assert "must be a folder of ours" in done.stderr and not list(folder.iterdir())


def test_of_servers_that_start_at_once_one_serves(polyagent, installed_languages, execute, tmp_path):
    """All find the socket of a dead server; none may remove that of a living one."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    path = folder / "polyagent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(path)}
    servers = [subprocess.Popen([polyagent, "serve", "--log", "error"], env=environment, cwd=tmp_path,
                                stderr=subprocess.PIPE, text=True) for _ in range(6)]
    try:
        until(lambda: sum(server.poll() is None for server in servers) <= 1, tell=lambda: "several serve")
        alive, = [server for server in servers if server.poll() is None]
        for server in servers:
            if server is not alive:
                assert server.returncode == 125 and "already" in server.stderr.read()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            until(lambda: client.connect_ex(str(path)) == 0)  # the others end before it listens
            pid, _, _ = [int.from_bytes(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[i:i + 4], "little")
                         for i in (0, 4, 8)]
            assert pid == alive.pid
        alive.send_signal(signal.SIGTERM)
        assert alive.wait(timeout=60) == 0 and not path.exists()
    finally:
        for server in servers:
            server.kill()
            server.wait()
            server.stderr.close()


def test_a_cache_folder_that_others_may_enter_is_refused(polyagent, environment, tmp_path):
    cache = tmp_path / "cache"
    (cache / "modules").mkdir(parents=True)
    (cache / "modules").chmod(0o755)
    pathlib.Path(tmp_path, "m.wat").write_text('(module (func (export "_start")))')
    done = subprocess.run([polyagent, "run", "m.wat"], env={**environment, "POLYAGENT_CACHE_HOME": str(cache)},
                          cwd=tmp_path, timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == 125 and "open to others" in done.stderr
    assert not list((cache / "modules").iterdir())
