"""A process that makes a forbidden system call dies, and the outcome says which call it was.

A real worker is made to do it: root may trace a process that is not dumpable, and puts the call into
its registers.  That stands for native code of an attacker, without one in the tree.
"""

import ctypes
import contextlib
import json
import os
import pathlib
import platform
import subprocess

import pytest

from waiting import busy, descendants, until

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may trace a worker"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="registers are named as x86-64 has them"),
]

SLEEPS = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store8 (i32.const 8) (i32.const 0))           ;; a clock,
    (i32.store (i32.const 16) (i32.const 1))           ;; the monotonic one,
    (i64.store (i32.const 24) (i64.const 20000000000)) ;; in 20 seconds
    (drop (call $poll (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))))"""

PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_ATTACH, PTRACE_DETACH = 12, 13, 16, 17
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
             "fs_base gs_base ds es fs gs").split()
SYSCALL_BYTES = 2
WALL = 0x40000000  # __WALL: whatever kind of process it is
READ, SOCKET, PPOLL = 0, 41, 271
LANGUAGE = "javascript"


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGISTERS]


def make_call(pid, number, instruction):
    """Lets the process make system call `number`, at the address of an instruction that makes one."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    registers = Registers()
    assert libc.ptrace(PTRACE_ATTACH, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(pid, WALL)
    assert libc.ptrace(PTRACE_GETREGS, pid, None, ctypes.byref(registers)) == 0
    registers.rip = instruction
    registers.rax = number
    registers.orig_rax = 2**64 - 1  # nothing to be restarted
    assert libc.ptrace(PTRACE_SETREGS, pid, None, ctypes.byref(registers)) == 0
    assert libc.ptrace(PTRACE_DETACH, pid, None, None) == 0


def current_call(pid):
    """The system call a process sleeps in and its instruction's address; (None, None) if it computes."""
    fields = pathlib.Path(f"/proc/{pid}/syscall").read_text().split()
    if len(fields) < 9:
        return None, None
    return int(fields[0]), int(fields[-1], 16) - SYSCALL_BYTES


def filters(pid):
    """How many seccomp filters a process has; a run has two, a copy of a warm process three."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Seccomp_filters:"):
            return int(line.split()[1])
    return 0


def find(parent, wanted):
    """The first process below `parent` for which `wanted` is true, once there is one."""
    def found():
        for pid in descendants(parent):
            with contextlib.suppress(OSError):  # it is gone
                if wanted(pid):
                    return pid
        return None

    return until(found, tell=lambda: "there is no such process")


def is_denied(outcome, name, number):
    call = f"{name} ({number})" if name else str(number)
    return outcome["status"] == "denied" and outcome["message"] == (
        f"the process made the system call {call}, which the jail forbids, and was killed")


@pytest.mark.parametrize("name,number", [("socket", 41), ("execve", 59), ("ptrace", 101), ("", 1023)])
def test_the_outcome_names_the_call(polyagent, environment, tmp_path, name, number):
    module = tmp_path / "sleeps.wat"
    module.write_text(SLEEPS)
    with subprocess.Popen([polyagent, "run", "--json", module], env=environment,
                          stdout=subprocess.PIPE, text=True) as run:
        worker = find(run.pid, lambda pid: current_call(pid)[0] == PPOLL and filters(pid) == 2)
        make_call(worker, number, current_call(worker)[1])
        outcome = json.loads(run.communicate(timeout=60)[0])
    assert is_denied(outcome, name, number), outcome


@contextlib.contextmanager
def ending(server):
    """Ends the server even where the test fails: leaving Popen waits for it."""
    try:
        yield
    finally:
        server.terminate()


def test_a_warm_copy_says_it_too(polyagent, installed_languages, tmp_path):
    socket = tmp_path / "run" / "polyagent.sock"
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(socket)}
    command = [polyagent, "exec", LANGUAGE, "--json", "-c", "for (;;);"]
    with subprocess.Popen([polyagent, "serve", LANGUAGE], env=environment) as server, ending(server):
        # All copies of a root lie at the same addresses: an idle one tells where a call is made.
        idle = find(server.pid, lambda pid: filters(pid) == 3 and current_call(pid)[0] == READ)
        instruction = current_call(idle)[1]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as run:
            copy = busy(server.pid)
            assert filters(copy) == 3
            make_call(copy, SOCKET, instruction)
            outcome = json.loads(run.communicate(timeout=60)[0])
    assert is_denied(outcome, "socket", SOCKET), outcome
