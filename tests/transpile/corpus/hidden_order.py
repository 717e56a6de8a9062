#%% augmented assign order
def f(n, r):
    print("f", n)
    return r
a = [1, 2, 3]
a[f("i", 0)] += f("v", 10)
print(a)
d = {"x": 1}
d[f("k", "x")] -= f("v", 5)
print(d)
a[f("i2", 1)], a[f("i3", 2)] = f("l", 7), f("r", 8)
print(a)
#%% assignment order value first
def log(x):
    print("log", x)
    return x
xs = [0, 0, 0]
xs[log(0)] = log(5)
xs[log(1)] = xs[log(2)] = log(9)
print(xs)
i = 0
i, xs[i] = 2, 77
print(i, xs)
#%% keyword order
def g(a, b=2, *, c=3):
    return (a, b, c)
def t(x):
    print("e", x)
    return x
print(g(c=t(1), a=t(2), b=t(3)))
print(g(t(4), c=t(5)))
#%% and or values
def t(x):
    print("t", x)
    return x
print(t(0) or t(5) and t(7))
print(t([]) or t("z"))
print(t("") and t(1))
print(not t(0) or t(1))
print(t(None) or t(0) or t(False))
x = 0 or "a" or 5
print(x)
#%% conditional expression order
def t(x):
    print("t", x)
    return x
print(t(1) if t(0) else t(2))
print([t(i) if i % 2 else -i for i in range(4)])
#%% dict display order
def t(x):
    print("t", x)
    return x
print({t("a"): t(1), t("b"): t(2), t("a"): t(3)})
print({t(1): t(2) for _ in range(2)})
print([t(1), *[t(2), t(3)], t(4)])
#%% default evaluated once
def make():
    print("made")
    return []
def f(x, acc=make()):
    acc.append(x)
    return acc
print(f(1))
print(f(2))
print(f(3, [9]))
print(f(4))
#%% closures in loops
fs = []
for i in range(4):
    def f():
        return i
    fs.append(f)
print([f() for f in fs])
gs = [lambda i=i: i for i in range(4)]
print([g() for g in gs])
hs = []
for i in range(4):
    hs.append(lambda x: x + i)
print([h(10) for h in hs])
#%% closure counters
def counter():
    n = 0
    def inc(by=1):
        nonlocal n
        n += by
        return n
    return inc
a = counter()
b = counter()
print(a(), a(), b(5), a(10), b())
#%% comprehension scope
x = "outer"
ys = [x for x in range(3)]
print(x, ys)
zs = {x: x * x for x in range(3)}
print(x, zs)
print([[y for y in range(x)] for x in range(4)])
print(sum(x for x in range(10)), x)
#%% comprehension first iterable evaluated in outer
x = [1, 2, 3]
print([x for x in x])
print([x for x in x if x > 1 for x in range(x)])
#%% walrus scope
total = 0
parts = [total := total + v for v in [1, 2, 3, 4]]
print(parts, total)
if (n := len(parts)) > 3:
    print("big", n)
while (n := n - 1) > 0:
    print(n, end=" ")
print(n)
print([y := 5, y ** 2], y)
#%% finally overriding return
def f():
    try:
        return 1
    finally:
        return 2
def g():
    for i in range(3):
        try:
            continue
        finally:
            print("fin", i)
    return "done"
def h():
    try:
        raise ValueError("lost")
    finally:
        return "swallowed"
def k():
    while True:
        try:
            return "ret"
        finally:
            break
    return "after"
print(f(), g(), h(), k())
#%% finally order
def f(n):
    try:
        print("try", n)
        if n == 1:
            raise KeyError("k")
        if n == 2:
            return "r"
    except KeyError as e:
        print("exc", e)
        return "e"
    else:
        print("else")
    finally:
        print("finally")
    return "end"
for n in range(3):
    print(f(n))
#%% return value evaluated before finally
def f():
    x = 1
    try:
        return x
    finally:
        x = 2
        print("x is", x)
print(f())
#%% nested try reraise
def f(d):
    try:
        try:
            return 10 // d
        except ZeroDivisionError:
            print("inner")
            raise
    except ArithmeticError as e:
        print("outer", type(e).__name__)
        return -1
print(f(2), f(0))
#%% raise from none uncaught
def f():
    try:
        {}["x"]
    except KeyError:
        raise RuntimeError("no x") from None
f()
#%% uncaught in finally
def f():
    try:
        raise ValueError("first")
    finally:
        raise TypeError("second")
f()
#%% unbound local uncaught
def f(n):
    if n > 5:
        y = 1
    return y
print(f(6))
print(f(1))
#%% use global defined later
def show():
    return LATER * 2
LATER = 21
print(show())
def early():
    return later_fn(3)
def later_fn(n):
    return n + 1
print(early())
#%% for loop variable after loop
for i in range(5):
    pass
print(i)
for j in []:
    pass
try:
    print(j)
except NameError as e:
    print(e)
#%% loop else
for n in range(2, 12):
    for d in range(2, n):
        if n % d == 0:
            print(n, "=", d, "*", n // d)
            break
    else:
        print(n, "is prime")
k = 0
while k < 3:
    k += 1
else:
    print("while else", k)
while True:
    break
else:
    print("never")
#%% mutate list while iterating
xs = [1, 2, 3, 4, 5, 6]
for x in xs:
    if x % 2 == 0:
        xs.remove(x)
print(xs)
ys = [1]
for y in ys:
    if len(ys) < 6:
        ys.append(y * 2)
print(ys)
#%% mutate dict items keys changed
d = {1: 1, 2: 2}
try:
    for k, v in d.items():
        del d[k]
        d[k + 10] = v
except RuntimeError as e:
    print(e)
print(d)
#%% mutate dict values ok
d = {"a": 1, "b": 2}
for k in d:
    d[k] += 10
print(d)
for k in list(d):
    del d[k]
print(d)
#%% next on generator
g = (x * x for x in range(3))
print(next(g))
print(next(g))
print(list(g))
print(next(g, "none"))
#%% unpack star
a, *b, c = [1, 2, 3, 4]
print(a, b, c)
*a, b = "xyz"
print(a, b)
(a, b), [c, *d] = (1, 2), [3, 4, 5]
print(a, b, c, d)
for i, (x, y) in enumerate([(1, 2), (3, 4)]):
    print(i, x, y)
#%% swap and rotate
a, b, c = 1, 2, 3
a, b, c = c, a, b
print(a, b, c)
x = [1, 2, 3]
x[0], x[2] = x[2], x[0]
print(x)
i = 0
i, x[i] = 1, 99
print(i, x)
#%% multiple assignment targets share
a = b = []
a.append(1)
print(b, a is b)
x = y = 0
x += 1
print(x, y)
#%% augmented aliases
a = [1]
b = a
a += [2]
print(b, a is b)
a = a + [3]
print(b, a is b)
s = t = "x"
s += "y"
print(s, t)
u = v = (1,)
u += (2,)
print(u, v)
#%% function sees rebound
def f():
    return g()
def g():
    return 1
print(f())
h = g
print(h() + f())
#%% global in function
count = 0
def bump():
    global count
    count += 1
def make():
    global created
    created = "yes"
bump(); bump()
make()
print(count, created)
#%% nonlocal deep
def a():
    x = 1
    def b():
        nonlocal x
        x += 1
        def c():
            nonlocal x
            x *= 10
            return x
        return c()
    r = b()
    return r, x
print(a())
#%% recursion in nested
def outer(n):
    def fact(k):
        return 1 if k <= 1 else k * fact(k - 1)
    return [fact(i) for i in range(n)]
print(outer(8))
#%% lambda defaults and calls
f = lambda x, y=2, *a: (x, y, a)
print(f(1), f(1, 3), f(1, 3, 4, 5))
print((lambda: 42)())
print((lambda a, b: a * b)(6, 7))
print(sorted([3, 1, 2], key=lambda v: -v))
compose = lambda f, g: lambda x: f(g(x))
print(compose(lambda x: x + 1, lambda x: x * 2)(5))
