"""Python compiled: the command, the modes of `polyagent python`, what goes on where compiling stops."""

import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TRANSPILE = HERE.parent / "transpile"


@pytest.fixture
def python(run, installed_languages):
    """python(mode, code, *options, **how) -> how `polyagent python --mode MODE OPTIONS -c CODE` ended"""

    def call(mode, code, *options, **how):
        return run("python", "--mode", mode, *options, "-c", code, env=installed_languages, **how)

    return call


@pytest.fixture
def source(tmp_path):
    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_module_runs_by_itself(run, source, tmp_path):
    module = tmp_path / "out.wasm"
    made = run("transpile", source("print('hi', sum(range(5)))\n"), "-o", module)
    assert (made.code, made.out, made.err) == (0, "", "")
    ran = run("run", module)
    assert (ran.code, ran.out) == (0, "hi 10\n")


def test_a_refusal_names_file_line_and_column(run, source, tmp_path):
    path = source("x = 1\nprint(x, open('f'))\n")
    made = run("transpile", path, "-o", tmp_path / "out.wasm")
    assert made.code == 1
    assert made.err.startswith(f"{path}:2:10: ")
    assert not (tmp_path / "out.wasm").exists()


def test_a_late_global_is_pythons_error(run, source, tmp_path):
    """Accepted by the grammar and a SyntaxError all the same: not ours to run."""
    made = run("transpile", source("x = 1\ndef f():\n    print(x)\n    global x\nf()\n"), "-o", tmp_path / "out.wasm")
    assert made.code == 1 and ":4:5: x is used before it is declared here" in made.err


def test_wat_shows_the_lines(run, source):
    shown = run("transpile", source("def twice(n):\n    return n * 2\nprint(twice(4))\n"), "--wat")
    assert shown.code == 0
    assert ";; line 2:     return n * 2" in shown.out and "i64.mul" in shown.out
    assert shown.out.startswith("(module") and "rt_print_int" in shown.out


@pytest.mark.parametrize("args", [[], ["a.py"], ["a.py", "b.py", "-o", "c"], ["--nonsense"]])
def test_wrong_use_says_how(run, args):
    assert run("transpile", *args).code == 2


def test_a_missing_source_is_said(run, tmp_path):
    made = run("transpile", tmp_path / "none.py", "-o", tmp_path / "o")
    assert made.code == 125 and "none.py" in made.err


def test_transpile_mode_says_which_engine(python):
    outcome = python("transpile", "print(6 * 7)", "--json").json()
    assert outcome["stdout"] == "42\n"
    assert outcome["engine"]["used"] == "transpiler"


def test_transpile_mode_refuses(python):
    result = python("transpile", "import re\nprint(re.sub('a', 'b', 'a'))")
    assert result.code == 1
    assert "<string>:2:7" in result.err


def test_auto_falls_back_with_the_place(python):
    outcome = python("auto", "import re\nprint(re.sub('a', 'b', 'a'))", "--json").json()
    assert outcome["stdout"] == "b\n"
    assert outcome["engine"]["used"] == "interpreter"
    assert "<string>:2:7" in outcome["engine"]["why"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_was_written_before_falling_back_comes_once(python, options):
    # More than the runtime buffers, so that some of it was passed on already.
    code = "for i in range(3000):\n    print('line', i)\nprint(2 ** 70)\n"
    result = python("auto", code, *options)
    out = result.json()["stdout"] if options else result.out
    assert out == "".join(f"line {i}\n" for i in range(3000)) + f"{2 ** 70}\n"


def test_an_uncaught_exception_has_the_interpreters_traceback(python):
    code = "def f(x):\n    return [1][x]\nprint('start')\nf(3)\n"
    auto, interpreted = python("auto", code), python("interpret", code)
    assert (auto.code, auto.out, auto.err) == (interpreted.code, interpreted.out, interpreted.err)
    compiled = python("transpile", code)
    assert (compiled.code, compiled.out) == (1, "start\n")
    assert compiled.err.splitlines()[0] == interpreted.err.splitlines()[0]
    assert compiled.err.splitlines()[-1] == "IndexError: list index out of range"
    assert '  File "<string>", line 2, in f\n' in compiled.err


def test_exit_codes_are_the_programs(python):
    assert python("transpile", "import sys\nsys.exit(7)").code == 7
    assert python("auto", "raise SystemExit(3)").code == 3


def test_input_is_read_by_the_compiled_program(python, tmp_path):
    given = tmp_path / "in.txt"
    given.write_text("3\n4\n")
    code = "a = int(input())\nb = int(input())\nprint(a + b)\n"
    outcome = python("auto", code, "--json", "--stdin", given).json()
    assert outcome["stdout"] == "7\n" and outcome["engine"]["used"] == "transpiler"


def test_input_is_read_again_by_the_interpreter(python, tmp_path):
    given = tmp_path / "in.txt"
    given.write_text("99\n")
    outcome = python("auto", "n = int(input('? '))\nprint(n ** 20)\n", "--json", "--stdin", given).json()
    assert outcome["stdout"] == f"? {99 ** 20}\n" and outcome["engine"]["used"] == "interpreter"


def test_a_pipe_is_left_to_the_interpreter(python):
    outcome = python("auto", "print(input())", "--json", stdin="hello\n").json()
    assert outcome["stdout"] == "hello\n" and outcome["engine"]["used"] == "interpreter"


def test_deep_recursion_is_pythons_affair(python):
    code = "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\nprint(f(900))\ntry:\n    f(5000)\nexcept RecursionError:\n    print('deep')\n"
    assert python("auto", code).out == "900\ndeep\n"


def test_memory_is_collected(python):
    # A gigabyte of lists and texts in all, a little at a time.
    code = "total = 0\nfor i in range(200000):\n    xs = [i] * 500\n    total += len(str(xs[3]) + 'x')\nprint(total)\n"
    outcome = python("transpile", code, "--json").json()
    assert outcome["status"] == "ok"
    assert outcome["usage"]["memory_peak_bytes"] < 120 << 20


def test_a_mode_is_for_python(run, installed_languages):
    assert run("javascript", "--mode", "auto", "-c", "1", env=installed_languages).code == 2
    assert run("python", "--mode", "fast", "-c", "1", env=installed_languages).code == 2


def test_the_corpus_is_cpythons(polyagent, environment):
    done = subprocess.run([sys.executable, TRANSPILE / "run_corpus.py", "--polyagent", polyagent], env=environment,
                          capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_random_programs_are_cpythons(polyagent, environment):
    done = subprocess.run([sys.executable, TRANSPILE / "random_programs.py", "--polyagent", polyagent, "--count", "200"],
                          env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_json_is_one_object(python):
    result = python("auto", "print(1)", "--json")
    assert json.loads(result.out)["engine"] == {"used": "transpiler", "why": "all of it could be compiled"}
