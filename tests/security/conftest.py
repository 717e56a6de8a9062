"""What the tests of hostile guests share."""

import ctypes
import os
import pathlib
import sys

import pytest

from waiting import descendants, until

sys.path.insert(0, str(pathlib.Path(__file__).parent))

PR_SET_CHILD_SUBREAPER = 36


def left_here():
    """The children of this process: with the reaper on, whatever a run left behind is one of them."""
    return {pid: process for pid, process in descendants(os.getpid()).items() if process.parent == os.getpid()}


@pytest.fixture
def nothing_left(tmp_path, monkeypatch):
    """Runs of this test leave no process, and no file in $TMPDIR or $XDG_RUNTIME_DIR."""
    folders = [tmp_path / "scratch-tmp", tmp_path / "scratch-runtime"]
    for folder in folders:
        folder.mkdir(mode=0o700)
    prctl = ctypes.CDLL(None).prctl
    assert prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    before = left_here().keys()
    yield {"TMPDIR": str(folders[0]), "XDG_RUNTIME_DIR": str(folders[1])}
    try:  # the kernel takes a namespace apart in its own time
        until(lambda: not left_here().keys() - before, tell=lambda: [left_here(), before])
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    assert not [path for folder in folders for path in folder.rglob("*")]
