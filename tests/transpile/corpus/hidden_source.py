#%% shadow list
list = [1, 2]
print(list)
#%% shadow sum
sum = 0
for i in range(4):
    sum += i
print(sum)
#%% shadow max var
max = 0
for v in [3, 9, 2]:
    if v > max:
        max = v
print(max)
#%% def print
def print(*a):
    pass
print("never")
#%% def len
def len(x):
    return 42
print(len([1]))
#%% shadow in function only
def f(str):
    return str + 1
print(f(1), str(5))
def g(input, id=3, type="t"):
    return input * id, type
print(g(2))
#%% shadow conditional
import sys
if len(sys.argv) > 100:
    abs = lambda x: "patched"
print(abs(-3))
#%% shadow range for
range = [5, 6]
for i in range:
    print(i)
#%% monkey builtins
import builtins
builtins.len = lambda x: 99
print(len("abc"))
#%% monkey dunder builtins
__builtins__.abs = lambda x: "patched"
print(abs(-1))
#%% globals override of function
def f():
    return 1
globals()["f"] = lambda: 2
print(f())
#%% math in function
def f(x):
    import math
    return math.sqrt(x)
print(f(9))
#%% typing use
from typing import List, Dict, Optional
def f(xs: List[int], d: Optional[Dict[str, int]] = None) -> int:
    total: int = 0
    for x in xs:
        total += x
    return total
print(f([1, 2]))
x: int
y: "str" = "q"
print(y)
#%% name main
if __name__ == "__main__":
    print("main", __name__)
#%% docstrings unused
"""Module doc"""
def f():
    """Does f."""
    'another'
    5
    return 1
class A:
    """A class."""
    def g(self):
        """g"""
print(f(), A().g())
#%% semicolons
a = 1; b = 2; print(a, b); c = a + b
if a: print("x"); print("y")
for i in range(2): print(i); print(-i)
while a < 3: a += 1; print(a)
def f(): x = 1; return x
print(f());
#%% line continuation
x = 1 + \
    2
if x == 3 and \
   x > 1:
    print("ok", \
          x)
y = [1,
     2,

     # comment
     3,
     ]
s = ("a"
     # c
     "b")
print(y, s)
#%% backslash in string
print("a\
b", 'c\
d')
#%% tabs
if True:
	print("tab")
	if True:
		print("two")
#%% comments only
# nothing
# here
#%% trailing comment and blank
x = 1  # one

   # indented comment
print(x)
        # another
#%% odd indentation
if True:
  print(1)
  if True:
         print(2)
  print(3)
else:
    print(4)
#%% syntax error nonlocal
def f():
    nonlocal q
    q = 1
print("x")
#%% syntax error comprehension assignment
print("a")
[x := 1 for x in range(3)]
#%% syntax error default except
try:
    x = 1
except:
    pass
except ValueError:
    pass
#%% syntax error nbsp
x = 1 + 2
print(x)
#%% syntax warning assert tuple
assert (1, "always true")
print("ok")
#%% syntax warning number keyword
x = 1if True else 2
print(x)
print(0or 1, 1and 2)
#%% syntax warning octal escape
print("\400" == "Ā", "\777")
#%% syntax warning return in finally
def f():
    try:
        return 1
    finally:
        return 2
print(f())
#%% octal and hex case
print(0XfF, 0O17, 0B11, 1E5, 0xabcdef, 1_2.3_4e1_0)
#%% soft keywords
match = 5
case = 1
type = "x"
_ = 3
print(match, case, type, _)
#%% print as soft things
print(print("x"), (print)("y"))
p = print
p("z")
#%% yield from and send
def inner():
    x = yield 1
    print("got", x)
    yield from [2, 3]
g = inner()
print(next(g), g.send("hi"), list(g))
#%% memo dict
memo = {}
def fib(n):
    if n in memo:
        return memo[n]
    r = n if n < 2 else fib(n - 1) + fib(n - 2)
    memo[n] = r
    return r
print(fib(60), len(memo))
#%% main function pattern
def main():
    n = 5
    print("n =", n)
    return 0
if __name__ == "__main__":
    main()
#%% main function sys exit
import sys
def main():
    print("running")
    return 3
if __name__ == "__main__":
    sys.exit(main())
#%% nested functions several
def outer(x):
    def a(y):
        def b(z):
            return x + y + z
        return b
    return a
print(outer(1)(2)(3))
#%% lambda in dict dispatch
ops = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b if b else None}
for o in ops:
    print(o, ops[o](6, 3))
print(ops["/"](1, 0))
#%% recursion closures fix point
fact = lambda n: 1 if n < 2 else n * fact(n - 1)
print(fact(10))
#%% global list mutated by functions
log = []
def add(x):
    log.append(x)
def reset():
    global log
    log = []
add(1); add("b")
print(log)
reset()
print(log)
#%% zip lazy order
def t(x):
    print("t", x)
    return x
for a, b in zip(map(t, [1, 2]), map(t, [10, 20])):
    print(a, b)
print(any(map(t, [0, 5, 6])))
#%% sorted lambda multiple keys
people = [("Bob", 25), ("Al", 30), ("Cy", 25)]
for n, a in sorted(people, key=lambda p: (p[1], p[0])):
    print(f"{n:<5}{a:>3}")
print(sorted(people, key=lambda p: p[1], reverse=True)[0], [n for n, _ in people])
#%% long if chain
def grade(s):
    if s >= 90: return "A"
    elif s >= 80: return "B"
    elif s >= 70: return "C"
    else: return "F"
print([grade(s) for s in (95, 85, 75, 5)])
#%% many args and long line
print(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
print(sum([1 + 2 * 3 - 4 // 5 % 6 ** 7 & 8 | 9 ^ 10 << 2 >> 1, ~1, -2 ** 2, not 1 == 2]))
#%% input shadows
def input(prompt=""):
    return "fake"
print(input("x"))
#%% print format of exceptions in list
errs = [ValueError("a"), KeyError("b"), Exception()]
print(errs, [str(e) for e in errs])
#%% while with complex conditions
i, j = 0, 10
while i < j and not (i == 5 or j == 4):
    i += 1
    j -= 1
print(i, j)
#%% infinite loop break deep
n = 0
while True:
    for i in range(10):
        n += i
        if n > 30:
            break
    else:
        continue
    break
print(n, i)
#%% continue in while with try
i = 0
while i < 5:
    i += 1
    try:
        if i % 2:
            continue
        print("even", i)
    finally:
        print("f", i)
#%% return in loop in try
def find(xs, t):
    for i, x in enumerate(xs):
        try:
            if x == t:
                return i
        finally:
            xs[i] = None
    return -1
a = [1, 2, 3]
print(find(a, 2), a, find([], 1))
#%% bare strings concatenated with f
n = 3
print("a" f"{n}" 'b' f'{n!r}', "x" "y")
#%% trailing commas
def f(a, b,):
    return (a, b,)
print(f(1, 2,), [1, 2,], {1: 2,}, (1,), {1,},)
#%% bool short circuit types
def f(a, b):
    return a or b, a and b
print(f(0, "x"), f("y", 0), f([], None), f(1.5, [2]))
x = None
print(x or "default", x and x.foo, 0 or 0.0 or "", 1 and 2.5)
#%% ternary types
def f(c):
    return 1 if c else "one"
print(f(1), f(0), [f(x) for x in (0, 1)], str(f(1)) + f(0))
#%% multi type variables
x = 5
print(x)
x = "five"
print(x)
x = [x]
print(x)
x = {"k": x}
print(x)
x = None
print(x)
#%% function returning several types
def parse(s):
    if s.isdigit():
        return int(s)
    try:
        return float(s)
    except ValueError:
        return s if s else None
for s in ["12", "1.5", "abc", "", "-3"]:
    v = parse(s)
    print(repr(v), type(v).__name__)
#%% none returning function
def f(x):
    if x > 0:
        return x
r = f(-1)
print(r, f(1), f(-1) is None, [f(0)], str(f(0)))
print(print("inner"))
#%% argument unpack defaults none
def f(a, b=None, c=None):
    if b is None:
        b = []
    b.append(a)
    return b if c is None else c
print(f(1), f(2), f(3, [0]), f(4, c="c"))
#%% args mixed
def f(first, *rest, sep="-"):
    return sep.join([str(first)] + [str(r) for r in rest])
print(f(1), f(1, "a", 2.5), f(1, 2, sep="+"))
#%% string keyed config
config = {"debug": True, "level": 3, "name": "app", "ratio": 0.5, "tags": ["a", "b"], "nested": {"x": None}}
for key, value in config.items():
    print(f"{key:>8}: {value!r:<20} {type(value).__name__}")
config["level"] += 1
config["tags"].append("c")
config["nested"]["x"] = 1
print(config)
#%% list of dicts no star
people = [{"name": "Al", "age": 30, "langs": ["py"]}, {"name": "Bo", "age": 25, "langs": []}]
for p in people:
    p["senior"] = p["age"] > 28
    p["langs"].append("c")
    print(p["name"] + ":", p["age"] + 1, p["senior"], len(p["langs"]), p)
by = {p["name"]: p for p in people}
print(by["Bo"]["age"], by)
#%% flush is evaluated
def flushes():
    print('asked')
    return True
print('a', flush=flushes())
print('b', end='', flush=False)
print('c', 'd', sep='-', flush=True)
for i in range(3):
    print(i, flush=i > 1)
#%% another encoding
# coding: latin-1
print(len('é'))
#%% another encoding, second line
#!/usr/bin/python
# vim: set fileencoding=cp1252 :
print(len('é'))
#%% an encoding that is said too late
x = 1

# coding: latin-1
print(len('é'))
#%% utf-8 by name
# -*- coding: UTF_8 -*-
print(len('é'))
