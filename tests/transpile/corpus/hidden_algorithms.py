#%% binary searches
def bs(a, t):
    lo, hi = 0, len(a) - 1
    while lo <= hi:
        mid = (lo + hi) // 2
        if a[mid] == t:
            return mid
        if a[mid] < t:
            lo = mid + 1
        else:
            hi = mid - 1
    return -1
def bsr(a, t, lo=0, hi=None):
    if hi is None:
        hi = len(a) - 1
    if lo > hi:
        return -1
    mid = (lo + hi) // 2
    if a[mid] == t:
        return mid
    return bsr(a, t, mid + 1, hi) if a[mid] < t else bsr(a, t, lo, mid - 1)
a = list(range(0, 100, 7))
print([bs(a, x) for x in (0, 49, 98, 50, -1)], [bsr(a, x) for x in (0, 49, 98, 50, -1)])
#%% n queens
def solve(n):
    sols = []
    def place(row, cols, d1, d2, board):
        if row == n:
            sols.append(board[:])
            return
        for c in range(n):
            if c in cols or row + c in d1 or row - c in d2:
                continue
            cols.add(c); d1.add(row + c); d2.add(row - c)
            board.append(c)
            place(row + 1, cols, d1, d2, board)
            board.pop()
            cols.remove(c); d1.remove(row + c); d2.remove(row - c)
    place(0, set(), set(), set(), [])
    return sols
print([len(solve(n)) for n in range(1, 8)])
for c in solve(6)[0]:
    print("." * c + "Q" + "." * (5 - c))
#%% game of life
grid = [[0] * 8 for _ in range(8)]
for r, c in [(1, 2), (2, 3), (3, 1), (3, 2), (3, 3)]:
    grid[r][c] = 1
def step(g):
    h, w = len(g), len(g[0])
    new = []
    for r in range(h):
        row = []
        for c in range(w):
            n = sum(g[(r + dr) % h][(c + dc) % w] for dr in (-1, 0, 1) for dc in (-1, 0, 1) if (dr, dc) != (0, 0))
            row.append(1 if n == 3 or (g[r][c] and n == 2) else 0)
        new.append(row)
    return new
for gen in range(4):
    print(f"gen {gen}:", sum(map(sum, grid)))
    for row in grid:
        print("".join("#" if x else "." for x in row))
    grid = step(grid)
#%% sudoku
board = ["53..7....", "6..195...", ".98....6.", "8...6...3", "4..8.3..1", "7...2...6", ".6....28.", "...419..5", "....8..79"]
g = [[0 if c == "." else int(c) for c in row] for row in board]
def ok(g, r, c, v):
    for i in range(9):
        if g[r][i] == v or g[i][c] == v or g[r // 3 * 3 + i // 3][c // 3 * 3 + i % 3] == v:
            return False
    return True
def solve(g):
    for r in range(9):
        for c in range(9):
            if g[r][c] == 0:
                for v in range(1, 10):
                    if ok(g, r, c, v):
                        g[r][c] = v
                        if solve(g):
                            return True
                        g[r][c] = 0
                return False
    return True
print(solve(g))
for row in g:
    print(" ".join(map(str, row)))
#%% hanoi
moves = []
def hanoi(n, a, b, c):
    if n:
        hanoi(n - 1, a, c, b)
        moves.append((n, a, c))
        hanoi(n - 1, b, a, c)
hanoi(4, "A", "B", "C")
print(len(moves), moves[:4], moves[-1])
for n, a, b in moves[:3]:
    print(f"Move disk {n} from {a} to {b}")
#%% calendar
def leap(y):
    return y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
def days(y, m):
    return 29 if m == 2 and leap(y) else [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m - 1]
def weekday(y, m, d):
    t = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4]
    if m < 3:
        y -= 1
    return (y + y // 4 - y // 100 + y // 400 + t[m - 1] + d) % 7
def show(y, m):
    names = ["January", "February", "March"]
    print(f"{names[m - 1]} {y}".center(20))
    print("Su Mo Tu We Th Fr Sa")
    line = "   " * weekday(y, m, 1)
    for d in range(1, days(y, m) + 1):
        line += f"{d:2d} "
        if weekday(y, m, d) == 6:
            print(line.rstrip())
            line = ""
    if line:
        print(line.rstrip())
show(2024, 2)
print([y for y in range(1896, 1912) if leap(y)], weekday(2024, 7, 4))
#%% statistics
def mean(xs): return sum(xs) / len(xs)
def median(xs):
    s = sorted(xs)
    n = len(s)
    return s[n // 2] if n % 2 else (s[n // 2 - 1] + s[n // 2]) / 2
def mode(xs):
    counts = {}
    for x in xs:
        counts[x] = counts.get(x, 0) + 1
    best = max(counts.values())
    return sorted(k for k, v in counts.items() if v == best)
def var(xs):
    m = mean(xs)
    return sum((x - m) ** 2 for x in xs) / (len(xs) - 1)
data = [2, 4, 4, 4, 5, 5, 7, 9]
print(mean(data), median(data), mode(data), var(data), var(data) ** 0.5, median([3, 1, 2]))
print(f"mean={mean(data):.2f} sd={var(data) ** 0.5:.4f}", round(var([1.5, 2.5, 4]), 3))
def corr(xs, ys):
    mx, my = mean(xs), mean(ys)
    num = sum((x - mx) * (y - my) for x, y in zip(xs, ys))
    den = (sum((x - mx) ** 2 for x in xs) * sum((y - my) ** 2 for y in ys)) ** 0.5
    return num / den
print(corr([1, 2, 3, 4], [2, 4, 6, 9]))
#%% histogram
data = [1, 3, 2, 5, 3, 3, 2]
for v in sorted(set(data)):
    print(f"{v}: {'*' * data.count(v)} ({data.count(v) / len(data):.1%})")
width = 20
mx = max(data)
for i, v in enumerate(data):
    print(f"{i:>2} | {'█' * (v * width // mx):<{width}} | {v}")
#%% prime sieves
def sieve(n):
    is_p = [True] * (n + 1)
    is_p[0] = is_p[1] = False
    p = 2
    while p * p <= n:
        if is_p[p]:
            is_p[p * p::p] = [False] * len(is_p[p * p::p])
        p += 1
    return [i for i, v in enumerate(is_p) if v]
print(sieve(50), len(sieve(1000)))
def factor(n):
    out = []
    d = 2
    while d * d <= n:
        while n % d == 0:
            out.append(d)
            n //= d
        d += 1
    if n > 1:
        out.append(n)
    return out
print(factor(360), factor(97), factor(1001), factor(2**31 - 1))
def gcd(a, b):
    return a if b == 0 else gcd(b, a % b)
print(gcd(48, 18), gcd(17, 5), [n for n in range(1, 30) if all(n % d for d in range(2, n))])
#%% sieve simple
def sieve(n):
    s = [True] * (n + 1)
    s[0] = s[1] = False
    for i in range(2, int(n ** 0.5) + 1):
        if s[i]:
            for j in range(i * i, n + 1, i):
                s[j] = False
    return [i for i in range(n + 1) if s[i]]
print(sieve(100))
#%% gauss
def solve(a, b):
    n = len(a)
    m = [row[:] + [b[i]] for i, row in enumerate(a)]
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[p] = m[p], m[i]
        for r in range(i + 1, n):
            f = m[r][i] / m[i][i]
            for c in range(i, n + 1):
                m[r][c] -= f * m[i][c]
    x = [0] * n
    for i in range(n - 1, -1, -1):
        x[i] = (m[i][n] - sum(m[i][j] * x[j] for j in range(i + 1, n))) / m[i][i]
    return x
print([round(v, 6) for v in solve([[2, 1, -1], [-3, -1, 2], [-2, 1, 2]], [8, -11, -3])])
#%% min edit path dp table
def table(a, b):
    dp = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            dp[i][j] = dp[i-1][j-1] if x == y else 1 + min(dp[i-1][j], dp[i][j-1], dp[i-1][j-1])
    return dp
for row in table("flaw", "lawn"):
    print(row)
#%% lis and max subarray
def lis(a):
    dp = [1] * len(a)
    for i in range(len(a)):
        for j in range(i):
            if a[j] < a[i]:
                dp[i] = max(dp[i], dp[j] + 1)
    return max(dp) if dp else 0
def kadane(a):
    best = cur = a[0]
    s = start = end = 0
    for i, x in enumerate(a[1:], 1):
        if cur < 0:
            cur, s = x, i
        else:
            cur += x
        if cur > best:
            best, start, end = cur, s, i
    return best, a[start:end + 1]
print(lis([10, 9, 2, 5, 3, 7, 101, 18]), lis([]), kadane([-2, 1, -3, 4, -1, 2, 1, -5, 4]), kadane([-3, -1, -2]))
#%% two sum etc
def two_sum(nums, target):
    seen = {}
    for i, n in enumerate(nums):
        if target - n in seen:
            return [seen[target - n], i]
        seen[n] = i
    return None
def three_sum(nums):
    nums.sort()
    out = set()
    for i in range(len(nums)):
        l, r = i + 1, len(nums) - 1
        while l < r:
            s = nums[i] + nums[l] + nums[r]
            if s == 0:
                out.add((nums[i], nums[l], nums[r]))
                l += 1; r -= 1
            elif s < 0:
                l += 1
            else:
                r -= 1
    return sorted(out)
print(two_sum([2, 7, 11, 15], 9), two_sum([1], 5), three_sum([-1, 0, 1, 2, -1, -4]))
#%% intervals
def merge(iv):
    iv = sorted(iv, key=lambda x: x[0])
    out = [iv[0][:]]
    for s, e in iv[1:]:
        if s <= out[-1][1]:
            out[-1][1] = max(out[-1][1], e)
        else:
            out.append([s, e])
    return out
print(merge([[1, 3], [2, 6], [8, 10], [15, 18], [9, 12]]))
def merge_t(iv):
    out = []
    for s, e in sorted(iv):
        if out and s <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], e))
        else:
            out.append((s, e))
    return out
print(merge_t([(1, 4), (4, 5), (7, 9)]))
#%% union find
class DSU:
    def __init__(self, n):
        self.parent = list(range(n))
        self.rank = [0] * n
        self.count = n
    def find(self, x):
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x
    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if self.rank[a] < self.rank[b]:
            a, b = b, a
        self.parent[b] = a
        if self.rank[a] == self.rank[b]:
            self.rank[a] += 1
        self.count -= 1
        return True
d = DSU(6)
edges = [(4, 0, 1), (1, 1, 2), (3, 0, 2), (2, 3, 4), (9, 2, 3), (5, 4, 5)]
mst = 0
for w, a, b in sorted(edges):
    if d.union(a, b):
        mst += w
print(mst, d.count, [d.find(i) == d.find(0) for i in range(6)])
#%% bfs deque
from collections import deque
def bfs(g, s):
    seen = {s}
    q = deque([s])
    out = []
    while q:
        n = q.popleft()
        out.append(n)
        for m in g.get(n, []):
            if m not in seen:
                seen.add(m)
                q.append(m)
    return out
print(bfs({1: [2, 3], 2: [4], 3: [4], 4: []}, 1))
#%% type checks
def describe(x):
    if isinstance(x, bool):
        return "bool"
    if isinstance(x, int):
        return "int"
    if isinstance(x, float):
        return "float"
    if isinstance(x, str):
        return "str"
    if isinstance(x, (list, tuple)):
        return f"seq of {len(x)}"
    if isinstance(x, dict):
        return "dict"
    if x is None:
        return "None"
    return "other"
for v in [True, 5, 2.5, "s", [1], (1, 2), {}, None, {1}]:
    print(describe(v), type(v).__name__)
#%% string formatting table
rows = [("Apple", 1.5, 10), ("Banana", 0.25, 150), ("Cherry", 12.0, 3)]
print(f"{'Item':<10}|{'Price':>8}|{'Qty':^5}")
print("-" * 25)
for n, p, q in rows:
    print(f"{n:<10}|{p:>8.2f}|{q:^5d}")
total = sum(p * q for _, p, q in rows)
print("=" * 25)
print(f"{'Total':<10}|{total:>14,.2f}")
#%% fizzbuzz variants
for i in range(1, 16):
    print("FizzBuzz" if i % 15 == 0 else "Fizz" if i % 3 == 0 else "Buzz" if i % 5 == 0 else i)
print(["Fizz" * (i % 3 == 0) + "Buzz" * (i % 5 == 0) or str(i) for i in range(1, 16)])
#%% temperature converter
def c2f(c): return c * 9 / 5 + 32
def f2c(f): return (f - 32) * 5 / 9
for t in range(-40, 101, 35):
    print(f"{t:>4}°C = {c2f(t):>6.1f}°F = {f2c(c2f(t)):>6.1f}°C")
#%% password check
def check(p):
    errs = []
    if len(p) < 8: errs.append("too short")
    if not any(c.isupper() for c in p): errs.append("no upper")
    if not any(c.isdigit() for c in p): errs.append("no digit")
    if not any(c in "!@#$%" for c in p): errs.append("no special")
    return (not errs, errs)
for p in ["abc", "Abcdefg1", "Abcdef1!"]:
    ok, errs = check(p)
    print(p, ok, ", ".join(errs) or "fine")
#%% text stats
text = """The quick brown fox.
It jumps over the lazy dog!
Does it? Yes, it does."""
lines = text.split("\n")
words = text.split()
print(len(lines), len(words), len(text))
longest = max(words, key=len)
print(longest, sum(len(w.strip(".,!?")) for w in words) / len(words))
freq = {}
for ch in text.lower():
    if ch.isalpha():
        freq[ch] = freq.get(ch, 0) + 1
for ch, n in sorted(freq.items(), key=lambda x: (-x[1], x[0]))[:5]:
    print(ch, n)
print(" ".join(w.capitalize() for w in words[:4]), [w[::-1] for w in words[:3]])
#%% csv parse
data = """name,age,city
Alice,30,Paris
Bob,25,"New York"
Carol,,Rome"""
def parse_line(line):
    out, cur, quoted = [], "", False
    for ch in line:
        if ch == '"':
            quoted = not quoted
        elif ch == "," and not quoted:
            out.append(cur)
            cur = ""
        else:
            cur += ch
    out.append(cur)
    return out
lines = data.splitlines()
head = parse_line(lines[0])
rows = [dict(zip(head, parse_line(l))) for l in lines[1:]]
for r in rows:
    print(r)
ages = [int(r["age"]) for r in rows if r["age"]]
print(sum(ages) / len(ages), sorted(rows, key=lambda r: r["city"])[0]["name"])
#%% json like printer
def dump(v, ind=0):
    pad = "  " * ind
    if isinstance(v, dict):
        if not v:
            return "{}"
        return "{\n" + ",\n".join(f'{pad}  "{k}": {dump(x, ind + 1)}' for k, x in v.items()) + "\n" + pad + "}"
    if isinstance(v, list):
        return "[" + ", ".join(dump(x, ind + 1) for x in v) + "]"
    if isinstance(v, str):
        return f'"{v}"'
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true" if v else "false"
    return str(v)
print(dump({"a": 1, "b": [1, "x", None, True], "c": {"d": 2.5, "e": {}}}))
#%% tic tac toe
def winner(b):
    lines = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
    for x, y, z in lines:
        if b[x] != " " and b[x] == b[y] == b[z]:
            return b[x]
    return "draw" if " " not in b else None
def minimax(b, p):
    w = winner(b)
    if w == "X": return 1
    if w == "O": return -1
    if w == "draw": return 0
    scores = []
    for i in range(9):
        if b[i] == " ":
            b[i] = p
            scores.append(minimax(b, "O" if p == "X" else "X"))
            b[i] = " "
    return max(scores) if p == "X" else min(scores)
b = ["X", "O", "X", " ", "O", " ", " ", " ", " "]
print(minimax(b, "X"), winner(list("XXXOO    ")), winner(list("XOXXOOOXX")))
for i in range(0, 9, 3):
    print("|".join(b[i:i + 3]))
#%% maze dfs
maze = ["S.#.....", ".##.###.", "....#...", ".####.#E"]
R, C = len(maze), len(maze[0])
def find(ch):
    for r in range(R):
        for c in range(C):
            if maze[r][c] == ch:
                return r, c
    return None
def dfs(pos, end, path, seen):
    if pos == end:
        return path
    r, c = pos
    for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        nr, nc = r + dr, c + dc
        if 0 <= nr < R and 0 <= nc < C and maze[nr][nc] != "#" and (nr, nc) not in seen:
            seen.add((nr, nc))
            res = dfs((nr, nc), end, path + [(nr, nc)], seen)
            if res:
                return res
    return None
s, e = find("S"), find("E")
p = dfs(s, e, [s], {s})
print(s, e, len(p) if p else None, p[:3] if p else None)
#%% luhn and isbn
def luhn(s):
    d = [int(c) for c in s if c.isdigit()][::-1]
    return sum(x if i % 2 == 0 else sum(divmod(x * 2, 10)) for i, x in enumerate(d)) % 10 == 0
print(luhn("4539 1488 0343 6467"), luhn("8273 1232 7352 0569"))
def isbn10(s):
    s = s.replace("-", "")
    if len(s) != 10: return False
    t = 0
    for i, c in enumerate(s):
        if c == "X" and i == 9: v = 10
        elif c.isdigit(): v = int(c)
        else: return False
        t += v * (10 - i)
    return t % 11 == 0
print(isbn10("0-306-40615-2"), isbn10("0-8044-2957-X"), isbn10("123"))
#%% pascal and catalan
def pascal(n):
    row = [1]
    for _ in range(n):
        yield_row = row
        row = [1] + [a + b for a, b in zip(row, row[1:])] + [1]
    return row
print(pascal(5), [sum(pascal(i)) for i in range(6)])
def catalan(n):
    c = [1]
    for i in range(1, n + 1):
        c.append(sum(c[j] * c[i - 1 - j] for j in range(i)))
    return c
print(catalan(10))
def partitions(n, m=None):
    if m is None: m = n
    if n == 0: return 1
    return sum(partitions(n - k, k) for k in range(1, min(n, m) + 1))
print([partitions(i) for i in range(10)])
#%% collatz cache
cache = {1: 1}
def length(n):
    if n not in cache:
        cache[n] = 1 + length(n // 2 if n % 2 == 0 else 3 * n + 1)
    return cache[n]
best = max(range(1, 1000), key=length)
print(best, length(best), len(cache) > 1000)
#%% compound interest
def grow(p, r, y):
    for year in range(1, y + 1):
        p *= 1 + r / 100
        print(f"Year {year}: ${p:,.2f}")
    return round(p, 2)
print(grow(1000, 5, 4))
pay = 1000 * 0.01 / (1 - 1.01 ** -12)
print(f"{pay:.2f}", 1.01 ** 12, 2 ** 0.5)
