"""Where user namespaces cannot be had: `required` refuses and says what to do, `best-effort` runs and says so.

A container without nested namespaces is played by a user namespace whose own limit is 0.
"""

import json
import shutil
import subprocess

import pytest

from waiting import until

MODULE = '(module (memory (export "memory") 1) (func (export "_start")))'
WITHOUT_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'


@pytest.fixture
def container():
    """What a command is prefixed with to be in such a container."""
    unshare = shutil.which("unshare")
    container = [unshare, "--user", "--map-root-user", "sh", "-c", WITHOUT_NAMESPACES, "sh"]
    if not unshare or subprocess.run([*container, "true"], check=False).returncode != 0:
        pytest.skip("a user namespace cannot be made here")
    return container


@pytest.fixture
def inside(container, polyagent, environment, tmp_path):
    """inside(*args): the program there."""
    # The session's cache may be another user's, as seen from inside.
    env = {**environment, "POLYAGENT_CACHE_HOME": str(tmp_path / "cache"),
           "POLYAGENT_SOCKET": str(tmp_path / "run" / "polyagent.sock")}
    (tmp_path / "module.wat").write_text(MODULE)

    def call(*arguments):
        return subprocess.run([*container, polyagent, *arguments], env=env, cwd=tmp_path, timeout=60,
                              capture_output=True, text=True, check=False)

    return call


def test_required_refuses_with_layer_reason_and_remedy(inside):
    done = inside("run", "module.wat")
    assert done.returncode == 125
    assert "jail" in done.stderr and "namespaces" in done.stderr
    assert "raise sysctl user.max_user_namespaces" in done.stderr


def test_best_effort_runs_and_each_outcome_says_what_is_missing(inside):
    done = inside("run", "--jail", "best-effort", "--json", "module.wat")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["status"] == "ok"
    assert "namespaces" in outcome["jail_missing"]


def test_the_doctor_says_it(inside):
    done = inside("doctor")
    assert done.returncode == 1
    line, = [line for line in done.stdout.splitlines() if line.split()[1:2] == ["namespaces"]]
    assert line.split()[0] == "BAD" and "max_user_namespaces" in line


def test_a_server_says_it_in_its_log_and_in_the_outcome_of_a_warm_copy(container, polyagent, installed_languages,
                                                                       tmp_path):
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(tmp_path / "run" / "polyagent.sock")}
    with open(tmp_path / "log", "wb") as log:
        server = subprocess.Popen([*container, polyagent, "serve", "--jail", "best-effort", "--log", "info",
                                   "javascript"], env=environment, cwd=tmp_path, stderr=log)
    try:
        until(lambda: "is at its checkpoint" in (tmp_path / "log").read_text() or server.poll() is not None, seconds=300)
        said = (tmp_path / "log").read_text()
        assert server.poll() is None, said
        assert "not jailed as it should be" in said and "namespaces" in said
        done = subprocess.run([*container, polyagent, "exec", "javascript", "--jail", "best-effort", "--json",
                               "--log", "debug", "-c", "1"], env=environment, cwd=tmp_path, timeout=60,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "a process of our own" not in done.stderr, done.stderr
        assert "namespaces" in json.loads(done.stdout)["jail_missing"]
    finally:
        server.terminate()
        assert server.wait(timeout=60) == 0
