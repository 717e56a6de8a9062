"""`make install` leaves programs that work from where they were installed, wherever that is."""

import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def staged(root, polyagent, tmp_path_factory):
    """A DESTDIR that `meson install` has filled, as a package build does."""
    destdir = tmp_path_factory.mktemp("destdir")
    subprocess.run(
        ["meson", "install", "-C", polyagent.parent, "--no-rebuild", "--quiet", "--destdir", destdir],
        cwd=root, check=True, timeout=120,
    )
    (program,) = destdir.glob("**/bin/polyagent")
    return program


def test_what_is_installed(staged):
    prefix = staged.parent.parent
    libexec = prefix / "libexec/polyagent"
    for program in (staged, libexec / "polyagent-worker", libexec / "polyagent-server"):
        assert program.stat().st_mode & 0o7777 == 0o755
    assert (prefix / "share/doc/polyagent/LICENSE").is_file()


def test_the_installed_program_runs_a_module(run, root, staged):
    result = run("run", root / "docs/assets/hello-wasi.wat", program=staged)
    assert (result.code, result.out) == (0, "Hello from WASI!\n"), result


def test_the_installed_program_finds_its_languages(run, staged):
    result = run("lang", "path", program=staged)
    assert result.out == f"{staged.parent.parent}/share/polyagent/languages\n", result
    result = run("lang", "list", program=staged)
    assert result.code == 0, result
    assert {"javascript", "python", "ruby"} <= {line.split()[0] for line in result.out.splitlines()}


def test_it_may_be_moved(run, root, staged, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(staged.parent.parent, moved)
    result = run("run", root / "docs/assets/hello-wasi.wat", program=moved / "bin/polyagent")
    assert (result.code, result.out) == (0, "Hello from WASI!\n"), result


def test_the_server_may_be_moved(environment, staged, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(staged.parent.parent, moved)
    tmp_path.chmod(0o700)
    env = {**environment, "POLYAGENT_SOCKET": str(tmp_path / "s.sock")}
    with subprocess.Popen([moved / "bin/polyagent", "serve"], env=env, stderr=subprocess.PIPE, text=True) as server:
        said = server.stderr.readline()
        while "serving on" not in said and server.poll() is None:
            said += server.stderr.readline()
        server.terminate()
        said += server.stderr.read()
    assert server.returncode == 0, said


def test_it_runs_through_a_link(run, root, staged, tmp_path):
    link = tmp_path / "pa"
    link.symlink_to(staged)
    result = run("run", root / "docs/assets/hello-wasi.wat", program=link)
    assert (result.code, result.out) == (0, "Hello from WASI!\n"), result
