"""The prompt: `polyagent python` on a terminal (a pty), and -i through a pipe."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

from waiting import DEADLINE, children, until

LANGUAGES = ["python"]
PROMPT, MORE = ">>> ", "... "
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07")


class Terminal:
    """A program on a terminal of its own: type into it, wait for what it shows."""

    def __init__(self, polyagent, environment, *args):
        self.fd, other = pty.openpty()
        self.process = subprocess.Popen(
            [polyagent, *map(str, args)], stdin=other, stdout=other, stderr=other, close_fds=True, start_new_session=True,
            env={**environment, "TERM": "xterm", "LC_ALL": "C.UTF-8"}, preexec_fn=lambda: self.take(other))
        os.close(other)
        self.seen, self.prompted = "", False

    @staticmethod
    def take(fd):
        fcntl.ioctl(fd, termios.TIOCSCTTY, 0)

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.seen += CONTROL.sub("", os.read(self.fd, 65536).decode("utf-8", "replace"))
            except OSError:
                return False  # the other end is closed
        return True

    def expect(self, text, seconds=DEADLINE):
        """What was shown up to `text`, which is not shown again."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, (text, self.seen)
            if not self.read(0.1):
                break
        before, found, self.seen = self.seen.partition(text)
        assert found, (text, before)
        self.prompted = text in (PROMPT, MORE) or text.endswith("\n" + PROMPT)
        return before

    def type(self, text):
        """A prompt is shown a moment before it takes over the echo, and signals with it."""
        until(lambda: not self.prompted or not termios.tcgetattr(self.fd)[3] & termios.ICANON)
        self.prompted = False
        os.write(self.fd, text.encode())

    def enter(self, line, prompt=PROMPT):
        """Types a line; returns what it led to, without its own echo."""
        self.type(line + "\n")
        return self.expect(prompt).removeprefix(line).strip("\n")

    def end(self, seconds=DEADLINE):
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            self.read(0.05)
        while self.read(0) and select.select([self.fd], [], [], 0)[0]:
            continue
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.fd)


@pytest.fixture
def prompt(polyagent, installed_languages):
    """Starts a program on a terminal.  The prompt uses no server, so one that runs does not matter."""
    started = []

    def start(*args, env=installed_languages):
        terminal = Terminal(polyagent, env, *args)
        started.append(terminal)
        return terminal

    yield start
    for terminal in started:
        terminal.close()


def test_python(prompt, language_environment):
    at = prompt("python", env=language_environment)
    assert "in the sandbox" in at.expect(">>> ")
    assert at.enter("x = 20") == ""
    assert at.enter("x + 1") == "21"
    assert at.enter("print('größer', x)") == "größer 20"
    assert at.enter("'text'") == "'text'"
    assert at.enter("None") == ""
    assert at.enter("import random; random.seed(7); a = random.random()") == ""
    assert at.enter("random.seed(7); a == random.random()") == "True"
    failed = at.enter("1/0")
    assert failed.startswith("Traceback (most recent call last):")
    assert "1/0" in failed and failed.endswith("ZeroDivisionError: division by zero")
    assert "boot" not in failed
    assert at.enter("x") == "20"
    at.type("\x04")
    assert at.end() == 0


def test_lines_that_belong_together(prompt):
    at = prompt("python")
    at.expect(">>> ")
    assert at.enter("def double(n):", "... ") == ""
    assert at.enter("    return [", "... ") == ""
    assert at.enter("        n * 2]", "... ") == ""
    assert at.enter("") == ""
    assert at.enter("double(21)") == "[42]"
    assert at.enter('"""one', "... ") == ""
    assert at.enter('two"""') == "'one\\ntwo'"
    assert "SyntaxError" in at.enter("a b")
    assert at.enter("") == ""
    # An error names the line of the input that defined it.
    assert at.enter("def f():", "... ") == ""
    assert at.enter("    return undefined_name", "... ") == ""
    at.enter("")
    failed = at.enter("f()")
    assert "return undefined_name" in failed and "NameError" in failed
    at.type("\x04")
    assert at.end() == 0


def test_the_line_can_be_edited_and_comes_back(prompt):
    at = prompt("python")
    at.expect(">>> ")
    at.type("6 * 8\x7f7\n")
    at.expect("\n42\n>>> ")
    at.type("\x1b[A\n")  # the line before
    at.expect("\n42\n>>> ")
    at.type("\x04")
    assert at.end() == 0


@pytest.mark.parametrize("leave, code", [("exit()", 0), ("exit(3)", 3), ("raise SystemExit('why')", 1),
                                        ("import os; os._exit(4)", 4)])
def test_python_exit(prompt, leave, code):
    at = prompt("python")
    at.expect(">>> ")
    at.enter("import atexit; _ = atexit.register(print, 'the end')")
    at.type(leave + "\n")
    assert at.end() == code
    assert ("the end\n" in at.seen) == ("_exit" not in leave)
    assert ("why" in at.seen.replace(leave, "")) == ("why" in leave)


def test_input_reads_the_terminal(prompt):
    at = prompt("python")
    at.expect(">>> ")
    at.type("name = input('who? ')\n")
    at.expect("who? ')\n")
    at.expect("who? ")
    at.type("Ada\n")
    at.expect(">>> ")
    assert at.enter("name") == "'Ada'"


INTERRUPTED = "polyagent: interrupted; variables are as before this input"
AS_BEFORE = "polyagent: variables are as before this input"


def test_interrupts(prompt):
    at = prompt("python")
    at.expect(">>> ")
    at.enter("kept = [1]; open('file', 'w').write('before') and None")
    at.type("half a li\x03")
    at.expect(">>> ")
    assert at.enter("kept") == "[1]"
    for line in ["exec('while True: kept.append(2); open(\"file\", \"w\").write(\"after\")')", "import time; time.sleep(60)", "input()"]:
        at.type(f"print('on', flush=True); {line}\n")
        at.expect("on\n")
        at.type("\x03")
        shown = at.expect(">>> ")
        assert shown.count("polyagent:") == 1 and INTERRUPTED in shown
        assert at.enter("kept, open('file').read()") == "([1], 'before')"
    # What went on before goes on: a seed stays in force, hooks at exit are still there.
    at.enter("import atexit, random; _ = atexit.register(print, 'the end'); random.seed(7); a = random.random()")
    at.type("random.random(); print('on', flush=True); __import__('time').sleep(60)\n")
    at.expect("on\n")
    at.type("\x03")
    at.expect(">>> ")
    assert at.enter("b = random.random(); random.seed(7); a == random.random()") == "True"
    assert at.enter("b == random.random()") == "True"
    at.type("\x04")
    assert at.end() == 0
    assert "the end" in at.seen


def test_the_first_input_is_interrupted(prompt):
    at = prompt("python")
    at.expect(">>> ")
    at.type("print('on', flush=True); import time; time.sleep(60)\n")
    at.expect("on\n")
    at.type("\x03")
    assert INTERRUPTED in at.expect(">>> ")
    assert at.enter("6 * 7") == "42"
    at.type("\x04")
    assert at.end() == 0


@pytest.mark.parametrize("language, define, loop, show", [
    ("js", "let kept = 1", "console.log('on'); for (;;) kept++;", "kept"),
    ("ruby", "kept = 1", "puts 'on'; $stdout.flush; loop { kept += 1 }", "kept")])
def test_interrupts_of_other_languages(prompt, language, define, loop, show):
    at = prompt(language)
    at.expect(">>> ")
    at.enter(define)
    at.type(loop + "\n")
    at.expect("on\n")
    at.type("\x03")
    assert INTERRUPTED in at.expect(">>> ")
    assert at.enter(show) == "1"


@pytest.mark.parametrize("option, line, status", [
    ("--timeout=3s", "while True: pass\n", "timeout"),
    ("--cpu-time=2s", "while True: pass\n", "cpu_limit"),
    ("--limit=output_bytes=20000", "while True: print('x' * 100)\n", "output_limit"),
    ("--timeout=20s", "import os; os.abort()", "trap"),
])
def test_what_kills_a_turn_does_not_kill_the_session(prompt, option, line, status):
    at = prompt("python", option)
    at.expect(">>> ")
    at.enter("kept = 1")
    time.sleep(3.2 if status == "timeout" else 0)  # the time between turns is nobody's
    assert at.enter("kept") == "1"
    at.type(line + "\n")
    at.expect(f"polyagent: {status}: ")
    assert AS_BEFORE in at.expect(">>> ")
    assert at.enter("kept") == "1"


def test_the_session_is_lost_with_its_root(prompt):
    at = prompt("python")
    at.expect(">>> ")
    at.enter("kept = 1")
    roots = children(at.process.pid)
    assert len(roots) == 1
    os.kill(roots[0], signal.SIGKILL)
    shown = at.enter("1 + 1")
    assert "the session is lost, with its variables" in shown and "a new one begins" in shown and shown.endswith("2")
    assert "NameError" in at.enter("kept")


def test_a_signal_ends_the_prompt(prompt):
    at = prompt("python")
    at.expect(">>> ")
    at.process.send_signal(signal.SIGTERM)
    assert at.end() == 143


def test_javascript(prompt):
    at = prompt("js")
    at.expect(">>> ")
    assert at.enter("let a = {b: [1, 2]}") == ""
    assert at.enter("a") == "{ b: [ 1, 2 ] }"
    assert at.enter("function twice(n) {", "... ") == ""
    assert at.enter("  return n * 2", "... ") == ""
    assert at.enter("}") == ""
    assert at.enter("twice(4)") == "8"
    assert "TypeError" in at.enter("null.x")
    assert at.enter("await new Promise(r => setTimeout(() => r(5), 10))") == "5"
    at.type("process.exit(6)\n")
    assert at.end() == 6


def test_ruby(prompt):
    at = prompt("ruby")
    at.expect(">>> ")
    assert at.enter("a = [1, 2]") == "[1, 2]"
    assert at.enter("def twice(n)", "... ") == ""
    assert at.enter("  n * 2", "... ") == ""
    assert at.enter("end") == ":twice"
    assert at.enter("twice(a.sum)") == "6"
    assert "NoMethodError" in at.enter("nil.x")
    at.type("exit 7\n")
    assert at.end() == 7


def test_a_program_first(prompt, tmp_path):
    script = tmp_path / "first.py"
    script.write_text("import sys\nprint('ran', sys.argv[1:])\nvalue = 5\n")
    at = prompt("python", "-i", script, "a", "b")
    assert "ran ['a', 'b']" in at.expect(">>> ")
    assert at.enter("value") == "5"
    assert at.enter("sys.argv[1:]") == "['a', 'b']"
    at.type("\x04")
    assert at.end() == 0


def test_through_a_pipe(run, installed_languages, tmp_path):
    text = "n = 0\nfor i in range(4):\n    n += i\n\nn\nimport sys; sys.stdin.read()\nexit(9)\n"
    result = run("python", "-i", stdin=text, env=installed_languages)
    assert (result.code, result.out, result.err) == (9, "6\n''\n", "")
    file = tmp_path / "input"
    file.write_text("what input reads\n")
    result = run("python", "-i", "--stdin", file, stdin="input()\n", env=installed_languages)
    assert (result.code, result.out, result.err) == (0, "'what input reads'\n", "")


def test_no_prompt_without_a_terminal(run, installed_languages):
    result = run("python", stdin="print(1)\n2\n", env=installed_languages)
    assert (result.code, result.out, result.err) == (0, "1\n", "")
