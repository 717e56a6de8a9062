"""What the tests of hostile guests share."""

import ctypes
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

PR_SET_CHILD_SUBREAPER = 36


def descendants():
    """The children of this process: with the reaper on, whatever a run left behind is one of them."""
    found = set()
    for thread in os.listdir("/proc/self/task"):
        try:
            found.update(pathlib.Path(f"/proc/self/task/{thread}/children").read_text().split())
        except FileNotFoundError:
            pass
    return found


@pytest.fixture
def nothing_left(tmp_path, monkeypatch):
    """Runs of this test leave no process, and no file in $TMPDIR or $XDG_RUNTIME_DIR."""
    folders = [tmp_path / "scratch-tmp", tmp_path / "scratch-runtime"]
    for folder in folders:
        folder.mkdir(mode=0o700)
    prctl = ctypes.CDLL(None).prctl
    assert prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    before = descendants()
    yield {"TMPDIR": str(folders[0]), "XDG_RUNTIME_DIR": str(folders[1])}
    deadline = time.monotonic() + 5  # the kernel takes a namespace apart in its own time
    while descendants() - before and time.monotonic() < deadline:
        time.sleep(0.01)
    left = {pid: pathlib.Path(f"/proc/{pid}/stat").read_text() for pid in descendants() - before}
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    assert not left
    assert not [path for folder in folders for path in folder.rglob("*")]
