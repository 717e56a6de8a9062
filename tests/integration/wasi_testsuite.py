#!/usr/bin/env python3
"""Runs the preview 1 programs of the WebAssembly/wasi-testsuite, as its specification says.

    wasi_testsuite.py --suite DIR [--polyagent PATH | --wasmtime PATH] [-v] [--filter SUBSTR]

DIR is a checkout of the suite with its programs built (its branch prod/testsuite-base).  A program
that needs more than the default has a .json beside it: arguments, environment, the folder that is
its `/` (`root`), exit code and output.  That folder is copied afresh for each program, so that none
sees what another left and the checkout stays as it is.  `--wasmtime` runs the same suite with that
runtime, to tell a fault of ours from one of the suite or of this runner.

The last line is `N passed, N failed`; the exit status is 1 if any failed.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WASI_VERSION = "wasm32-wasip1"
KEYS = {"args", "env", "root", "exit_code", "stdout", "stderr"}
ROOT = pathlib.Path(__file__).resolve().parents[2]


class SuiteError(Exception):
    """The suite cannot be run: it is not there, or says what this runner does not understand."""


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a program is given and what it has to do.  An output of None is not looked at."""

    args: tuple = ()
    env: dict = dataclasses.field(default_factory=dict)
    root: pathlib.Path | None = None
    exit_code: int = 0
    stdout: str | None = None
    stderr: str | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Why a program failed (empty: it passed), and what it wrote."""

    complaints: tuple = ()
    stdout: str = ""
    stderr: str = ""


def read_spec(module):
    """The specification of a program; without a file beside it, the default one."""
    path = module.with_suffix(".json")
    if not path.exists():
        return Spec()
    config = json.loads(path.read_text(encoding="utf-8"))
    unknown = set(config) - KEYS
    if unknown:
        raise SuiteError(f"{path}: unknown keys: {', '.join(sorted(unknown))}")
    if config.get("root"):
        config["root"] = module.parent / config["root"]
    return Spec(**{**config, "args": tuple(config.get("args", ()))})


def find_programs(suite):
    """Every preview 1 program of the suite, whatever language it was written in."""
    if not (suite / "tests").is_dir():
        raise SuiteError(f"{suite}: not a checkout of the suite: it has no folder tests")
    programs = sorted(suite.glob(f"tests/*/testsuite/{WASI_VERSION}/*.wasm"))
    if not programs:
        raise SuiteError(f"{suite}: no built program for {WASI_VERSION} in it")
    return programs


def title(module):
    """`rust/fd_readdir` for tests/rust/testsuite/wasm32-wasip1/fd_readdir.wasm."""
    return f"{module.parents[2].name}/{module.stem}"


def polyagent_command(program, module, spec, root):
    """The command line that runs a program in the sandbox."""
    command = [program, "run"]
    for name, value in spec.env.items():
        command += ["--env", f"{name}={value}"]
    if root:
        command += ["--dir", f"{root}::/:rw"]
    return [*command, str(module), "--", *spec.args]


def wasmtime_command(program, module, spec, root):
    """The command line that runs a program with the wasmtime CLI."""
    command = [program, "run"]
    for name, value in spec.env.items():
        command += ["--env", f"{name}={value}"]
    if root:
        command += ["--dir", f"{root}::/"]
    return [*command, str(module), *spec.args]


def copy_root(source, scratch):
    """A fresh copy of a program's folder, without what an earlier run may have left in it."""
    target = scratch / source.name
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.cleanup"))
    return target


def check(spec, code, out, err):
    """What is wrong with how a program ended, one line each."""
    found = []
    if code != spec.exit_code:
        found.append(f"exit status {code}, expected {spec.exit_code}")
    for name, expected, actual in (("stdout", spec.stdout, out), ("stderr", spec.stderr, err)):
        if expected is not None and actual != expected:
            found.append(f"{name} {actual!r}, expected {expected!r}")
    return tuple(found)


def run_program(module, make_command, timeout):
    """Runs one program in a scratch folder of its own and judges it."""
    spec = read_spec(module)
    with tempfile.TemporaryDirectory(prefix="wasi-testsuite-") as scratch:
        root = copy_root(spec.root, pathlib.Path(scratch)) if spec.root else None
        try:
            done = subprocess.run(
                make_command(module, spec, root),
                input=b"",
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return Outcome((f"not done after {timeout:g} s",), stderr=text(late.stderr or b""))
    out, err = text(done.stdout), text(done.stderr)
    return Outcome(check(spec, done.returncode, out, err), out, err)


def text(output):
    """Output as text, whatever bytes are in it."""
    return output.decode("utf-8", "backslashreplace")


def parse(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    runtime = parser.add_mutually_exclusive_group()
    runtime.add_argument(
        "--polyagent",
        metavar="PATH",
        default=os.environ.get("POLYAGENT", str(ROOT / "build" / "polyagent")),
        help="the program under test (default: $POLYAGENT, else build/polyagent)",
    )
    runtime.add_argument("--wasmtime", metavar="PATH", help="run with this wasmtime CLI instead")
    parser.add_argument("--suite", metavar="DIR", required=True, type=pathlib.Path)
    parser.add_argument("--filter", metavar="SUBSTR", default="", help="only names that contain it")
    parser.add_argument("--timeout", metavar="S", type=float, default=30, help="for each program")
    parser.add_argument("--jobs", metavar="N", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-v", "--verbose", action="store_true", help="name those that passed too")
    return parser.parse_args(argv)


def report_failure(name, outcome):
    """Says why a program failed and what it wrote to its standard error."""
    print(f"FAILED {name}: {'; '.join(outcome.complaints)}")
    for line in outcome.stderr.splitlines():
        print(f"    {line}")


def run_suite(options):
    """Runs every chosen program; the number of failed ones."""
    modules = [m for m in find_programs(options.suite.resolve()) if options.filter in title(m)]
    if not modules:
        raise SuiteError(f"no program's name contains {options.filter!r}")
    builder = wasmtime_command if options.wasmtime else polyagent_command
    program = options.wasmtime or options.polyagent
    if not os.access(program, os.X_OK):
        raise SuiteError(f"{program}: no such program")

    def command(module, spec, root):
        return builder(os.path.abspath(program), module, spec, root)

    failed = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = pool.map(lambda module: run_program(module, command, options.timeout), modules)
        for module, outcome in zip(modules, outcomes):
            if outcome.complaints:
                failed.append(title(module))
                report_failure(title(module), outcome)
            elif options.verbose:
                print(f"passed {title(module)}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    print(f"{len(modules) - len(failed)} passed, {len(failed)} failed")
    return len(failed)


def main(argv=None):
    """The exit status."""
    try:
        return 1 if run_suite(parse(argv)) else 0
    except SuiteError as trouble:
        print(f"wasi_testsuite: {trouble}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
