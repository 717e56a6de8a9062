#%% overflow mul
def f(a, b): return a * b
print(f(3037000499, 3037000499), f(3037000500, 3037000500))
#%% overflow shift
x = 1
for i in range(0, 70, 7):
    print(i, x << i)
#%% shift zero huge
z = 0
n = 1000
print(z << n, 5 >> n, -5 >> n, 1 >> 63, -1 >> 64)
#%% shift negative
n = -1
try:
    print(1 << n)
except ValueError as e:
    print(e)
try:
    print(1 >> n)
except ValueError as e:
    print(e)
#%% int literals
print(0x7fffffffffffffff, 0b101, 0o17, 1_000_000, 0xFF_FF, 00, 1e3, 1E-3, .5, 5., 1_0.0_1)
#%% int of float
for f in [1.9, -1.9, 0.0, -0.0, 1e15, 1e18, 123456789.987]:
    print(int(f))
#%% int of huge float
print(int(1e18), int(9.2e18))
print(int(1e19))
#%% int of str uncaught
print(int("abc"))
#%% float repr
for x in [0.1, 1/3, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 1.0, -0.0, 5e-324, 1.7976931348623157e308, 2.5, 1e22, 1e21, 100000.0, 0.30000000000000004, 9007199254740993.0, 4.35, 1e100]:
    print(x, repr(x), str(x), [x])
#%% inf mod
inf = float("inf")
print(inf % 2, inf // 2)
try:
    print(inf % 0)
except ZeroDivisionError as e:
    print(e)
print(divmod(7.5, inf), divmod(-7.5, inf))
print(0.0 // 1, -0.0 // 1, 0.0 % -1, -0.0 % 1)
#%% zero division uncaught
x = 10
print(x / (x - 10))
#%% modulo uncaught
print(5 % 0)
#%% float modulo uncaught
print(5.5 % 0.0)
#%% divmod signs
for a in (7, -7):
    for b in (2, -2, 3, -3):
        print(a, b, a // b, a % b, divmod(a, b))
for a in (7.5, -7.5):
    for b in (2.0, -2.0, 0.5, -0.3):
        print(a, b, a // b, a % b, divmod(a, b))
#%% mixed comparision exactness
print(9007199254740993 == 9007199254740992.0, 9007199254740993 > 9007199254740992.0)
print(9223372036854775807 == 9223372036854775808.0, 9223372036854775807 < 9223372036854775808.0)
x = 2**53 + 1
y = float(2**53)
print(x == y, x > y, y < x, x != y, x <= y)
#%% bool mix list
xs = [True, 1, 1.0, 0, False, None]
print(xs, xs.count(1), xs.index(False), 0.0 in xs)
xs = [1, True]
ys = [True, 2]
print(xs, ys, sum(ys), sorted([True, False, 2, -1]))
b = True
b += 1
print(b)
b = False
b |= True
print(b)
b = 5
b = b > 3
print(b)
#%% negative zero
z = -0.0
print(z, z == 0, str(z), 0.0 + z, z + z, z * -1, abs(z), -z, round(z), round(-0.4), round(-0.4, 0), int(z))
print(f"{z}", f"{z:.1f}", f"{z:+.0f}", f"{-0.001:.2f}", "%.1f" % z, {z: 1}, {0.0: "a", -0.0: "b"})
print(min(0.0, -0.0), max(-0.0, 0.0), sum([z, z]), sum([z]), [0.0, -0.0].count(0))
print(-0.0 // 1.0, 0.0 / -1, -0.0 ** 2, (-0.0) ** 3)
#%% bit ops negative
print(-5 & 3, -5 | 3, -5 ^ 3, ~5, ~-6, -1 >> 1, -8 >> 2, -7 >> 1, 5 & -1, 0xFF & ~0xF)
print((-1) & 0xFFFFFFFF, -2**31, (1 << 31) - 1, 1 << 62)
print(bin(10), bin(-10), hex(255), hex(-255), oct(8), bin(0), hex(0))
#%% popcount loops
def pop(n):
    c = 0
    while n:
        n &= n - 1
        c += 1
    return c
print([pop(i) for i in range(20)], pop(2**62 - 1))
print(bin(123456).count("1"))
#%% mixed int float var
x = 1
x = x / 2
print(x)
y = 0
for v in [1, 2.5, 3]:
    y += v
print(y)
z = 3
z *= 1.0
print(z)
#%% int stays int float stays float
def avg(xs):
    return sum(xs) / len(xs)
print(avg([1, 2, 3]), avg([1.5, 2.5]), 4 / 2, 4 // 2, 4.0 // 2, 2 ** 2, 2.0 ** 2, 7 % 2.0)
#%% math import forms
from math import sqrt, pi as PI
import math as m
print(sqrt(16), PI, m.floor(2.7), m.sqrt(m.pi))
#%% random lcg
class LCG:
    def __init__(self, seed):
        self.state = seed
    def next(self):
        self.state = (self.state * 1103515245 + 12345) % 2147483648
        return self.state
r = LCG(42)
print([r.next() for _ in range(5)])
inside = 0
n = 2000
for _ in range(n):
    x = r.next() / 2147483648
    y = r.next() / 2147483648
    if x * x + y * y <= 1:
        inside += 1
print(4 * inside / n)
#%% hash fnv
h = 2166136261
for c in "hello world":
    h ^= ord(c)
    h = (h * 16777619) & 0xFFFFFFFF
print(h, hex(h))
#%% collatz
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
print(max(range(1, 3000), key=collatz), collatz(27))
#%% perfect numbers
print([n for n in range(2, 500) if sum(d for d in range(1, n) if n % d == 0) == n])
#%% newton sqrt
def newton(x, eps=1e-12):
    g = x
    n = 0
    while abs(g * g - x) > eps and n < 100:
        g = (g + x / g) / 2
        n += 1
    return g, n
print(newton(2), newton(144), newton(0.25))
#%% as float key
d = {}
for x in [0.1, 0.2, 0.1 + 0.2, 0.3]:
    d[x] = d.get(x, 0) + 1
print(d)
#%% range near max
m = 9223372036854775807
n = 0
for i in range(m - 3, m):
    n += 1
print(n, i)
for i in range(m - 5, m, 4):
    print(i)
print(len(range(0, m, m - 1)))
#%% loop int var reassigned
for i in range(3):
    print(i, end=" ")
    i = 10
print(i)
