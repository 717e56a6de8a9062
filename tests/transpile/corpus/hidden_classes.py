#%% str repr
class P:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __repr__(self):
        return f"P({self.x}, {self.y})"
class Q(P):
    def __str__(self):
        return f"<{self.x}>"
p, q = P(1, 2), Q(3, 4)
print(p, q, str(p), repr(q), [p, q], {1: q}, (p,), f"{p} {q} {q!r} {p!s:>10}", "%s %r" % (q, q), "{}".format(q))
#%% identity eq
class K:
    pass
a, b = K(), K()
print(a == a, a == b, a != b, a in [b, a], [a, b].index(b), {a: 1}[a], len({a, b, a}), a is a, a is b)
#%% lt sort
class V:
    def __init__(self, n, s):
        self.n, self.s = n, s
    def __lt__(self, o):
        return (self.n, self.s) < (o.n, o.s)
    def __repr__(self):
        return f"{self.n}{self.s}"
vs = [V(2, "b"), V(1, "z"), V(2, "a")]
print(sorted(vs), min(vs), max(vs), sorted(vs, reverse=True), V(1, "a") < V(1, "b"), V(1, "a") > V(0, "b"))
vs.sort(key=lambda v: v.s)
print(vs)
#%% len negative
class B:
    def __len__(self):
        return -1
try:
    len(B())
except ValueError as e:
    print(e)
#%% getitem setitem contains
class Grid:
    def __init__(self, w, h):
        self.w, self.h = w, h
        self.cells = [0] * (w * h)
    def __getitem__(self, pos):
        x, y = pos
        return self.cells[y * self.w + x]
    def __setitem__(self, pos, v):
        x, y = pos
        self.cells[y * self.w + x] = v
    def __contains__(self, v):
        return v in self.cells
    def __len__(self):
        return len(self.cells)
g = Grid(3, 2)
g[1, 1] = 7
g[0, 0] += 2
print(g[1, 1], g[0, 0], 7 in g, 8 in g, len(g), g.cells)
#%% arithmetic operators
class Vec:
    def __init__(self, x, y):
        self.x = x
        self.y = y
    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y)
    def __sub__(self, o):
        return Vec(self.x - o.x, self.y - o.y)
    def __mul__(self, k):
        return Vec(self.x * k, self.y * k)
    def __rmul__(self, k):
        return self * k
    def __neg__(self):
        return Vec(-self.x, -self.y)
    def __abs__(self):
        return (self.x ** 2 + self.y ** 2) ** 0.5
    def __eq__(self, o):
        return self.x == o.x and self.y == o.y
    def __repr__(self):
        return f"Vec({self.x}, {self.y})"
a, b = Vec(1, 2), Vec(3, 4)
print(a + b, a - b, a * 3, 2 * b, -a, abs(b), a == Vec(1, 2), a != b)
a += b
print(a)
#%% property without setter
class Temp:
    @property
    def f(self):
        return 5
t = Temp()
try:
    t.f = 3
except AttributeError as e:
    print(e)
#%% exceptions in init
class A:
    def __init__(self, v):
        if v < 0:
            raise ValueError(f"negative: {v}")
        self.v = v
for v in (1, -1):
    try:
        print(A(v).v)
    except ValueError as e:
        print("caught", e)
#%% exceptions in repr
class Bad:
    def __repr__(self):
        raise RuntimeError("repr")
try:
    print([1, Bad()])
except RuntimeError as e:
    print("caught", e)
try:
    f"{Bad()}"
except RuntimeError as e:
    print("caught", e)
#%% exceptions in lt
class Bad:
    def __init__(self, n): self.n = n
    def __lt__(self, o):
        if self.n == 3:
            raise KeyError("lt")
        return self.n < o.n
try:
    print(sorted([Bad(1), Bad(3), Bad(2)]))
except KeyError as e:
    print("caught", e)
#%% custom uncaught
class MyError(ValueError):
    pass
raise MyError("it broke")
#%% custom uncaught no message
class MyError(Exception):
    pass
raise MyError
#%% nested exception in handler
def f():
    try:
        raise ValueError("a")
    except ValueError as e:
        try:
            raise KeyError("b")
        except KeyError as k:
            print(e, k)
        return str(e)
print(f())
#%% exception stored
errs = []
for v in ["1", "x", "3", ""]:
    try:
        errs.append(int(v))
    except ValueError as e:
        errs.append(e)
for e in errs:
    print(type(e).__name__, e)
#%% exception from function chain
def a(n):
    if n == 0:
        raise IndexError("deep")
    return a(n - 1)
def b():
    try:
        a(5)
    except IndexError as e:
        raise RuntimeError("wrapped " + str(e)) from e
try:
    b()
except RuntimeError as e:
    print(e)
#%% assert forms
def f(x):
    assert x > 0, f"x was {x}"
    assert isinstance(x, int)
    return x
for v in (1, -1, 2.5):
    try:
        print(f(v))
    except AssertionError as e:
        print("AE", e, repr(e))
#%% assert uncaught
assert 1 + 1 == 3, "math is hard"
#%% assert uncaught no message
x = 3
assert x == 4
#%% sys exit forms
import sys
print("a")
sys.exit(3)
#%% sys exit none
import sys
print("x")
sys.exit()
#%% sys exit big and negative
import sys
sys.exit(-1)
#%% sys exit true
import sys
sys.exit(True)
#%% sys exit 256
import sys
sys.exit(256 + 4)
#%% exit builtin
print("a")
exit(2)
#%% quit builtin
print("a")
quit()
#%% raise system exit plain
print("x")
raise SystemExit
#%% raise system exit text
raise SystemExit("bye")
#%% keyboard interrupt
raise KeyboardInterrupt
#%% uncaught each 1
[][0]
#%% uncaught each 2
{}["k"]
#%% uncaught each 4
int("12x")
#%% uncaught each 7
raise NotImplementedError("todo")
#%% uncaught each 8
raise StopIteration("x")
#%% uncaught each 10
class A:
    def f(self):
        raise NotImplementedError
A().f()
#%% uncaught multi line message
raise ValueError("line one\nline two")
#%% uncaught empty message
raise ValueError("")
#%% uncaught with notes after output
print("partial", end="")
raise ValueError("after partial")
#%% uncaught in comprehension
xs = [1, 0]
print([1 // x for x in xs])
#%% uncaught in lambda
f = lambda x: x["a"]
print(f({"b": 1}))
#%% uncaught in class body
class A:
    x = 1 // 0
#%% uncaught in method of sort
xs = [3, 1]
xs.sort(key=lambda v: [][v])
#%% recursion 900
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
print(f(900))
#%% recursion 5000
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
try:
    print(f(5000))
except RecursionError as e:
    print(e)
#%% recursion 990 to 1000
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
for n in range(985, 1003):
    try:
        print(n, f(n))
    except RecursionError as e:
        print(n, "RE")
#%% mutual recursion deep
def even(n):
    return True if n == 0 else odd(n - 1)
def odd(n):
    return False if n == 0 else even(n - 1)
print(even(500), odd(501))
#%% linked list no generator
class Node:
    def __init__(self, v):
        self.v = v
        self.next = None
class Stack:
    def __init__(self):
        self.top = None
    def push(self, v):
        n = Node(v)
        n.next = self.top
        self.top = n
    def pop(self):
        if self.top is None:
            raise IndexError("pop from empty stack")
        v = self.top.v
        self.top = self.top.next
        return v
    def __str__(self):
        parts, cur = [], self.top
        while cur is not None:
            parts.append(str(cur.v))
            cur = cur.next
        return " -> ".join(parts) or "empty"
s = Stack()
print(s)
for i in "abc":
    s.push(i)
print(s, s.pop(), s)
try:
    while True:
        s.pop()
except IndexError as e:
    print(e)
#%% bank account
class InsufficientFunds(Exception):
    def __init__(self, balance, amount):
        self.balance = balance
        self.amount = amount
        super().__init__(f"Insufficient funds: balance {balance:.2f}, requested {amount:.2f}")
class Account:
    interest = 0.02
    def __init__(self, owner, balance=0.0):
        self.owner = owner
        self.balance = balance
        self.history = []
    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("Deposit must be positive")
        self.balance += amount
        self.history.append(("deposit", amount))
    def withdraw(self, amount):
        if amount > self.balance:
            raise InsufficientFunds(self.balance, amount)
        self.balance -= amount
        self.history.append(("withdraw", amount))
    def __str__(self):
        return f"{self.owner}: ${self.balance:,.2f}"
class Savings(Account):
    def add_interest(self):
        self.deposit(self.balance * self.interest)
a = Savings("Ann", 1000)
a.deposit(500)
a.withdraw(200.5)
a.add_interest()
print(a, a.history)
for f in (lambda: a.withdraw(1e6), lambda: a.deposit(-5)):
    try:
        f()
    except InsufficientFunds as e:
        print(e, e.amount)
    except ValueError as e:
        print("ValueError:", e)
#%% trie
class TrieNode:
    def __init__(self):
        self.children = {}
        self.end = False
class Trie:
    def __init__(self):
        self.root = TrieNode()
    def insert(self, word):
        node = self.root
        for c in word:
            if c not in node.children:
                node.children[c] = TrieNode()
            node = node.children[c]
        node.end = True
    def starts(self, prefix):
        node = self.root
        for c in prefix:
            if c not in node.children:
                return []
            node = node.children[c]
        out = []
        def walk(n, path):
            if n.end:
                out.append(path)
            for c in sorted(n.children):
                walk(n.children[c], path + c)
        walk(node, prefix)
        return out
t = Trie()
for w in ["car", "card", "care", "cat", "dog"]:
    t.insert(w)
print(t.starts("car"), t.starts("x"), t.starts(""))
#%% dataclass
from dataclasses import dataclass, field
@dataclass
class P:
    x: int
    y: int = 0
    tags: list = field(default_factory=list)
print(P(1), P(1, 2) == P(1, 2), P(3).tags)
#%% context manager
class CM:
    def __enter__(self):
        print("enter")
        return self
    def __exit__(self, *a):
        print("exit", a[0])
        return True
with CM() as c:
    raise ValueError("x")
print("after")
#%% class var mutable shared
class Reg:
    all = {}
    def __init__(self, n):
        Reg.all[n] = self
        self.n = n
Reg("a"); Reg("b")
print(list(Reg.all), Reg.all["a"].n, len(Reg.all))
#%% self returning chain
class B:
    def __init__(self):
        self.parts = []
    def add(self, x):
        self.parts.append(str(x))
        return self
    def build(self):
        return "-".join(self.parts)
print(B().add(1).add("x").add(2.5).build())
#%% stack and queue generic
class Stack:
    def __init__(self):
        self._items = []
    def push(self, item):
        self._items.append(item)
    def pop(self):
        if self.is_empty():
            raise IndexError("Stack is empty")
        return self._items.pop()
    def peek(self):
        return self._items[-1] if self._items else None
    def is_empty(self):
        return len(self._items) == 0
    def __len__(self):
        return len(self._items)
    def __repr__(self):
        return f"Stack({self._items})"
s = Stack()
s.push(1); s.push("two"); s.push([3])
print(s, s.peek(), s.pop(), len(s), s.is_empty())
s.pop(); s.pop()
try:
    s.pop()
except IndexError as e:
    print("Error:", e)
print(s.peek())
#%% inventory
class Item:
    def __init__(self, name, price, qty):
        self.name = name; self.price = price; self.qty = qty
    def total(self):
        return self.price * self.qty
class Inventory:
    def __init__(self):
        self.items = {}
    def add(self, name, price, qty=1):
        if name in self.items:
            self.items[name].qty += qty
        else:
            self.items[name] = Item(name, price, qty)
    def remove(self, name, qty=1):
        item = self.items.get(name)
        if item is None:
            raise KeyError(f"No item {name}")
        if item.qty < qty:
            raise ValueError(f"Only {item.qty} of {name}")
        item.qty -= qty
        if item.qty == 0:
            del self.items[name]
    def report(self):
        print(f"{'Name':<10}{'Price':>8}{'Qty':>5}{'Total':>10}")
        for n in sorted(self.items):
            i = self.items[n]
            print(f"{i.name:<10}{i.price:>8.2f}{i.qty:>5}{i.total():>10.2f}")
inv = Inventory()
inv.add("apple", 0.5, 10); inv.add("pear", 0.75, 4); inv.add("apple", 0.5, 5)
inv.report()
for n, q in (("pear", 4), ("kiwi", 1), ("apple", 100)):
    try:
        inv.remove(n, q)
    except (KeyError, ValueError) as e:
        print(type(e).__name__, e)
inv.report()
#%% state machine
class Light:
    ORDER = ["green", "yellow", "red"]
    def __init__(self):
        self.i = 0
    @property
    def state(self):
        return Light.ORDER[self.i]
    def tick(self):
        self.i = (self.i + 1) % len(self.ORDER)
l = Light()
for _ in range(5):
    print(l.state, end=" ")
    l.tick()
print()
#%% event system
class Bus:
    def __init__(self):
        self.handlers = {}
    def on(self, name, fn):
        self.handlers.setdefault(name, []).append(fn)
    def emit(self, name, x):
        return [h(x) for h in self.handlers.get(name, [])]
b = Bus()
b.on("a", lambda x: x + 1)
b.on("a", lambda x: x * 10)
print(b.emit("a", 4), b.emit("b", 1))
