"""One program, compiled and on CPython: what they say, and whether it is the same.

    judge = Judge(address, polyagent)            in a process of one thread (truth.py says why)
    judge.verdict(text) -> Verdict("same" | "refused" | "left" | "newer" | "long" | "different", why)

`refused`: the transpiler does not take it; `left`: it was compiled, and met what is the interpreter's; `newer`: the
outcome is that of the sandbox's CPython 3.15 and not of the older one here; `long`: CPython itself takes too long.
Standard output, the last line of standard error and the exit code must be equal.
"""

import collections
import os
import re
import subprocess
import sys

import served
import truth
from run_corpus import last_line, same_words

Verdict = collections.namedtuple("Verdict", "word why")

COMPILED = "all of it could be compiled"
FELL = "the transpiler gave up"
LEFT = "the program met what is not compiled"
OUTPUT_MAX = 256 << 10  # bytes; what prints more is no moderate program


def ending(code, out, err):
    """What is compared."""
    return code, same_words(out), last_line(same_words(err))


def of_any_width(code, out, err):
    """An ending without what the sandbox's CPython, of 32 bits, says otherwise of an index past them."""
    said = rb"(list|tuple|string|range object|pop)( assignment)? index out of range"
    far = "cannot fit 'int' into an index-sized integer"
    return code, re.sub(said, far.encode(), out), re.sub(said.decode(), far, err)


def shown(code, out, err):
    return f"exit code {code}, standard error's last line {err!r}\n{out.decode(errors='replace')}"


class Judge:
    def __init__(self, address, polyagent):
        self.client = served.Client(address)
        self.truth = truth.Truth()
        self.polyagent = polyagent

    def cpython(self, text):
        done = self.truth.run(text)
        if done is None or len(done[1]) > OUTPUT_MAX:
            return None
        return ending(*done)

    def sandboxed(self, text):
        """The same from the sandbox's interpreter, which a command of its own starts."""
        environment = {"POLYAGENT_LANGUAGES": str(served.LANGUAGES), **os.environ}
        done = subprocess.run([self.polyagent, "python", "--mode", "interpret", "-"], env=environment, input=text.encode(),
                              capture_output=True, check=False, timeout=300)
        return ending(done.returncode, done.stdout, done.stderr)

    def verdict(self, text):
        self.client.ask(text, "transpile")  # the server works while CPython does
        theirs = self.cpython(text)
        outcome = self.client.answer()
        why = outcome["engine"]["why"]
        if why == LEFT:
            return Verdict("left", why)
        if why != COMPILED:
            fell = outcome["status"] != "error" or why.startswith(FELL)
            return Verdict("different" if fell else "refused", why)
        if theirs is None:
            return Verdict("long", "")
        mine = ending(outcome["exit_code"], outcome["stdout"].encode(), outcome["stderr"].encode())
        if outcome["status"] not in ("ok", "error"):
            return Verdict("different", f"{outcome['status']}: {outcome.get('message')}")
        if mine == theirs:
            return Verdict("same", "")
        if of_any_width(*mine) == of_any_width(*self.sandboxed(text)):
            return Verdict("newer", f"CPython {sys.version.split()[0]} says: {shown(*theirs)}")
        return Verdict("different", f"--- compiled: {shown(*mine)}--- CPython: {shown(*theirs)}---")

    def close(self):
        self.client.close()
        self.truth.close()
