"""Wheels and folders that programs may import from: --package and `packages:`."""

import subprocess
import zipfile

import pytest

from wheels import make_wheel

LANGUAGES = ["python", "javascript", "ruby"]


@pytest.fixture
def python(run, language_environment):
    def call(code, *options, env=None, **more):
        return run("python", *options, "-c", code, env={**language_environment, **(env or {})}, **more)

    return call


def test_a_wheel(python, tmp_path):
    wheel = make_wheel(tmp_path)
    code = """if 1:
        import pretty_table, importlib.metadata, importlib.resources, os
        print(pretty_table.shout("hello"), pretty_table.__file__)
        print(importlib.metadata.version("pretty-table"))
        print(importlib.resources.files("pretty_table").joinpath("data.txt").read_text(), end="")
        try:
            open(os.path.join(os.path.dirname(pretty_table.__file__), "new"), "w")
        except OSError as error:
            print(error.strerror)
    """
    for _ in range(2):  # unpacked, then found
        result = python(code, "--package", wheel)
        assert result.code == 0, result
        assert result.out.splitlines() == [
            "HELLO! /packages/pretty_table-1.2/pretty_table/__init__.py", "1.2", "some data",
            "Read-only file system"]
    assert "No module named 'pretty_table'" in python("import pretty_table").err


def test_the_data_folder_of_a_wheel_is_spread(python, tmp_path):
    """What a wheel keeps in NAME-VERSION.data/purelib is installed where the rest of it is."""
    data = "spread_out-1.2.data"
    wheel = make_wheel(tmp_path, "spread_out", files={
        "spread_out/__init__.py": "here = 'root'\n",
        f"{data}/purelib/spread_out/more.py": "here = 'purelib'\n",
        f"{data}/purelib/spread_out/__init__.py": "here = 'a second one'\n",
        f"{data}/platlib/aside.py": "here = 'platlib'\n",
        f"{data}/scripts/tool": "#!python\n",
    })
    result = python("import spread_out, spread_out.more, aside; print(spread_out.here, spread_out.more.here, aside.here)",
                    "--package", wheel)
    assert (result.code, result.out) == (0, "root purelib platlib\n"), result


def test_folders(python, tmp_path):
    modules = tmp_path / "modules"
    (modules / "inner").mkdir(parents=True)
    (modules / "single.py").write_text("value = 'single'\n")
    (modules / "inner/__init__.py").write_text("value = 'inner'\n")
    itself = tmp_path / "itself"
    itself.mkdir()
    (itself / "__init__.py").write_text("from . import part\nvalue = part.value\n")
    (itself / "part.py").write_text("value = 'part'\n")
    result = python("import single, inner, itself; print(single.value, inner.value, itself.value)",
                    "--package", modules, "--package", itself)
    assert (result.code, result.out) == (0, "single inner part\n"), result
    # What a program finds first is the package, not the language's own.
    (modules / "colorsys.py").write_text("value = 'mine'\n")
    assert python("import colorsys; print(colorsys.value)", "--package", modules).out == "mine\n"


def test_a_module_of_a_package_is_run(run, language_environment, tmp_path):
    (tmp_path / "tool.py").write_text("import sys\nprint(__name__, sys.argv[1:])\n")
    result = run("python", "--package", tmp_path, "-m", "tool", "a", env=language_environment)
    assert (result.code, result.out) == (0, "__main__ ['a']\n"), result


@pytest.mark.parametrize(
    "files, purelib, why",
    [
        ({"fast/__init__.py": "", "fast/_speedups.cpython-312-x86_64-linux-gnu.so": "\x7fELF"}, "true",
         "has native code (fast/_speedups.cpython-312-x86_64-linux-gnu.so)"),
        ({"fast/__init__.py": "", "fast/x.pyd": "MZ"}, "true", "has native code (fast/x.pyd)"),
        ({"fast.libs/libz.so.1": "\x7fELF"}, "false", "has native code (fast.libs/libz.so.1)"),
        ({"fast.py": ""}, "false", "says that it is not pure Python"),
    ],
)
def test_native_code_is_refused(python, tmp_path, files, purelib, why):
    wheel = make_wheel(tmp_path, "fast", files=files, purelib=purelib)
    for _ in range(2):  # nothing of it was kept
        result = python("1", "--package", wheel)
        assert result.code == 2, result
        assert why in result.err
        assert "cannot run in the sandbox" in result.err


@pytest.mark.parametrize("make, why", [
    (lambda p: p / "nothing.whl", "No such file"),
    (lambda p: (p / "a.txt", (p / "a.txt").write_text("x"))[0], "neither a folder nor a wheel"),
    (lambda p: (p / "a-1-py3-none-any.whl", (p / "a-1-py3-none-any.whl").write_text("x"))[0], "cannot be unpacked"),
])
def test_what_is_no_package(python, tmp_path, make, why):
    result = python("1", "--package", make(tmp_path))
    assert result.code in (2, 125), result
    assert why in result.err


def test_a_wheel_that_leads_out_of_its_folder(python, tmp_path):
    result = python("1", "--package", make_wheel(tmp_path, "evil", files={"../../evil.py": "x = 1"}))
    assert result.code == 125
    assert "could lead out of its folder" in result.err


def test_a_wheel_that_is_no_wheel(python, tmp_path):
    path = tmp_path / "empty-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.py", "")
    assert "has no NAME.dist-info/WHEEL" in python("1", "--package", path).err


def test_two_of_one_name(python, tmp_path):
    for name in "ab":
        (tmp_path / name / "lib").mkdir(parents=True)
    result = python("1", "--package", tmp_path / "a/lib", "--package", tmp_path / "b/lib")
    assert "would both be /packages/lib" in result.err
    assert python("print(1)", "--package", tmp_path / "a/lib", "--package", tmp_path / "a/lib").out == "1\n"


def test_packages_of_the_configuration(python, run, language_environment, tmp_path):
    wheel = make_wheel(tmp_path)
    config = tmp_path / "settings.yaml"
    config.write_text(f"packages:\n  py: [{wheel}]\n")
    code = "import pretty_table; print(pretty_table.shout('x'))"
    assert python(code, "--config", config).out == "X!\n"
    assert python(code, env={"POLYAGENT_PACKAGES": f"python={wheel}"}).out == "X!\n"
    assert run("js", "--config", config, "-c", "console.log(1)", env=language_environment).out == "1\n"
    config.write_text("packages:\n  pyton: []\n")
    assert "did you mean python?" in python(code, "--config", config).err
    config.write_text("packages:\n  python: [/nonexistent/a.whl]\n")
    assert "packages.python: the package /nonexistent/a.whl" in python(code, "--config", config).err


def test_javascript(run, language_environment, tmp_path):
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "x.js").write_text("import {two} from './y.js';\nexport default two * 21;\n")
    (folder / "y.js").write_text("export const two = 2;\n")
    (folder / "c.cjs").write_text("module.exports = {name: 'common'};\n")
    code = "import x from '/packages/lib/x.js';\nconsole.log(x);"
    result = run("js", "--package", folder, "-c", code, env=language_environment)
    assert (result.code, result.out) == (0, "42\n"), result
    code = "console.log(require('/packages/lib/c.cjs').name); import('/packages/lib/y.js').then(m => console.log(m.two))"
    result = run("js", "--package", folder, "-c", code, env=language_environment)
    assert (result.code, result.out) == (0, "common\n2\n"), result


def test_the_script_s_folder_is_seen_when_asked_for(run, language_environment, tmp_path):
    (tmp_path / "main.js").write_text("import {a} from '/here/sibling.js';\nconsole.log(a);\n")
    (tmp_path / "sibling.js").write_text("export const a = 'sibling';\n")
    result = run("js", "--dir", f"{tmp_path}::/here", tmp_path / "main.js", env=language_environment)
    assert (result.code, result.out) == (0, "sibling\n"), result
    assert run("js", tmp_path / "main.js", env=language_environment).code == 1


def test_ruby(run, language_environment, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/greeting.rb").write_text("def greeting = 'hello'\n")
    result = run("ruby", "--package", tmp_path / "lib", "-c", "require 'greeting'; puts greeting", env=language_environment)
    assert (result.code, result.out) == (0, "hello\n"), result


def test_a_wheel_from_the_registry(python, run, language_environment, tmp_path):
    done = subprocess.run(["pip", "download", "--no-deps", "--only-binary", ":all:", "-d", tmp_path, "-q", "tabulate==0.9.0"],
                          check=False, timeout=600, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    (wheel,) = tmp_path.glob("*.whl")
    code = "import tabulate; print(tabulate.tabulate([['a', 1]], tablefmt='plain'))"
    for name in ("python", "python3.12"):
        result = run(name, "--package", wheel, "-c", code, env=language_environment)
        assert (result.code, result.out.strip()) == (0, "a  1"), result


def test_the_option_is_of_languages(run, tmp_path):
    result = run("run", "--package", tmp_path, "x.wasm")
    assert result.code == 2
    assert "for languages" in result.err
