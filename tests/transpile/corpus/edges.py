#%% aliasing through function
def f(xs):
    xs.append(1)
    return xs
a = []
b = f(a)
b.append("s")
print(a, b, a is b)
#%% loop var after loop
for i in range(3):
    pass
print(i)
x = [i for i in range(5)]
print(i)
#%% maybe unset
def f(c):
    if c:
        y = 1
    return y
print(f(True))
try:
    print(f(False))
except UnboundLocalError as e:
    print("unbound")
#%% late binding closures
fs = []
for i in range(3):
    fs.append(lambda: i)
print([g() for g in fs])
#%% closures in function share
def make():
    fs = []
    for i in range(3):
        def g():
            return i
        fs.append(g)
    return [h() for h in fs]
print(make())
#%% int widening in dict
d = {"a": 1}
d["b"] = 2.5
print(d, d["a"] + 1, d["a"] / 2)
#%% int float join
x = 1
for i in range(3):
    x = x * 1.5
print(x)
x = 0
if x:
    x = 2.0
print(x, x == 0)
#%% none join
def f(n):
    if n > 0:
        return n
print(f(1), f(0), f(1) == 1, f(0) is None)
#%% bool int join
v = True
if v:
    v = 5
print(v, v + 1)
#%% string negative index
s = "abc"
print(s[-1], s[-3])
try:
    s[3]
except IndexError as e:
    print(e)
#%% augmented assign list alias
a = [1]
b = a
a += [2]
print(a, b)
a = a + [3]
print(a, b)
#%% default args shared none
def f(x, acc=None):
    if acc is None:
        acc = []
    acc.append(x)
    return acc
print(f(1), f(2), f(3, [0]))
#%% tuple unpack swap with index
a = [1, 2, 3]
i = 0
i, a[i] = 2, 9
print(i, a)
#%% evaluation order
def t(n):
    print("t", n)
    return n
print(t(1) + t(2) * t(3))
d = {t(1): t(2), t(3): t(4)}
xs = [t(5), t(6)]
xs[t(0)] = t(7)
#%% print evaluates first
def g():
    print("inside")
    return 1
print("a", g(), "b")
#%% chained compare evaluates once
def m():
    print("m")
    return 5
print(1 < m() < 10, 1 > m() > 0)
#%% shadow builtin
def run(list, max):
    return list + max
print(run(1, 2))
sum = 5
print(sum + 1)
#%% redefine builtin name as function
def abs(x):
    return 42
print(abs(-1))
#%% mutate during iteration
xs = [1, 2, 3]
for x in xs:
    if x < 3:
        xs.append(x + 10)
    if len(xs) > 6:
        break
print(xs)
#%% dict mutate during iteration
d = {"a": 1}
try:
    for k in d:
        d[k + "x"] = 1
except RuntimeError as e:
    print(e)
#%% overflow boundaries
x = 9223372036854775807
print(x)
y = -x - 1
print(y)
#%% overflow add
x = 9223372036854775807
print(x + 1)
#%% overflow mul neg
x = -9223372036854775807 - 1
print(x * -1)
#%% overflow neg
x = -9223372036854775807 - 1
print(-x, abs(x), x // -1)
#%% int float equality big
print(9007199254740993 == 9007199254740992.0, 9007199254740993 > 9007199254740992.0, 2**53 == 2.0**53)
#%% big division
print(9223372036854775807 / 3)
print(10**18 / 7, 3 * 10**17 / 10**5)
#%% float formats
for v in [0.0, -0.0, 1e100, 1.5, 123456.789, 1e-7, 0.1, 2/3]:
    print(f"{v} {v:.1f} {v:e} {v:g} {v:10.3f}| {v:<10.2e}| {v:+.2f} {v:,.2f} {v!r}")
#%% int formats
for v in [0, -1, 255, 1234567]:
    print(f"{v} {v:d} {v:5} {v:<5}| {v:^7}| {v:+} {v:,} {v:x} {v:#x} {v:b} {v:08b} {v:o} {v:.2f} {v:e} {v:_} {v:>+8}")
#%% str formats
for v in ["", "a", "hello world"]:
    print(f"[{v:5}] [{v:>8}] [{v:^9}] [{v:*<7}] [{v:.3}] [{v!r:>8}]")
#%% bool formats
print(f"{True} {True:d} {False:5} {True!s:>6}")
#%% round half even and negatives
for v in [0.5, 1.5, 2.5, -0.5, 1.25, 1.35, 2.675, 1e15 + 0.5]:
    print(round(v), round(v, 1), round(v, 2))
#%% integer rounding
print(round(5), round(-3), round(1234, 1))
#%% floor div float
print(7.5 // 2, -7.5 // 2, 7.5 % -2, -7.5 % 2, 1e308 % 3, 5.0 // 0.1)
#%% string multiplication zero neg
print("a" * -1 + "b", [1] * -2)
#%% splitting edge
print("".split(), "".split(","), ",a,".split(","), "a  b".split(" "), "a,b,c".split(",", 1), "abc".split("abc"))
#%% nested function recursion closure
def outer(n):
    def inner(k):
        if k == 0:
            return n
        return inner(k - 1) + 1
    return inner(3)
print(outer(10))
#%% class eq without hash in list
class P:
    def __init__(self, x):
        self.x = x
    def __eq__(self, o):
        return self.x == o.x
print(P(1) in [P(2), P(1)], [P(1)].index(P(1)), P(1) == P(1), P(1) != P(1))
#%% inheritance fields
class A:
    def __init__(self):
        self.x = 1
class B(A):
    def __init__(self):
        super().__init__()
        self.y = "b"
class C(B):
    def __init__(self):
        super().__init__()
        self.z = 2.5
c = C()
print(c.x, c.y, c.z)
items = [A(), B(), C()]
print([i.x for i in items])
#%% attribute missing
class A:
    def __init__(self, f):
        if f:
            self.v = 1
a = A(False)
try:
    print(a.v)
except AttributeError as e:
    print("no attr")
#%% method on none
class N:
    def __init__(self):
        self.next = None
n = N()
try:
    n.next.next
except AttributeError as e:
    print(e)
#%% exception in comprehension
try:
    print([10 // x for x in [1, 0]])
except ZeroDivisionError:
    print("zero")
#%% exception in key
try:
    print(sorted([3, 1], key=lambda v: v // 0))
except ZeroDivisionError:
    print("zero")
#%% exception in str
class Bad:
    def __str__(self):
        raise ValueError("bad str")
try:
    print(Bad())
except ValueError as e:
    print(e)
#%% return in finally nested
def f():
    for i in range(3):
        try:
            try:
                if i == 1:
                    continue
                if i == 2:
                    return i
            finally:
                print("in", i)
        finally:
            print("out", i)
print(f())
#%% exception var scope
e = 5
try:
    raise ValueError("x")
except ValueError as err:
    msg = str(err)
print(e, msg)
#%% global counter many
n = 0
def inc():
    global n
    n += 1
    return n
print(inc() + inc() * 10, n)
#%% string compare unicode
print("é" > "z", "a" < "é", max("aé"))
print(sorted("zéa"))
#%% unicode slices
s = "añb☃c"
print(s[1:4], s[::-1], len(s), s.find("☃"), s.count("ñ"), s.replace("ñ", "n"), s.split("b"))
#%% unicode upper
print("é".upper())
#%% empty min
try:
    print(min([]))
except ValueError as e:
    print("err")
#%% sum with start
print(sum([1, 2], 10), sum([1, 2.5]), sum([], 0.0))
#%% sorted stability
data = [("b", 1), ("a", 1), ("c", 0)]
print(sorted(data, key=lambda t: t[1]), sorted(data, key=lambda t: t[1], reverse=True))
#%% mixed sort error
try:
    print(sorted([1, "a"]))
except TypeError:
    print("type")
#%% dict order after delete
d = {1: 1, 2: 2, 3: 3}
del d[1]
d[1] = 9
print(d, list(d))
#%% many dict inserts and deletes
d = {}
for i in range(100):
    d[i] = i
for i in range(0, 100, 3):
    del d[i]
for i in range(50, 120):
    d[i] = -i
print(len(d), sum(d.values()), list(d)[:5], list(d)[-3:])
#%% set order ints
print({5, 1, 3}, {10, 20, 30, 40, 50, 60}, set(range(20, 0, -3)), {1, 2, 3} | {9, 8}, {100, 1, 17, 33, 65})
s = set()
for i in [64, 1, 33, 2, 128, 7]:
    s.add(i)
print(s)
for x in {3, 1, 2}:
    print(x)
#%% set ops many
a = set(range(0, 100, 3))
b = set(range(0, 100, 5))
print(a & b, a - b, sorted(a ^ b)[:10], len(a | b), a & b == {0, 15, 30, 45, 60, 75, 90})
#%% set of str
s = {"x", "y"}
print(len(s), "x" in s, sorted(s))
#%% float keys
d = {1: "a"}
d[1.0] = "b"
print(d)
#%% bool keys
d = {True: "t", 1: "one"}
print(d)
#%% tuple in set
s = {(1, 2), (1, 2), (2, 1)}
print(len(s), (1, 2) in s)
#%% while else
i = 0
while i < 3:
    i += 1
else:
    print("else", i)
#%% nested break else
for i in range(3):
    for j in range(3):
        if j == 1:
            break
    else:
        print("no")
    if i == 1:
        break
else:
    print("never")
print(i, j)
#%% star unpack middle
a, *b, c = [1, 2, 3, 4]
print(a, b, c)
(x, y), z = (1, 2), 3
print(x, y, z)
for a, (b, c) in [(1, (2, 3))]:
    print(a, b, c)
#%% string in list mixed
xs = [1, "a", None, 2.5]
print("a" in xs, None in xs, 2.5 in xs, 3 in xs, xs.index("a"))
#%% function returning different types
def f(n):
    if n == 0:
        return 0
    if n == 1:
        return "one"
    return [n]
for i in range(3):
    print(f(i))
#%% any arithmetic
d = {"n": 3, "s": "x"}
print(d["n"] * 2, d["n"] ** 2, -d["n"], d["n"] > 2, d["s"] + "y", d["n"] / 2, d["n"] // 2, d["n"] % 2)
d["n"] += 1
print(d)
#%% nested any
data = {"a": {"b": {"c": [1, 2, {"d": "deep"}]}}}
print(data["a"]["b"]["c"][2]["d"], len(data["a"]["b"]["c"]))
data["a"]["x"] = 5
print(data)
#%% pass list of any
def total(items):
    t = 0
    for i in items:
        t += i["price"] * i["qty"]
    return t
print(total([{"name": "a", "price": 2, "qty": 3}, {"name": "b", "price": 1.5, "qty": 2}]))
#%% type names
for v in [1, 1.5, "s", None, True, [1], (1,), {"a": 1}, {1}]:
    print(type(v).__name__)
#%% isinstance dispatch
def desc(v):
    if isinstance(v, bool):
        return "bool"
    if isinstance(v, int):
        return "int"
    if isinstance(v, str):
        return "str"
    if isinstance(v, (list, tuple)):
        return "seq"
    return "other"
print([desc(v) for v in [True, 1, "a", [1], (1,), 2.5, None]])
print(desc(5), desc("x"), desc([1]))
#%% recursion limit
def f(n):
    return f(n + 1)
try:
    f(0)
except RecursionError:
    print("recursion")
#%% ternary mixed types
x = 5
print("big" if x > 3 else x, x if x > 3 else "small")
#%% and or values
print(0 or "x", 1 and "y", None and 1, "" or [] or "end", 3 and 0.0)
#%% del slice in loop
xs = [1, 2, 3, 4]
while len(xs) > 1:
    del xs[0]
print(xs)
#%% insert negative
xs = [1, 2, 3]
xs.insert(-1, 9)
xs.insert(100, 7)
xs.insert(-100, 0)
print(xs)
#%% extend self
xs = [1, 2]
xs.extend(xs)
print(xs)
#%% list self reference repr
xs = [1]
ys = [xs, xs]
xs.append(2)
print(ys)
#%% join non str
try:
    print(",".join(["a", 1]))
except TypeError:
    print("type")
#%% int parse
for s in ["12", " 7 ", "-3", "+4", "1_000", "x", "", "1.5", "0x10"]:
    try:
        print(int(s))
    except ValueError as e:
        print(e)
#%% float parse
for s in ["1.5", "1e3", " 2 ", "inf", "-nan", ".5", "5.", "x", "", "1e400", "123456789012345678901234567890", "0.1e-400"]:
    try:
        print(float(s))
    except ValueError as e:
        print(e)
#%% float repr many
x = 1.0
for i in range(60):
    x = x * 1.7 - 0.3 / (i + 1)
    print(x, 1 / x)
#%% powers
print(2 ** 10, 2 ** -1, 2.0 ** 0.5, (-8) ** 2, 10 ** 18, 0 ** 0, 9 ** 0.5, 1.5 ** 3)
#%% shifts
print(1 << 62, -1 << 62, 5 >> 100, -5 >> 100)
try:
    print(1 << -1)
except ValueError as e:
    print(e)
#%% lambda default capture
fs = [lambda x, k=k: x + k for k in range(3)]
print([f(10) for f in fs])
#%% generator consumed
print(sum(x * x for x in range(10)), max(len(w) for w in ["a", "bbb"]), ",".join(str(i) for i in range(3)), sorted(x % 3 for x in range(5)), list(x for x in "ab"), set(i for i in [1, 1]), any(x > 2 for x in [1, 3]), dict((k, k * 2) for k in range(2)))
#%% zip uneven
print(list(zip([1, 2, 3], "ab")), list(zip()), [a + b for a, b in zip([1, 2], [3, 4])])
#%% enumerate unpack
for i, (a, b) in enumerate(zip([1, 2], "xy")):
    print(i, a, b)
#%% map two
print(list(map(lambda a, b: a * b, [1, 2, 3], [4, 5, 6])))
#%% str of things
print(str(None), str(True), str(1.0), str([1.0, None]), str((1,)), str({}), repr("a'b"))
