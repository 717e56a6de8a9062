"""Other people's clients, from their registries: kept outside the tree, under what was asked for."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "polyagent" / "clients"


def _kept(kind, packages, install):
    """The folder of these packages, made by install(folder) the first time."""
    name = hashlib.sha256(repr((kind, sys.version_info[:2], sorted(packages))).encode()).hexdigest()[:32]
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = CACHE / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            install(partial)
            partial.rename(folder)
    return folder


def _run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=3600)
    assert done.returncode == 0, (command, done.stdout.decode(errors="replace")[-3000:])


def python_packages(*packages):
    """The folder for PYTHONPATH that has these packages of PyPI ("mcp==2.3.0") and what they need."""
    return _kept("pip", packages, lambda folder: _run(
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
        "--target", str(folder), *packages))


def node_packages(*packages):
    """The folder whose node_modules has these packages of npm ("@modelcontextprotocol/sdk@1.32.2")."""
    return _kept("npm", packages, lambda folder: _run(
        "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages))


def go_program(module):
    """The path of a program of the Go module proxy ("example.org/m/cmd/name@v1.2.3")."""
    folder = _kept("go", (module,), lambda folder: _run("env", f"GOBIN={folder}", "GOFLAGS=", "go", "install", module))
    return folder / module.split("@")[0].rsplit("/", 1)[1]
