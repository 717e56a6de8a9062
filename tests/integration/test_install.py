"""`make install` leaves programs that work from where they were installed, wherever that is."""

import json
import pathlib
import re
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def staged(root, polyagent, tmp_path_factory):
    """A DESTDIR that `meson install` has filled, as a package build does."""
    destdir = tmp_path_factory.mktemp("destdir")
    subprocess.run(
        ["meson", "install", "-C", polyagent.parent, "--no-rebuild", "--quiet", "--destdir", destdir],
        cwd=root, check=True, timeout=600,
    )
    (program,) = destdir.glob("**/bin/polyagent")
    return program


def test_what_is_installed(staged):
    prefix = staged.parent.parent
    libexec = prefix / "libexec/polyagent"
    for program in (staged, libexec / "polyagent-worker", libexec / "polyagent-server"):
        assert program.stat().st_mode & 0o7777 == 0o755
    doc = prefix / "share/doc/polyagent"
    for name in ("LICENSE", "README.md", "docs/http.md", "config/polyagent.yaml", "deploy/kubernetes/deployment.yaml",
                 "examples/python/client.py", "scripts/submit_task.sh", "proto/polyagent/agent.proto",
                 "languages/PROTOCOL.md"):
        assert (doc / name).is_file(), name
    assert not list(prefix.glob("**/__pycache__")) and not list(prefix.glob("**/meson.build"))


def test_links_of_installed_pages_lead_somewhere(staged):
    doc = staged.parent.parent / "share/doc/polyagent"
    pages = sorted(doc.glob("**/*.md"))
    assert len(pages) > 15
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), (page, link)


def test_the_proto_files_are_whole(staged, tmp_path):
    """What a client is generated from: the imports of each are beside it or protobuf's own."""
    proto = staged.parent.parent / "share/polyagent/proto"
    files = sorted(proto.glob("**/*.proto"))
    assert {"agent.proto", "session.proto", "health.proto"} <= {file.name for file in files}
    subprocess.run(["protoc", f"-I{proto}", f"--descriptor_set_out={tmp_path}/set", *files], check=True, timeout=60)


def test_the_units_start_the_installed_program(staged, polyagent):
    prefix = staged.parent.parent
    units = {unit.name: unit.read_text() for unit in (prefix / "lib/systemd/system").iterdir()}
    assert sorted(units) == ["polyagent-grpc.socket", "polyagent-http.socket", "polyagent.service"]
    options = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", polyagent.parent], check=True,
                                        capture_output=True, timeout=60).stdout)
    (place,) = (option["value"] for option in options if option["name"] == "prefix")
    assert f"ExecStart={place}/bin/polyagent serve" in units["polyagent.service"]
    (page,) = re.findall(r"Documentation=file:(\S+)", units["polyagent.service"])
    assert (prefix / pathlib.Path(page).relative_to(place)).is_file()


def test_the_example_configuration_is_one(run, staged):
    settings = staged.parent.parent / "share/doc/polyagent/config/polyagent.yaml"
    result = run("config", "check", "--config", settings, program=staged)
    assert result.code == 0, result


def everything_in(folder):
    return {path for path in folder.glob("**/*")}


def test_what_was_installed_is_removed_and_nothing_else(root, polyagent, tmp_path):
    """Also after a second installation, which makes no folders that it could tell of."""
    build, destdir = polyagent.parent, tmp_path / "destdir"
    (destdir / "usr/local/share/doc/other").mkdir(parents=True)
    (destdir / "usr/local/share/doc/other/README").write_text("not ours")
    before = everything_in(destdir)
    for _ in range(2):
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", destdir],
                       cwd=root, check=True, timeout=600)
    (program,) = destdir.glob("**/bin/polyagent")
    prefix = program.parent.parent
    subprocess.run(["make", "uninstall", f"BUILD={build}", f"DESTDIR={destdir}",
                    f"PREFIX=/{prefix.relative_to(destdir)}"], cwd=root, check=True, timeout=600, capture_output=True)
    left = everything_in(destdir) - before
    assert not [path for path in left if path.is_symlink() or not path.is_dir()]
    assert not [path for path in left if "polyagent" in path.name]
    assert before <= everything_in(destdir)


def test_the_installed_program_runs_a_module(run, root, staged):
    result = run("run", root / "docs/assets/hello-wasi.wat", program=staged)
    assert (result.code, result.out) == (0, "Hello from WASI!\n"), result


def test_the_installed_program_finds_its_languages(run, staged):
    result = run("lang", "path", program=staged)
    assert result.out == f"{staged.parent.parent}/share/polyagent/languages\n", result
    result = run("lang", "list", program=staged)
    assert result.code == 0, result
    assert {"javascript", "python", "ruby"} <= {line.split()[0] for line in result.out.splitlines()}


def test_the_installed_program_runs_a_language(run, staged, installed_languages):
    env = {**installed_languages, "POLYAGENT_LANGUAGES": None}
    result = run("exec", "python", "-c", "print(1)", program=staged, env=env)
    assert (result.code, result.out) == (0, "1\n"), result


def test_it_may_be_moved(run, root, staged, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(staged.parent.parent, moved)
    result = run("run", root / "docs/assets/hello-wasi.wat", program=moved / "bin/polyagent")
    assert (result.code, result.out) == (0, "Hello from WASI!\n"), result


def test_the_server_may_be_moved(installed_languages, staged, tmp_path):
    """With the languages that came along, and no variable that says where they are."""
    moved = tmp_path / "elsewhere"
    shutil.copytree(staged.parent.parent, moved, symlinks=True)
    tmp_path.chmod(0o700)
    env = {**installed_languages, "POLYAGENT_SOCKET": str(tmp_path / "s.sock")}
    del env["POLYAGENT_LANGUAGES"]
    with subprocess.Popen([moved / "bin/polyagent", "serve", "python"], env=env, stderr=subprocess.PIPE,
                          text=True) as server:
        said = server.stderr.readline()
        while "serving on" not in said and server.poll() is None:
            said += server.stderr.readline()
        done = subprocess.run([moved / "bin/polyagent", "exec", "python", "-c", "print(1)"], env=env, timeout=60,
                              capture_output=True, text=True, check=False)
        server.terminate()
        said += server.stderr.read()
    assert (server.returncode, done.stdout) == (0, "1\n"), said + done.stderr


def test_it_runs_through_a_link(run, root, staged, tmp_path):
    link = tmp_path / "pa"
    link.symlink_to(staged)
    result = run("run", root / "docs/assets/hello-wasi.wat", program=link)
    assert (result.code, result.out) == (0, "Hello from WASI!\n"), result
