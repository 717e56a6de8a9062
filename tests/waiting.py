"""Waiting for what must come true, and looking at processes that may end while they are looked at.

A test waits for a condition, never for a time: the deadline is one that only a fault meets, however slow or
busy the machine is.  A guest that must still run while something else happens waits at a Gate.
"""

import contextlib
import os
import pathlib
import time
import typing

DEADLINE = 60  # seconds


def until(condition, seconds=DEADLINE, tell=lambda: "it did not come true in time"):
    """What `condition()` is as soon as that is true; after `seconds` the test fails with what `tell()` says."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, tell()
        time.sleep(0.01)
    return value


def warmed(log):
    """How many interpreters a server's log says are warm; the one without an interpreter is none of them."""
    return log.count("is at its checkpoint") - log.count("(compiled) is at its checkpoint")


# ---- processes ----------------------------------------------------------------------------------


class Process(typing.NamedTuple):
    parent: int
    name: str
    state: str  # Z is one that has ended
    ticks: int  # of a processor, of which there are a hundred a second


def look(pid):
    """What a process is now, or None: it is gone."""
    with contextlib.suppress(OSError):
        name, rest = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").split("(", 1)[1].rsplit(")", 1)
        fields = rest.split()
        return Process(int(fields[1]), name, fields[0], int(fields[11]) + int(fields[12]))
    return None


def descendants(pid):
    """{pid: Process} of all that descend from `pid`."""
    there = {int(entry.name): look(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()}
    family, grown = {pid}, True
    while grown:
        more = {one for one, process in there.items() if process and process.parent in family} - family
        family |= more
        grown = bool(more)
    return {one: there[one] for one in family - {pid}}


def children(pid):
    """The processes that `pid` started, whichever of its threads did."""
    return [one for one, process in descendants(pid).items() if process.parent == pid]


def gone(pid):
    """Whether a process is no more, or has left nothing but its end to be looked at."""
    process = look(pid)
    return process is None or process.state in "ZX"


def busy(parent, ticks=20):
    """The process below `parent` that uses a processor, once there is one; a parent of others is none of a run."""
    before = {}

    def found():
        family = descendants(parent)
        parents = {process.parent for process in family.values()}
        for pid, process in family.items():
            if process.ticks - before.setdefault(pid, process.ticks) >= ticks and pid not in parents:
                return pid
        return None

    return until(found, tell=lambda: "nothing runs")


def cpu_ms(pid):
    """Milliseconds of a processor that a process has used."""
    return look(pid).ticks * 1000 / os.sysconf("SC_CLK_TCK")


# ---- guests that wait ---------------------------------------------------------------------------


class Gate:
    """Holds guests up for as long as a test needs them to run.

        gate = Gate(folder)
        server = Server(..., volumes_directory=gate.volumes)
        ... call(code=gate.javascript + "console.log('done')", volumes=gate.mounted) in a thread ...
        gate.arrived()      until it runs
        gate.open()         lets it go on
    """

    mounted = [{"name": "gate"}]
    javascript = ("{ const fs = require('fs'); fs.appendFileSync('/volumes/gate/arrived', '.');"
                  " while (!fs.existsSync('/volumes/gate/open')) os.sleep(10); }\n")
    python = ("import os, time\nwith open('/volumes/gate/arrived', 'a') as file: _ = file.write('.')\n"
              "while not os.path.exists('/volumes/gate/open'): time.sleep(0.01)\n")

    def __init__(self, folder):
        self.volumes = folder / "volumes"

    def arrived(self, count=1):
        until(lambda: sum(file.stat().st_size for file in self.volumes.glob("*/gate/files/arrived")) >= count,
              tell=lambda: f"not {count} of them run")

    def open(self):
        for folder in self.volumes.glob("*/gate/files"):
            (folder / "open").touch()
