#%% list methods
xs = [3, 1, 2]
print(xs.append(4), xs, xs.pop(), xs.pop(0), xs, xs.index(2), xs.count(1), xs.insert(0, 9), xs, xs.reverse(), xs, xs.sort(), xs)
xs.extend([7, 8]); xs.extend(range(2)); xs.extend((5,)); xs += "ab"
print(xs)
xs.remove(9)
print(xs, xs.copy() == xs, xs.copy() is xs)
xs.clear()
print(xs)
#%% list store error
xs = [1]
try:
    xs[3] = 1
except IndexError as e:
    print(e)
xs[5] = 2
#%% list insert edges
xs = [1, 2, 3]
xs.insert(100, 4)
xs.insert(-1, 9)
xs.insert(-100, 0)
print(xs, xs.pop(-2), xs)
#%% list multiplication shares
grid = [[0] * 3] * 2
grid[0][0] = 5
print(grid, [1] * 0, [1] * -5, 2 * [1, 2], [[]] * 2)
g2 = [[0] * 3 for _ in range(2)]
g2[0][0] = 1
print(g2)
#%% del element error
xs = [1]
try:
    del xs[4]
except IndexError as e:
    print(e)
d = {}
try:
    del d["q"]
except KeyError as e:
    print(e)
#%% nested deep repr
x = []
for i in range(50):
    x = [x]
print(x)
#%% very deep repr
x = []
for i in range(100000):
    x = [x]
try:
    print(len(repr(x)))
except RecursionError as e:
    print("RecursionError")
#%% sort stability
data = [("b", 2), ("a", 1), ("c", 2), ("d", 1)]
print(sorted(data, key=lambda t: t[1]), sorted(data, key=lambda t: t[1], reverse=True))
data.sort(key=lambda t: (-t[1], t[0]))
print(data)
xs = [3, -1, 2, -5]
xs.sort(key=abs, reverse=True)
print(xs, sorted(xs), sorted(xs, reverse=True), sorted(["b", "A", "c"], key=str.lower), sorted([True, 0, 1.5]))
print(sorted({3, 1, 2}), sorted({"b": 1, "a": 2}), sorted("bca"), sorted([(2, "a"), (1, "b")]), sorted([[2], [1, 5]]))
#%% sort key raising
def k(x):
    if x == 3:
        raise ValueError("three")
    return x
xs = [5, 3, 1]
try:
    xs.sort(key=k)
except ValueError as e:
    print(e, xs)
#%% sort key call order
def k(x):
    print("key", x)
    return -x
print(sorted([1, 3, 2], key=k))
print(max([1, 3, 2], key=k), min([4, 5], key=k))
#%% sort with nan
nan = float("nan")
print(sorted([3.0, nan, 1.0, 2.0]), sorted([nan, 2.0, 1.0]), min([nan, 1.0]), max([1.0, nan, 2.0]))
#%% sort mutation
xs = [3, 1, 2]
def k(x):
    xs.append(9)
    return x
try:
    xs.sort(key=k)
except ValueError as e:
    print(e)
print(xs)
#%% sort cmp counting
class V:
    n = 0
    def __init__(self, v):
        self.v = v
    def __lt__(self, o):
        V.n += 1
        return self.v < o.v
    def __repr__(self):
        return f"V{self.v}"
xs = [V(i * 7 % 10) for i in range(10)]
print(sorted(xs), V.n)
print(min(xs), max(xs) if False else "", V.n)
#%% any all
print(any([]), all([]), any([0, 1]), all([1, 0]), any(x > 2 for x in [1, 2, 3]), all(c.isdigit() for c in "123"), any("a" == c for c in ""), all(map(bool, [1, "a"])), any({}), all((True,)))
#%% dict key error uncaught
d = {"x": 1}
print(d["y"])
#%% dict comprehension and inversion
d = {c: i for i, c in enumerate("abcab")}
print(d, {v: k for k, v in d.items()}, {k: v for k, v in d.items() if v > 2}, {i: {j: i * j for j in range(2)} for i in range(2)})
#%% dict tuple keys
g = {}
for x in range(3):
    for y in range(2):
        g[x, y] = x * y
print(g, g[(2, 1)], (1, 1) in g, (9, 9) in g, sum(g.values()), [k for k in g if k[0] == k[1]])
#%% dict mixed keys
d = {1: "a", "1": "b", (1,): "c", None: "d", 1.5: "e", True: "f"}
print(d, d[None], d[(1,)], len(d))
#%% dict nan key
nan = float("nan")
d = {nan: 1}
d[nan] = 2
print(d, nan in d, len(d))
d[float("nan")] = 3
print(len(d), float("nan") in d)
#%% nested dict update
db = {"u": {"name": "x", "tags": ["a"]}}
db["u"]["tags"].append("b")
db["u"]["age"] = 5
db.setdefault("v", {})["k"] = 1
print(db, db["u"]["tags"][-1], db.get("w", {}).get("k", "none"))
for k, v in db.items():
    for kk, vv in v.items():
        print(k, kk, vv)
#%% counters
c = {}
for ch in "abracadabra":
    c[ch] = c.get(ch, 0) + 1
print(sorted(c.items(), key=lambda t: (-t[1], t[0])), max(c.values()), [k for k, v in c.items() if v == max(c.values())])
#%% sets order floats, bools, tuples
print({1.5, 2.5, 0.5}, {True, False}, {(1, 2), (0, 1)}, {None})
#%% list of mixed
xs = [1, "a", 2.5, None, True, [1], (2,), {"k": 1}]
for x in xs:
    print(x, type(x).__name__, isinstance(x, (int, str)), bool(x), x == 1, str(x))
print(xs, len(xs), xs.index("a"), None in xs, [1] in xs, xs[5][0], xs[7]["k"])
#%% list of lists growth
tri = [[1]]
for i in range(5):
    prev = tri[-1]
    tri.append([1] + [prev[j] + prev[j + 1] for j in range(len(prev) - 1)] + [1])
for row in tri:
    print(" ".join(map(str, row)).center(20))
#%% flatten recursive
def flatten(x):
    out = []
    for e in x:
        if isinstance(e, list):
            out.extend(flatten(e))
        else:
            out.append(e)
    return out
print(flatten([1, [2, [3, [4]], 5], [], [[6]]]))
#%% deep copy and shallow
a = [[1], [2]]
b = a[:]
c = [r[:] for r in a]
d = a.copy()
a[0].append(9)
print(a, b, c, d, list(a) == a)
#%% determinant
def det(m):
    if len(m) == 1:
        return m[0][0]
    return sum((-1) ** j * m[0][j] * det([r[:j] + r[j+1:] for r in m[1:]]) for j in range(len(m)))
print(det([[2]]), det([[1, 2], [3, 4]]), det([[2, 0, 1], [1, 3, 2], [1, 1, 1]]))
#%% empty containers typed later
xs = []
ys = {}
for i in range(3):
    xs.append(i)
    ys[i] = []
    ys[i].append(str(i))
print(xs, ys)
zs = []
print(zs, len(zs), zs == [], not zs)
zs.append("a")
zs.append(1)
print(zs)
#%% list in place during enumerate
xs = [1, 2, 3]
for i, x in enumerate(xs):
    xs[i] = x * 2
    if i == 0:
        xs.append(10)
    if len(xs) > 6:
        break
print(xs)
for i in range(len(xs) - 1, -1, -1):
    if xs[i] % 4 == 0:
        del xs[i]
print(xs)
#%% list remove in loop reversed
xs = [1, 2, 3, 4]
for x in reversed(xs):
    xs.remove(x)
    if x == 3: break
print(xs)
for x in xs[:]:
    xs.remove(x)
print(xs)
#%% extend self
a = [1, 2]
a.extend(a)
print(a)
a += a
print(len(a))
a[1:3] = a
print(a)
#%% equality identity of nan in list
nan = float("nan")
xs = [nan, 1]
print(nan in xs, xs == xs, xs.index(nan), xs.count(nan), [float("nan")] == [float("nan")], (nan,) == (nan,))
#%% contains mixed types
print("a" in [1, 2], 1 in ["a", 1.0], None in [], 1 in (True,), "1" in {1: 2}, 2 in {"a": 2}.values())
#%% list pop in while
q = [1]
seen = []
while q:
    x = q.pop(0)
    seen.append(x)
    if x < 10:
        q.extend([x * 2, x * 3])
print(seen)
#%% graph dfs topological
graph = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}
def dfs(node, seen=None):
    if seen is None:
        seen = []
    seen.append(node)
    for n in graph[node]:
        if n not in seen:
            dfs(n, seen)
    return seen
print(dfs("a"))
def topo(g):
    indeg = {n: 0 for n in g}
    for n in g:
        for m in g[n]:
            indeg[m] += 1
    ready = [n for n in g if indeg[n] == 0]
    out = []
    while ready:
        n = ready.pop(0)
        out.append(n)
        for m in g[n]:
            indeg[m] -= 1
            if indeg[m] == 0:
                ready.append(m)
    return out
print(topo(graph))
#%% floyd warshall
INF = float("inf")
d = [[0, 3, INF, 7], [8, 0, 2, INF], [5, INF, 0, 1], [2, INF, INF, 0]]
n = len(d)
for k in range(n):
    for i in range(n):
        for j in range(n):
            if d[i][k] + d[k][j] < d[i][j]:
                d[i][j] = d[i][k] + d[k][j]
for row in d:
    print(row)
#%% knapsack and coins
def knap(w, v, cap):
    dp = [0] * (cap + 1)
    for i in range(len(w)):
        for c in range(cap, w[i] - 1, -1):
            dp[c] = max(dp[c], dp[c - w[i]] + v[i])
    return dp[cap]
def coins(cs, amount):
    dp = [0] + [float("inf")] * amount
    for a in range(1, amount + 1):
        for c in cs:
            if c <= a and dp[a - c] + 1 < dp[a]:
                dp[a] = dp[a - c] + 1
    return dp[amount] if dp[amount] != float("inf") else -1
print(knap([1, 3, 4, 5], [1, 4, 5, 7], 7), coins([1, 5, 10, 25], 63), coins([2], 3))
#%% permutations and subsets
def perms(xs):
    if len(xs) <= 1:
        return [xs]
    return [[x] + p for i, x in enumerate(xs) for p in perms(xs[:i] + xs[i+1:])]
def subsets(xs):
    out = [[]]
    for x in xs:
        out += [s + [x] for s in out]
    return out
print(perms([1, 2, 3]), subsets([1, 2, 3]), len(perms(list("abcd"))))
#%% list equality with different types
print([] == {}, () == [], "" == [], 0 == "", None == 0, None == False, [None] == [None], {} == set())
#%% min max multiple
print(max(3, 1, 2), max("a", "b"), min(2.5, 1), max([1], [2]), max(1, True), min(False, 0), max("apple", "fig", key=len), min([], default="x"), max((len(w), w) for w in ["a", "bbb", "cc"]), max({1: 5, 2: 3}), max({1: 5, 2: 3}.values()))
#%% sum start
print(sum([1, 2], 10), sum([], 5), sum([0.5, 0.5]), sum(range(5), start=1), sum([[1], [2]], []), sum({1: 2, 3: 4}), sum({1, 2}), sum((x for x in [1, 2]), 0.5))
#%% is comparisons
a = [1]
b = a
c = [1]
print(a is b, a is c, a is not c, a == c, None is None, (a is b) == True)
x = None
print(x is None, x is not None, x == None)
#%% list iteration variable leaks
for a, (b, *c) in [(1, (2, 3, 4)), (5, (6,))]:
    print(a, b, c)
print(a, b, c)
#%% comprehension nested conditions
print([(x, y) for x in range(4) if x % 2 for y in range(x) if y != 1], [x if x else -1 for x in [0, 1]], [[j for j in range(i)] for i in range(3)], {x for x in "hello" if x > "f"} == {"h", "l", "o"}, [w.upper() for w in "a b".split()], [a + b for a in "xy" for b in "12"])
#%% comprehension reuse names
x = 10
print([x for x in range(2)], x, [x + i for i in range(2)], (lambda x: x * 2)(3), x)
#%% walrus in comprehension condition
def f(x):
    return x * x
print([y for x in range(6) if (y := f(x)) > 5], y)
print(any((hit := n) > 3 for n in [1, 2, 5, 7]), hit)
