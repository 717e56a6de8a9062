#!/usr/bin/env python3
"""Runs CPython's own test modules in the sandbox, against the list of failures that are expected.

    tests/languages/run_cpython_tests.py POLYAGENT [--tests FOLDER] [--language NAME]... [MODULE...]

FOLDER is CPython's Lib/test; without it, what is here and fits (pyenv's, or Debian's libpython3.11-testsuite).  Lib is
mounted read-only.  Without MODULEs, all of MODULES below are run.  What fails must stand in cpython_expected.toml,
and what stands there must fail: exit status 0 says so.
"""

import argparse
import fnmatch
import glob
import json
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
MODULES = ("test_math", "test_json", "test_dict", "test_re", "test_list", "test_tuple", "test_set", "test_string", "test_str", "test_bytes", "test_int",
           "test_float", "test_complex", "test_bool", "test_range", "test_slice", "test_enumerate", "test_builtin",
           "test_generators", "test_exceptions", "test_memoryio", "test_fileio", "test_random", "test_datetime",
           "test_decimal", "test_fractions", "test_itertools", "test_collections", "test_deque", "test_heapq", "test_bisect",
           "test_functools", "test_operator", "test_statistics", "test_hashlib", "test_hmac", "test_base64", "test_struct",
           "test_zlib", "test_csv", "test_textwrap", "test_unicodedata", "test_copy", "test_pickle", "test_dataclasses",
           "test_enum", "test_contextlib", "test_posixpath", "test_glob", "test_fnmatch", "test_configparser",
           "test_argparse", "test_html", "test_urlparse", "test_patma", "test_unittest")

# Runs inside.  The last line of its output is the report.
PROGRAM = """
import io, json, sys, unittest, warnings
sys.path.append('/cpython')  # of which `test` is taken, and pure modules that the pack leaves out
warnings.simplefilter('ignore')
report = {'run': 0, 'skipped': 0, 'failed': []}
try:
    import test.support
    test.support.use_resources = {}  # as regrtest does by default: no test that takes minutes, or the network
    suite = unittest.defaultTestLoader.loadTestsFromName('test.' + sys.argv[1])
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0, resultclass=None).run(suite)
    report['run'], report['skipped'] = result.testsRun, len(result.skipped)
    for test, text in result.failures + result.errors:
        test = getattr(test, 'test_case', test)
        report['failed'].append([test.id(), text.strip().splitlines()[-1][:200]])
    report['failed'] += [[test.id(), 'unexpected success'] for test in result.unexpectedSuccesses]
except unittest.SkipTest as why:
    report['skipped_module'] = str(why)
except BaseException as error:
    report['failed'].append(['', f'{type(error).__name__}: {error}'[:200]])
sys.__stdout__.write('\\n' + json.dumps(report) + '\\n')
sys.__stdout__.flush()
"""


def find_tests(language):
    """The tests nearest to the language's version: pyenv's, else Debian's."""
    wanted = {"python3.12": ("3.12", "3.11"), "python": ("3.13", "3.11")}[language]
    for version in wanted:
        for place in (f"{pathlib.Path.home()}/.pyenv/versions/{version}.*/lib/python{version}/test", f"/usr/lib/python{version}/test"):
            found = [path for path in sorted(glob.glob(place)) if pathlib.Path(path, "test_math.py").exists()]
            if found:
                return found[-1]
    sys.exit("no CPython tests here: install libpython3.11-testsuite, or name a folder with --tests")


def run_module(polyagent, language, folder, module):
    """(report, how it ended)"""
    command = [polyagent, language, "--json", "--dir", f"{pathlib.Path(folder).parent}::/cpython", "--timeout", "1800s", "--cpu-time", "600s",
               "--memory", "1GiB", "--limit", "stdout_bytes=unlimited", "-c", PROGRAM, module]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    outcome = json.loads(done.stdout)
    lines = outcome["stdout"].rstrip().rsplit("\n", 1)
    try:
        report = json.loads(lines[-1])
    except ValueError:
        report = {"run": 0, "skipped": 0, "failed": [["", outcome.get("message") or outcome["stderr"][-200:]]]}
    return report, outcome["status"], outcome["usage"]["wall_ms"] / 1000


def short(name, module):
    """test.test_math.MathTests.test_x -> MathTests.test_x"""
    name = re.sub(r".*\((.*)\)$", r"\1", name) if name.startswith(("setUp", "tearDown", "unittest.loader")) else name
    return re.sub(rf"^(test\.)?({module}\.)?", "", name)


def judge(report, expected, module):
    """Lists: failures that nobody expected, and patterns that matched none."""
    failed = {short(name, module): text for name, text in report["failed"]}
    surprises = [f"{name}: {text}" for name, text in failed.items()
                 if not any(fnmatch.fnmatchcase(name, pattern) for pattern in expected)]
    healed = [pattern for pattern in expected if not any(fnmatch.fnmatchcase(name, pattern) for name in failed)]
    return surprises, healed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("polyagent")
    parser.add_argument("--tests", help="default: what fits the language")
    parser.add_argument("--language", action="append")
    parser.add_argument("modules", nargs="*", default=MODULES)
    options = parser.parse_intermixed_args()
    known = tomllib.loads((HERE / "cpython_expected.toml").read_text())
    bad = total = 0
    for language in options.language or ["python", "python3.12"]:
        folder = options.tests or find_tests(language)
        version = re.search(r"python(3\.\d+)/test", folder).group(1)
        for module in options.modules:
            if not (glob.glob(f"{folder}/{module}.py") or glob.glob(f"{folder}/{module}/")):
                continue
            report, status, seconds = run_module(options.polyagent, language, folder, module)
            expected = {**known.get("all", {}).get(module, {}), **known.get(language, {}).get(module, {}),
                        **known.get(f"{language} {version}", {}).get(module, {})}
            surprises, healed = judge(report, expected, module)
            total += report["run"]
            verdict = "ok" if not surprises and not healed else "UNEXPECTED"
            print(f"{language} {module} ({version}): {report['run']} run, {report['skipped']} skipped, "
                  f"{len(report['failed'])} failed, {status}, {seconds:.1f} s: {verdict}"
                  + (f" ({report['skipped_module']})" if "skipped_module" in report else ""), flush=True)
            for line in surprises:
                print(f"    {line}")
            for pattern in healed:
                print(f"    expected to fail, and does not: {pattern}")
            bad += len(surprises) + len(healed)
    print(f"{total} of CPython's tests run, {bad} surprises")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
