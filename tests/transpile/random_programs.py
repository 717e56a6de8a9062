#!/usr/bin/env python3
"""Random programs of the subset, compiled and on CPython: they must say the same.

    random_programs.py --polyagent build/polyagent --count 300 [--seed N]

Each program has a seed of its own (the first is printed, the others follow it), from which it is made again:
`--seed N --count 1 --show`.  What the transpiler refuses, or hands to the interpreter at run time, is counted and
is no difference.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import run_corpus  # noqa: E402

WORDS = ["", "a", "bc", "Hello", "x y", "A,b,C", "  pad ", "12", "-7", "zZz", "tab\\t", "it's", "né"]


class Program:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lines = []
        self.names = {kind: [] for kind in ("int", "float", "str", "bool", "ints", "strs", "floats", "counts", "table", "nested")}
        self.functions = []
        self.fresh = 0
        self.loops = 0

    def text(self):
        for _ in range(self.r.randint(0, 3)):
            self.function()
        for kind in ("int", "float", "str", "ints", "strs", "counts"):
            self.declare(kind, 0)
        for _ in range(self.r.randint(4, 14)):
            self.statement(0)
        for kind, names in self.names.items():
            for name in names:
                self.put(0, f"print({name!r}, {name})")
        return "\n".join(self.lines) + "\n"

    def put(self, depth, line):
        self.lines.append("    " * depth + line)

    def name(self, kind):
        self.fresh += 1
        return f"{kind[0]}{self.fresh}"

    def chance(self, p):
        return self.r.random() < p

    def pick(self, *options):
        return self.r.choice(options)

    # Expressions.

    def expr(self, kind, depth=3):
        if self.names[kind] and self.chance(0.35):
            return self.r.choice(self.names[kind])
        return getattr(self, "e_" + kind)(depth - 1)

    def e_int(self, d):
        if d <= 0:
            return str(self.pick(0, 1, 2, 3, 7, 10, 64, 255, 1000, -1, -5, self.r.randint(-100, 100)))
        e = self.expr
        return self.pick(
            lambda: f"({e('int', d)} {self.pick('+', '-', '*', '&', '|', '^')} {e('int', d)})",
            lambda: f"({e('int', d)} {self.pick('+', '-')} {self.r.randint(0, 50)})",
            lambda: f"({e('int', d)} {self.pick('//', '%')} {self.pick(1, 2, 3, 5, 8, 10, -3, -4, 16)})",
            lambda: f"({e('int', d)} {self.pick('//', '%')} ({e('int', d)} or 3))",
            lambda: f"(-{e('int', d)})",
            lambda: f"(~{e('int', d)})",
            lambda: f"abs({e('int', d)})",
            lambda: f"len({e(self.pick('str', 'ints', 'strs', 'counts'), d)})",
            lambda: f"{self.pick('min', 'max')}({e('int', d)}, {e('int', d)})",
            lambda: f"sum({e('ints', d)})",
            lambda: f"({e('int', d)} if {e('bool', d)} else {e('int', d)})",
            lambda: f"int({e('float', d)})" if self.chance(0.3) else f"int({e('bool', d)})",
            lambda: f"{e('str', d)}.{self.pick('find', 'count')}({e('str', d)})",
            lambda: f"({e('ints', d)} or [4])[{self.pick('0', '-1')}]",
            lambda: f"{e('counts', d)}.get({e('str', d)}, {e('int', d)})",
            lambda: f"({e('int', d)} % 7 << {self.r.randint(0, 9)})",
            lambda: f"({e('int', d)} >> {self.r.randint(0, 9)})",
            lambda: f"(({e('int', d)} % 5) ** {self.r.randint(0, 4)})",
            lambda: f"round({e('float', d)})" if self.chance(0.3) else f"ord('q')",
            lambda: f"{e('ints', d)}.count({e('int', d)})",
            lambda: self.call("int", d),
        )()

    def e_float(self, d):
        if d <= 0:
            return self.pick("0.5", "1.25", "-2.75", "3.0", "0.1", "100.0", "1e-3", "2.5e5", "0.0")
        e = self.expr
        return self.pick(
            lambda: f"({e('float', d)} {self.pick('+', '-', '*')} {e('float', d)})",
            lambda: f"({e('int', d)} {self.pick('+', '-', '*')} {e('float', d)})",
            lambda: f"({e('int', d)} / {self.pick(2, 3, 4, 7, -8)})",
            lambda: f"({e('float', d)} / {self.pick('2', '0.5', '3.0', '-4')})",
            lambda: f"({e('float', d)} // {self.pick('2', '0.5', '3.0')})",
            lambda: f"({e('float', d)} % {self.pick('2', '0.75', '-3.0')})",
            lambda: f"abs({e('float', d)})",
            lambda: f"float({e('int', d)})",
            lambda: f"round({e('float', d)}, {self.r.randint(0, 3)})",
            lambda: f"{self.pick('min', 'max')}({e('float', d)}, {e('float', d)})",
            lambda: f"({e('float', d)} if {e('bool', d)} else {e('float', d)})",
        )()

    def e_str(self, d):
        if d <= 0:
            word = self.r.choice(WORDS)
            return f'"{word}"'
        e = self.expr
        return self.pick(
            lambda: f"({e('str', d)} + {e('str', d)})",
            lambda: f"({e('str', d)} * {self.r.randint(0, 3)})",
            lambda: f"str({e(self.pick('int', 'float', 'bool', 'ints', 'strs'), d)})",
            lambda: f"{e('str', d)}.{self.pick('strip', 'lstrip', 'rstrip')}()" if self.chance(0.5) else f"repr({e('int', d)}).{self.pick('upper', 'lower', 'title')}()",
            lambda: f"{e('str', d)}[{self.pick('1:', ':2', '::-1', '-3:', '::2', '1:-1')}]",
            lambda: f"{e('str', d)}.replace({e('str', d)}, {e('str', d)})",
            lambda: f"{e('str', d)}.join({e('strs', d)})",
            lambda: "f\"{" + e("int", 1).replace('"', "'") + self.pick("", ":5d", ":<6}|{7", ":+d", ":04d", ":,", ":x") + "}\"",
            lambda: "f\"<{" + self.pick(*(self.names["float"] or ["2.5"])) + self.pick("", ":.2f", ":8.3f", ":.0f", ":.3e", ":g", ":>10.1f") + "}>\"",
            lambda: f"({e('str', d)} if {e('bool', d)} else {e('str', d)})",
            lambda: f"({e('strs', d)} or ['w'])[0]",
            lambda: f"{e('str', d)}.{self.pick('center', 'ljust', 'rjust')}({self.r.randint(0, 9)})",
            lambda: f"chr(97 + {e('int', d)} % 26)",
            lambda: f"({e('str', d)} or {e('str', d)})",
            lambda: self.call("str", d),
        )()

    def e_bool(self, d):
        if d <= 0:
            return self.pick("True", "False")
        e = self.expr
        compare = self.pick("<", "<=", ">", ">=", "==", "!=")
        kind = self.pick("int", "float", "str", "ints", "strs", "int")
        return self.pick(
            lambda: f"({e(kind, d)} {compare} {e(kind, d)})",
            lambda: f"({e('int', d)} {compare} {e('float', d)})",
            lambda: f"({e('int', d)} < {e('int', d)} <= {e('int', d)})",
            lambda: f"({e('bool', d)} {self.pick('and', 'or')} {e('bool', d)})",
            lambda: f"(not {e('bool', d)})",
            lambda: f"({e('int', d)} {self.pick('in', 'not in')} {e('ints', d)})",
            lambda: f"({e('str', d)} {self.pick('in', 'not in')} {e(self.pick('str', 'strs', 'counts'), d)})",
            lambda: f"bool({e(self.pick('int', 'str', 'ints', 'float'), d)})",
            lambda: f"{self.pick('any', 'all')}(q > {e('int', 1)} for q in {e('ints', d)})",
            lambda: f"{e('str', d)}.{self.pick('startswith', 'endswith')}({e('str', d)})",
        )()

    def e_ints(self, d):
        if d <= 0:
            return "[" + ", ".join(str(self.r.randint(-9, 9)) for _ in range(self.r.randint(0, 5))) + "]"
        e = self.expr
        return self.pick(
            lambda: "[" + ", ".join(e("int", d) for _ in range(self.r.randint(0, 4))) + "]",
            lambda: f"({e('ints', d)} + {e('ints', d)})",
            lambda: f"{e('ints', d)}[{self.pick('1:', ':3', '::-1', '::2', '-2:')}]",
            lambda: f"sorted({e('ints', d)}{self.pick('', ', reverse=True', ', key=lambda q: q % 5')})",
            lambda: f"list(range({self.r.randint(-3, 5)}, {self.r.randint(0, 9)}, {self.pick(1, 1, 2, 3)}))",
            lambda: f"[q {self.pick('+', '*', '-')} {e('int', 1)} for q in {e('ints', d)} if {self.pick('q > 0', 'q % 2', 'True')}]",
            lambda: f"list(map(lambda q: q * {self.r.randint(-3, 3)}, {e('ints', d)}))",
            lambda: f"[len(w) for w in {e('strs', d)}]",
            lambda: f"list({e('counts', d)}.values())",
            lambda: f"({e('ints', d)} * {self.r.randint(0, 2)})",
            lambda: f"[i * q for i, q in enumerate({e('ints', d)})]",
            lambda: f"[a + b for a, b in zip({e('ints', d)}, {e('ints', d)})]",
        )()

    def e_strs(self, d):
        if d <= 0:
            return "[" + ", ".join(f'"{self.r.choice(WORDS)}"' for _ in range(self.r.randint(0, 4))) + "]"
        e = self.expr
        return self.pick(
            lambda: f"{e('str', d)}.split({self.pick('', chr(34) + ',' + chr(34), chr(34) + ' ' + chr(34))})" if self.chance(0.5) else '"a b,c".split()',
            lambda: f"sorted({e('strs', d)}{self.pick('', ', key=len', ', reverse=True')})",
            lambda: f"[w + {e('str', 1)} for w in {e('strs', d)}]",
            lambda: f"[str(q) for q in {e('ints', d)}]",
            lambda: f"list({e('str', d)})",
            lambda: f"list({e('counts', d)}.keys())",
            lambda: f"({e('strs', d)} + {e('strs', d)})",
        )()

    def e_floats(self, d):
        return f"[q / {self.pick(2, 3, 4)} for q in {self.expr('ints', d)}]"

    def e_counts(self, d):
        e = self.expr
        if d <= 0 or self.chance(0.5):
            return "{" + ", ".join(f'"{self.r.choice(WORDS)}": {self.r.randint(0, 9)}' for _ in range(self.r.randint(0, 4))) + "}"
        return "{w: " + e("int", 1) + " + len(w) for w in " + e("strs", d) + "}"

    def e_table(self, d):
        return "{q: q * " + self.expr("int", 1) + " for q in " + self.expr("ints", d) + "}"

    def e_nested(self, d):
        return f"[{self.expr('ints', d)}, {self.expr('ints', d)}, [{self.expr('int', d)}]]"

    def call(self, kind, d):
        fits = [f for f in self.functions if f[1] == kind]
        if not fits:
            return self.expr(kind, d)
        name, _, params = self.r.choice(fits)
        return f"{name}({', '.join(self.expr(p, d) for p in params)})"

    # Statements.

    def declare(self, kind, depth):
        name = self.name(kind)
        self.put(depth, f"{name} = {self.expr(kind)}")
        if depth == 0:
            self.names[kind].append(name)

    def function(self):
        kind = self.pick("int", "str")
        params = [self.pick("int", "str", "ints", "float") for _ in range(self.r.randint(1, 3))]
        names = [f"p{i}" for i in range(len(params))]
        saved = self.names
        self.names = {k: [] for k in saved}
        for n, p in zip(names, params):
            self.names[p].append(n)
        name = f"fn{len(self.functions)}"
        self.put(0, f"def {name}({', '.join(names)}):")
        for _ in range(self.r.randint(0, 3)):
            self.put(1, f"if {self.expr('bool', 2)}:")
            self.put(2, f"return {self.expr(kind, 2)}")
        self.put(1, f"return {self.expr(kind)}")
        self.names = saved
        self.functions.append((name, kind, params))

    def body(self, depth):
        for _ in range(self.r.randint(1, 3)):
            self.statement(depth)

    def statement(self, depth):
        e = self.expr
        names = self.names
        kind = self.pick("int", "float", "str", "ints", "strs", "counts", "bool", "table", "nested", "floats")
        choices = [lambda: self.declare(kind, depth), lambda: self.put(depth, f"print({e(kind)}, {e('int')})")]
        if names[kind]:
            choices.append(lambda: self.put(depth, f"{self.r.choice(names[kind])} = {e(kind)}"))
        if names["int"]:
            choices.append(lambda: self.put(depth, f"{self.r.choice(names['int'])} {self.pick('+=', '-=', '^=')} {e('int')}"))
        if names["str"]:
            choices.append(lambda: self.put(depth, f"{self.r.choice(names['str'])} += {e('str', 1)}"))
        if names["ints"]:
            xs = self.r.choice(names["ints"])
            choices += [lambda: self.put(depth, f"{xs}.append({e('int')})"), lambda: self.put(depth, f"{xs}.insert({self.r.randint(-3, 3)}, {e('int', 1)})"),
                        lambda: self.put(depth, f"{xs}.sort()"), lambda: self.put(depth, f"{xs}.reverse()"),
                        lambda: self.put(depth, f"if {xs}: {xs}[{self.pick(0, -1)}] = {e('int')}"), lambda: self.put(depth, f"if {xs}: print({xs}.pop())"),
                        lambda: self.put(depth, f"{xs}[1:2] = {e('ints', 1)}")]
        if names["counts"]:
            d = self.r.choice(names["counts"])
            choices += [lambda: self.put(depth, f"{d}[{e('str')}] = {e('int')}"), lambda: self.put(depth, f"{d}.pop({e('str', 1)}, 0)")]
        if depth < 3:
            choices += [lambda: self.branch(depth), lambda: self.loop(depth), lambda: self.attempt(depth)]
        self.r.choice(choices)()

    def branch(self, depth):
        self.put(depth, f"if {self.expr('bool')}:")
        self.body(depth + 1)
        if self.chance(0.5):
            self.put(depth, f"elif {self.expr('bool')}:")
            self.body(depth + 1)
        if self.chance(0.5):
            self.put(depth, "else:")
            self.body(depth + 1)

    def loop(self, depth):
        if self.loops >= 2:
            return self.branch(depth)
        self.loops += 1
        what, kind = self.pick((f"range({self.r.randint(0, 5)})", "int"), (self.expr("ints", 1) + "[:4]", "int"), (self.expr("strs", 1) + "[:4]", "str"),
                               (self.expr("str", 1) + "[:4]", "str"), (f"list({self.expr('counts', 1)})[:3]", "str"))
        name = self.name("v")
        self.put(depth, f"for {name} in {what}:")
        self.names[kind].append(name)
        self.body(depth + 1)
        if self.chance(0.3):
            self.put(depth + 1, f"if {self.expr('bool', 2)}: {self.pick('break', 'continue')}")
        self.names[kind].remove(name)
        self.loops -= 1

    def attempt(self, depth):
        self.put(depth, "try:")
        self.body(depth + 1)
        self.put(depth + 1, self.pick(f"print({self.expr('ints')}[{self.expr('int', 2)}])", f"print(int({self.expr('str')}))", f"print({self.expr('counts')}[{self.expr('str')}])",
                                      f"print({self.expr('int')} / {self.expr('int', 2)})", f"raise ValueError({self.expr('str')})", f"print({self.expr('str')}[{self.expr('int', 1)}])"))
        self.put(depth, f"except {self.pick('Exception', '(IndexError, KeyError, ValueError, ZeroDivisionError)')} as err:")
        self.put(depth + 1, "print(type(err).__name__, err)")
        if self.chance(0.3):
            self.put(depth, "finally:")
            self.put(depth + 1, f"print('finally', {self.expr('int', 2)})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--polyagent", required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}, {args.count} programs", flush=True)
    if args.show:
        print(Program(seed).text())

    def check(number):
        text = Program(number).text()
        return number, *run_corpus.one(args.polyagent, str(number), text)

    counts = {"same": 0, "fallback": 0, "different": 0}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number, verdict, detail in pool.map(check, range(seed, seed + args.count)):
            counts[verdict] += 1
            if verdict == "different":
                print(f"different: --seed {number} --count 1 --show: {detail}", flush=True)
    print(f"{counts['same']} compiled and the same, {counts['fallback']} left to the interpreter, {counts['different']} different")
    sys.exit(counts["different"] > 0)


if __name__ == "__main__":
    main()
