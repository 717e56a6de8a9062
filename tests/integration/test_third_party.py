"""Programs that other people published, the quick ones; `make third-party` runs all of them."""

import importlib.util
import pathlib

import pytest

QUICK = ("resvg", "boolector", "quickjs")

# The runner is a program of its own, not a package.
SPEC = importlib.util.spec_from_file_location(
    "third_party", pathlib.Path(__file__).with_name("third_party.py"))
third_party = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(third_party)


@pytest.mark.parametrize("name", QUICK)
def test_third_party(polyagent, tmp_path, name):
    program, = (program for program in third_party.PROGRAMS if program.name == name)
    third_party.run(program, polyagent, tmp_path)
