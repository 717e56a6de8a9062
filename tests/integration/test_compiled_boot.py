"""The boot script, compiled by its own interpreter: made once, of what is there now, and done without where it cannot be had."""

import os
import pathlib
import shutil
import subprocess

import pytest


def link(source, target):
    """A copy that takes no time where both are on one disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def place(polyagent, installed_languages, root, tmp_path):
    """(environment, packs, folder): an installation and packs that a test may change."""
    def path_of(env):
        return pathlib.Path(subprocess.run([polyagent, "lang", "path", "python"], env=env, check=True,
                                           stdout=subprocess.PIPE).stdout.decode().strip())

    theirs = path_of(installed_languages)
    cache, packs = tmp_path / "cache", tmp_path / "packs"
    shutil.copytree(theirs, cache / "languages" / theirs.name, copy_function=link)
    shutil.copytree(theirs.parent.parent / "modules", cache / "modules", copy_function=link)
    shutil.copytree(root / "languages", packs)
    for folder in (cache, cache / "languages", cache / "languages" / theirs.name, cache / "modules"):
        folder.chmod(0o700)
    env = {**installed_languages, "POLYAGENT_CACHE_HOME": str(cache), "POLYAGENT_LANGUAGES": str(packs)}
    folder = path_of(env) / "lib"
    for file in folder.glob("boot-*"):
        file.unlink()
    return env, packs / "python", folder


def test_it_is_made_once(run, place):
    env, pack, folder = place

    def python(*options):
        return run("python", *options, "-c", "import sys; print(sys.argv); 1/0", env=env, timeout=900)

    first = python()
    assert (first.code, first.out) == (1, "['-c']\n") and "ZeroDivisionError" in first.err and "boot" not in first.err
    (made,) = folder.glob("boot-*")
    before = made.stat()
    second = python()
    assert (second.out, second.err) == (first.out, first.err)
    assert (made.stat().st_ino, made.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    # It is what a run starts from, but for those where the way an interpreter starts would show.
    made.write_bytes(made.read_bytes()[:16])
    assert python().out == ""
    assert python("--deterministic").out == first.out
    # One that others could have written is not.
    made.chmod(0o666)
    assert python().out == first.out


def test_what_was_made_of_others_is_not_used(run, place):
    env, pack, folder = place
    run("python", "-c", "1", env=env, timeout=900)
    boot = pack / "boot.py"
    boot.write_text(boot.read_text().replace('"""', '"""A new one. ', 1) + "\n")
    boot.write_text(boot.read_text().replace("\nmain()\n", "\nos.write(2, b'the new one\\n')\nmain()\n"))
    for _ in range(2):
        assert run("python", "-c", "1", env=env, timeout=900).err == "the new one\n"
    assert len(list(folder.glob("boot-*"))) == 2


def test_where_it_cannot_be_had(run, place):
    env, pack, folder = place
    (pack / "compile.py").write_text("1/0\n")
    for _ in range(2):
        result = run("python", "-c", "print(1)", env=env, timeout=900)
        assert (result.code, result.out, result.err) == (0, "1\n", "")
    (empty,) = folder.glob("boot-*")
    assert empty.stat().st_size == 0  # it is not tried again
    (pack / "compile.py").unlink()
    assert run("python", "-c", "print(2)", env=env, timeout=900).out == "2\n"
