"""Expressions that are text: methods, slices, formats."""

from generator.base import weight

WORDS = ("", "a", "bc", "Hello", "x y", "A,b,C", "  pad ", "12", "-7", "zZz", "abcabc", "The quick", "0", "a-b_c", "_")
QUOTED = ("it's", 'say "hi"', "tab\t", "line\nbreak", "back\\slash", "{}", "%d")
BEYOND = ("né", "日本語", "😀", "e\u0301", "Straße", "ΩΣ", "a😀b", "ñandú")
SLICES = ("1:", ":2", "::-1", "-3:", "::2", "1:-1", ":-1", "2:5", "5:1:-1", "-1:", "1:4:2", ":0", "::-2", "-2::-1", "100:", "-100:3")
SEPARATORS = (" ", ",", "-", "b", "ab")


class Texts:
    def word(self):
        if self.chance(0.05):
            self.used.add("unicode")
            return self.pick(*BEYOND)
        if not self.in_format and self.chance(0.08):
            return self.pick(*QUOTED)
        return self.pick(*WORDS)

    def literal_str(self):
        return repr(self.word())

    def str_literal(self, d):
        return self.literal_str()

    @weight(2)
    def str_add(self, d):
        return f"(<str> + <str>)"

    def str_repeat(self, d):
        return self.pick(f"(<str> * {self.number(-1, 3)})", f"({self.number(0, 3)} * <str>)")

    @weight(3)
    def str_of(self, d):
        kind = self.pick("int", "float", "bool", "ints", "strs", "floats", "counts", "pair", "nested", "table", "mix", "groups", "numbers")
        return f"{self.pick('str', 'str', 'repr')}(<{kind}>)"

    def str_repr(self, d):
        return f"repr(<str>)"

    def str_strip(self, d):
        characters = repr(self.pick(" ", "ab", "x-", "l ")) if self.chance(0.3) and not self.in_format else ""
        return f"<str>.{self.pick('strip', 'lstrip', 'rstrip')}({characters})"

    def str_case(self, d):
        return f"{self.plain_text()}.{self.pick('upper', 'lower', 'title', 'capitalize', 'swapcase')}()"

    def plain_text(self):
        """Mostly without letters beyond ASCII, whose properties are the interpreter's to know."""
        return self.pick(repr(self.pick(*WORDS)), "str(<int>)", "(<str> + 'x')[-1:]", "repr(<ints>)", "<str>" if self.chance(0.2) else "'Ab cd'")

    @weight(2)
    def str_slice(self, d):
        return f"<str>[{self.pick(*SLICES)}]"

    def str_slice_computed(self, d):
        return f"<str>[<int>:<int>]"

    def str_character(self, d):
        if self.risk and self.chance(0.5):
            return f"<str>[<int>]"
        return f"(<str> or {self.literal_str()} or 'z')[{self.pick('0', '-1')}]" if not self.in_format else None

    def str_replace(self, d):
        most = self.pick("", "", f", {self.number(-1, 2)}")
        return f"<str>.replace(<str>, <str>{most})"

    def str_join(self, d):
        return self.pick(f"{self.literal_str()}.join(<strs>)", f"''.join(w for w in <strs> if w)", f"'-'.join(str(q) for q in <ints>)",
                         f"', '.join(map(str, <ints>))", f"''.join(reversed(<str>))", f"''.join(sorted(<str>))") if not self.in_format else None

    def str_choice(self, d):
        return f"(<str> if <bool> else <str>)"

    def str_element(self, d):
        return self.pick(f"(<strs> or {['w']})[{self.pick('0', '-1')}]", f"<words>.get(<int>, {self.literal_str()})", f"<pair>[0]", f"<mix>[-1]") if not self.in_format else None

    def str_pad(self, d):
        fill = repr(self.pick("*", "-", "0", "é")) if self.chance(0.4) and not self.in_format else ""
        return f"<str>.{self.pick('center', 'ljust', 'rjust')}({self.number(0, 12)}{fill and ', ' + fill})"

    def str_zfill(self, d):
        return f"<str>.zfill({self.number(0, 9)})"

    def str_chr(self, d):
        return self.pick(f"chr(97 + <int> % 26)", f"chr({self.pick(233, 960, 8364, 128512)})", f"chr(<int> % 95 + 32)")

    def str_logic(self, d):
        return f"(<str> {self.pick('or', 'and')} <str>)"

    def str_base(self, d):
        return f"{self.pick('bin', 'hex', 'oct')}(<int>)"

    def str_affix(self, d):
        return f"<str>.{self.pick('removeprefix', 'removesuffix')}({self.literal_str()})"

    def str_partition(self, d):
        return f"<str>.{self.pick('partition', 'rpartition')}({self.pick(*map(repr, SEPARATORS))})[{self.number(0, 2)}]" if not self.in_format else None

    def str_split_part(self, d):
        return f"<str>.split({self.pick(*map(repr, SEPARATORS))})[{self.pick('0', '-1')}]" if not self.in_format else None

    def str_type(self, d):
        return f"type(<{self.pick('int', 'float', 'str', 'ints', 'counts', 'pair', 'bool')}>).__name__"

    @weight(2)
    def str_call(self, d):
        return self.call("str", d)

    def str_field(self, d):
        return self.field("str", d)

    def str_lines(self, d):
        return f"'|'.join(<str>.splitlines())" if not self.in_format else None

    # Formats.

    def spec_align(self, numeric):
        fill = self.pick("", "", "", "*", "_", "0", ".", "é")
        align = self.pick("<", ">", "^", *("=",) * (numeric and fill != ""))  # {x:=5} is beyond the grammar
        return fill + align

    def spec_int(self):
        align = self.spec_align(True) if self.chance(0.4) else ""
        sign = self.pick("", "", "+", " ", "-")
        kind = self.pick("", "d", "d", "x", "X", "b", "o")
        other = "#" if kind in ("x", "X", "b", "o") and self.chance(0.3) else ""
        width = self.pick("", "5", "8", "12", "05", "010", "1")
        group = self.pick("", ",", "_") if kind in ("", "d") else self.pick("", "", "_") if kind else ""
        return align + sign + other + width + group + kind

    def spec_float(self):
        align = self.spec_align(True) if self.chance(0.4) else ""
        sign = self.pick("", "", "+", " ", "-")
        width = self.pick("", "8", "12", "010", "6")
        group = self.pick("", "", ",", "_")
        precision = self.pick("", ".0", ".1", ".2", ".3", ".6", ".10")
        kind = self.pick("f", "f", "e", "g", "%", "", "E", "G")
        return align + sign + width + group + precision + kind

    def spec_str(self):
        align = self.spec_align(False) if self.chance(0.7) else ""
        return align + self.pick("", "3", "6", "10", "14") + self.pick("", "", ".0", ".2", ".5") + self.pick("", "", "s")

    def field_of(self, kind):
        """{value:spec} for an f-string in double quotes."""
        self.in_format += 1
        value = self.expr(kind, 1)
        self.in_format -= 1
        if '"' in value or "\\" in value or "{" in value or "!" in value or ":" in value:
            value = {"int": "42", "float": "2.675", "str": "'q'"}[kind]
        self.used.add(f"format_{kind}")
        spec = getattr(self, "spec_" + kind)() if self.chance(0.75) else ""
        return "{" + value + (":" + spec if spec else self.pick("", "", "!r", "!s", "=")) + "}"

    @weight(4)
    def str_format(self, d):
        if self.in_format:
            return None
        parts = [self.field_of(self.pick("int", "float", "str")) + self.pick("", " ", "|", ": ", "é") for _ in range(self.number(1, 3))]
        return 'f"' + self.pick("", "<", "v=", "{{") + "".join(parts).rstrip() + '"' if self.chance(0.97) else 'f"plain"'

    def str_format_width(self, d):
        return f'f"{{{self.expr_quiet("int")}:{{{self.number(0, 12)}}}}}|"' if not self.in_format else None

    def expr_quiet(self, kind):
        names = self.scope[kind]
        return self.random.choice(names) if names else {"int": "7", "float": "1.5", "str": "'s'"}[kind]

    def str_percent(self, d):
        if self.in_format:
            return None
        kinds = [self.pick("int", "float", "str") for _ in range(self.number(1, 3))]
        specs = {"int": ("%d", "%5d", "%-4d|", "%03d", "%+d", "%x", "%s", "%o", "%r"), "float": ("%f", "%.2f", "%8.3f", "%e", "%g", "%s", "%.0f"), "str": ("%s", "%10s", "%-6s|", "%r", "%.2s")}
        text = " ".join(self.pick(*specs[kind]) for kind in kinds) + self.pick("", "%%", "!")
        values = ", ".join(self.expr(kind, d) for kind in kinds)
        return f"({text!r} % ({values}{',' if len(kinds) == 1 else ''}))"

    def str_format_method(self, d):
        if self.in_format:
            return None
        kinds = [self.pick("int", "float", "str") for _ in range(2)]
        fields = [self.pick("", ":" + getattr(self, "spec_" + kind)(), "!r") for kind in kinds]
        order = self.pick(("", ""), ("0", "1"))
        text = "{" + order[0] + fields[0] + "} and {" + order[1] + fields[1] + "}"
        return f"{text!r}.format({', '.join(self.expr(kind, d) for kind in kinds)})"
