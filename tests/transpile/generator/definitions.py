"""Functions, closures and classes."""

from generator.base import KINDS, LISTS, weight

PARAMETERS = ("int", "int", "str", "str", "float", "ints", "ints", "strs", "bool", "counts", "pair", "nested")
RESULTS = ("int", "int", "int", "str", "str", "float", "bool", "ints", "strs", "pair", "counts", "floats")


class Function:
    """How it is called: parameters that have no default, those that have one, and perhaps more ints."""

    def __init__(self, name, kind, needed, optional=(), rest=None):
        self.name, self.kind, self.needed, self.optional, self.rest = name, kind, needed, optional, rest

    def call(self, p, d):
        given = [p.expr(kind, d) for _, kind in self.needed]
        if self.rest:
            if p.chance(0.2):
                given.append("*" + p.expr(LISTS_OF[self.rest], d))
                return f"{self.name}({', '.join(given)})"
            given += [p.expr(self.rest, d) for _ in range(p.number(0, 3))]
        elif self.needed and p.chance(0.15):
            given = [f"{name}={value}" for (name, _), value in zip(self.needed, given)]
            p.random.shuffle(given)
        by_name = any("=" in value.partition("(")[0] for value in given)
        for name, kind in self.optional:
            if p.chance(0.5):
                by_name = by_name or p.chance(0.5) or self.rest is not None
                given.append((f"{name}=" if by_name else "") + p.expr(kind, d))
            else:
                by_name = True
        return f"{self.name}({', '.join(given)})"


LISTS_OF = {item: name for name, item in LISTS.items()}


class Class:
    """Its fields and methods: what they are called, what they give, what they take."""

    def __init__(self, name, base=None):
        self.name = name
        self.base = base
        self.fields = dict(base.fields) if base else {}
        self.methods = dict(base.methods) if base else {}
        self.order = list(base.order) if base else []  # parameters of __init__
        self.operators = set(base.operators) if base else set()

    def gives(self):
        return {*self.fields.values(), *(kind for kind, _ in self.methods.values())}

    def get(self, p, name, kind, d):
        fit = [f"{name}.{field}" for field, what in self.fields.items() if what == kind]
        for method, (what, takes) in self.methods.items():
            if what == kind:
                fit.append(f"{name}.{method}({', '.join(p.expr(one, d) for one in takes)})")
        return p.random.choice(fit)

    def new(self, p, d=1):
        return f"{self.name}({', '.join(p.expr(self.fields[field], d) for field in self.order)})"


class Definitions:
    def own_scope(self):
        """Of a function: nothing but what is passed and the module's numbers and texts."""
        saved = self.scope, self.writable, self.in_function, self.loops
        self.scope = {kind: [name for name in self.scope[kind] if name in self.shared] for kind in KINDS}
        self.writable = {kind: [] for kind in KINDS}
        self.in_function, self.loops = True, 0
        return saved

    def back(self, saved):
        self.scope, self.writable, self.in_function, self.loops = saved

    def body_of(self, depth, kind, statements):
        for _ in range(statements):
            self.statement(depth)
        if self.chance(0.4):
            self.put(depth, f"if <bool:2>:")
            self.put(depth + 1, f"return <{kind}:2>")
        self.put(depth, f"return <{kind}>")

    @weight(4)
    def def_plain(self):
        kind, name = self.pick(*RESULTS), self.fresh("f")
        needed = [(f"p{i}", self.pick(*PARAMETERS)) for i in range(self.number(0, 3))]
        optional = [(f"o{i}", self.pick("int", "str", "float", "bool")) for i in range(self.pick(0, 0, 1, 2))]
        rest = self.pick("int", "str") if self.chance(0.12) and not optional else None
        parts = [one for one, _ in needed] + ["*rest"] * bool(rest) + [f"{one}={self.leaf_of(what)}" for one, what in optional]
        hints = self.chance(0.1)
        self.put(0, f"def {name}({', '.join(parts)}){' -> object' if hints else ''}:")
        saved = self.own_scope()
        for one, what in (*needed, *optional):
            self.declare(what, one)
        if rest:
            self.put(1, "rest = list(rest)")
            self.declare(LISTS_OF[rest], "rest")
        self.body_of(1, kind, self.pick(0, 0, 1, 2))
        self.back(saved)
        self.functions.append(Function(name, kind, needed, optional, rest))
        return name

    def def_recursive(self):
        kind, name = self.pick("int", "int", "str", "ints", "float"), self.fresh("r")
        self.put(0, f"def {name}(n, acc):")
        saved = self.own_scope()
        self.declare("int", "n", writable=False)
        self.declare(kind, "acc")
        self.put(1, f"if n <= 0{' or len(acc) > 20' if kind in ('str', 'ints') else ''}:")
        self.put(2, f"return {self.pick('acc', self.expr(kind, 2))}")
        if self.chance(0.4):
            self.statement(1)
        step = self.pick("n - 1", "n - 2", "n // 2", "min(n, 12) - 1")
        value = self.expr(kind, 2)
        plus = "" if kind in ("ints", "str") and self.chance(0.3) else f" + {self.literal(kind) if kind in LISTS else self.leaf_of(kind)}"
        self.put(1, f"return {name}({step}, {value}){plus}")
        self.back(saved)
        self.functions.append(Recursive(name, kind))
        return name

    def def_double_recursion(self):
        name = self.fresh("r")
        self.put(0, f"def {name}(n):")
        self.put(1, f"return {self.pick('n', '1', 'n % 3')} if n < 2 else {name}(n - 1) {self.pick('+', '-', '^')} {name}(n - 2)")
        self.functions.append(Bounded(name, "int", 9))
        return name

    def def_closure(self):
        kind, held, name = self.pick("int", "str", "float", "ints"), self.pick("int", "str", "float"), self.fresh("make")
        self.put(0, f"def {name}(held):")
        saved = self.own_scope()
        self.declare(held, "held")
        self.put(1, "def inner(x):")
        self.declare("int", "x")
        if self.chance(0.5):
            self.put(2, "nonlocal held")
            self.put(2, f"held = <{held}:2>" + ("[-20:]" if held == "str" else ""))
        self.put(2, f"return <{kind}:2>")
        self.put(1, "return inner")
        self.back(saved)
        made = self.fresh("g")
        self.put(0, f"{made} = {name}(<{held}:1>)")
        self.functions.append(Function(made, kind, [("x", "int")]))
        return name

    def def_lambda(self):
        kind, what, name = self.pick("int", "str", "float", "bool"), self.pick("int", "str"), self.fresh("h")
        saved = self.own_scope()
        self.declare(what, "x", writable=False)
        self.put(0, f"{name} = lambda x: <{kind}:2>")
        self.back(saved)
        self.functions.append(Function(name, kind, [("x", what)]))
        return name

    def def_global(self):
        kind = self.pick("int", "str")
        target = self.target(kind)
        if target is None:
            return None
        name = self.fresh("touch")
        self.put(0, f"def {name}(x):")
        self.put(1, f"global {target}")
        saved = self.own_scope()
        self.declare("int", "x")
        if target not in self.scope[kind]:
            self.scope[kind].append(target)
        self.put(1, f"{target} = <{kind}:2>" + ("[:30]" if kind == "str" else ""))
        self.put(1, f"return <int:1>")
        self.back(saved)
        self.functions.append(Function(name, "int", [("x", "int")]))
        return name

    def def_apply(self):
        kind, name = self.pick("int", "str"), self.fresh("apply")
        self.put(0, f"def {name}(f, x):")
        self.put(1, f"return {self.pick('f(x)', 'f(f(x))', 'f(x) + x')}")
        saved = self.own_scope()
        self.declare(kind, "z", writable=False)
        body = self.expr(kind, 2)
        self.back(saved)
        self.functions.append(Applied(name, kind, body))
        return name

    def def_polymorphic(self):
        name = self.fresh("poly")
        self.put(0, f"def {name}(a, b):")
        self.put(1, self.pick("return a + b", "return a if a < b else b", "c = a + b\n    return c + a", "return b + a if a else b"))
        for kind in ("int", "str", "float", "ints"):
            self.functions.append(Function(name, kind, [("a", kind), ("b", kind)]))
        return name

    def def_maybe(self):
        """Gives an int or None, and is asked which."""
        name, answer = self.fresh("find"), self.fresh("i")
        self.put(0, f"def {name}(xs, x):")
        self.put(1, "for i, q in enumerate(xs):")
        self.put(2, f"if q {self.pick('==', '>', '>=')} x:")
        self.put(3, "return i")
        self.put(1, self.pick("return None", "return", "pass"))
        self.put(0, f"{answer} = {name}(<ints:2>, <int:2>)")
        self.put(0, f"print({answer}, {answer} is None, {answer} is not None and {answer} > 0)")
        return name

    # Classes.

    @weight(3)
    def class_plain(self):
        return self.make_class(None)

    @weight(2)
    def class_derived(self):
        bases = [cls for _, cls in self.objects]
        return self.make_class(self.random.choice(bases)) if bases else None

    def make_class(self, base):
        cls = Class(self.fresh("C"), base)
        self.put(0, f"class {cls.name}{f'({base.name})' if base else ''}:")
        own = [(self.fresh("a"), self.pick("int", "int", "str", "float", "ints", "bool", "strs")) for _ in range(self.number(0 if base else 1, 2))]
        if own:
            self.initializer(cls, base, own)
        for _ in range(self.number(1, 3)):
            self.method(cls)
        self.choose("operator", cls)
        if self.chance(0.4):
            self.choose("operator", cls)
        for _ in range(self.number(1, 2)):
            name = self.fresh("obj")
            self.put(0, f"{name} = {cls.new(self)}")
            self.objects.append((name, cls))
        if "__add__" in self.made_methods[cls.name]:
            total = self.fresh("obj")
            self.put(0, f"{total} = {name} + {cls.new(self)}")
            self.objects.append((total, cls))
        return cls.name

    def initializer(self, cls, base, own):
        inherited = list(cls.order)
        self.put(1, f"def __init__(self, {', '.join(inherited + [name for name, _ in own])}):")
        if base and inherited:
            self.put(2, f"super().__init__({', '.join(inherited)})")
        for name, kind in own:
            cls.fields[name] = kind
            cls.order.append(name)
            self.put(2, f"self.{name} = {name}")

    def as_self(self, cls):
        for field, kind in cls.fields.items():
            self.declare(kind, f"self.{field}", writable=kind not in ("ints", "strs"))

    def method(self, cls):
        name = self.random.choice(list(cls.methods)) if cls.methods and self.chance(0.4) else self.fresh("m")
        kind, takes = cls.methods.get(name, (self.pick("int", "str", "float", "bool", "ints"), [self.pick("int", "str") for _ in range(self.number(0, 2))]))
        if name in self.made_methods.setdefault(cls.name, set()):
            return
        self.made_methods[cls.name].add(name)
        self.put(1, f"def {name}(self{''.join(f', x{i}' for i in range(len(takes)))}):")
        saved = self.own_scope()
        self.as_self(cls)
        for i, what in enumerate(takes):
            self.declare(what, f"x{i}")
        for _ in range(self.pick(0, 0, 1)):
            self.statement(2)
        value = self.expr(kind, 2)
        if cls.base and name in cls.base.methods and self.chance(0.6) and kind in ("int", "str", "float", "ints"):
            self.used.add("super_method")
            value = f"super().{name}({', '.join(f'x{i}' for i in range(len(takes)))}) + {value}"
        self.put(2, f"return {value}")
        self.back(saved)
        cls.methods[name] = kind, takes

    def operator(self, cls, name, parameters, *lines):
        """Once in a class."""
        if name in self.made_methods.setdefault(cls.name, set()):
            return
        self.made_methods[cls.name].add(name)
        cls.operators.add(name)
        self.put(1, f"def {name}({parameters}):")
        for line in lines:
            self.put(2, line)

    def first(self, cls):
        return next(iter(cls.fields), None)

    def operator_repr(self, cls):
        field = self.first(cls)
        self.operator(cls, self.pick("__repr__", "__str__"), "self", f'return f"{cls.name}({{self.{field}!r}})"' if field else "return 'none'")
        return ""

    def operator_repr_both(self, cls):
        self.operator(cls, "__repr__", "self", f"return '[{cls.name}]'")
        self.operator(cls, "__str__", "self", f"return 'a ' + {cls.name!r}.lower()")
        return ""

    def operator_eq(self, cls):
        field = self.first(cls)
        if not field:
            return ""
        self.operator(cls, "__eq__", "self, other", f"return self.{field} == other.{field}")
        return ""

    def operator_lt(self, cls):
        field = self.first(cls)
        if not field:
            return ""
        self.operator(cls, "__lt__", "self, other", f"return self.{field} < other.{field}")
        return ""

    def operator_add(self, cls):
        if cls.base or not cls.order or any(cls.fields[field] == "bool" for field in cls.order):
            return ""
        self.operator(cls, "__add__", "self, other", f"return {cls.name}({', '.join(f'self.{field} + other.{field}' for field in cls.order)})")
        return ""

    def operator_len(self, cls):
        fields = [field for field, kind in cls.fields.items() if kind in ("ints", "strs", "str")]
        self.operator(cls, "__len__", "self", f"return len(self.{fields[0]})" if fields else "return 3")
        return ""

    def operator_contains(self, cls):
        self.operator(cls, "__contains__", "self, x", f"return x == {self.number(0, 9)}")
        return ""

    def operator_getitem(self, cls):
        self.operator(cls, "__getitem__", "self, i", f"return i * {self.number(2, 9)}")
        return ""

    def operator_call(self, cls):
        self.operator(cls, "__call__", "self, x", f"return x + {self.number(0, 9)}")
        return ""


class Recursive(Function):
    def __init__(self, name, kind):
        super().__init__(name, kind, [("n", "int"), ("acc", kind)])

    def call(self, p, d):
        return f"{self.name}({p.number(0, 8)}, {p.expr(self.kind, d)})"


class Bounded(Function):
    def __init__(self, name, kind, most):
        super().__init__(name, kind, [("n", "int")])
        self.most = most

    def call(self, p, d):
        return f"{self.name}({p.number(0, self.most)})"


class Applied(Function):
    def __init__(self, name, kind, body):
        super().__init__(name, kind, [("f", kind), ("x", kind)])
        self.body = body

    def call(self, p, d):
        return f"{self.name}(lambda z: {self.body}, {p.expr(self.kind, d)})"
