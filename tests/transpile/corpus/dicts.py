#%% basics
d = {"a": 1, "b": 2}
d["c"] = 3
print(d, d["a"], len(d), "a" in d, "z" in d, d.get("z"), d.get("z", 0))
#%% iterate
d = {"x": 10, "y": 20}
for k in d:
    print(k, d[k])
for k, v in d.items():
    print(k, "->", v)
for v in d.values():
    print(v)
print(list(d.keys()), list(d.values()), list(d.items()), sum(d.values()))
#%% mixed values
person = {"name": "Alice", "age": 30, "city": "Paris", "height": 1.7, "tags": ["a", "b"]}
print(person)
print(person["name"], person["age"] + 1, person["tags"][0])
for key, value in person.items():
    print(f"{key}: {value}")
#%% nested
data = {"users": [{"name": "A", "score": 90}, {"name": "B", "score": 85}]}
for u in data["users"]:
    print(u["name"], u["score"])
print(sum(u["score"] for u in data["users"]) / len(data["users"]))
#%% pop and del
d = {"a": 1, "b": 2, "c": 3}
print(d.pop("a"), d.pop("zz", None), d)
del d["b"]
print(d)
#%% comprehension
print({x: x ** 2 for x in range(5)}, {k: len(k) for k in ["aa", "b"]}, {v: k for k, v in {"a": 1}.items()})
#%% update and merge
a = {"x": 1}
a.update({"y": 2, "x": 5})
b = {**{}} if False else {"z": 3}
print(a, a | b)
#%% setdefault grouping
words = ["apple", "bob", "cat", "alice", "bar"]
groups = {}
for w in words:
    groups.setdefault(w[0], []).append(w)
print(groups)
#%% counting
text = "hello world"
freq = {}
for ch in text:
    if ch != " ":
        freq[ch] = freq.get(ch, 0) + 1
for ch, n in sorted(freq.items(), key=lambda kv: (-kv[1], kv[0])):
    print(ch, n)
#%% max by value
scores = {"ann": 81, "bob": 95, "cid": 70}
print(max(scores, key=scores.get), min(scores, key=lambda k: scores[k]), sorted(scores, key=scores.get))
#%% int keys
squares = {}
for i in range(5):
    squares[i] = i * i
print(squares, squares[3], 7 in squares)
#%% tuple keys
grid = {}
grid[(0, 1)] = "a"
grid[(2, 3)] = "b"
print(grid, grid[(0, 1)], (2, 3) in grid)
#%% key error
d = {"a": 1}
try:
    d["b"]
except KeyError as e:
    print("missing", e)
#%% dict of lists
g = {"A": ["B", "C"], "B": ["D"], "C": [], "D": []}
for node in g:
    print(node, len(g[node]), g[node])
#%% memo
memo = {}
def fib(n):
    if n in memo:
        return memo[n]
    if n < 2:
        r = n
    else:
        r = fib(n - 1) + fib(n - 2)
    memo[n] = r
    return r

print(fib(50), len(memo))
#%% inventory
inventory = {"apple": {"price": 0.5, "qty": 10}, "pear": {"price": 0.75, "qty": 4}}
total = 0
for name, item in inventory.items():
    value = item["price"] * item["qty"]
    total += value
    print(f"{name}: {value:.2f}")
print(f"{total:.2f}")
#%% sorted items
d = {"b": 2, "a": 3, "c": 1}
print(sorted(d), sorted(d.items()), sorted(d.values(), reverse=True), dict(sorted(d.items())))
#%% compare dicts
print({"a": 1, "b": 2} == {"b": 2, "a": 1}, {"a": 1} != {"a": 2})
#%% dict from pairs
print(dict([("a", 1), ("b", 2)]), dict(x=1, y=2), dict())
#%% keys check
config = {"debug": True, "level": 3}
if "debug" in config and config["debug"]:
    print("debug on", config["level"])
#%% iterate with enumerate
for i, (k, v) in enumerate({"a": 1, "b": 2}.items()):
    print(i, k, v)
#%% clear and copy
d = {"a": 1}
e = d.copy()
d.clear()
print(d, e)
#%% nested update
counts = {}
for word, n in [("a", 1), ("b", 2), ("a", 3)]:
    if word not in counts:
        counts[word] = 0
    counts[word] += n
print(counts)
#%% roman numerals
def to_roman(num):
    table = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    out = ""
    for value, sym in table:
        while num >= value:
            out += sym
            num -= value
    return out

def from_roman(s):
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for i in range(len(s)):
        if i + 1 < len(s) and values[s[i]] < values[s[i + 1]]:
            total -= values[s[i]]
        else:
            total += values[s[i]]
    return total

for n in (4, 9, 14, 1994, 2024):
    print(n, to_roman(n), from_roman(to_roman(n)))
#%% bfs
def bfs(graph, start):
    visited = []
    queue = [start]
    while queue:
        node = queue.pop(0)
        if node not in visited:
            visited.append(node)
            queue.extend(graph[node])
    return visited

print(bfs({"A": ["B", "C"], "B": ["D"], "C": ["D"], "D": []}, "A"))
#%% dfs recursive
def dfs(graph, node, seen=None):
    if seen is None:
        seen = set()
    seen.add(node)
    print(node)
    for n in graph[node]:
        if n not in seen:
            dfs(graph, n, seen)

dfs({1: [2, 3], 2: [4], 3: [4], 4: []}, 1)
#%% bank
accounts = {"alice": 100, "bob": 50}
def transfer(src, dst, amount):
    if accounts[src] < amount:
        return False
    accounts[src] -= amount
    accounts[dst] += amount
    return True

print(transfer("alice", "bob", 30), transfer("bob", "alice", 500), accounts)
#%% word lengths
sentence = "the quick brown fox"
print({word: len(word) for word in sentence.split()})
#%% dict with none
d = {"a": None, "b": 1}
for k, v in d.items():
    print(k, v is None)
#%% list of dicts sort
students = [{"name": "A", "grade": 3.5}, {"name": "B", "grade": 3.9}, {"name": "C", "grade": 3.1}]
for s in sorted(students, key=lambda s: s["grade"], reverse=True):
    print(s["name"], s["grade"])
best = max(students, key=lambda s: s["grade"])
print(best["name"], [s["name"] for s in students if s["grade"] > 3.2])
