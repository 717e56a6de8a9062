"""Programs in languages, run both ways: in a process of their own and in a warm one of a server."""

import functools
import os
import pathlib
import subprocess
import sys

import pytest
from waiting import until, warmed

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # for what tests share


def serve(polyagent, environment, folder, *languages):
    """Starts `polyagent serve`; returns the process once every language is at its checkpoint."""
    log = folder / "serve.log"
    with open(log, "wb") as stderr:
        server = subprocess.Popen([polyagent, "serve", "--log", "info", *languages], env=environment, cwd=folder,
                                  stderr=stderr)
    until(lambda: warmed(log.read_text()) >= len(languages) or server.poll() is not None, 600, log.read_text)
    assert server.poll() is None, log.read_text()
    return server


@pytest.fixture(scope="module")
def warm_environment(request, polyagent, installed_languages, tmp_path_factory):
    """The environment of a client of a server that keeps the module's LANGUAGES warm."""
    folder = tmp_path_factory.mktemp("serve")
    folder.chmod(0o700)
    environment = {**installed_languages, "POLYAGENT_SOCKET": str(folder / "polyagent.sock")}
    server = serve(polyagent, environment, folder, *request.module.LANGUAGES)
    yield environment
    server.terminate()
    assert server.wait(timeout=60) == 0
    assert not os.path.exists(environment["POLYAGENT_SOCKET"])


@pytest.fixture(params=["cold", "warm"])
def language_environment(request, installed_languages):
    """Each test that asks for it runs twice."""
    return installed_languages if request.param == "cold" else request.getfixturevalue("warm_environment")


@pytest.fixture
def program(run, language_environment, tmp_path):
    """program(language, code, *options, argv=(), stdin=b"", name="main.xx") -> Result of the code as a file."""

    def call(language, code, *options, argv=(), name="main", stdin=b"", **more):
        path = tmp_path / name
        path.write_bytes(code if isinstance(code, bytes) else code.encode())
        return run(language, *options, path, *argv, stdin=stdin, env=language_environment, cwd=tmp_path, **more)

    return call


FILES = {"python": "main.py", "javascript": "main.js", "ruby": "main.rb"}


@pytest.fixture
def python(program):
    """python(code, *options, argv=(), stdin=b"", name="main.py") -> Result."""
    return functools.partial(program, "python", name=FILES["python"])


@pytest.fixture
def js(program):
    """js(code, *options, argv=(), stdin=b"", name="main.js") -> Result."""
    return functools.partial(program, "js", name=FILES["javascript"])


@pytest.fixture
def ruby(program):
    """ruby(code, *options, argv=(), stdin=b"", name="main.rb") -> Result."""
    return functools.partial(program, "ruby", name=FILES["ruby"])


@pytest.fixture
def program_outcome(request, program):
    """program_outcome(code, *options, ...) -> the outcome's JSON, of the first of the module's LANGUAGES."""
    language = request.module.LANGUAGES[0]

    def call(code, *options, **more):
        return program(language, code, "--json", *options, **{"name": FILES[language], **more}).json()

    return call
