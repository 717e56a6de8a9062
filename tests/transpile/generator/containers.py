"""Expressions that are lists, dicts, sets or tuples."""

from generator.base import DICTS, LISTS, TUPLES, weight

LIST_SLICES = ("1:", ":3", "::-1", "::2", "-2:", ":-1", "1:4", "4:1:-1", "::-2", ":0", "-3:-1", "10:", "1::3")


class Containers:
    # Literals.

    def literal(self, kind):
        if kind in LISTS:
            return "[" + ", ".join(self.leaf_of(LISTS[kind]) for _ in range(self.number(0, 5))) + "]"
        if kind in DICTS:
            key, value = DICTS[kind]
            return "{" + ", ".join(f"{self.leaf_of(key)}: {self.leaf_of(value)}" for _ in range(self.number(0, 4))) + "}"
        if kind in TUPLES:
            return "(" + ", ".join(self.leaf_of(item) for item in TUPLES[kind]) + ")"
        return "{" + ", ".join(str(self.number(0, 30)) for _ in range(self.number(1, 5))) + "}"

    # Any list.

    @weight(3)
    def list_literal(self, kind, d):
        return "[" + ", ".join(self.expr(LISTS[kind], d) for _ in range(self.number(0, 4))) + "]"

    def list_concat(self, kind, d):
        return f"(<{kind}> + <{kind}>)"

    def list_repeat(self, kind, d):
        return f"(<{kind}> * {self.number(-1, 2)})"

    @weight(2)
    def list_slice(self, kind, d):
        return f"<{kind}>[{self.pick(*LIST_SLICES)}]"

    def list_slice_computed(self, kind, d):
        return f"<{kind}>[{self.small()}:<int>]"

    @weight(2)
    def list_sorted(self, kind, d):
        keys = {"ints": ("key=lambda q: q % 5", "key=lambda q: -q", "key=abs", "key=lambda q: (q % 3, q)", "key=str"), "strs": ("key=len", "key=lambda w: (len(w), w)", "key=lambda w: w[-1:]"),
                "floats": ("key=lambda q: -q", "key=abs"), "pairs": ("key=lambda p: p[1]", "key=lambda p: (-p[1], p[0])"), "spots": ("key=lambda p: p[0] + p[1]",), "nested": ("key=len", "key=sum"), "bools": ("key=int",)}
        key = self.pick("", self.pick(*keys[kind]))
        order = self.pick("", "", "reverse=True", f"reverse=<bool:1>")
        return f"sorted({', '.join(part for part in (self.expr(kind, d), key, order) if part)})"

    def list_copy(self, kind, d):
        return self.pick(f"list(<{kind}>)", f"<{kind}>.copy()")

    def list_splat(self, kind, d):
        return f"[*<{kind}>, <{LISTS[kind]}>, *<{kind}>]"

    def list_reversed(self, kind, d):
        return f"list(reversed(<{kind}>))"

    @weight(2)
    def list_filtered(self, kind, d):
        name = self.fresh("q")
        self.declare(LISTS[kind], name, writable=False)
        condition = self.expr("bool", 2)
        self.forget(LISTS[kind], name)
        return self.pick(f"[{name} for {name} in <{kind}> if {condition}]", f"list(filter(lambda {name}: {condition}, <{kind}>))")

    @weight(2)
    def list_mapped(self, kind, d):
        source = self.any_list()
        name = self.fresh("q")
        iterable = self.expr(source, d)
        self.declare(LISTS[source], name, writable=False)
        value, condition = self.expr(LISTS[kind], 2), self.expr("bool", 1)
        self.forget(LISTS[source], name)
        return self.pick(f"[{value} for {name} in {iterable}]", f"[{value} for {name} in {iterable} if {condition}]", f"list(map(lambda {name}: {value}, {iterable}))")

    def list_of_values(self, kind, d):
        fit = [name for name, (_, value) in DICTS.items() if value == LISTS[kind]]
        return f"list(<{self.random.choice(fit)}>.values())" if fit else None

    def list_of_keys(self, kind, d):
        fit = [name for name, (key, _) in DICTS.items() if key == LISTS[kind]]
        if not fit:
            return None
        keys = self.expr(self.random.choice(fit), d)
        return self.pick(f"list({keys})", f"list({keys}.keys())", f"sorted({keys})", f"[k for k in {keys}]")

    def list_choice(self, kind, d):
        return f"(<{kind}> if <bool> else <{kind}>)"

    @weight(2)
    def list_call(self, kind, d):
        return self.call(kind, d)

    def list_field(self, kind, d):
        return self.field(kind, d)

    # Lists of one kind.

    def ints_range(self, d):
        return f"list(range({self.number(-3, 5)}, {self.number(-2, 9)}, {self.pick(1, 1, 2, 3, -1, -2)}))"

    def ints_range_to(self, d):
        return f"[q * q for q in range({self.small()})]"

    def ints_lengths(self, d):
        return self.pick(f"[len(w) for w in <strs>]", f"list(map(len, <strs>))", f"[len(q) for q in <nested>]")

    def ints_enumerate(self, d):
        start = self.pick("", f", {self.number(1, 5)}", f", start={self.number(0, 3)}")
        return f"[i * q for i, q in enumerate(<ints>{start})]"

    def ints_zip(self, d):
        return self.pick(f"[a {self.pick('+', '-', '*')} b for a, b in zip(<ints>, <ints>)]",
                         f"[a + len(b) for a, b in zip(<ints>, <strs>)]", f"[a + b * c for a, b, c in zip(<ints>, range(5), <ints>)]")

    def ints_nested(self, d):
        return self.pick(f"[q for row in <nested> for q in row]", f"[a * b for a in <ints>[:4] for b in range({self.number(0, 3)})]",
                         f"[a + b for a in range({self.number(1, 4)}) for b in range(a) if (a + b) % 2]", f"[sum(row) for row in <nested>]")

    def ints_of_text(self, d):
        return self.pick(f"[ord(c) for c in <str>]", f"[int(c) for c in str(abs(<int>))]")

    def ints_of_set(self, d):
        return f"sorted(<numbers>)"

    def ints_choice_within(self, d):
        return f"[q if q % 2 else <int:1> for q in <ints>]"

    def ints_items(self, d):
        return f"[k + v for k, v in <table>.items()]"

    def strs_split(self, d):
        return self.pick(f"<str>.split()", f"<str>.split({self.pick(repr(','), repr(' '), repr('a'), repr('--'))})", f"<str>.split(',', {self.number(-1, 2)})",
                         f"<str>.rsplit(' ', 1)", f"<str>.splitlines()", "'a b,c  d'.split()")

    def strs_letters(self, d):
        return self.pick(f"list(<str>)", f"[c for c in <str> if c != 'a']", f"[c * {self.number(0, 2)} for c in <str>]")

    def strs_formatted(self, d):
        return self.pick(f"[str(q) for q in <{self.pick('ints', 'floats', 'bools', 'pairs')}>]", f"[f'{{q:{self.spec_int()}}}' for q in <ints>]",
                         f"[f'{{q:{self.spec_float()}}}' for q in <floats>]") if not self.in_format else None

    def strs_added(self, d):
        return f"[w + <str:1> for w in <strs>]"

    def strs_zip(self, d):
        return f"[w * q for w, q in zip(<strs>, [1, 2, 0, 3])]"

    def strs_methods(self, d):
        return f"[w.{self.pick('strip', 'lstrip', 'rstrip')}() for w in <strs>]"

    def floats_halves(self, d):
        return self.pick(f"[q / {self.pick(2, 3, 4, -7)} for q in <ints>]", f"[q * <float:1> for q in <ints>]", f"list(map(float, <ints>))")

    def floats_rounded(self, d):
        return f"[round(q, {self.number(0, 3)}) for q in <floats>]"

    def bools_tests(self, d):
        return self.pick(f"[q > <int:1> for q in <ints>]", f"[w in <str> for w in <strs>]", f"[not w for w in <strs>]")

    def nested_rows(self, d):
        return self.pick(f"[[a * b for b in range({self.number(0, 3)})] for a in range({self.number(0, 3)})]", f"[list(range(q % 4)) for q in <ints>]",
                         f"[[0] * {self.number(0, 3)} for _ in range({self.number(0, 3)})]", f"list(<groups>.values())")

    def nested_columns(self, d):
        return f"[list(row) for row in zip(<ints>, <ints>)]"

    def pairs_of(self, d):
        return self.pick(f"list(<counts>.items())", f"list(zip(<strs>, <ints>))", f"[(w, len(w)) for w in <strs>]",
                         f"sorted(<counts>.items(), key=lambda p: p[1])")

    def spots_of(self, d):
        return self.pick(f"list(enumerate(<ints>))", f"[(a, b) for a in range({self.number(0, 3)}) for b in range({self.number(0, 3)}) if a != b]", f"list(<table>.items())",
                         f"list(zip(<ints>, <ints>))")

    # Dicts.

    @weight(3)
    def dict_literal(self, kind, d):
        key, value = DICTS[kind]
        return "{" + ", ".join(f"<{key}>: <{value}>" for _ in range(self.number(0, 4))) + "}"

    def dict_copy(self, kind, d):
        return self.pick(f"dict(<{kind}>)", f"<{kind}>.copy()")

    def dict_filtered(self, kind, d):
        key, value = DICTS[kind]
        one, two = self.fresh("k"), self.fresh("v")
        self.declare(key, one, writable=False)
        self.declare(value, two, writable=False)
        condition, new = self.expr("bool", 2), self.expr(value, 1)
        self.forget(key, one)
        self.forget(value, two)
        return f"{{{one}: {new} for {one}, {two} in <{kind}>.items() if {condition}}}"

    def dict_made(self, kind, d):
        key, value = DICTS[kind]
        sources = [name for name, item in LISTS.items() if item == key]
        name = self.fresh("k")
        self.declare(key, name, writable=False)
        made = self.expr(value, 2)
        self.forget(key, name)
        return f"{{{name}: {made} for {name} in <{self.random.choice(sources)}>}}"

    def dict_zip(self, kind, d):
        sources = [[name for name, item in LISTS.items() if item == part] for part in DICTS[kind]]
        return f"dict(zip({', '.join(self.expr(self.random.choice(source), d) for source in sources)}))"

    def dict_merged(self, kind, d):
        return f"(<{kind}> | <{kind}>)"

    def dict_call(self, kind, d):
        return self.call(kind, d)

    # Sets of small ints, whose order is CPython's.

    @weight(2)
    def set_literal(self, kind, d):
        return "{" + ", ".join(f"<int> % {self.number(3, 40)}" for _ in range(self.number(1, 4))) + "}"

    def set_of(self, kind, d):
        return self.pick("set()", f"set(range({self.number(0, 9)}))", f"{{q % {self.number(2, 30)} for q in <ints>}}", f"set([q % 11 for q in <ints>])")

    @weight(2)
    def set_operation(self, kind, d):
        return f"(<{kind}> {self.pick('|', '&', '-', '^')} <{kind}>)"

    def set_method(self, kind, d):
        return f"<{kind}>.{self.pick('union', 'intersection', 'difference', 'symmetric_difference')}(<{kind}>)"

    def set_filtered(self, kind, d):
        return f"{{q for q in <{kind}> if q % {self.number(2, 5)}}}"
