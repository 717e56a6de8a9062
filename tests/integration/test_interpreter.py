"""A user's own interpreter: --interpreter, PYTHON_WASI_WASM_PATH, and how the original document starts one."""

import shutil
import subprocess

import pytest

from waiting import until, warmed

DOCUMENTED = "import sys; exec(sys.stdin.read())"


@pytest.fixture(scope="session")
def interpreter(polyagent, installed_languages, tmp_path_factory):
    """CPython as one file that is nobody's language: the module of python3.12 under another name."""
    folder = subprocess.run([polyagent, "lang", "path", "python3.12"], env=installed_languages, check=True,
                            stdout=subprocess.PIPE).stdout.decode().strip()
    path = tmp_path_factory.mktemp("interpreter") / "python-3.12.0.wasm"
    shutil.copy(f"{folder}/module.wasm", path)
    return path


@pytest.fixture
def python(run, installed_languages):
    def call(*args, env=None, **more):
        return run("python", *args, env={**installed_languages, **(env or {})}, timeout=900, **more)

    return call


@pytest.fixture
def without_checkpoint(root, tmp_path):
    """The environment in which no interpreter gets along with the boot script."""
    packs = tmp_path / "languages"
    shutil.copytree(root / "languages", packs)
    (packs / "python/boot.py").write_text("raise SystemExit('no device here')\n")
    return {"POLYAGENT_LANGUAGES": str(packs)}


def test_the_original_test_line(run, installed_languages, interpreter):
    """echo 'print("Test")' | polyagent run python-3.12.0.wasm -- -c 'import sys; exec(sys.stdin.read())'"""
    result = run("run", interpreter.name, "--", "-c", DOCUMENTED, stdin='print("Test")\n', cwd=interpreter.parent,
                 env=installed_languages, timeout=900)
    assert (result.code, result.out, result.err) == (0, "Test\n", "")


WHO = "import sys; print(sys.version_info[:2], sys.argv, __name__)"


def test_by_the_option(python, interpreter):
    result = python("--interpreter", interpreter, "-c", WHO, "a")
    assert (result.code, result.out, result.err) == (0, "(3, 12) ['-c', 'a'] __main__\n", "")


def test_by_the_environment_and_the_configuration(python, run, installed_languages, interpreter, tmp_path):
    config = tmp_path / "settings.yaml"
    config.write_text(f"python_wasi_wasm_path: {interpreter}\nimages: {{mine: {{language: py, preload: [uuid]}}}}\n")
    for how in ({"env": {"PYTHON_WASI_WASM_PATH": str(interpreter)}}, {"env": {"POLYAGENT_CONFIG": str(config)}}):
        assert python("-c", WHO, **how).out == "(3, 12) ['-c'] __main__\n"
    # It stands in for `python`, whatever that is called, and for no other language.
    result = run("mine", "--config", config, "-c", WHO + "; print('uuid' in sys.modules)", env=installed_languages)
    assert result.out == "(3, 12) ['-c'] __main__\nTrue\n"
    assert run("js", "--config", config, "-c", "console.log(1)", env=installed_languages).out == "1\n"
    other = tmp_path / "other.wasm"
    other.write_bytes(b"none")
    assert python("--interpreter", interpreter, "-c", "print(1)", env={"PYTHON_WASI_WASM_PATH": str(other)}).out == "1\n"


def test_it_is_used_like_a_language(python, interpreter, tmp_path):
    script = tmp_path / "main.py"
    script.write_text("import sys\nprint(input())\nsys.exit(7)\n")
    result = python("--interpreter", interpreter, script, stdin="line\n")
    assert (result.code, result.out) == (7, "line\n")
    result = python("--interpreter", interpreter, "--expression", "-c", "6 * 7")
    assert (result.code, result.out) == (0, "42\n")
    result = python("--interpreter", interpreter, "-i", stdin="x = 1\nx\nexit(3)\n")
    assert (result.code, result.out) == (3, "1\n")
    failed = python("--interpreter", interpreter, "-c", "1/0")
    assert failed.code == 1
    assert failed.err.startswith("Traceback") and "boot" not in failed.err
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/helper.py").write_text("x = 'helper'\n")
    result = python("--interpreter", interpreter, "--package", tmp_path / "lib", "-c", "import helper; print(helper.x)")
    assert result.out == "helper\n"


def test_the_documented_start(python, interpreter, without_checkpoint, tmp_path):
    """Where the boot script fails: python -c 'import sys; exec(sys.stdin.read())', the code on standard input."""
    script = tmp_path / "main.py"
    script.write_text(WHO + "\nsys.exit(7)\n")
    for _ in range(2):  # found out, then remembered
        result = python("--interpreter", interpreter, script, "a", "b", env=without_checkpoint)
        assert (result.code, result.out) == (7, "(3, 12) ['-c', 'a', 'b'] __main__\n"), result
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/tool.py").write_text("print(__name__)\n")
    result = python("--interpreter", interpreter, "--package", tmp_path / "lib", "-m", "tool", env=without_checkpoint)
    assert (result.code, result.out) == (0, "__main__\n"), result
    for what, option in (("prompt (-i)", ["-i"]), ("results (--expression)", ["--expression", "-c", "1"]),
                         ("other input (--stdin)", ["--stdin", script, "-c", "1"])):
        result = python("--interpreter", interpreter, *option, stdin="1\n", env=without_checkpoint)
        assert result.code == 125 and result.out == ""
        assert f"{interpreter} has no {what}: " in result.err and "docs/languages.md" in result.err


def test_it_is_kept_warm(polyagent, run, installed_languages, interpreter, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    env = {**installed_languages, "PYTHON_WASI_WASM_PATH": str(interpreter), "POLYAGENT_SOCKET": str(folder / "polyagent.sock")}
    log = tmp_path / "serve.log"
    with open(log, "wb") as stderr:
        server = subprocess.Popen([polyagent, "serve", "--log", "info", "python"], env=env, stderr=stderr)
    try:
        until(lambda: warmed(log.read_text()) or server.poll() is not None, seconds=300)
        assert server.poll() is None, log.read_text()
        result = run("python", "-c", WHO, env=env)
        assert result.out == "(3, 12) ['-c'] __main__\n"
        outcome = run("python", "--json", "-c", "1", env=env).json()
        assert outcome["status"] == "ok"
        assert warmed(log.read_text()) == 1
        # The flag means the same file, so the same process.
        copy = tmp_path / "copy.wasm"
        shutil.copy(interpreter, copy)
        assert run("python", "--interpreter", copy, "-c", "print(1)", env=env).out == "1\n"
        assert warmed(log.read_text()) == 1
    finally:
        server.terminate()
        assert server.wait(timeout=60) == 0, log.read_text()


def test_what_is_no_interpreter(python, wat, tmp_path, polyagent):
    text = tmp_path / "text.wasm"
    text.write_text("print(1)")
    result = python("--interpreter", text, "-c", "1")
    assert result.code == 2
    assert "is not a WebAssembly module" in result.err

    component = tmp_path / "component.wasm"
    component.write_bytes(b"\0asm\x0d\0\x01\0")
    assert "is a WebAssembly component" in python("--interpreter", component, "-c", "1").err

    broken = tmp_path / "broken.wasm"
    broken.write_bytes(b"\0asm\x01\0\0\0\xff\xff")
    result = python("--interpreter", broken, "-c", "1")
    assert result.code == 125
    assert "cannot be used: invalid_module" in result.err

    # A module that runs well, and is no Python: (module (memory (export "memory") 1) (func (export "_start")))
    other = tmp_path / "other.wasm"
    other.write_bytes(bytes.fromhex("0061736d01000000010401600000030201000503010001071302066d656d6f727902"
                                    "00065f737461727400000a040102000b"))
    result = python("--interpreter", other, "-c", "1")
    assert result.code == 125
    assert "other.wasm does not do as an interpreter: it ended with exit code 0" in result.err

    missing = python("-c", "1", env={"PYTHON_WASI_WASM_PATH": str(tmp_path / "missing.wasm")})
    assert missing.code == 125
    assert "python_wasi_wasm_path: the interpreter" in missing.err and "No such file" in missing.err


def test_other_languages(run, installed_languages, polyagent, tmp_path):
    """Their packs need no files either: a module of one's own runs with their boot script."""
    folder = subprocess.run([polyagent, "lang", "path", "js"], env=installed_languages, check=True,
                            stdout=subprocess.PIPE).stdout.decode().strip()
    own = tmp_path / "qjs.wasm"
    shutil.copy(f"{folder}/module.wasm", own)
    result = run("js", "--interpreter", own, "-c", "console.log(40 + 2)", env=installed_languages)
    assert (result.code, result.out) == (0, "42\n"), result
