"""Writes the boot script, compiled, to standard output: a .pyc that the interpreter runs as it is.

The host keeps it beside the standard library, under a name that depends on both scripts and on the
interpreter.  No time and no size of the source is in it: what it was made of is in its name.
"""

import importlib.util
import marshal
import sys

PATH = "/boot/boot.py"

with open(PATH, "rb") as file:
    code = compile(file.read(), PATH, "exec", dont_inherit=True)
sys.stdout.buffer.write(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))
