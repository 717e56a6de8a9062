"""Kinds, names in scope, and how a shape is chosen."""

import bisect
import collections
import itertools
import random
import re

# The kinds of values, and of what they consist.
LISTS = {"ints": "int", "floats": "float", "strs": "str", "bools": "bool", "nested": "ints", "pairs": "pair", "spots": "spot"}
DICTS = {"counts": ("str", "int"), "table": ("int", "int"), "rates": ("str", "float"), "groups": ("str", "ints"), "cells": ("spot", "int"), "words": ("int", "str")}
SETS = {"numbers": "int"}
TUPLES = {"pair": ("str", "int"), "spot": ("int", "int"), "mix": ("int", "float", "str")}
KINDS = ("int", "float", "str", "bool", *LISTS, *DICTS, *SETS, *TUPLES)

# How often each is asked for where any would do.
COMMON = ["int"] * 6 + ["str"] * 5 + ["float"] * 4 + ["ints"] * 5 + ["strs"] * 3 + ["counts"] * 2 + [kind for kind in KINDS]

# An expression that is still to be made: <int>, <ints:1> with its depth.
HOLE = re.compile("<(" + "|".join(KINDS) + r")(?::(\d))?>")

DEPTH = 2  # of expressions
NESTING = 3  # of blocks


def weight(number):
    """How much more likely a shape is than others of its kind."""

    def mark(method):
        method.weight = number
        return method

    return mark


class Base:
    """What every shape uses."""

    shapes = {}  # by class: prefix -> (names, sums of weights)

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.used = set()
        self.scope = {kind: [] for kind in KINDS}  # names that may be read
        self.writable = {kind: [] for kind in KINDS}  # ... and assigned here
        self.locked = set()  # names of loops around, whose targets must stay what they are
        self.functions = []
        self.objects = []  # (name, class)
        self.serial = collections.Counter()
        self.loops = 0  # around the statement that is being made
        self.in_format = 0  # in braces of an f-string, where quotes and backslashes are few
        self.in_function = False
        self.risk = 0  # in a try: what may raise is welcome

    # Chance.

    def chance(self, p):
        return self.random.random() < p

    def pick(self, *options):
        return options[int(self.random.random() * len(options))]

    def number(self, low, high):
        return low + int(self.random.random() * (high - low + 1))

    def choose(self, prefix, *args):
        """The text of a shape whose name begins with `prefix`; a shape that does not fit gives None.  What it leaves
        open is filled with expressions of the depth that is the last of `args`."""
        names, weights = self.table(prefix)
        while True:
            name = names[bisect.bisect(weights, self.random.random() * weights[-1])]
            made = getattr(self, name)(*args)
            if made is not None:
                self.used.add(name)
                return self.fill(made, args[-1] if args else None) if made else made

    def fill(self, text, depth=None):
        return HOLE.sub(lambda hole: self.expr(hole[1], int(hole[2]) if hole[2] else DEPTH if depth is None else depth), text)

    @classmethod
    def table(cls, prefix):
        tables = Base.shapes.setdefault(cls, {})
        if prefix not in tables:
            names = [name for name in dir(cls) if name.startswith(prefix + "_")]
            weights = (getattr(getattr(cls, name), "weight", 1) for name in names)
            tables[prefix] = names, list(itertools.accumulate(weights))
        return tables[prefix]

    # Lines and names.

    def put(self, depth, line):
        self.lines.append("    " * depth + self.fill(line))

    def fresh(self, stem):
        self.serial[stem] += 1
        return f"{stem}{self.serial[stem]}"

    def known(self, kind):
        return self.scope[kind]

    def declare(self, kind, name, writable=True):
        self.scope[kind].append(name)
        if writable:
            self.writable[kind].append(name)

    def forget(self, kind, name):
        self.scope[kind].remove(name)
        if name in self.writable[kind]:
            self.writable[kind].remove(name)

    def target(self, kind):
        """A variable that may be assigned to, or None."""
        names = [name for name in self.writable[kind] if name not in self.locked]
        return self.random.choice(names) if names else None

    # Expressions.

    def expr(self, kind, depth=DEPTH):
        names = self.scope[kind]
        if names and self.chance(0.3 if depth > 1 else 0.55):
            return self.random.choice(names)
        if depth <= 0:
            return self.leaf_of(kind)
        if kind in LISTS and self.chance(0.6):
            return self.choose("list", kind, depth - 1)
        if kind in DICTS:
            return self.choose("dict", kind, depth - 1)
        if kind in SETS:
            return self.choose("set", kind, depth - 1)
        if kind in TUPLES:
            return self.tuple_of(kind, depth - 1)
        return self.choose(kind, depth - 1)

    def tuple_of(self, kind, depth):
        called = self.call(kind, depth) if self.chance(0.2) else None
        if called:
            return called
        return "(" + ", ".join(self.expr(item, depth) for item in TUPLES[kind]) + ")"

    def any_kind(self):
        return self.random.choice(COMMON)

    def any_list(self):
        return self.pick("ints", "ints", "ints", "strs", "strs", *LISTS)

    def small(self):
        """An int expression that is a short count."""
        return self.pick(str(self.number(0, 5)), f"(<int:1> % {self.number(1, 5)})")

    def function_of(self, kind):
        """A function that returns `kind`, or None."""
        fit = [function for function in self.functions if function.kind == kind]
        return self.random.choice(fit) if fit else None
