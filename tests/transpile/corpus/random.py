#%% a sum that asks for sums
rows = [[1.5, 2.5], [2], [0.25]]
print(sum(map(sum, rows)), sum(sum(row) for row in rows))
xs = [len(w) for w in ["zZz", "a", ""]]
for v in sorted(xs):
    grid = [[v * v] * 3 for _ in range(3)]
    print(sum(map(sum, grid)))
mixed = [xs, None, 0.5]
print(mixed)
#%% a sum in what is summed
def mean(xs):
    return sum(xs, 0.0) / len(xs)
print(sum(mean([q, q + 1.0]) for q in [0.5, 1.5, 2.5]))
print(sum([mean([0.5, 0.25, 0.75]), mean([8.0, 1.0, -6.0])], 0.5))
#%% a sum of ints and floats
print(sum([0.5] * 10), sum([1, 0.25, 0.5, 3]), sum([0.5, 0.25], 5), sum([], 0.5), sum([True, 0.5]))
print(sum([q / 2 for q in []]), sum([-0.0]), sum([-0.0], -0.0), sum([1e308, 1e308]))
#%% an empty list among lists
print([] in [[3], []], ([] * 1) in [[1]], {} in [{1: 2}, {}], (1, []) in [(1, [2][1:])])
xs = []
print(xs in [[1], []], [1.0] in [[1]], (1,) in [(1, 2)], xs not in ([[3]] + [[]]))
#%% zeros that fill beside an alignment
for v in (2, -45):
    print(f"{v:<05}|{v:^010d}|{v:>+07}|{v:*=8}|{v:x<05}|{v:^#010b}|{v:<05,}|{v:05_}")
for v in (-2.75, 7.0, 1 / 3):
    print(f"{v:<010,.3%}|{v:^+010_.2f}|{v:<07.1e}|{v:08.3f}|{v:*^010.2f}")
print([f"{q:<010,.3%}" for q in [-2.75, 7.0]])
#%% large letters in formats
for v in (1234.5678, 1e-7, 5e-324, 0.0, 123456789.0):
    print(f"{v:E}|{v:.2E}|{v:G}|{v:.3G}|{v:F}")
print(f"{float('inf'):F} {float('-inf'):E} {float('nan'):G} {float('nan'):g}")
#%% a precision without a type
for v in (0.0, 1.0, 9.5, 99.5, 999.995, 1234.5678, 1e16, 0.0001, 0.00001234, -2.675):
    print(f"{v:.1}|{v:.2}|{v:.3}|{v:.6}|{v:.10}")
#%% a format that begins with =
q = -0.25
print(f"{q:=12.6}", [f"{x:=8}" for x in [2.5]])
#%% in a range
i = 3
print(i in range(-4, 4), i in range(5, 1, -1), i not in range(1, 9, 2), 3.0 in range(5), True in range(2), "a" in range(3))
#%% a name that is only ever made less
while n6:
    n6 -= 1
#%% an element after what never comes
x = [0] * 3
try:
    x[0] += min([])
except ValueError:
    print("empty")
grid = [[0] * 3]
for i in range(1):
    grid[i][0] += i * max(grid[0])
print(grid)
#%% a set and itself
n = {64 % 34, 7 % 25, 0 % 17} ^ {5 % 8}
n |= n
print(n, n | n, n & n, set(n), n.union(n))
n &= n
print(n)
m = {0} | ({1} | {6, 13, 0})
for _ in range(3):
    m = m | m
print(m)
#%% a condition that types decide is evaluated
def loud(x):
    print("loud", x)
    return x
if isinstance(loud("a"), int):
    print("no")
if loud([1]) is None:
    print("no")
print(1 if isinstance(loud(2), int) else 2, 1 if loud("b") is not None else 2)
try:
    print(isinstance(1 // 0, str) or 5)
except ZeroDivisionError as e:
    print(e)
try:
    if isinstance({k: v // 0 for k, v in {"a": 1}.items()}, list):
        print("no")
except ZeroDivisionError as e:
    print(e)
assert not isinstance(loud("c"), int)
#%% the rest of a list becomes a list of anything
*rest, last = [-1, 1, 3]
either = rest
if [list(row) for row in zip(rest, rest)] == [rest, rest]:
    either = "abc"
print(either, rest, last)
*flags, tail = [True, False, True]
either = flags
if len(flags) == 9:
    either = "abc"
print(either, flags, tail)
#%% equal lists that hold their items differently
def pick(n):
    if n == 0: return [1, 2]
    if n == 1: return [1, "a"]
    if n == 2: return [1, 2.0]
    if n == 3: return (1, 2)
    if n == 4: return (1, "x")
    if n == 5: return [[1, 2], [3]]
    if n == 6: return [[1, 2], ["3"]]
    if n == 7: return [True, 2]
    if n == 8: return []
    if n == 9: return [None, 2]
    return "s"
for i in range(11):
    print([pick(i) == pick(j) for j in range(11)], [pick(i) in [pick(j)] for j in range(11)])
#%% in place: who else holds it sees it
a = [1]
b = a
a *= 2
print(a, b)
d = {"a": 1}
e = d
d |= {"b": 2}
print(d, e)
class C:
    def __init__(self):
        self.d = {1: 2}
        self.l = [1]
c = C()
x = c.d
y = c.l
c.d |= {3: 4}
c.l *= 3
print(x, y)
m = [{"k": 1}]
z = m[0]
m[0] |= {"j": 2}
print(z)
def f(n):
    return [1]

p = f(1)
q = p
p *= 2
print(q)
s = {1, 2}
t = s
s |= {5}
s -= {1}
print(t)
try:
    int("a" * 300)
except ValueError as err:
    print(err)
#%% lists and dicts in place, in loops
a = [True, False]
b = a
a *= 3
print(a, b)
a *= 0
a.append(True)
print(b)
n = [1, 2]
total = 0
for i in range(3):
    n *= 2
    total += n[len(n) - 1]
print(total, len(n))
d = {}
e = d
for i in range(3):
    d |= {i: str(i)}
d |= d
print(e, d is e)
#%% what has no hash is looked for where nothing is
for make in (lambda: ([1], 2) in {}, lambda: [1] in set(), lambda: (1, 2) in {}):
    try:
        print(make())
    except TypeError:
        print("no hash")
def missing(x):
    try:
        return (x, x) not in {}
    except TypeError:
        return "no hash"
print(missing([1]))
print((3, "a") in {}, None in {1: 2}, 2.5 in {})
