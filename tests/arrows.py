#!/usr/bin/env python3
"""Checks the arrows between the folders of src/ and a few rules that a compiler does not know.

    tests/arrows.py [--self-test]

A folder includes only its own headers and those of the folders that its line below names.  Only
`engine` includes the engine's header; WASI error numbers stay in `wasi`; a file has one idea, hence
at most 600 lines.  Every finding is printed as file:line, and makes the exit status 1.
"""

import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LINES = 600

# Who may use whom.  A single header ("warm/frame.h") may be named where the folder may not be used.
ANYTHING = {"*"}
ARROWS = {
    "base": set(),
    "policy": {"base"},
    "config": {"base", "policy"},
    # Of the configuration, the reader of YAML and "did you mean": not the settings.
    "lang": {"base", "policy", "config/yaml.h", "config/nearest.h"},
    "wasi": {"base", "policy"},
    "engine": {"base", "policy", "wasi"},
    "jail": {"base", "policy"},
    "warm": {"base", "policy", "wasi", "engine", "jail", "transpile"},
    # The run channel's frames and requests, and spawning a worker: not what happens inside one.
    "run": {"base", "policy", "lang", "warm/frame.h", "warm/request.h", "jail/spawn.h",
            "jail/cgroup.h", "transpile/transpile_id.h"},
    "transpile": {"base"},
    # Of the configuration: images, packages and the policy that requests start from.
    "tools": {"base", "policy", "config", "lang", "run", "transpile"},
    # The warm processes that it hands over are the executor's; what it speaks is the tools'.
    # It confines itself; the jail of workers is not its business.
    "server": {"base", "policy", "config", "lang", "run", "tools", "jail/confine.h"},
    "cli": ANYTHING,
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
WASI_ERRNO = re.compile(r"\bWASI_E[A-Z0-9]+\b|\bwasi_errno\b")
ENGINE_HEADER = re.compile(r"^(wasmtime|wasm|wasi)\.h$|^wasmtime/")


def check_include(folder, bracket, header):
    """What is wrong with this include in this folder, or None."""
    if ENGINE_HEADER.match(header):
        return None if folder == "engine" else f"only src/engine includes <{header}>"
    if bracket == "<":
        return None
    other = header.split("/")[0]
    if "/" not in header or other not in ARROWS:
        return f'"{header}" is not named from src/ as "folder/header.h"'
    allowed = ARROWS[folder]
    if other == folder or allowed == ANYTHING or other in allowed or header in allowed:
        return None
    may = ", ".join(sorted(allowed)) or "nothing but libc"
    return f'{folder} may not include "{header}" (it may use: {may})'


def strip_comments(text):
    """The text without comments, with its lines where they were."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)

    def replace(match):
        found = match.group(0)
        return found if found.startswith('"') else "\n" * found.count("\n")

    return pattern.sub(replace, text)


def check_file(path, folder):
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(strip_comments(text).splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            problem = check_include(folder, *include.groups())
            if problem:
                yield number, problem
        elif folder != "wasi" and WASI_ERRNO.search(line):
            # The engine passes the number of a call on without knowing what it means.
            yield number, "WASI error numbers live in src/wasi alone"
    count = text.count("\n")
    if count > MAX_LINES:
        yield MAX_LINES + 1, f"{count} lines; past {MAX_LINES} a file has two ideas"


def check_tree(src):
    findings = []
    for folder in sorted(entry for entry in src.iterdir() if entry.is_dir()):
        if folder.name not in ARROWS:
            findings.append(f"{folder}: not in the table of tests/arrows.py")
            continue
        for path in sorted(folder.rglob("*.[ch]")):
            findings += [f"{path}:{line}: {what}" for line, what in check_file(path, folder.name)]
    return findings


def self_test():
    """Each rule finds what it is for, and nothing else."""
    cases = [
        ("policy/a.c", '#include "base/error.h"\n', 0),
        ("base/a.c", '#include "policy/limits.h"\n', 1),
        ("run/a.c", '#include "warm/frame.h"\n#include "jail/spawn.h"\n', 0),
        ("run/b.c", '#include "warm/worker.h"\n', 1),
        ("run/c.c", "#include <wasmtime.h>\n", 1),
        ("engine/a.c", "#include <wasmtime.h>\n#include <wasm.h>\n", 0),
        ("wasi/c.c", '#include "wasi/abi.h"\n', 0),
        ("wasi/a.c", '#include "abi.h"\n', 1),
        ("jail/a.c", "int x = WASI_EBADF;\n", 1),
        ("jail/b.c", "/* WASI_EBADF, as wasi says */\nint x; // wasi_errno\n", 0),
        ("wasi/b.c", "wasi_errno x = WASI_EBADF;\n", 0),
        ("cli/a.c", '#include "warm/worker.h"\n', 0),
        ("base/long.c", "\n" * (MAX_LINES + 1), 1),
        ("base/fits.c", "\n" * MAX_LINES, 0),
        ("other/a.c", "", 1),
    ]
    for name, text, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / name
            path.parent.mkdir()
            path.write_text(text, encoding="utf-8")
            found = check_tree(pathlib.Path(folder))
            assert len(found) == expected, (name, text[:60], found)


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    findings = check_tree(ROOT / "src")
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
