"""A part of CPython's own tests, from Debian's package of them; all of it runs in `make soak`."""

import subprocess
import sys

import pytest

MODULES = ("test_math", "test_json", "test_dict")


@pytest.mark.parametrize("language", ["python", "python3.12"])
def test_cpythons_own_tests(polyagent, installed_languages, root, tmp_path, language):
    done = subprocess.run(
        [sys.executable, root / "tests" / "languages" / "run_cpython_tests.py", polyagent, "--language", language,
         "--tests", "/usr/lib/python3.11/test", *MODULES],
        env=installed_languages, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=3600)
    assert done.returncode == 0, done.stdout.decode()
