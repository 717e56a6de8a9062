"""Images: languages of one's own, with packages and with modules that are imported in advance."""

import os
import subprocess

import http_server
import pytest

from waiting import until, warmed
from wheels import make_wheel

CONFIG = """
images:
  data:
    language: python
    preload: [json.tool, shout_first]
    packages: [{folder}, {wheel}]
  plain: {{language: js}}
"""
SHOUT = "import sys, time\nstarted = time.time()\nmain = '__main__' in sys.modules\n"


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "shout_first.py").write_text(SHOUT)
    path = tmp_path / "settings.yaml"
    path.write_text(CONFIG.format(folder=folder, wheel=make_wheel(tmp_path)))
    return path


@pytest.fixture
def image(run, installed_languages, config):
    def call(*args, **more):
        return run(*args, env={**installed_languages, "POLYAGENT_CONFIG": str(config), **more.pop("env", {})}, **more)

    return call


LOADED = "import sys; print('json.tool' in sys.modules, 'shout_first' in sys.modules, sys.argv, sys.path[:3])"


@pytest.mark.parametrize("how", [["data"], ["exec", "data"], ["exec", "--image", "data"], ["python", "--image", "data"]])
def test_names_of_an_image(image, how):
    result = image(*how, "-c", LOADED, "a")
    assert (result.code, result.err) == (0, ""), result
    assert result.out == "True True ['-c', 'a'] ['', '/packages/ours', '/packages/pretty_table-1.2']\n"


def test_packages_and_environment(image):
    code = "import pretty_table, os; print(pretty_table.shout('a'), [n for n in os.environ if 'POLYAGENT' in n])"
    result = image("data", "-c", code)
    assert (result.code, result.out) == (0, "A! []\n"), result
    assert image("plain", "-c", "console.log(typeof require)").out == "function\n"
    assert image("python", "-c", LOADED).out.startswith("False False")


def test_a_module_that_is_not_there(image, tmp_path, config):
    config.write_text("images: {data: {language: python, preload: [nonsense]}}\n")
    result = image("data", "-c", "print(1)")
    assert result.code == 1
    assert "No module named 'nonsense'" in result.err


def test_faults(image, config):
    assert image("dota", "-c", "1").code == 2
    result = image("exec", "--image", "dota", "-c", "1")
    assert result.code == 125
    assert "--image dota: the configuration has no image of this name" in result.err
    result = image("ruby", "--image", "data", "-c", "1")
    assert result.code == 2
    assert "--image data is one of python, not of ruby" in result.err
    config.write_text("images: {py: {language: python}, lost: {language: pyton}}\n")
    assert "a language has this name already" in image("py", "-c", "1").err
    assert "images.lost: there is no language 'pyton'; did you mean python?" in image("lost", "-c", "1").err
    config.write_text("images: {data: {language: python, preload: numpy}}\n")
    assert "images.data.preload: got text, allowed is a list" in image("data", "-c", "1").err


def test_each_image_has_a_warm_root(image, polyagent, installed_languages, config, tmp_path):
    config.write_text(config.read_text() + "warm: [data, python]\n")
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    env = {**installed_languages, "POLYAGENT_CONFIG": str(config), "POLYAGENT_SOCKET": str(folder / "polyagent.sock")}
    log = tmp_path / "serve.log"
    with open(log, "wb") as stderr:
        server = subprocess.Popen([polyagent, "serve", "--log", "info"], env=env, stderr=stderr)
    try:
        until(lambda: warmed(log.read_text()) == 2 or server.poll() is not None)
        assert server.poll() is None, log.read_text()
        ours = {"POLYAGENT_SOCKET": env["POLYAGENT_SOCKET"]}
        code = "import sys, time; print(time.time() - sys.modules['shout_first'].started, end=' ')\n" + LOADED
        times = []
        for _ in range(2):
            result = image("data", "-c", code, env=ours)
            assert result.code == 0, result
            seconds, rest = result.out.split(" ", 1)
            times.append(float(seconds))
            assert rest.startswith("True True ['-c']")
        assert times[1] > times[0] > 0  # it was imported once, before either
        assert image("python", "-c", LOADED, env=ours).out.startswith("False False")
        assert warmed(log.read_text()) == 2
        # An option adds a package for one run: another kind of process.
        extra = tmp_path / "extra"
        extra.mkdir()
        (extra / "extra_module.py").write_text("x = 'extra'\n")
        result = image("data", "--package", extra, "-c", "import extra_module, shout_first; print(extra_module.x)", env=ours)
        assert (result.code, result.out) == (0, "extra\n"), result
        assert warmed(log.read_text()) == 3
    finally:
        server.terminate()
        assert server.wait(timeout=60) == 0, log.read_text()


def test_serve_says_what_is_wrong(polyagent, installed_languages, config, tmp_path):
    env = {**installed_languages, "POLYAGENT_SOCKET": str(tmp_path / "run/polyagent.sock")}
    for text, why in [("warm: [nope]\n", "there is no language 'nope'"),
                      ("images: {a: {language: python, packages: [/nonexistent]}}\nwarm: [a]\n",
                       "images.a: the package /nonexistent: No such file or directory")]:
        config.write_text(text)
        done = subprocess.run([polyagent, "serve", "--config", config], env=env, stderr=subprocess.PIPE, check=False, timeout=60)
        assert done.returncode == 125
        assert why in done.stderr.decode()
    assert not os.path.exists(env["POLYAGENT_SOCKET"])


def test_numpy_and_pandas(image, config):
    config.write_text("images: {data: {language: python, preload: [numpy, pandas]}}\n")
    code = "import pandas; print(pandas.DataFrame({'a': [1, 2, 1]}).groupby('a').size().tolist())"
    result = image("data", "-c", code)
    assert (result.code, result.out) == (0, "[2, 1]\n"), result


def test_a_confined_server_has_images_for_its_tools(polyagent, installed_languages, config, tmp_path):
    """By the time a call wants one, the server cannot see the packages any more."""
    server = http_server.Server(polyagent, {**installed_languages, "POLYAGENT_CONFIG": str(config)}, tmp_path)
    try:
        code = "import shout_first, sys; print(shout_first.main, 'json.tool' in sys.modules)"
        outcome = server.call("python_executor", {"code": code, "image": "data"}).json()
        assert outcome["stdout"] == "True True\n", outcome
    finally:
        assert server.stop() == 0
