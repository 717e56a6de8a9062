"""scripts/setup on machines that lack something, played by a PATH of our own.

Nothing is installed: apt-get, apt-cache, curl, id and rustc are small scripts that a test writes;
what they were asked goes to a log.
"""

import os
import shutil
import subprocess

import pytest

# What the script itself and the commands it looks for are, beside what a test plays.
REAL = ["sh", "sed", "sort", "head", "cut", "cat", "grep", "printf", "dirname", "env", "chmod"]
LOOKED_FOR = ["cc", "meson", "ninja", "pkg-config", "python3", "cmake", "clang", "wasm-ld", "pip3",
              "protoc", "protoc-c", "pytest"]


class Machine:
    """A PATH with only what a test put there."""

    def __init__(self, root, folder):
        self.script = root / "scripts/setup"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.home = folder / "home"
        self.bin.mkdir()
        self.home.mkdir()
        self.log.write_text("")
        for name in REAL:
            (self.bin / name).symlink_to(shutil.which(name))
        for name in LOOKED_FOR:
            self.has(name, "exit 0")

    def has(self, name, body):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{body}\n')
        path.chmod(0o755)

    def has_rust(self, version):
        self.has("rustc", f"echo rustc {version}")
        self.has("cargo", f"echo cargo {version}")

    def becomes(self, version):
        """Shell that makes this machine's Rust another one, as an installation would."""
        return f"printf '#!/bin/sh\\necho rustc {version}\\n' >'{self.bin}/rustc'"

    def is_debian(self, uid, candidate, install="exit 0"):
        self.has("id", f"echo {uid}")
        self.has("dpkg-query", "exit 1")
        self.has("apt-cache", f"echo '  Candidate: {candidate}'")
        self.has("apt-get", f'if [ "$1" = install ]; then {install}; fi')

    def setup(self, *args, **environment):
        done = subprocess.run(
            [self.script, *args],
            env={"PATH": str(self.bin), "HOME": str(self.home), **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, check=False, timeout=60,
        )
        assert done.stdout == ""
        return done.returncode, done.stderr

    def calls(self, name):
        return [line for line in self.log.read_text().splitlines() if line.split()[0] == name]


@pytest.fixture
def machine(root, tmp_path):
    return Machine(root, tmp_path)


def test_nothing_to_do_is_silent(machine):
    machine.has_rust("1.99.0")
    machine.is_debian(0, "1.99.0")
    assert machine.setup("build") == (0, "")
    assert not machine.calls("apt-get")


def test_without_root_it_says_the_command(machine):
    machine.has_rust("1.99.0")
    machine.is_debian(1000, "1.99.0")
    os.unlink(machine.bin / "meson")
    machine.has("pkg-config", '[ "$2" != jansson ]')
    code, said = machine.setup("build")
    assert code == 1
    assert "apt-get update && apt-get install -y --no-install-recommends libjansson-dev meson\n" in said
    assert not machine.calls("apt-get")


def test_as_root_it_says_and_installs(machine):
    machine.has_rust("1.99.0")
    machine.is_debian(0, "1.99.0")
    os.unlink(machine.bin / "meson")
    code, said = machine.setup("build")
    assert code == 0
    assert "setup: installing from Debian: meson\n" in said
    assert machine.calls("apt-get") == [
        "apt-get update -q",
        "apt-get install -y -q --no-install-recommends meson",
    ]


@pytest.mark.parametrize("have", [None, "1.63.0"])
def test_rust_comes_from_debian_where_it_is_new_enough(machine, have):
    if have:
        machine.has_rust(have)
    else:
        machine.has("cargo", "exit 0")  # what the installation below brings, with rustc
    machine.is_debian(0, "1.99.0+dfsg1-1~deb12u2",
                      install=machine.becomes("1.99.0") + f"; chmod 755 '{machine.bin}/rustc'")
    code, said = machine.setup("build")
    assert code == 0, said
    assert machine.calls("apt-get")[-1].endswith(" cargo-web rustc-web")


def test_rust_that_stays_too_old_is_said(machine):
    machine.has_rust("1.63.0")
    machine.is_debian(0, "1.99.0", install="exit 0")
    code, said = machine.setup("build")
    assert code == 1
    assert "Rust 1.63.0 is too old" in said.splitlines()[-2]


def test_the_official_installer_is_offered_not_run(machine):
    machine.has_rust("1.63.0")
    machine.is_debian(0, "1.85.0")
    machine.has("curl", "echo true")
    code, said = machine.setup("build")
    assert code == 1
    assert "Rust 1.63.0 is too old" in said
    assert "https://sh.rustup.rs" in said
    assert "RUSTUP_INSTALL=yes" in said
    assert not machine.calls("curl")


def test_the_official_installer_runs_with_consent(machine):
    machine.has_rust("1.63.0")
    machine.is_debian(0, "1.85.0")
    machine.has("curl", f'echo "{machine.becomes("1.99.0")}"')
    code, said = machine.setup("build", RUSTUP_INSTALL="yes")
    assert code == 0, said
    assert machine.calls("curl") == ["curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs"]


def test_a_rustup_that_is_there_is_asked_to_update(machine):
    machine.has_rust("1.63.0")
    machine.is_debian(0, "1.99.0")
    machine.has("rustup", machine.becomes("1.99.0"))
    code, said = machine.setup("build")
    assert code == 1
    assert "rustup update stable" in said
    assert machine.setup("build", RUSTUP_INSTALL="yes")[0] == 0
    assert machine.calls("rustup") == ["rustup update stable"]


def test_usage(machine):
    code, said = machine.setup("everything")
    assert code == 2
    assert said.startswith("usage: ")
