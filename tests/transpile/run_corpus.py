#!/usr/bin/env python3
"""Runs every snippet of the corpus on CPython and compiled, and compares.

    run_corpus.py --polyagent build/polyagent [-v] [-k TEXT]

A snippet counts as compiled when `polyagent python --mode transpile` runs it to its end; otherwise it is
refused, or needs the interpreter.  Standard output, the last line of standard error and the exit code must be
CPython's where it is compiled.  The exit status is 1 when one differs or fewer than --least percent are
compiled.

    run_corpus.py --polyagent build/polyagent --tracebacks

takes the snippets that end in an uncaught exception and compares the whole outcome, standard error to the last
caret, with that of the sandbox's own CPython.  POLYAGENT_LANGUAGES says where it is.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
NEEDS_INTERPRETER = 217


def snippets():
    for path in sorted((HERE / "corpus").glob("*.py")):
        parts = re.split(r"^#%% (.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for name, text in zip(parts[1::2], parts[2::2]):
            yield f"{path.stem}: {name}", text


def same_words(data):
    """The messages of older CPythons, as the sandbox's CPython 3.15 puts them."""
    for old in (b"integer division or modulo by zero", b"integer modulo by zero", b"float division by zero",
                b"float floor division by zero", b"float modulo by zero", b"float modulo", b"float divmod()"):
        data = data.replace(old, b"division by zero")
    return data


def last_line(data):
    lines = data.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def run(command, timeout=60):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.returncode, done.stdout, done.stderr


def one(polyagent, name, text):
    """("same" | "fallback" | "different", what there is to say)"""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "main.py"
        path.write_text(text, encoding="utf-8")
        module = pathlib.Path(folder) / "main.wasm"
        made = run([polyagent, "transpile", path, "-o", module])
        if made is None:
            return "different", "the transpiler hangs"
        if made[0] == 1:
            return "fallback", last_line(made[2])
        if made[0] != 0:
            return "different", f"the transpiler: {made[0]} {last_line(made[2])}"
        compiled = run([polyagent, "run", module])
        if compiled is None:
            return "different", "the program hangs"
        if compiled[0] == NEEDS_INTERPRETER:
            return "fallback", "at run time"
        native = run([sys.executable, path])
        if native is None:
            return "fallback", "CPython itself takes too long"
        native = native[0], same_words(native[1]), same_words(native[2])
        mine = (compiled[0], compiled[1], last_line(compiled[2]))
        theirs = (native[0], native[1], last_line(native[2]))
        if mine == theirs:
            return "same", ""
        return "different", f"\n  compiled {mine}\n  CPython  {theirs}\n{compiled[2].decode(errors='replace')[:600]}"


def outcome(polyagent, mode, program):
    """What a run said, without what no two runs share; and which engine it was."""
    done = run([polyagent, "python", "--mode", mode, "--json", *program])
    said = json.loads(done[1]) if done and done[1] else {}
    said.pop("usage", None)
    return said, said.pop("engine", {}).get("used")


def traceback(polyagent, name, text):
    """The same for the whole outcome, beside the interpreter in the sandbox; None where nothing is uncaught."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "main.py"
        path.write_text(text, encoding="utf-8")
        program = ["-c", text] if len(text) % 2 else [path]
        compiled, engine = outcome(polyagent, "auto", program)
        interpreted, _ = outcome(polyagent, "interpret", program)
    if not interpreted.get("error"):
        return None
    if engine != "transpiler":
        return "fallback", ""
    if compiled == interpreted:
        return "same", ""
    if compiled.get("stderr") == interpreted["stderr"]:
        return "different", f"\n--- compiled\n{compiled}\n--- CPython\n{interpreted}"
    return "different", f"\n--- compiled\n{compiled.get('stderr')}--- CPython\n{interpreted['stderr']}"


def compare_tracebacks(polyagent, chosen, least):
    counts = {"same": 0, "fallback": 0, "different": 0}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (name, _), result in zip(chosen, pool.map(lambda s: traceback(polyagent, *s), chosen)):
            if not result:
                continue
            counts[result[0]] += 1
            if result[0] == "different":
                print(f"different: {name}: {result[1]}")
    compiled = counts["same"] + counts["different"]
    share = 100 * counts["same"] / max(1, compiled)
    print(f"{compiled} uncaught exceptions of compiled programs: {counts['same']} with CPython's traceback "
          f"({share:.1f} %), {counts['different']} different, {counts['fallback']} left to the interpreter")
    return compiled == 0 or share < least


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--polyagent", required=True)
    parser.add_argument("-v", action="store_true")
    parser.add_argument("-k", default="")
    parser.add_argument("--least", type=float, default=70)
    parser.add_argument("--tracebacks", action="store_true")
    args = parser.parse_args()
    chosen = [(name, text) for name, text in snippets() if args.k in name]
    if args.tracebacks:
        sys.exit(compare_tracebacks(args.polyagent, chosen, args.least))
    counts = {"same": 0, "fallback": 0, "different": 0}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda s: (s[0], *one(args.polyagent, *s)), chosen)
        for name, verdict, detail in results:
            counts[verdict] += 1
            if verdict == "different" or (args.v and verdict == "fallback"):
                print(f"{verdict}: {name}: {detail}")
    share = 100 * counts["same"] / max(1, len(chosen))
    print(f"{len(chosen)} snippets: {counts['same']} compiled and the same ({share:.1f} %), "
          f"{counts['fallback']} left to the interpreter, {counts['different']} different")
    sys.exit(counts["different"] > 0 or share < args.least)


if __name__ == "__main__":
    main()
