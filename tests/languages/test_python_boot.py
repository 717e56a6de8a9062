"""languages/python/boot.py under a native CPython: its own logic, without a sandbox.

The two devices are ordinary files here: a driver stands between the boot script and os.open.  Every
python3.N on the PATH from 3.11 on is tried.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

BOOT = Path(__file__).resolve().parents[2] / "languages" / "python" / "boot.py"
DRIVER = """
import os, runpy, sys
real, folder, turn = os.open, sys.argv[1], iter(range(1000))
def opened(path, *rest):
    if path == "/dev/sandbox/request":
        path = f"{folder}/request-{next(turn)}"
        if not os.path.exists(path):
            path = os.devnull
        return real(path, os.O_RDONLY)
    if path == "/dev/sandbox/result":
        return real(f"{folder}/result", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return real(path, *rest)
os.open = opened
runpy.run_path(sys.argv[2], run_name="__main__")
"""


def works(python):
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


PYTHONS = [p for p in ("python3.11", "python3.12", "python3.13") if shutil.which(p) and works(p)]
PYTHONS = PYTHONS or [sys.executable]


class Ended:
    def __init__(self, done, folder):
        self.status, self.out, self.err = done.returncode, done.stdout.decode(), done.stderr.decode()
        result = folder / "result"
        self.messages = [json.loads(l) for l in result.read_bytes().split(b"\n") if l] if result.exists() else []

    def data(self):
        return [m["data"] for m in self.messages if m["type"] == "result"]


@pytest.fixture(params=PYTHONS)
def run(request):
    def run(*turns, stdin=b"", files=None, **header):
        folder = Path(tempfile.mkdtemp(prefix="boot."))
        work = folder / "workspace"
        work.mkdir()
        for name, text in (files or {}).items():
            (work / name).write_text(text)
        for number, turn in enumerate(turns):
            own, program = turn if isinstance(turn, tuple) else ({}, turn)
            head = {"filename": "main.py", "cwd": str(work), **header, **own}
            program = program if isinstance(program, bytes) else program.encode("utf-8", "surrogatepass")
            (folder / f"request-{number}").write_bytes(json.dumps(head).encode() + b"\n" + program)
        done = subprocess.run([request.param, "-X", "utf8", "-c", DRIVER, str(folder), str(BOOT)],
                              input=stdin, capture_output=True, timeout=60)
        ended = Ended(done, folder)
        ended.files = {p.name: p.read_bytes() for p in work.iterdir() if p.is_file()}
        shutil.rmtree(folder)
        return ended

    return run


def test_script_sees_a_fresh_main(run):
    r = run("import sys, os\nprint(__name__, __file__, sys.argv, sorted(k for k in globals() if k[:2] != '__'))"
            "\nprint(dict(os.environ))\nprint(sys.path[0] == '', sys.modules['__main__'].__dict__ is globals())",
            argv=["main.py", "-v"], env={"A": "1"})
    assert r.err == ""
    assert r.out == ("__main__ main.py ['main.py', '-v'] ['os', 'sys']\n{'A': '1'}\nTrue True\n")
    assert r.status == 0


@pytest.mark.parametrize("program, status, err", [
    ("import sys; sys.exit(3)", 3, ""),
    ("import sys; sys.exit()", 0, ""),
    ("import sys; sys.exit(True)", 1, ""),
    ("import sys; sys.exit(-1)", 255, ""),
    ("import sys; sys.exit('x')", 1, "x\n"),
    ("raise SystemExit((1, 2))", 1, "(1, 2)\n"),
    ("import os; os._exit(3)", 3, ""),
])
def test_exit_status(run, program, status, err):
    r = run(program)
    assert (r.status, r.err) == (status, err)


def test_traceback_begins_at_the_program(run):
    r = run("def f():\n    return 1/0\nf()\n")
    assert r.status == 1
    assert "boot.py" not in r.err and "runpy" not in r.err
    assert r.err.startswith('Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n    f()\n')
    assert "    return 1/0\n           ~^~\n" in r.err
    (error,) = r.messages
    assert (error["type"], error["name"], error["value"]) == ("error", "ZeroDivisionError", "division by zero")
    assert error["traceback"] == r.err


def test_traceback_of_what_display_calls(run):
    r = run("class A:\n    def __repr__(self):\n        raise KeyError('k') from ValueError('v')\ndisplay(A())")
    assert "boot.py" not in r.err and "line 4, in <module>" in r.err and "line 3, in __repr__" in r.err


def test_syntax_error(run):
    r = run("x = 1\ndef f(:\n  pass\n")
    assert r.err == '  File "main.py", line 2\n    def f(:\n          ^\nSyntaxError: invalid syntax\n'


def test_encodings(run):
    assert run(b"# -*- coding: latin-1 -*-\nprint('\xe9')\n").out == "é\n"
    assert run(b"print('\xff')\n").status == 1
    assert run(b"print(1)\0\n").status == 1
    r = run("print('\\udcff'.isprintable())\nraise ValueError('\\ud800')")
    assert r.messages[-1]["value"] == "\ufffd" and "\\ud800" in r.err


def test_end_of_a_program(run):
    r = run("import atexit\natexit.register(print, 'bye')\nf = open('o.txt', 'w')\nf.write('data')\n"
            "g = [open('p.txt', 'w')]\ng[0].write('more')\ng.append(g)\n"
            "class A:\n    def __del__(self): print('gone')\na = A()\nprint('x', end='')")
    assert (r.out, r.err, r.status) == ("xbye\ngone\n", "", 0)
    assert r.files == {"o.txt": b"data", "p.txt": b"more"}


@pytest.mark.parametrize("program, out, status", [
    ("import sys\nprint('a', end='')\ndel sys.stdout", "a", 0),
    ("import sys\nprint('a')\nsys.stdout.close()", "a\n", 0),
    ("import sys\nprint('a', end='')\ndel sys.stderr\n1/0", "a", 1),
    ("import sys, io\nprint('a', end='')\nsys.stdout = io.StringIO()\nprint('b')", "a", 0),
    ("import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8')\nprint('b')", "b\n", 0),
    ("import os\nprint('a')\nos.closerange(0, 100)", "a\n", 0),
    ("import builtins, os, json\nfor n in ('open', 'isinstance', 'len', 'print', 'str'): setattr(builtins, n, None)\n"
     "os.open = os.write = os.read = os._exit = json.dumps = None", "", 0),
    ("import builtins\nbuiltins.isinstance = None\n1/0", "", 1),
])
def test_survives_the_program(run, program, out, status):
    r = run(program)
    assert (r.out, r.status) == (out, status)
    if "1/0" in program:
        assert "ZeroDivisionError" in r.err


def test_input(run):
    assert run("print(input(), input())\ntry: input()\nexcept EOFError: print('end')",
               stdin="ü\nb\n".encode()).out == "ü b\nend\n"


def test_expression_results(run):
    r = run("x = [1, 'ü', None]\nx", mode="expression")
    assert r.data() == [{"text/plain": "[1, 'ü', None]", "application/json": [1, "ü", None]}] and r.out == ""
    assert run("5;", mode="expression").data() == []
    assert run("None", mode="expression").data() == []
    assert run("float('nan'), [float('nan')]", mode="expression").data() == [{"text/plain": "(nan, [nan])"}]
    assert run("[float('nan')]", mode="expression").data() == [{"text/plain": "[nan]"}]
    assert run("'x' * 100", mode="expression", result_bytes=10).data()[0]["text/plain"].startswith("'xxxxxxxxx\u2026")
    assert run("class R:\n    def _repr_html_(self): return '<b>'\n    def _repr_png_(self): return b'png'\n"
               "    def __repr__(self): return 'R'\ndisplay(R())").data() == [
                   {"text/html": "<b>", "image/png": "cG5n", "text/plain": "R"}]
    assert run("['\\ud800', '\\0']", mode="expression").data()[0]["application/json"] == ["\ufffd", "\0"]


def test_top_level_await(run):
    r = run("import asyncio\nawait asyncio.sleep(0)\nawait asyncio.sleep(0.01, 'v')", mode="expression")
    assert (r.err, r.data()) == ("", [{"text/plain": "'v'"}])


def test_session(run):
    turn = {"mode": "expression", "session": True}
    r = run(({**turn, "filename": "<1>"}, "import random\nrandom.seed(1)\nx = 1\ndef f(): return 1/0\nx"),
            ({**turn, "filename": "<2>", "fresh": False}, "a = random.random()\nx += 1\nf()"),
            ({**turn, "fresh": False}, "import sys\nsys.exit(3)"),
            ({**turn, "fresh": False}, "import random as r\n(x, a == r.Random(1).random())"),
            ({**turn}, "print(input())"), ({**turn}, "print(input())"), stdin=b"one\ntwo\n")
    assert [m["exit_code"] for m in r.messages if m["type"] == "done"] == [0, 1, 3, 0, 0, 1]
    assert r.data() == [{"text/plain": "1"}, {"text/plain": "(2, True)"}]
    assert 'File "<2>", line 3' in r.err and '  File "<1>", line 4, in f\n    def f(): return 1/0\n' in r.err
    assert r.status == 0


def test_preload_then_run(run):
    r = run(({"mode": "preload"}, "this"), ({"mode": "preload"}, "no.such"), "import sys\nprint('this' in sys.modules)")
    assert [m.get("exit_code", m["type"]) for m in r.messages] == [0, "error", 1] and r.out.endswith("True\n")


def test_module_mode(run):
    r = run(({"mode": "module", "filename": "", "argv": ["-m", "a"]}, "tool"),
            files={"tool.py": "import sys\nprint(__name__, sys.argv[1:])"})
    assert (r.out, r.err) == ("__main__ ['a']\n", "")


def test_import_from_the_current_folder_and_given_paths(run):
    r = run("import helper\nprint(helper.x)", files={"helper.py": "x = 5"})
    assert r.out == "5\n" and set(r.files) == {"helper.py"}


def test_random_numbers_differ(run):
    program = "import random, uuid, tempfile\nprint(random.random(), uuid.uuid4(), tempfile.mktemp())"
    assert len(set(run(program).out.split() + run(program).out.split())) == 6


def test_warnings_and_source(run):
    r = run("import warnings, inspect\ndef f():\n    return 1\nprint(inspect.getsource(f), end='')\nwarnings.warn('w')")
    assert r.out == "def f():\n    return 1\n"
    assert r.err == "main.py:5: UserWarning: w\n  warnings.warn('w')\n"
