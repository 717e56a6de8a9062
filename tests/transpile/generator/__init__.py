"""Random programs of the part of Python that the transpiler takes.

    program = Program(seed)
    program.text()      the same for the same seed
    program.used        names of what is in it, which random_programs.py counts

A program is made of *shapes*: methods whose names begin with what they make.  `int_floor` makes an expression of kind
int, `list_slice` one of any kind of list, `do_while` a statement, `def_recursive` a function.  One is added by writing
it; everything else finds it by its name, which is also the name under which it is counted.

    base.py          kinds, names and scopes, how a shape is chosen
    scalars.py       expressions: int, float, bool
    texts.py         expressions: str, formats
    containers.py    expressions: lists, dicts, sets, tuples
    statements.py    statements
    definitions.py   functions, closures, classes
    program.py       all of them together
"""

from generator.program import Program

__all__ = ["Program"]
