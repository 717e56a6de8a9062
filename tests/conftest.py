"""What every test of the built program shares.

The program under test is $POLYAGENT, else build/polyagent; its folder holds the worker too.  Each
session has a module cache of its own.  With CI=true a skipped test is a failed one: a test that
could not run has shown nothing.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # for what all tests share
IN_CI = os.environ.get("CI") == "true"


class Result:
    """How a command ended: its exit status and what it wrote, as bytes and as text."""

    def __init__(self, code, out_bytes, err_bytes):
        self.code = code
        self.out_bytes = out_bytes
        self.err_bytes = err_bytes

    @property
    def out(self):
        return self.out_bytes.decode("utf-8", "backslashreplace")

    @property
    def err(self):
        return self.err_bytes.decode("utf-8", "backslashreplace")

    def json(self):
        return json.loads(self.out_bytes)

    def __repr__(self):
        return f"Result(code={self.code}, out={self.out[:2000]!r}, err={self.err[:2000]!r})"


@pytest.fixture(scope="session")
def root():
    """The top folder of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def polyagent():
    """The path of the program under test."""
    path = pathlib.Path(os.environ.get("POLYAGENT", ROOT / "build" / "polyagent")).resolve()
    assert os.access(path, os.X_OK), f"{path} is not there; run `make`"
    return path


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def environment(cache_home):
    """The environment for the program under test: no settings of whoever runs the tests."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("POLYAGENT", "PYTHON_WASI"))}
    clean["POLYAGENT_CACHE_HOME"] = str(cache_home)
    clean["XDG_DATA_HOME"] = str(cache_home / "data")  # volumes and the key-value store
    for door in ("GRPC", "HTTP"):  # a server listens for strangers where a test says so
        clean[f"POLYAGENT_SERVER_{door}_LISTEN"] = "off"
    return clean


@pytest.fixture(scope="session")
def installed_languages(polyagent, environment):
    """The environment for tests that run programs in languages.

    All of them are installed and compiled, in the cache of whoever runs the tests and not in the
    session's own: downloads of 140 MB and a minute of compiling are not for every session.
    POLYAGENT_CACHE_HOME names another place for it.
    """
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "polyagent"
    theirs = {**environment, "POLYAGENT_CACHE_HOME": os.environ.get("POLYAGENT_CACHE_HOME") or str(cache)}
    theirs["POLYAGENT_LANGUAGES"] = str(ROOT / "languages")
    theirs["POLYAGENT_SOCKET"] = "/nonexistent/polyagent.sock"  # a server of the user's is not tested here
    steps = [["lang", "install", "--all"]]
    for name in ("python", "python3.12", "javascript", "ruby"):
        steps += [[name, "-c", ""], [name, "--deterministic", "-c", ""]]
    for step in steps:
        done = subprocess.run([polyagent, *step], env=theirs, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, timeout=3600)
        assert done.returncode == 0, (step, done.stdout.decode(errors="replace"))
    return theirs


@pytest.fixture(scope="session")
def run(polyagent, environment):
    """run(*args, stdin=b"", env={}, cwd=None, timeout=300) -> Result of `polyagent args...`.

    `env` comes on top of a clean environment; a value of None removes a variable.  `program` names another
    executable than the one under test.
    """

    def call(*args, stdin=b"", env=None, cwd=None, timeout=300, program=None):
        changed = {**environment, **(env or {})}
        done = subprocess.run(
            [str(program or polyagent), *map(str, args)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={name: value for name, value in changed.items() if value is not None},
            cwd=cwd,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def outcome(run):
    """outcome(*args, **options) -> the outcome of `polyagent run --json args...`, as a dict."""

    def call(*args, **options):
        result = run("run", "--json", *args, **options)
        assert result.out_bytes, result
        return result.json()

    return call


@pytest.fixture
def wat(tmp_path):
    """wat(text, name="module") -> the path of a module in text form, written for this test."""

    def write(text, name="module"):
        path = tmp_path / f"{name}.wat"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def built_examples(tmp_path_factory):
    """built_examples("c") -> the folder with the modules that examples/c/build made."""
    made = {}

    def build(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(f"example-{name}")
            subprocess.run([ROOT / "examples" / name / "build", made[name]], check=True, timeout=3600)
        return made[name]

    return build


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure with CI=true: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    report = (yield).get_result()
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, which is a failure with CI=true"
