"""Python compiled: the command, the modes of `polyagent python`, what goes on where compiling stops."""

import json
import pathlib
import re
import shutil
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
    compiled, interpreted = python("transpile", code), python("interpret", code)
    assert (compiled.code, compiled.out, compiled.err) == (1, "start\n", interpreted.err)
    assert compiled.err == ('Traceback (most recent call last):\n  File "<string>", line 4, in <module>\n    f(3)\n    ~^^^\n'
                            '  File "<string>", line 2, in f\n    return [1][x]\n           ~~~^^^\n'
                            "IndexError: list index out of range\n")


CHAINED = """
class Missing(Exception):
    pass

def find(name):
    try:
        return {"a": 1}[name]
    except KeyError as e:
        raise Missing("no " + name +
                      " here") from e

find("a")
find("b")
"""


def test_an_uncaught_exception_is_data_as_the_interpreters_is(python):
    compiled, interpreted = (python(mode, CHAINED, "--json").json() for mode in ("auto", "interpret"))
    assert compiled["engine"]["used"] == "transpiler"
    assert compiled["error"]["name"] == "Missing" and compiled["error"]["value"] == "no b here"
    assert "direct cause of the following exception" in compiled["stderr"]
    for outcome in (compiled, interpreted):
        del outcome["engine"], outcome["usage"]
    assert compiled == interpreted


def test_uncaught_exceptions_are_shown_as_cpythons(polyagent, installed_languages):
    done = subprocess.run([sys.executable, TRANSPILE / "run_corpus.py", "--polyagent", polyagent, "--tracebacks", "-k",
                           "uncaught", "--least", "100"], env=installed_languages,
                          capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


LOOPS = """def inner(n):
    total = 0
    while n:
        total += n % 7
    return total

def outer(n):
    return (1
            + inner(n))

print(outer(5))
"""


def test_a_trap_names_the_lines(run, source, tmp_path):
    module = tmp_path / "out.wasm"
    assert run("transpile", source(LOOPS), "-o", module).code == 0
    ran = run("run", "--fuel", "300000", module)
    assert ran.code == 137 and "out_of_fuel" in ran.err
    frames = [line.split() for line in ran.err.splitlines() if line.startswith("  #")]
    assert [frame[1] for frame in frames] == ["inner", "outer", "<module>", "_start"]
    places = [frame[2].rsplit("/", 1)[-1] for frame in frames[:3]]
    assert places[0].startswith(("program.py:3:", "program.py:4:"))
    assert places[1:] == ["program.py:9:15)", "program.py:11:7)"]


def test_dwarf_is_dwarf(run, source, tmp_path):
    module = tmp_path / "out.wasm"
    assert run("transpile", source(LOOPS), "-o", module).code == 0
    dump = shutil.which("llvm-dwarfdump") or shutil.which("llvm-dwarfdump-14")
    verified = subprocess.run([dump, "--verify", module], capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and "No errors" in verified.stdout, verified.stdout + verified.stderr
    lines = subprocess.run([dump, "--debug-line", module], capture_output=True, text=True, check=True).stdout
    assert 'name: "' in lines and "program.py" in lines and "end_sequence" in lines


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
                          capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def random_programs(*arguments, environment):
    done = subprocess.run([sys.executable, TRANSPILE / "random_programs.py", *arguments], env=environment,
                          capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_random_programs_are_cpythons(polyagent, installed_languages):
    said = random_programs("--polyagent", polyagent, "--seed", "1", "--count", "300", environment=installed_languages)
    compiled = re.search(r"([\d.]+) %  compiled and the same", said)
    assert compiled and float(compiled[1]) > 75, said


def test_the_truth_is_cpythons(environment):
    """What random programs are compared with: a fork that becomes the program, and python3 itself."""
    assert "40 programs forked and in processes of their own: 0 differ" in random_programs("--prove", "40", environment=environment)


def test_a_difference_is_reduced():
    sys.path.insert(0, str(TRANSPILE))
    import reduce
    text = "a = 1\nif a:\n    b = 2\n    for i in range(3):\n        print(i)\n        wrong()\nelse:\n    c = 3\nprint(a)\n"

    def shows(text):
        try:
            compile(text, "main.py", "exec")
        except SyntaxError:
            return False
        return "wrong()" in text

    assert reduce.reduce(text, shows) == "wrong()\n"


def test_json_is_one_object(python):
    result = python("auto", "print(1)", "--json")
    assert json.loads(result.out)["engine"] == {"used": "transpiler", "why": "all of it could be compiled"}
