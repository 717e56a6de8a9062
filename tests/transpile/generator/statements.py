"""Statements."""

from generator.base import DICTS, KINDS, LISTS, NESTING, TUPLES, weight

ERRORS = ("ValueError", "KeyError", "IndexError", "TypeError", "RuntimeError", "ZeroDivisionError", "LookupError", "ArithmeticError", "Exception")
GROWING = ("str", *LISTS)


class Statements:
    def statement(self, depth):
        self.choose("do", depth)

    def block(self, depth, least=1, most=1):
        """Statements, whose new names are gone at its end."""
        saved = self.scope, self.writable
        self.scope = {kind: list(names) for kind, names in self.scope.items()}
        self.writable = {kind: list(names) for kind, names in self.writable.items()}
        objects = list(self.objects)
        for _ in range(self.number(least, most) + self.chance(0.3)):
            self.statement(depth)
        self.objects = objects
        self.scope, self.writable = saved

    def fits(self, depth):
        return depth < NESTING

    def bounded(self, kind, value):
        """What a loop or a function does again and again must not grow without end."""
        if not self.loops and not self.in_function:
            return value
        if kind in GROWING:
            return f"{value}[:{self.number(6, 14)}]"
        if kind == "int":
            return f"{value} % {self.pick(1000, 10007, 999983)}"
        return value

    # Names.

    @weight(3)
    def do_declare(self, depth):
        kind = self.any_kind()
        name = self.fresh(kind[0])
        hint = {"int": ": int", "str": ": str", "float": ": float"}.get(kind, "") if self.chance(0.06) else ""
        self.put(depth, f"{name}{hint} = <{kind}>")
        self.declare(kind, name)
        if depth == 0 and kind in ("int", "str", "float", "ints"):
            self.shared.add(name)
        return ""

    @weight(3)
    def do_assign(self, depth):
        kind = self.any_kind()
        name = self.target(kind)
        if name is None:
            return None
        self.put(depth, f"{name} = {self.bounded(kind, self.expr(kind))}")
        return ""

    @weight(2)
    def do_augmented(self, depth):
        name = self.target("int")
        if name is None:
            return None
        operator, value = self.pick("+=", "-=", "^=", "|=", "&=", "//=", "%=", "*=", ">>="), self.expr("int")
        value = str(self.number(1, 9)) if operator in ("//=", "%=", "*=", ">>=") else value
        self.put(depth, f"{name} {operator} {value}")
        if operator == "*=" and (self.loops or self.in_function):
            self.put(depth, f"{name} %= 99991")
        return ""

    def do_augmented_float(self, depth):
        name = self.target("float")
        if name is None:
            return None
        self.put(depth, f"{name} {self.pick('+=', '-=', '*=', '/=')} {self.pick('0.5', '1.5', '3', '-2.25', '10')}")
        return ""

    def do_augmented_text(self, depth):
        name = self.target("str")
        if name is None:
            return None
        self.put(depth, f"{name} {self.pick('+= ' + self.expr('str', 1), '*= 2')}")
        if self.loops or self.in_function:
            self.put(depth, f"{name} = {name}[-30:]")
        return ""

    def do_chained_assign(self, depth):
        kind = self.pick("int", "str", "ints")
        one, two = self.fresh(kind[0]), self.fresh(kind[0])
        self.put(depth, f"{one} = {two} = <{kind}>")
        self.declare(kind, one)
        self.declare(kind, two)
        return ""

    def do_unpack(self, depth):
        kind = self.pick(*TUPLES)
        names = [self.fresh("u") for _ in TUPLES[kind]]
        self.put(depth, f"{', '.join(names)} = <{kind}>")
        for name, item in zip(names, TUPLES[kind]):
            self.declare(item, name)
        return ""

    def do_unpack_nested(self, depth):
        a, b, c = (self.fresh("u") for _ in range(3))
        self.put(depth, f"{a}, ({b}, {c}) = <int:2>, <pair:2>")
        for name, kind in ((a, "int"), (b, "str"), (c, "int")):
            self.declare(kind, name)
        return ""

    def do_unpack_star(self, depth):
        kind = self.pick("ints", "strs")
        one, two = self.fresh("u"), self.fresh("u")
        pad = f"[{self.leaf_of(LISTS[kind])}] + " if not self.risk or self.chance(0.6) else ""
        self.put(depth, self.pick(f"{one}, *{two} = {pad}<{kind}>", f"*{two}, {one} = {pad}<{kind}>"))
        self.declare(LISTS[kind], one)
        self.declare(kind, two)
        return ""

    def do_swap(self, depth):
        kind = self.pick("int", "str", "ints")
        one, two = self.target(kind), self.target(kind)
        if one is None or one == two:
            return None
        self.put(depth, f"{one}, {two} = {two}, {self.pick(one, one, self.bounded(kind, self.expr(kind, 2)))}")
        return ""

    def do_walrus(self, depth):
        name = self.fresh("w")
        self.put(depth, f"if ({name} := <int:2>) > {self.number(-9, 9)}: print({name})")
        self.declare("int", name)
        return ""

    # Printing.

    @weight(5)
    def do_print(self, depth):
        values = [self.expr(self.any_kind()) for _ in range(self.number(1, 3))]
        options = self.pick("", "", "", ", sep=''", ", end=' '", ", sep=', '", ", sep='-', end='!\\n'")
        self.put(depth, f"print({', '.join(values)}{options})")
        return ""

    def do_print_splat(self, depth):
        self.put(depth, f"print(*<{self.any_list()}:2>{self.pick('', ', sep=chr(44)')})")
        return ""

    @weight(2)
    def do_print_format(self, depth):
        self.put(depth, f"print({self.pick(self.str_format, self.str_percent)(2)})")
        return ""

    # Lists.

    def some_list(self):
        kind = self.pick("ints", "ints", "strs", "floats", "pairs", "nested")
        return kind, self.target(kind)

    @weight(2)
    def do_append(self, depth):
        kind, name = self.some_list()
        if name is None:
            return None
        item = LISTS[kind]
        method = self.pick(f"append(<{item}>)", f"insert({self.number(-3, 4)}, <{item}:1>)", f"extend({self.bounded(kind, self.expr(kind, 2))})")
        guard = f"if len({name}) < 30: " if self.loops or self.in_function else ""
        self.put(depth, f"{guard}{name}.{method}")
        return ""

    def do_list_order(self, depth):
        kind, name = self.some_list()
        if name is None:
            return None
        key = {"ints": "key=lambda q: q % 4", "strs": "key=len"}.get(kind, "")
        self.put(depth, f"{name}.{self.pick('sort()', 'reverse()', 'sort(reverse=True)', f'sort({key})')}")
        return ""

    def do_list_pop(self, depth):
        kind, name = self.some_list()
        if name is None:
            return None
        guard = "" if self.risk else f"if {name}: "
        self.put(depth, f"{guard}print({name}.pop({self.pick('', '0', '-1', '') if not self.risk else self.number(-4, 4)}))")
        return ""

    def do_list_remove(self, depth):
        kind, name = self.some_list()
        if name is None:
            return None
        value = self.expr(LISTS[kind], 1)
        self.put(depth, f"{name}.remove({value})" if self.risk else f"if {value} in {name}: {name}.remove({value})")
        return ""

    @weight(2)
    def do_element(self, depth):
        kind, name = self.some_list()
        if name is None:
            return None
        index = self.expr("int", 2) if self.risk else self.pick("0", "-1", f"<int:1> % len({name})")
        change = f"= <{LISTS[kind]}>"
        if kind == "ints" and self.chance(0.5):
            change = f"{self.pick('+=', '-=', '^=')} <int:1>"
        self.put(depth, f"{'' if self.risk else f'if {name}: '}{name}[{index}] {change}")
        return ""

    def do_slice_assign(self, depth):
        kind, name = self.some_list()
        if name is None:
            return None
        where = self.pick("1:2", ":0", "-1:", "1:", ":2", "10:", "2:1", f"{self.small()}:")
        self.put(depth, f"{name}[{where}] = {self.bounded(kind, self.expr(kind, 1))}" + (f"; {name} = {name}[:15]" if self.loops or self.in_function else ""))
        return ""

    def do_delete(self, depth):
        kind, name = self.some_list()
        if name is None:
            return None
        self.put(depth, self.pick(f"if {name}: del {name}[{self.pick('0', '-1')}]", f"if len({name}) > 2: del {name}[{self.pick('1', '2', '-2')}]", f"{name}.clear()" if self.chance(0.2) else f"if {name}: del {name}[-1]"))
        return ""

    def do_grid(self, depth):
        """Rows and columns."""
        name, i = self.fresh("grid"), self.fresh("i")
        rows, columns = self.number(1, 4), self.number(1, 4)
        self.put(depth, f"{name} = [[<int:1>] * {columns} for _ in range({rows})]")
        self.put(depth, f"for {i} in range({rows}):")
        self.put(depth + 1, f"{name}[{i}][{self.number(0, columns - 1)}] {self.pick('+=', '=')} {i} * <int:1>")
        self.put(depth, self.pick(f"print({name})", f"for row in {name}: print(*row)", f"print(sum(map(sum, {name})))"))
        self.declare("nested", name)
        return ""

    # Dicts and sets.

    def some_dict(self):
        kind = self.pick("counts", "counts", "table", "rates", "groups", "cells", "words")
        return kind, self.target(kind)

    @weight(2)
    def do_dict_set(self, depth):
        kind, name = self.some_dict()
        if name is None:
            return None
        key, value = DICTS[kind]
        self.put(depth, f"{name}[<{key}:2>] = {self.bounded(value, self.expr(value, 2))}")
        return ""

    def do_dict_count(self, depth):
        name = self.target("counts")
        if name is None:
            return None
        key = self.expr("str", 1)
        self.put(depth, self.pick(f"{name}[{key}] = {name}.get({key}, 0) + 1", f"for c in <str:2>: {name}[c] = {name}.get(c, 0) + 1", f"if {key} in {name}: {name}[{key}] += <int:1>"))
        return ""

    def do_dict_group(self, depth):
        name = self.target("groups")
        if name is None:
            return None
        self.put(depth, f"{name}.setdefault(<str:1>, []).append(<int:1>)")
        return ""

    @weight(2)
    def do_dict_remove(self, depth):
        kind, name = self.some_dict()
        if name is None:
            return None
        key, value = DICTS[kind]
        one = self.expr(key, 1)
        if self.risk and self.chance(0.6):
            self.put(depth, self.pick(f"del {name}[{one}]", f"print({name}.pop({one}))", f"print({name}.popitem())"))
        else:
            self.put(depth, self.pick(f"{name}.pop({one}, {self.leaf_of(value)})", f"if {one} in {name}: del {name}[{one}]", f"if {name}: print({name}.popitem())", f"for k in list({name})[:1]: del {name}[k]"))
        return ""

    def do_dict_update(self, depth):
        kind, name = self.some_dict()
        if name is None:
            return None
        self.put(depth, f"{name}{self.pick('.update(', ' |= (')}<{kind}:2>)")
        return ""

    def do_set_change(self, depth):
        name = self.target("numbers")
        if name is None:
            return None
        self.put(depth, self.pick(f"{name}.{self.pick('add', 'discard')}(<int:1> % 20)", f"{name} {self.pick('|=', '&=', '-=')} <numbers:2>", f"{name}.update([{self.number(0, 9)}, {self.number(0, 9)}])",
                                  f"{name}.remove({self.number(0, 9)})" if self.risk else f"print(sorted({name}))"))
        return ""

    # Flow.

    @weight(3)
    def do_if(self, depth):
        if not self.fits(depth):
            return None
        self.put(depth, f"if <bool>:")
        self.block(depth + 1)
        while self.chance(0.25):
            self.put(depth, f"elif <bool>:")
            self.block(depth + 1)
        if self.chance(0.4):
            self.put(depth, "else:")
            self.block(depth + 1)
        return ""

    def source(self):
        """What a loop runs over, the names and their kinds."""
        what = self.number(0, 11)
        if what <= 2:
            return self.pick(f"range({self.number(0, 6)})", f"range({self.number(-3, 3)}, {self.number(0, 7)}, {self.pick(1, 2, 3)})", f"range({self.number(2, 6)}, {self.number(-2, 2)}, -1)", f"range(len(<ints:1>[:5]))"), ["int"]
        if what == 3:
            return f"enumerate(<strs:2>[:4]{self.pick('', ', 1')})", ["int", "str"]
        if what == 4:
            return f"zip(<ints:2>[:4], <strs:2>)", ["int", "str"]
        if what == 5:
            return self.pick(f"list(<counts:2>.items())[:4]", f"sorted(<counts:2>.items())[:4]"), ["str", "int"]
        if what == 6:
            return f"<str:2>[:5]", ["str"]
        if what == 7:
            return self.pick(f"reversed(<ints:2>[:4])", f"sorted(<ints:2>[:4])"), ["int"]
        if what == 8:
            return self.pick("('a', 'bb', 'é')", f"(<str:1>, <str:1>)"), ["str"]
        if what == 9:
            return f"<pairs:2>[:3]", ["str", "int"]
        kind = self.any_list()
        return f"<{kind}:2>[:4]", [LISTS[kind]]

    @weight(4)
    def do_for(self, depth):
        if not self.fits(depth) or self.loops >= 2:
            return None
        iterable, kinds = self.source()
        names = [self.fresh("v") for _ in kinds]
        self.put(depth, f"for {', '.join(names)} in {iterable}:")
        self.looped(depth, list(zip(names, kinds)))
        return ""

    def looped(self, depth, names):
        saved = self.scope
        self.scope = {kind: list(all_names) for kind, all_names in saved.items()}
        for name, kind in names:
            self.scope[kind].append(name)
        self.loops += 1
        early = self.chance(0.3)
        if early and self.chance(0.5):
            self.put(depth + 1, f"if <bool:2>: {self.pick('break', 'continue')}")
        self.block(depth + 1)
        if early:
            self.put(depth + 1, f"if <bool:2>:")
            self.put(depth + 2, self.pick("break", "continue"))
        self.loops -= 1
        self.scope = saved
        if self.chance(0.25):
            self.used.add("loop_else")
            self.put(depth, "else:")
            self.block(depth + 1, 1, 2)

    @weight(2)
    def do_while(self, depth):
        if not self.fits(depth) or self.loops >= 2:
            return None
        name = self.fresh("n")
        self.put(depth, f"{name} = {self.number(1, 6)}")
        self.put(depth, f"while {self.pick(f'{name} > 0', f'{name}', f'True', f'{name} > 0 and {self.expr_bool_quiet()}')}:")
        self.put(depth + 1, f"{name} -= {self.pick(1, 1, 2)}")
        self.put(depth + 1, f"if {name} <= 0: break")
        self.looped(depth, [(name, "int")])
        return ""

    def expr_bool_quiet(self):
        return self.expr("bool", 1)

    @weight(4)
    def do_try(self, depth):
        if not self.fits(depth):
            return None
        self.put(depth, "try:")
        self.risk += 1
        self.block(depth + 1)
        self.put(depth + 1, self.pick(f"print(<ints:2>[<int:2>])", f"print(int(<str:2>))", f"print(<counts:2>[<str:2>])",
                                      f"print(<int:2> {self.pick('/', '//', '%')} <int:2>)", f"raise {self.pick(*ERRORS)}(<str:2>)", f"print(<str:2>[<int:1>])",
                                      f"assert <bool:2>, <str:1>", f"print(float(<str:2>))"))
        self.risk -= 1
        self.handlers(depth)
        return ""

    def handlers(self, depth):
        if self.chance(0.1):
            self.put(depth, "finally:")
            self.put(depth + 1, f"print('finally', <int:2>)")
            return
        if self.chance(0.3):
            self.put(depth, f"except {self.pick('ValueError', 'KeyError', 'IndexError', 'ZeroDivisionError', '(ValueError, TypeError)', 'LookupError', 'ArithmeticError')}{self.pick('', ' as err')}:")
            self.block(depth + 1, 1, 2)
        name = self.pick("Exception", "Exception", "(IndexError, KeyError, ValueError, ZeroDivisionError, TypeError, RuntimeError, AssertionError, ArithmeticError, LookupError)")
        self.put(depth, f"except {name} as err:")
        self.put(depth + 1, self.pick("print(type(err).__name__, err)", "print(repr(err))" if self.chance(0.3) else "print(str(err))", "print('caught', err)", "print(isinstance(err, ValueError), isinstance(err, LookupError))"))
        if self.chance(0.1):
            self.used.add("raise_from")
            self.put(depth, "else:")
            self.block(depth + 1, 1, 1)
        if self.chance(0.3):
            self.used.add("finally")
            self.put(depth, "finally:")
            self.block(depth + 1, 1, 1)

    def do_custom_error(self, depth):
        if depth or self.in_function:
            return None
        name = self.fresh("Err")
        self.put(0, f"class {name}({self.pick('Exception', 'ValueError', 'KeyError', 'RuntimeError')}):")
        with_code = self.chance(0.4)
        if with_code:
            self.put(1, "def __init__(self, message, code):")
            self.put(2, "super().__init__(message)")
            self.put(2, "self.code = code")
        else:
            self.put(1, "pass")
        self.put(0, "try:")
        self.put(1, f"if <bool:2>:")
        self.put(2, f"raise {name}(<str:2>{', ' + self.expr('int', 1) if with_code else ''})")
        self.put(1, f"print(<int:2>)")
        caught = self.pick(name, "Exception", name)
        self.put(0, f"except {caught} as err:")
        self.put(1, f"print(type(err).__name__, err{', err.code' if with_code and caught == name else ''})")
        return ""

    def do_reraise(self, depth):
        if not self.fits(depth):
            return None
        self.put(depth, "try:")
        self.put(depth + 1, "try:")
        self.risk += 1
        self.block(depth + 2, 1, 1)
        self.put(depth + 2, f"raise {self.pick(*ERRORS)}(<str:1>)")
        self.risk -= 1
        self.put(depth + 1, f"except {self.pick(*ERRORS)}{self.pick('', ' as inner')}:")
        self.put(depth + 2, "print('inner')")
        self.put(depth + 2, self.pick("raise", f"raise RuntimeError(<str:1>)", "pass"))
        self.put(depth + 1, "finally:")
        self.put(depth + 2, "print('always')")
        self.put(depth, "except Exception as outer:")
        self.put(depth + 1, "print('outer', type(outer).__name__, outer)")
        return ""

    # Values of several kinds.

    def do_mixed(self, depth):
        if not self.fits(depth) or self.loops:
            return None
        name, item = self.fresh("mixed"), self.fresh("item")
        kinds = [self.pick("int", "str", "float", "bool", "ints", "pair") for _ in range(self.number(2, 5))]
        values = [self.expr(kind, 1) for kind in kinds] + ["None"] * self.chance(0.4)
        self.random.shuffle(values)
        self.put(depth, f"{name} = [{', '.join(values)}]")
        self.put(depth, f"print({name}, len({name}))")
        self.put(depth, f"for {item} in {name}:")
        self.put(depth + 1, f"if isinstance({item}, {self.pick('int', 'str', 'float', 'bool')}):")
        self.put(depth + 2, f"print({item}, {self.pick('str', 'repr', 'bool')}({item}))")
        self.put(depth + 1, f"elif {item} is None:")
        self.put(depth + 2, "print('none')")
        self.put(depth + 1, "else:")
        self.put(depth + 2, f"print(type({item}).__name__, f'{{{item}}}', {item} == {self.leaf_of(self.pick('int', 'str', 'float'))})")
        return ""

    def do_change_kind(self, depth):
        one, two = self.random.sample(("int", "str", "float", "ints", "bool"), 2)
        name = self.fresh("x")
        self.put(depth, f"{name} = <{one}:2>")
        self.put(depth, f"if <bool:2>: {name} = <{two}:2>")
        self.put(depth, f"print({name}, type({name}).__name__, bool({name}))")
        return ""

    # Objects.

    @weight(3)
    def do_object(self, depth):
        if not self.objects or self.in_function:
            return None
        name, cls = self.random.choice(self.objects)
        self.choose("object", depth, name, cls)
        return ""

    def object_print(self, depth, name, cls):
        shown = "__str__" in cls.operators or "__repr__" in cls.operators
        if not shown:
            return None
        self.put(depth, f"print({self.pick(name, f'str({name})', f'[{name}]' if '__repr__' in cls.operators else name)})")
        return ""

    @weight(2)
    def object_set(self, depth, name, cls):
        if not cls.fields:
            return None
        field, kind = self.random.choice(list(cls.fields.items()))
        self.put(depth, f"{name}.{field} = {self.bounded(kind, self.expr(kind, 2))}" if kind != "int" or self.chance(0.5) else f"{name}.{field} += <int:1>")
        return ""

    @weight(2)
    def object_ask(self, depth, name, cls):
        kinds = sorted(cls.gives())
        if not kinds:
            return None
        self.put(depth, f"print({cls.get(self, name, self.random.choice(kinds), 1)})")
        return ""

    @weight(2)
    def object_operator(self, depth, name, cls):
        known = sorted(cls.operators & {"__eq__", "__lt__", "__add__", "__len__", "__contains__", "__getitem__", "__call__"})
        if not known:
            return None
        operator, other = self.random.choice(known), cls.new(self)
        self.used.add("object" + operator)
        self.put(depth, {"__eq__": f"print({name} {self.pick('==', '!=')} {other})", "__lt__": f"print({name} < {other})", "__add__": f"print(type({name} + {other}).__name__)", "__len__": f"print(len({name}))",
                         "__contains__": f"print({self.number(0, 9)} in {name}, {self.number(0, 9)} not in {name})", "__getitem__": f"print({name}[{self.number(0, 9)}])", "__call__": f"print({name}({self.number(0, 9)}))"}[operator])
        return ""

    def object_is(self, depth, name, cls):
        other = self.random.choice(self.objects)[1]
        self.put(depth, f"print(isinstance({name}, {other.name}), type({name}).__name__)")
        return ""

    def object_list(self, depth, name, cls):
        items, item, kinds = self.fresh("objs"), self.fresh("ob"), sorted(cls.gives())
        if not kinds:
            return None
        self.put(depth, f"{items} = [{name}, {cls.new(self)}]")
        self.put(depth, f"for {item} in {items}: print({cls.get(self, item, self.random.choice(kinds), 1)})")
        if "__lt__" in cls.operators:
            self.put(depth, f"{items}.sort()")
        return ""

    # The program's end.

    def end_exit(self):
        self.put(0, self.pick("sys.exit(0)", f"sys.exit({self.number(1, 255)})", "sys.exit()"))
        return ""

    def end_raise(self):
        self.put(0, f"raise {self.pick(*ERRORS)}(<str:2>)")
        return ""

    def end_assert(self):
        self.put(0, f"assert <bool:2>{self.pick('', ', ' + self.expr('str', 1))}")
        return ""

    def end_error(self):
        self.risk += 1
        self.put(0, f"print(<int>, <str>)")
        self.risk -= 1
        return ""

    def end_in_function(self):
        name = self.fresh("fail")
        self.put(0, f"def {name}(xs, i):")
        self.put(1, f"return {self.pick('xs[i]', 'i // len(xs)', 'xs.index(i)', 'int(str(i) + chr(120))', 'max(xs[i:])')}")
        self.put(0, f"print({name}(<ints:2>, <int:2>))")
        return ""
