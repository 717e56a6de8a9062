"""What CPython does with a program, without a start of CPython for each.

    truth = Truth()
    truth.run(text, seconds) -> (exit code, stdout, stderr) as `python3 main.py` gives them, or None: it takes too long

Starting CPython takes some 20 ms, most of which is not the program's.  Here this process, which has CPython in it
already, forks; the copy becomes a `__main__` of its own with the program's text, its output goes to two memory files,
and it ends as the interpreter would: a traceback and 1, what SystemExit says, or 0.  `random_programs.py --prove N`
compares N programs with processes of their own.

The process that forks must have one thread.
"""

import gc
import os
import resource
import signal
import sys
import traceback
import types

FILENAME = "main.py"
MEMORY = 2 << 30


def end_of(stop):
    """The exit code of a SystemExit; what it says goes to standard error."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def show(error):
    """The traceback of an error, from the program's first frame on."""
    if error.__traceback__ is not None:
        error = error.with_traceback(error.__traceback__.tb_next)
    traceback.print_exception(error)


def become(text):
    """Runs `text` as the program of this process; its exit code."""
    main = types.ModuleType("__main__")
    main.__file__ = FILENAME
    sys.modules["__main__"] = main
    sys.setrecursionlimit(1000 + depth())
    try:
        exec(compile(text, FILENAME, "exec"), main.__dict__)  # pylint: disable=exec-used
        code = 0
    except SystemExit as stop:
        code = end_of(stop)
    except BaseException as error:  # pylint: disable=broad-except
        sys.setrecursionlimit(2000)
        sys.stdout.flush()
        show(error)
        code = 1
    return code


def depth():
    """The frames that a program in here has below it and in a process of its own has not."""
    frames, frame = 0, sys._getframe(1)  # pylint: disable=protected-access
    if sys.version_info < (3, 12):
        frames += 1  # of exec() itself: until then frames of C counted
    while frame:
        frames, frame = frames + 1, frame.f_back
    return frames


def outcome(status):
    return os.waitstatus_to_exitcode(status)


class Truth:
    def __init__(self):
        self.files = [os.memfd_create(name) for name in ("stdout", "stderr")]
        self.nothing = os.open(os.devnull, os.O_RDONLY)
        sys.stdout.reconfigure(encoding="utf-8")
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
        gc.freeze()

    def child(self, text, seconds):
        code = 70
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            for number, fd in enumerate((self.nothing, *self.files)):
                os.dup2(fd, number)
            code = become(text)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)  # pylint: disable=protected-access

    def run(self, text, seconds=20.0):
        for fd in self.files:
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self.child(text, seconds)
        code = outcome(os.waitpid(pid, 0)[1])
        if code == -signal.SIGALRM:
            return None
        return code, *(os.pread(fd, os.fstat(fd).st_size, 0) for fd in self.files)

    def close(self):
        for fd in (self.nothing, *self.files):
            os.close(fd)
