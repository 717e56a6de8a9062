"""Volumes: folders that outlive a run, with a quota."""

import concurrent.futures

import pytest

LANGUAGES = ("python3.12",)


@pytest.fixture
def volumes(tmp_path):
    """The environment of a user whose volumes are small."""
    return {"XDG_DATA_HOME": str(tmp_path / "data"), "POLYAGENT_SERVER_VOLUME_BYTES": "65536",
            "POLYAGENT_SERVER_VOLUME_ENTRIES": "16", "POLYAGENT_SERVER_VOLUMES_MOST": "3"}


@pytest.fixture
def python(run, language_environment, volumes):
    def call(code, *options, **more):
        return run("python3.12", *options, "-c", code, env={**language_environment, **volumes}, **more)

    return call


@pytest.fixture
def volume(run, volumes, environment):
    return lambda *args: run("volume", *args, env={**environment, **volumes})


def test_what_is_written_is_there_in_the_next_run(python, volume):
    assert python("open('/volumes/notes/a.txt', 'w').write('kept')", "--volume", "notes").code == 0
    r = python("print(open('/data/a.txt').read())", "--volume", "notes::/data:ro")
    assert (r.out, r.code) == ("kept\n", 0), r
    r = python("open('/data/b', 'w')", "--volume", "notes::/data:ro")
    assert "Read-only file system" in r.err
    assert python("print(__import__('os').listdir('/memory'))", "--volume", "memory").out == "[]\n"
    listed = volume("list").out.splitlines()
    assert [line.split()[0] for line in listed[:-1]] == ["memory", "notes"]
    assert "4 bytes of 64 KiB, 1 of 16 entries" in " ".join(listed[1].split())
    assert volume("remove", "notes").code == 0
    assert python("print(__import__('os').listdir('/volumes/notes'))", "--volume", "notes").out == "[]\n"


def test_the_quota_is_an_error_of_the_guest(python):
    r = python("""if 1:
        import os
        try:
            with open('/volumes/v/big', 'wb') as file:
                for _ in range(100):
                    file.write(bytes(4096))
                    file.flush()
        except OSError as error:
            print(error.strerror, os.path.getsize('/volumes/v/big'))
        os.remove('/volumes/v/big')
        try:
            for n in range(100):
                open(f'/volumes/v/{n}', 'w').close()
        except OSError as error:
            print(error.strerror, n)
    """, "--volume", "v")
    assert (r.out, r.code) == ("Quota exceeded 65536\nQuota exceeded 16\n", 0), r


def test_a_quota_bounds_runs_together(python):
    code = """if 1:
        import sys
        try:
            with open('/volumes/v/' + sys.argv[1], 'wb', buffering=0) as file:
                while True:
                    file.write(bytes(512))
        except OSError:
            pass
    """
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in pool.map(lambda n: python(code.replace("sys.argv[1]", f"'{n}'"), "--volume", "v"), range(4)):
            assert done.code == 0, done
    r = python("import os; print(sum(os.path.getsize(f'/volumes/v/{n}') for n in range(4)))", "--volume", "v")
    assert r.out == "65536\n"


def test_a_killed_run_leaves_a_true_account(python, volume):
    r = python("f = open('/volumes/v/f', 'wb', buffering=0)\nf.write(bytes(1000))\nwhile True: pass", "--volume", "v", "--timeout", "5s")
    assert r.code == 124
    assert python("", "--volume", "v").code == 0  # mounting counts anew
    assert "1000 bytes of 64 KiB, 1 of 16 entries" in " ".join(volume("list").out.split())


def test_no_path_leads_out(python, tmp_path):
    (tmp_path / "secret").write_text("secret")
    r = python("""if 1:
        import os
        for path in ('/volumes/v/../../../secret', '/volumes/v/../account', '/volumes/account'):
            try:
                print(open(path).read())
            except OSError as error:
                print(type(error).__name__)
        try:
            os.symlink('../account', '/volumes/v/link')
            print(open('/volumes/v/link').read())
        except OSError as error:
            print(type(error).__name__)
    """, "--volume", "v")
    assert "secret" not in r.out and all(line.endswith("Error") for line in r.out.splitlines()), r


def test_what_is_refused(python, volume):
    for name in ("", ".hidden", "a/b", "a b", "x" * 64):
        r = python("", "--volume", name)
        assert r.code == 2 and "is not the name of a volume" in r.err, r
    for name in ("one", "two", "three"):
        assert python("", "--volume", name).code == 0
    r = python("", "--volume", "four")
    assert r.code == 2 and "server.volumes_most" in r.err
    assert volume("remove", "nothing").code == 125
    assert volume("remove").code == 2 and volume("frobnicate").code == 2
