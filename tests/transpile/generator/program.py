"""A whole program: names first, then functions and classes, then what is done with them, then what has become of them."""

from generator.base import Base
from generator.containers import Containers
from generator.definitions import Definitions
from generator.scalars import Scalars
from generator.statements import Statements
from generator.texts import Texts


class Program(Scalars, Texts, Containers, Statements, Definitions, Base):
    def __init__(self, seed):
        super().__init__(seed)
        self.shared = set()  # the module's names that functions may read
        self.made_methods = {}  # of classes

    def text(self):
        for _ in range(self.number(1, 2)):
            self.do_declare(0)
        for _ in range(self.pick(0, 0, 1, 1, 2)):
            self.choose("def")
        if self.chance(0.25):
            for _ in range(self.pick(1, 1, 2)):
                self.choose("class")
        for kind in self.random.sample(("int", "float", "str", "ints", "strs", "counts", "bool", "nested", "table", "pairs", "numbers"), self.number(1, 3)):
            name = self.fresh(kind[0])
            self.put(0, f"{name} = {self.expr(kind)}")
            self.declare(kind, name)
        for _ in range(self.number(1, 4)):
            self.statement(0)
        for names in self.scope.values():
            for name in names:
                if self.chance(0.5):
                    self.put(0, f"print({name!r}, {name})")
        if self.chance(0.15):
            self.choose("end")
        body = "\n".join(self.lines)
        imports = [f"import {module}" for module in ("math", "sys") if module + "." in body]
        return "\n".join([*imports, body]) + "\n"
