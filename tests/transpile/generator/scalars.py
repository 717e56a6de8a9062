"""Expressions that are numbers or truth values."""

import sys

from generator.base import DICTS, LISTS, weight

EDGES = ("2147483647", "-2147483648", "4294967296", "9007199254740993", "10**15", "2**53", "2**62", "-2**62", "9223372036854775807", "(-9223372036854775807 - 1)")
FLOATS = ("0.5", "1.25", "-2.75", "3.0", "0.1", "100.0", "1e-3", "2.5e5", "0.0", "-1.0", "2.5", "0.5", "1.5", "7.0", "-0.25", "1234.5678", "99.995")
FAR = ("1e16", "1e15", "1e-4", "1e-5", "123456789.123", "1e22", "1e23", "1e100", "1.7976931348623157e+308", "5e-324", "2.2250738585072014e-308", "-0.0", "0.30000000000000004", "1e300", "9007199254740993.0", "float('inf')", "float('-inf')", "float('nan')", "1/3", "2/3")
COMPARE = ("<", "<=", ">", ">=", "==", "!=")


class Scalars:
    def leaf_of(self, kind):
        literal = getattr(self, "literal_" + kind, None)
        return literal() if literal else self.literal(kind)

    def literal_int(self):
        if self.chance(0.004):
            self.used.add("edge_int")
            return self.pick(*EDGES)
        return str(self.pick(0, 1, 2, 3, 7, 10, 64, 255, 1000, -1, -5, self.number(-100, 100)))

    def literal_float(self):
        if self.chance(0.06):
            self.used.add("edge_float")
            text = self.pick(*FAR)
            return text.replace("'", '"') if self.in_format == 2 else text
        return self.pick(*FLOATS)

    def literal_bool(self):
        return self.pick("True", "False")

    # int

    @weight(3)
    def int_arithmetic(self, d):
        return f"(<int> {self.pick('+', '-', '*')} <int>)"

    @weight(2)
    def int_near(self, d):
        return f"(<int> {self.pick('+', '-')} {self.number(0, 50)})"

    def int_bits(self, d):
        return f"(<int> {self.pick('&', '|', '^')} <int>)"

    @weight(2)
    def int_floor_by_number(self, d):
        return f"(<int> {self.pick('//', '%')} {self.pick(1, 2, 3, 5, 8, 10, 16, 97, -1, -3, -4, -10)})"

    def int_floor(self, d):
        guard = "" if self.risk and self.chance(0.5) else f" or {self.pick(3, -2, 7)}"
        return f"(<int> {self.pick('//', '%')} (<int>{guard}))"

    def int_unary(self, d):
        return f"({self.pick('-', '~', '+', '-')}<int>)"

    def int_abs(self, d):
        return f"abs(<int>)"

    def int_len(self, d):
        return f"len(<{self.pick('str', 'ints', 'strs', 'counts', 'numbers', 'nested', 'pairs', 'groups', 'table')}>)"

    def int_min_max(self, d):
        return f"{self.pick('min', 'max')}({', '.join(self.expr('int', d) for _ in range(self.number(2, 3)))})"

    def int_min_max_of(self, d):
        which = self.pick("min", "max")
        if self.risk and self.chance(0.3):
            return f"{which}(<ints>)"
        return self.pick(f"{which}(<ints> or [{self.number(-3, 9)}])", f"{which}(<ints>, default={self.number(-2, 2)})",
                         f"{which}(<ints> + [0], key=lambda q: (q % {self.number(2, 7)}, q))", f"{which}(<ints> + [5], key=abs)")

    def int_sum(self, d):
        return self.pick(f"sum(<ints>)", f"sum(<ints>, {self.number(-5, 5)})", f"sum(q % {self.number(2, 9)} for q in <ints>)",
                         f"sum(<bools>)", f"sum(1 for w in <strs> if w)")

    def int_choice(self, d):
        return f"(<int> if <bool> else <int>)"

    def int_of(self, d):
        return self.pick(f"int(<bool>)", f"int({self.bounded_float(d)})", f"int(<float> > <float>)",
                         f"int(str(<int>))", f"int(<str>)" if self.risk else f"int(str({self.number(-99, 99)}))")

    def int_of_base(self, d):
        digits = self.pick("101", "77", "0b11", "  12 ", "-7", "1_000", "0")
        return f"int('{digits}', {self.pick(8, 10, 16, 2)})" if self.risk and not self.in_format else None

    def int_text_search(self, d):
        return f"<str>.{self.pick('find', 'count', 'rfind')}(<str>)"

    def int_element(self, d):
        if self.risk and self.chance(0.5):
            return f"<ints>[<int>]"
        return f"(<ints> or [{self.number(0, 9)}])[{self.pick('0', '-1')}]"

    def int_of_table(self, d):
        kind = self.pick("counts", "table", "cells")
        key = DICTS[kind][0]
        if self.risk and self.chance(0.4):
            return f"<{kind}>[<{key}>]"
        return f"<{kind}>.get(<{key}>, <int>)"

    def int_shift(self, d):
        return self.pick(f"(<int> % 7 << {self.number(0, 9)})", f"(<int> >> {self.number(0, 70)})")

    def int_power(self, d):
        return self.pick(f"((<int> % 5) ** {self.number(0, 4)})", f"((-{self.number(2, 9)}) ** {self.number(0, 5)})", f"(-{self.number(2, 4)} ** {self.number(0, 5)})",
                         f"pow({self.number(2, 12)}, {self.number(0, 20)}, {self.pick(7, 97, 1000)})", f"pow(<int> % 9, 2)")

    def int_round(self, d):
        return self.pick(f"round({self.bounded_float(d)})", f"round(<int>, {self.pick(0, 1, 2, 0, 1, 2, 0, 1, 2, -1)})", f"round({self.number(-9, 9)}.5)")

    def int_code(self, d):
        return self.pick("ord('q')", "ord('é')", "ord('\\n')", f"ord(<str>[0])" if self.risk else "ord('😀')") if not self.in_format else None

    def int_list_search(self, d):
        if self.risk and self.chance(0.4):
            return f"<ints>.index(<int>)"
        return f"<ints>.count(<int>)"

    def int_divmod(self, d):
        return f"divmod(<int>, {self.pick(3, 7, -4, 10)})[{self.number(0, 1)}]"

    def int_bool_arithmetic(self, d):
        return f"(<bool> {self.pick('+', '-', '*')} <{self.pick('bool', 'int')}>)"

    def int_logic(self, d):
        return f"(<int> {self.pick('and', 'or')} <int>)"

    def int_math(self, d):
        return self.pick(f"math.gcd(<int>, <int>)", f"math.isqrt(abs(<int>))", f"math.floor({self.bounded_float(d)})",
                         f"math.ceil({self.bounded_float(d)})", f"math.factorial({self.number(0, 12)})", f"math.comb({self.number(0, 12)}, {self.number(0, 8)})", f"math.trunc({self.bounded_float(d)})",
                         f"math.lcm({self.number(1, 30)}, {self.number(1, 30)})", f"math.perm({self.number(0, 9)}, {self.number(0, 5)})")

    def int_of_pair(self, d):
        return f"<{self.pick('pair', 'spot')}>[{self.pick('1', '-1')}]"

    @weight(3)
    def int_call(self, d):
        return self.call("int", d)

    def int_field(self, d):
        return self.field("int", d)

    def int_set(self, d):
        if self.risk and self.chance(0.2):
            return f"<numbers>.pop()"
        return f"{self.pick('min', 'max', 'sum', 'len')}(<numbers> | {{{self.number(0, 9)}}})"

    def call(self, kind, d):
        function = self.function_of(kind)
        return function.call(self, d) if function else None

    def field(self, kind, d):
        """An attribute or a method of an object."""
        fit = [(name, cls) for name, cls in self.objects if kind in cls.gives()]
        if not fit:
            return None
        name, cls = self.random.choice(fit)
        return cls.get(self, name, kind, d)

    # float

    def bounded_float(self, d):
        """One that has an int: neither infinite nor huge."""
        return self.pick(f"(<int> / {self.pick(2, 4, 7, -3)})", *self.random.sample(("0.5", "1.5", "2.5", "-0.5", "-1.5", "3.7", "-2.7", "1e6", "99.99"), 2)) if not self.risk else self.expr("float", d)

    @weight(3)
    def float_arithmetic(self, d):
        return f"(<float> {self.pick('+', '-', '*')} <float>)"

    @weight(2)
    def float_mixed(self, d):
        return self.pick(f"(<int> {self.pick('+', '-', '*')} <float>)", f"(<float> {self.pick('+', '-', '*')} <int>)")

    @weight(2)
    def float_division(self, d):
        return self.pick(f"(<int> / {self.pick(2, 3, 4, 7, -8, 10)})", f"(<float> / {self.pick('2', '0.5', '3.0', '-4', '0.1')})",
                         f"(<float> / <int>)" if self.risk else f"(<float> / (<float> or 1.5))")

    def float_floor(self, d):
        return f"(<float> {self.pick('//', '%')} {self.pick('2', '0.5', '3.0', '0.75', '-3.0', '-0.7', '1e-3')})"

    def float_divmod(self, d):
        return f"divmod(<float>, {self.pick('0.75', '-2.5', '3')})[{self.number(0, 1)}]"

    def float_unary(self, d):
        return self.pick(f"abs(<float>)", f"(-<float>)")

    def float_of(self, d):
        texts = ("'1.5'", "'-2e3'", "' 7 '", "'inf'", "'-0.0'", "'1_0.5'", "'x'", "'.5'", "'5.'", "'1e400'", "'nan'", "''")
        return f"float({self.pick(*texts)})" if self.risk and not self.in_format and self.chance(0.5) else f"float(<{self.pick('int', 'bool')}>)"

    def float_round(self, d):
        return f"round(<float>, {self.pick(0, 1, 1, 2, 2, 3, 5)})"

    def float_min_max(self, d):
        return self.pick(f"{self.pick('min', 'max')}(<float>, <float>)", f"{self.pick('min', 'max')}(<floats> or [0.25])")

    def float_choice(self, d):
        return f"(<float> if <bool> else <float>)"

    def float_sum(self, d):
        floats = self.expr("floats", d)
        return f"sum({floats}, 0.0)" if sys.version_info >= (3, 12) else f"float(len({floats}))"  # older ones add without care

    def float_power(self, d):
        return self.pick(f"({self.pick('0.5', '1.5', '-2.0', '3.0')} ** {self.number(0, 4)})", f"({self.number(1, 9)} ** -{self.number(1, 3)})", f"(<int> % 9 + 1) ** -1",
                         f"({self.pick('4.0', '0.25', '9', '2.25')} ** 0.5)")

    def float_math(self, d):
        return self.pick(f"math.sqrt(abs(<float>))", "math.pi", "math.e", f"math.fabs(<float>)", f"math.copysign(<float>, <float>)",
                         "math.inf", f"math.sqrt(<float>)" if self.risk else f"math.sqrt({self.number(0, 99)})")

    def float_element(self, d):
        return self.pick(f"(<floats> or [0.5])[{self.pick('0', '-1')}]", f"<rates>.get(<str>, <float>)", f"<mix>[1]")

    @weight(2)
    def float_call(self, d):
        return self.call("float", d)

    def float_field(self, d):
        return self.field("float", d)

    # bool

    @weight(4)
    def bool_compare(self, d):
        kind = self.pick("int", "int", "float", "str", "ints", "strs", "pair", "spot", "nested", "bool")
        return f"(<{kind}> {self.pick(*COMPARE)} <{kind}>)"

    def bool_compare_mixed(self, d):
        return f"(<int> {self.pick(*COMPARE)} <float>)"

    def bool_equal(self, d):
        kind = self.pick("counts", "table", "numbers", "groups", "mix", "words", "rates", "pairs")
        return f"(<{kind}> {self.pick('==', '!=')} <{kind}>)"

    def bool_chain(self, d):
        kind = self.pick("int", "int", "float", "str")
        return f"(<{kind}> {self.pick(*COMPARE)} <{kind}> {self.pick(*COMPARE)} <{kind}>)"

    @weight(2)
    def bool_logic(self, d):
        return f"(<bool> {self.pick('and', 'or')} <bool>)"

    def bool_not(self, d):
        return f"(not <{self.pick('bool', 'int', 'str', 'ints', 'counts', 'float', 'numbers')}>)"

    def bool_in(self, d):
        kind = self.pick("ints", "ints", "strs", "pairs", "nested", "floats", "spots")
        return f"(<{LISTS[kind]}> {self.pick('in', 'not in')} <{kind}>)"

    def bool_in_table(self, d):
        kind = self.pick("counts", "table", "groups", "cells", "words")
        return f"(<{DICTS[kind][0]}> {self.pick('in', 'not in')} <{kind}>)"

    def bool_in_set(self, d):
        return f"(<int> {self.pick('in', 'not in')} <numbers>)"

    def bool_in_text(self, d):
        return f"(<str> {self.pick('in', 'not in')} <str>)"

    def bool_in_range(self, d):
        return f"(<int> in range({self.number(-5, 5)}, {self.number(0, 50)}, {self.pick(1, 1, 1, 1, 1, 1, 1, 1, 3)}))"

    def bool_of(self, d):
        return f"bool(<{self.pick('int', 'str', 'ints', 'float', 'counts')}>)"

    def bool_any_all(self, d):
        which = self.pick("any", "all")
        return self.pick(f"{which}(q > <int:1> for q in <ints>)", f"{which}(<bools>)", f"{which}(w.strip() for w in <strs>)",
                         f"{which}([a < b for a, b in zip(<ints>, <ints>)])")

    def bool_text_test(self, d):
        return self.pick(f"<str>.{self.pick('startswith', 'endswith')}(<str>)", f"{self.plain_text()}.{self.pick('isdigit', 'isalpha', 'isalnum', 'isspace', 'isupper', 'islower')}()")

    def bool_isinstance(self, d):
        kind = self.pick("int", "float", "str", "bool", "ints", "counts")
        return f"isinstance(<{kind}>, {self.pick('int', 'float', 'str', 'bool', 'list', 'dict', '(int, float)', '(str, list)')})"

    def bool_math(self, d):
        return f"math.{self.pick('isnan', 'isinf', 'isfinite')}(<float>)"

    def bool_sets(self, d):
        return (f"<numbers>.{self.pick('issubset', 'isdisjoint', 'issuperset')}(<numbers>)")

    def bool_call(self, d):
        return self.call("bool", d)

    def bool_field(self, d):
        return self.field("bool", d)
