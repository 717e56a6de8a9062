#%% matrix determinant
def det(m):
    if len(m) == 1:
        return m[0][0]
    if len(m) == 2:
        return m[0][0] * m[1][1] - m[0][1] * m[1][0]
    total = 0
    for c in range(len(m)):
        minor = [row[:c] + row[c + 1:] for row in m[1:]]
        total += (-1) ** c * m[0][c] * det(minor)
    return total
print(det([[1, 2, 3], [0, 1, 4], [5, 6, 0]]))
#%% knapsack
def knapsack(weights, values, cap):
    n = len(weights)
    dp = [[0] * (cap + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for w in range(cap + 1):
            dp[i][w] = dp[i - 1][w]
            if weights[i - 1] <= w:
                dp[i][w] = max(dp[i][w], dp[i - 1][w - weights[i - 1]] + values[i - 1])
    return dp[n][cap]
print(knapsack([1, 3, 4, 5], [1, 4, 5, 7], 7))
#%% lcs
def lcs(a, b):
    dp = [[""] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            if x == y:
                dp[i + 1][j + 1] = dp[i][j] + x
            else:
                dp[i + 1][j + 1] = max(dp[i][j + 1], dp[i + 1][j], key=len)
    return dp[-1][-1]
print(lcs("AGGTAB", "GXTXAYB"))
#%% edit distance
def edit(a, b):
    m, n = len(a), len(b)
    d = [[0] * (n + 1) for _ in range(m + 1)]
    for i in range(m + 1):
        d[i][0] = i
    for j in range(n + 1):
        d[0][j] = j
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost)
    return d[m][n]
print(edit("kitten", "sitting"))
#%% n queens
def solve(n):
    count = 0
    def place(row, cols, d1, d2):
        nonlocal count
        if row == n:
            count += 1
            return
        for c in range(n):
            if c in cols or row + c in d1 or row - c in d2:
                continue
            place(row + 1, cols | {c}, d1 | {row + c}, d2 | {row - c})
    place(0, set(), set(), set())
    return count
print(solve(6))
#%% game of life
def step(g):
    h, w = len(g), len(g[0])
    new = [[0] * w for _ in range(h)]
    for y in range(h):
        for x in range(w):
            n = sum(g[(y + dy) % h][(x + dx) % w] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)
            new[y][x] = 1 if n == 3 or (g[y][x] and n == 2) else 0
    return new
g = [[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
for _ in range(2):
    g = step(g)
    print("\n".join("".join("#" if c else "." for c in r) for r in g))
#%% dijkstra
def dijkstra(graph, start):
    dist = {n: float("inf") for n in graph}
    dist[start] = 0
    todo = list(graph)
    while todo:
        u = min(todo, key=lambda n: dist[n])
        todo.remove(u)
        for v, w in graph[u].items():
            if dist[u] + w < dist[v]:
                dist[v] = dist[u] + w
    return dist
print(dijkstra({"A": {"B": 1, "C": 4}, "B": {"C": 2, "D": 5}, "C": {"D": 1}, "D": {}}, "A"))
#%% balanced parens
def balanced(s):
    stack = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for c in s:
        if c in "([{":
            stack.append(c)
        elif c in pairs:
            if not stack or stack.pop() != pairs[c]:
                return False
    return not stack
print(balanced("([]{})"), balanced("([)]"), balanced("("))
#%% rpn
def rpn(expr):
    stack = []
    for tok in expr.split():
        if tok in "+-*/":
            b = stack.pop()
            a = stack.pop()
            if tok == "+": stack.append(a + b)
            elif tok == "-": stack.append(a - b)
            elif tok == "*": stack.append(a * b)
            else: stack.append(a / b)
        else:
            stack.append(float(tok))
    return stack[0]
print(rpn("3 4 + 2 *"), rpn("5 1 2 + 4 * + 3 -"))
#%% lru
class LRU:
    def __init__(self, cap):
        self.cap = cap
        self.data = {}
    def get(self, k):
        if k not in self.data:
            return -1
        v = self.data.pop(k)
        self.data[k] = v
        return v
    def put(self, k, v):
        if k in self.data:
            self.data.pop(k)
        elif len(self.data) >= self.cap:
            oldest = next(iter(self.data))
            del self.data[oldest]
        self.data[k] = v
c = LRU(2)
c.put(1, 1); c.put(2, 2); print(c.get(1)); c.put(3, 3); print(c.get(2), c.data)
#%% heap
class MinHeap:
    def __init__(self):
        self.h = []
    def push(self, x):
        self.h.append(x)
        i = len(self.h) - 1
        while i > 0 and self.h[(i - 1) // 2] > self.h[i]:
            p = (i - 1) // 2
            self.h[i], self.h[p] = self.h[p], self.h[i]
            i = p
    def pop(self):
        top = self.h[0]
        last = self.h.pop()
        if self.h:
            self.h[0] = last
            i = 0
            while True:
                s = i
                for c in (2 * i + 1, 2 * i + 2):
                    if c < len(self.h) and self.h[c] < self.h[s]:
                        s = c
                if s == i:
                    break
                self.h[i], self.h[s] = self.h[s], self.h[i]
                i = s
        return top
h = MinHeap()
for x in [5, 3, 8, 1]:
    h.push(x)
print([h.pop() for _ in range(4)])
#%% bank with history
class Account:
    interest = 0.05
    def __init__(self, owner):
        self.owner = owner
        self.history = []
        self.balance = 0.0
    def apply(self, kind, amount):
        if kind == "deposit":
            self.balance += amount
        elif kind == "withdraw":
            if amount > self.balance:
                raise ValueError(f"{self.owner} has only {self.balance:.2f}")
            self.balance -= amount
        self.history.append((kind, amount))
    def year(self):
        self.balance *= 1 + Account.interest
a = Account("Eve")
for k, v in [("deposit", 100), ("withdraw", 30.5), ("withdraw", 500)]:
    try:
        a.apply(k, v)
    except ValueError as e:
        print("failed:", e)
a.year()
print(f"{a.balance:.2f}", a.history)
#%% tokenizer
def tokenize(s):
    out = []
    i = 0
    while i < len(s):
        c = s[i]
        if c.isspace():
            i += 1
        elif c.isdigit():
            j = i
            while j < len(s) and s[j].isdigit():
                j += 1
            out.append(("NUM", int(s[i:j])))
            i = j
        else:
            out.append(("OP", c))
            i += 1
    return out
print(tokenize("12 + 34*(5-6)"))
#%% primes dict
factors = {}
for n in range(2, 30):
    fs = []
    m = n
    p = 2
    while m > 1:
        while m % p == 0:
            fs.append(p)
            m //= p
        p += 1
    factors[n] = fs
print(factors)
#%% statistics
def median(xs):
    s = sorted(xs)
    n = len(s)
    mid = n // 2
    return s[mid] if n % 2 else (s[mid - 1] + s[mid]) / 2
def mode(xs):
    counts = {}
    for x in xs:
        counts[x] = counts.get(x, 0) + 1
    return max(counts, key=counts.get)
data = [3, 1, 4, 1, 5, 9, 2, 6]
print(median(data), median([1, 2, 3]), mode(data))
#%% temperature stats
temps = {"Mon": 22.5, "Tue": 19.0, "Wed": 24.8}
avg = sum(temps.values()) / len(temps)
print(f"Average: {avg:.1f}")
for day, t in temps.items():
    status = "above" if t > avg else "below"
    print(f"{day:<5}{t:>6.1f} {status}")
hottest = max(temps.items(), key=lambda kv: kv[1])
print(hottest)
#%% text report
rows = [("apple", 3, 0.5), ("banana", 12, 0.25)]
print(f"{'item':<10}|{'qty':>5}|{'total':>8}")
print("-" * 25)
for name, qty, price in rows:
    print(f"{name:<10}|{qty:>5}|{qty * price:>8.2f}")
print("=" * 25)
#%% while true menu
state = 0
log = []
while True:
    if state == 0:
        log.append("start")
        state = 1
    elif state == 1:
        log.append("work")
        state = 2
    else:
        log.append("stop")
        break
print(log)
