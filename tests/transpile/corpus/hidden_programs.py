#%% aug global rebinding
xs = [1]
def f():
    global xs
    xs = [9]
    return [5]
xs += f()
print(xs)
n = 1
def g():
    global n
    n = 100
    return 1
n += g()
print(n)
s = "a"
def h():
    global s
    s = "zzz"
    return "b"
s += h()
print(s)
#%% key named a
a = {"x": 3, "y": 1}
print(max(a, key=a.get), sorted(a, key=a.get), min(a, key=a.get))
#%% key attr of self
class R:
    def __init__(self):
        self.scores = {"p": 2, "q": 9}
    def best(self):
        return max(self.scores, key=self.scores.get)
print(R().best())
#%% key method of object
class S:
    def weight(self, x):
        return -x
    def order(self, xs):
        return sorted(xs, key=self.weight)
print(S().order([1, 3, 2]))
#%% sort key count of itself
xs = [3, 1, 3, 2, 1]
xs.sort(key=lambda v: xs.count(v))
print(xs)
ys = [3, 1, 3, 2, 1]
print(sorted(ys, key=ys.count), sorted(ys, key=lambda v: (-ys.count(v), v)))
#%% eq false with itself
class K:
    def __eq__(self, o):
        return False
k = K()
print(k == k, k != k)
xs = [k, 1]
print(xs[0] == k, k in xs, xs == xs, xs.index(k))
#%% eq true always
class A:
    def __eq__(self, o):
        return True
print(A() == 5, 5 == A(), A() == None, [A()] == [7], 3 in [A()])
#%% print order side effects
class P:
    def __init__(self, n):
        self.n = n
    def __str__(self):
        print("str", self.n)
        return f"P{self.n}"
print(P(1), P(2), sep="|")
print(f"{P(3)} {P(4)}")
x = [P(5)]
print(str(x[0]) + "!")
#%% fstring order
def t(x):
    print("t", x)
    return x
print(f"{t(1)} {t(2):>{t(3)}} {t(4)!r}")
#%% percent order
def t(x):
    print("t", x)
    return x
print("%s %s" % (t(1), t(2)), "{} {}".format(t(3), t(4)))
#%% print args mutate later
xs = [1]
def f():
    xs.append(2)
    return "done"
print(xs, f(), xs)
print(len(xs), xs.pop(), len(xs), xs)
#%% method call receiver order
def t(x):
    print("t", x)
    return x
t([1]).append(t(2))
t({"a": 1}).get(t("a"), t(0))
t("abc").replace(t("a"), t("b"))
#%% store receiver order
class C:
    pass
def mk(n):
    print("mk", n)
    return C2(n)
class C2:
    def __init__(self, n):
        self.n = n
mk(1).n = mk(2).n
mk(3).n += mk(4).n
#%% list in condition loops
xs = [5, 4, 3]
while xs:
    x = xs.pop()
    if x == 4:
        xs.append(1)
        continue
    print(x, xs)
#%% try in loop with break and else
for i in range(3):
    try:
        if i == 1:
            raise ValueError(i)
    except ValueError as e:
        print("caught", e)
        break
    else:
        print("ok", i)
    finally:
        print("fin", i)
else:
    print("never")
#%% exceptions with return in nested functions
def a():
    try:
        return b()
    except KeyError as e:
        return "a:" + str(e)
def b():
    try:
        return c()
    finally:
        print("b fin")
def c():
    raise KeyError("from c")
print(a())
#%% exception in else and finally
def f():
    try:
        pass
    except ValueError:
        print("no")
    else:
        raise ValueError("else")
    finally:
        print("fin")
try:
    f()
except ValueError as e:
    print(e)
#%% exception in generator expression
def f(x):
    if x == 2:
        raise ValueError("two")
    return x
try:
    print(sum(f(x) for x in range(4)))
except ValueError as e:
    print(e)
try:
    print([f(x) for x in range(4)])
except ValueError as e:
    print(e)
#%% str of exception kinds
for e in [ValueError("a"), KeyError("a"), KeyError(1), IndexError(), ZeroDivisionError("z"), Exception(5), Exception([1]), RuntimeError("x\ny"), TypeError("")]:
    print(str(e), "|", repr(e), "|", type(e).__name__)
#%% raising in recursion unwinds
def f(n):
    try:
        if n == 0:
            raise ValueError("bottom")
        f(n - 1)
    finally:
        print("unwind", n)
try:
    f(3)
except ValueError as e:
    print(e)
#%% many prints
for i in range(300):
    print(i, i * i, i % 7 == 0)
#%% long strings
s = "x" * 100000
print(len(s), s[:3], s.count("x"), len(s + s))
t = ""
for i in range(3000):
    t += chr(97 + i % 26)
print(t[-5:], len(t))
#%% big lists
xs = list(range(100000))
ys = [x * 2 for x in xs if x % 3 == 0]
print(len(ys), sum(ys), xs[-1], ys[100])
d = {i: i * i for i in range(20000)}
print(len(d), d[19999], sum(d.values()))
#%% gc stress
class N:
    def __init__(self, v, nxt):
        self.v = v
        self.nxt = nxt
total = 0
for r in range(200):
    head = None
    for i in range(500):
        head = N(i, head)
    while head:
        total += head.v
        head = head.nxt
print(total)
#%% gc stress strings
out = []
for i in range(20000):
    s = str(i) + "-" + str(i * 2)
    if i % 1000 == 0:
        out.append(s)
print(out)
#%% gc nested structures
def build(d):
    if d == 0:
        return []
    return [build(d - 1), build(d - 1)]
def count(t):
    return 1 + sum(count(x) for x in t)
for _ in range(5):
    print(count(build(12)))
#%% dict with deletions
d = {}
for i in range(1000):
    d[i] = i
    if i >= 10:
        del d[i - 10]
print(d, len(d))
while d:
    d.popitem()
print(d)
#%% dict order after delete and reinsertion many
d = {i: 0 for i in range(20)}
for i in range(0, 20, 2):
    del d[i]
for i in range(0, 20, 4):
    d[i] = 1
print(d)
print(list(d.items())[:5])
#%% str hash dict many
words = []
for i in range(500):
    words.append("w" + str(i * 7919 % 100))
c = {}
for w in words:
    c[w] = c.get(w, 0) + 1
print(len(c), sorted(c.items())[:5], list(c)[:5])
#%% heap sort
def heapify(a, n, i):
    big = i
    l, r = 2 * i + 1, 2 * i + 2
    if l < n and a[l] > a[big]:
        big = l
    if r < n and a[r] > a[big]:
        big = r
    if big != i:
        a[i], a[big] = a[big], a[i]
        heapify(a, n, big)
def heap_sort(a):
    n = len(a)
    for i in range(n // 2 - 1, -1, -1):
        heapify(a, n, i)
    for i in range(n - 1, 0, -1):
        a[0], a[i] = a[i], a[0]
        heapify(a, i, 0)
    return a
print(heap_sort([5, 2, 9, 1, 5, 6, -3, 0]), heap_sort([]), heap_sort(["b", "a", "c"]), heap_sort([2.5, 1]))
#%% all sorts
def bubble(a):
    a = a[:]
    for i in range(len(a)):
        swapped = False
        for j in range(len(a) - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
                swapped = True
        if not swapped:
            break
    return a
def insertion(a):
    a = list(a)
    for i in range(1, len(a)):
        k = a[i]
        j = i - 1
        while j >= 0 and a[j] > k:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = k
    return a
def merge_sort(a):
    if len(a) <= 1:
        return a
    m = len(a) // 2
    l, r = merge_sort(a[:m]), merge_sort(a[m:])
    out = []
    i = j = 0
    while i < len(l) and j < len(r):
        if l[i] <= r[j]:
            out.append(l[i]); i += 1
        else:
            out.append(r[j]); j += 1
    return out + l[i:] + r[j:]
def quick(a):
    if len(a) <= 1:
        return a
    p = a[len(a) // 2]
    return quick([x for x in a if x < p]) + [x for x in a if x == p] + quick([x for x in a if x > p])
def counting(a):
    if not a:
        return []
    lo, hi = min(a), max(a)
    c = [0] * (hi - lo + 1)
    for x in a:
        c[x - lo] += 1
    return [i + lo for i, n in enumerate(c) for _ in range(n)]
def selection(a):
    a = a.copy()
    for i in range(len(a)):
        m = min(range(i, len(a)), key=lambda k: a[k])
        a[i], a[m] = a[m], a[i]
    return a
data = [64, 34, 25, 12, 22, 11, 90, -5, 0, 34]
for f in (bubble, insertion, merge_sort, quick, counting, selection):
    print(f(data), f([]), f(data) == sorted(data))
print(data)
