#!/usr/bin/env python3
"""Random programs of the subset, compiled and on CPython: they must say the same.

    random_programs.py --polyagent build/polyagent [--count 300] [--seed N] [--jobs N]
    random_programs.py --polyagent build/polyagent --seed N --show        that one program, and what becomes of it
    random_programs.py --prove 200                                        truth.py against processes of CPython

Each program has a seed of its own (the first is printed, the others follow it), from which it is made again.  What the
transpiler refuses, or hands to the interpreter at run time, is counted and is no difference.  A difference is reduced
and shown; the exit status is then 1.
"""

import argparse
import collections
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare  # noqa: E402
import generator  # noqa: E402
import reduce  # noqa: E402
import served  # noqa: E402
import truth  # noqa: E402

WORDS = {"same": "compiled and the same", "newer": "compiled and as the sandbox's newer CPython", "refused": "refused",
         "left": "left to the interpreter at run time", "long": "too long for CPython", "different": "different"}
STEP = 1000  # programs between two lines of progress
SHOWN = 10  # differences that each process reduces

JUDGE = None  # of a process of the pool
SHOWN_HERE = 0


def begin(address, polyagent):
    global JUDGE  # pylint: disable=global-statement
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    served.end_with_parent()
    JUDGE = compare.Judge(address, polyagent)


def judge(seed):
    program = generator.Program(seed)
    text = program.text()
    verdict = JUDGE.verdict(text)
    why = verdict.why
    if verdict.word == "different":
        why = f"{why[:2000]}\n{reduced(seed, text)}"
    return seed, verdict.word, why, sorted(program.used), text.count("\n")


def reduced(seed, text):
    """The smallest program found that differs, and how.  One that misses a name would be another difference."""
    global SHOWN_HERE  # pylint: disable=global-statement
    SHOWN_HERE += 1
    if SHOWN_HERE > SHOWN:
        return ""

    def shows(text):
        if JUDGE.truth.run(text, 1.0) is None:  # a loop that has lost its end
            return False
        verdict = JUDGE.verdict(text)
        return verdict.word == "different" and "NameError" not in verdict.why and "UnboundLocal" not in verdict.why

    text = reduce.reduce(text, shows)
    return f"--- seed {seed}, reduced ---\n{text}{JUDGE.verdict(text).why[:2000]}"


class Tally:
    def __init__(self, count):
        self.count = count
        self.words = collections.Counter()
        self.features = collections.Counter()  # in programs that were compiled to the end
        self.others = collections.Counter()  # in programs left to the interpreter
        self.refusals = collections.Counter()
        self.lines = 0
        self.begun = time.monotonic()

    def add(self, word, why, used, lines):
        self.words[word] += 1
        self.lines += lines
        if word in ("same", "newer"):
            self.features.update(used)
        elif word == "refused":
            self.refusals[why.partition(": ")[2] or why] += 1
        elif word == "left":
            self.others.update(used)

    def done(self):
        return self.words.total()

    def rate(self):
        return self.done() / max(0.001, time.monotonic() - self.begun)

    def progress(self):
        parts = ", ".join(f"{self.words[word]} {word}" for word in WORDS if self.words[word])
        print(f"{self.done()} of {self.count}, {self.rate():.0f} a second: {parts}", flush=True)

    def show(self, everything):
        total = max(1, self.done())
        print(f"{self.done()} programs of {self.lines / total:.0f} lines, {self.rate():.0f} a second")
        for word, text in WORDS.items():
            print(f"  {self.words[word]:7} {100 * self.words[word] / total:5.1f} %  {text}")
        if everything:
            print(f"{len(self.features)} shapes in compiled programs, in how many, and in how many left to the interpreter:")
            for name, count in sorted(self.features.items(), key=lambda item: -self.others[item[0]] / item[1]):
                print(f"  {count:7} {self.others[name]:7} {name}")
            print("refusals:")
            for name, count in self.refusals.most_common():
                print(f"  {count:7} {name}")


def soak(args, first):
    tally = Tally(args.count)
    with tempfile.TemporaryDirectory(prefix="random-programs.") as folder, served.Server(args.polyagent, folder) as server:
        with multiprocessing.Pool(args.jobs, begin, (server.address, args.polyagent)) as pool:
            for seed, word, why, used, lines in pool.imap_unordered(judge, range(first, first + args.count), chunksize=4):
                tally.add(word, why, used, lines)
                if word == "newer" and args.verbose:
                    print(f"newer: seed {seed}: {why}", flush=True)
                if word == "different":
                    print(f"different: seed {seed}: {why}", flush=True)
                if tally.done() % STEP == 0:
                    tally.progress()
    tally.show(args.verbose)
    return tally.words["different"] == 0


def show(args, seed):
    text = generator.Program(seed).text()
    print(text)
    with tempfile.TemporaryDirectory(prefix="random-programs.") as folder, served.Server(args.polyagent, folder) as server:
        verdict = compare.Judge(server.address, args.polyagent).verdict(text)
    print(f"# {WORDS[verdict.word]}: {verdict.why}")
    return verdict.word != "different"


def prove(count, first):
    """Whether a fork of this process says what `python3 FILE` says."""
    here = truth.Truth()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            text = generator.Program(seed).text()
            path = pathlib.Path(folder) / truth.FILENAME
            path.write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, path.name], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            forked = here.run(text)
            if compare.ending(*forked) != compare.ending(done.returncode, done.stdout, done.stderr):
                wrong += 1
                print(f"seed {seed}: {forked} is not {done}")
    print(f"{count} programs forked and in processes of their own: {wrong} differ")
    return wrong == 0


def stop(*_):
    sys.exit(130)


def main():
    signal.signal(signal.SIGTERM, stop)
    parser = argparse.ArgumentParser()
    parser.add_argument("--polyagent")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--prove", type=int, metavar="N")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    first = args.seed if args.seed is not None else int.from_bytes(os.urandom(4), "big")
    print(f"seed {first}, CPython {sys.version.split()[0]}", flush=True)
    if args.prove:
        good = prove(args.prove, first)
    elif not args.polyagent:
        parser.error("--polyagent is needed")
    elif args.show:
        good = show(args, first)
    else:
        good = soak(args, first)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
