"""serve in a control group of its own: each worker is in a leaf, and nothing of it is left.

Controllers (memory.max and the like) are another matter: a machine has them here or in cgroup v1.
What is written where there are some is shown by tests/unit/test_cgroup.c.
"""

import contextlib
import os
import pathlib
import subprocess
import uuid

import pytest

from waiting import until

LANGUAGE = "javascript"
MOUNTS = [pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/unified")]


@pytest.fixture
def group():
    """A group beside or below our own, which we may change."""
    own = next((line[3:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                if line.startswith("0::")), None)
    for mount in MOUNTS:
        folder = pathlib.Path(f"{mount}{own}") / f"polyagent-test-{uuid.uuid4().hex}"
        if own is None or not (folder.parent / "cgroup.procs").exists():
            continue
        try:
            folder.mkdir()
        except OSError:
            continue
        yield folder
        until(lambda: removed(folder), tell=lambda: list(folder.iterdir()))
        return
    pytest.skip("no cgroup v2 that we may change")


def removed(folder):
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def processes(folder):
    return {int(line) for line in (folder / "cgroup.procs").read_text().split()}


def start(polyagent, environment, group, tmp_path):
    log = open(tmp_path / "log", "w+", encoding="utf-8")
    script = f'echo $$ > {group}/cgroup.procs && exec "$@"'
    server = subprocess.Popen(["sh", "-c", script, "sh", polyagent, "serve", "--log", "info", LANGUAGE],
                              env=environment, cwd=tmp_path, stderr=log)
    log.close()
    until(lambda: "is at its checkpoint" in (tmp_path / "log").read_text() or server.poll() is not None)
    assert server.poll() is None, (tmp_path / "log").read_text()
    return server


def test_each_worker_is_in_a_group_of_its_own(polyagent, installed_languages, group, tmp_path):
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(tmp_path / "run" / "polyagent.sock")}
    server = start(polyagent, environment, group, tmp_path)
    try:
        assert not processes(group)
        assert server.pid in processes(group / "supervisor")
        leaves = list(group.glob("worker-*"))
        assert len(leaves) == 1
        until(lambda: len(processes(leaves[0])) >= 2)  # a root and its copies
        assert int(leaves[0].name.split("-")[1]) in processes(leaves[0])
        done = subprocess.run([polyagent, "exec", LANGUAGE, "-c", "console.log(1)"], env=environment, cwd=tmp_path,
                              timeout=60, capture_output=True, text=True, check=False)
        assert done.stdout == "1\n", done.stderr
    finally:
        server.terminate()
        assert server.wait(timeout=60) == 0
    until(lambda: not any(path.is_dir() for path in group.iterdir()))  # its spawner clears away after it


def test_a_group_that_others_are_in_is_left_alone(polyagent, installed_languages, group, tmp_path):
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(tmp_path / "run" / "polyagent.sock")}
    with subprocess.Popen(["sleep", "600"]) as other:
        (group / "cgroup.procs").write_text(str(other.pid))
        server = start(polyagent, environment, group, tmp_path)
        try:
            assert "other processes in this one's control group" in (tmp_path / "log").read_text()
            assert not any(path.is_dir() for path in group.iterdir())
        finally:
            server.terminate()
            assert server.wait(timeout=60) == 0
            other.kill()
    assert os.path.exists(group)
