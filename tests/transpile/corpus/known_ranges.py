#%% a sum of large ints in a loop over a small range
def f(n):
    t = 0
    for i in range(n):
        t += i * i * i
    return t


print(f(10), f(1000), f(60000))
#%% the edge of 64 bits after a comparison
def below(n):
    if n < 2:
        return n
    return n - 1


def above(n):
    if n > 9223372036854775806:
        return 0
    return n + 1


def between(n):
    if -5 <= n < 7:
        return n * 1152921504606846976
    return 0


print(below(2), below((-9223372036854775807 - 1)), above(9223372036854775806), above(5), between(6), between(-5))
#%% one past the edge
def above(n):
    if n >= 9223372036854775807:
        return n + 1
    return n


for n in [9223372036854775806, 9223372036854775807]:
    print(above(n))
#%% one below the edge
def below(n):
    if not n > (-9223372036854775807 - 1):
        return n - 1
    return n


for n in [-9223372036854775807, (-9223372036854775807 - 1)]:
    print(below(n))
#%% a product at the edge of what is known
def f(n):
    if 0 <= n <= 3037000500:
        return n * n
    return -1


print(f(3037000499))
print(f(3037000500))
#%% what is known ends with an assignment
def f(n):
    if n < 10:
        n = n * 4611686018427387904
        return n + n
    return n


print(f(1))
print(f(0))
print(f(2))
#%% what is known before a loop is not known in it
def f(n, k):
    if n > 100:
        return 0
    while k > 0:
        n = n * 2 + 1
        k -= 1
    return n


print(f(3, 10), f(3, 60))
print(f(100, 58))
#%% what a loop's condition says holds only at its top
def f(n):
    i = 0
    last = 0
    while i < 9223372036854775807:
        last = i
        i = i + n
    return last + i


print(f(4611686018427387904))
#%% two ways that meet
def f(flag, n):
    if flag:
        m = 3
    else:
        m = n
    return m + 9223372036854775800


print(f(True, 1), f(False, 7))
print(f(False, 8))
#%% a range counted down, and by steps
def f(top, by):
    out = []
    for i in range(top, top - 5 * by, -by):
        out.append(i - 1)
    for i in range(top, 3, -7):
        out.append(i * 2 - 6)
    for i in range(-10, 10, 6):
        out.append(i * i + i)
    return out


print(f(30, 2), f(5, 1), f(-9223372036854775800, -1))
#%% the ends of a range near the edge
total = 0
for i in range(9223372036854775800, 9223372036854775807):
    total = i - 9223372036854775800 + total
    j = i + 1
print(total, j)
for i in range((-9223372036854775807 - 1), -9223372036854775805):
    k = i - 0
    print(k)
    print(k - 1)
#%% variables of loops inside each other
def f(n):
    rows = []
    for i in range(n):
        for j in range(i, n):
            k = i * n + j
            if k % 3 == 0:
                continue
            rows.append(k * (i - j) - n)
        i = i * 1000
        rows.append(i)
    return rows


print(f(6))
#%% break, continue, else and what is known after them
def f(values):
    best = -1
    for v in values:
        if v < 0:
            continue
        if v > 1000:
            break
        best = v + best
    else:
        best = best * 9223372036854775807
    return best


print(f([1, 2, -5, 2000]), f([1, 0]))
print(f([5, 1]))
#%% an exception in the middle
def f(values, n):
    m = 5
    try:
        m = n
        m = m + values[3]
        m = 7
    except IndexError:
        return m + 9223372036854775800
    return m


print(f([1, 2, 3, 4], 1), f([1], 7))
print(f([1], 8))
#%% a walrus in the middle of an expression
def f(n):
    x = 3
    y = x + (x := n) + x
    if (x := x + 1) > 5 and x < 10:
        return x * 922337203685477580
    return y


print(f(4), f(5), f(8))
print(f(9))
#%% a chain, not, and, or
def f(a, b):
    if not (a < 0 or b < 0) and a < 4 > b:
        return (a + 1) * (b + 1) * 100000000000000000
    if a > 100 or b > 100:
        return a + b
    if a == b:
        return a * b * 1000000000000000000
    return a - b


print(f(3, 3), f(-1, 5), f(101, 9223372036854775700))
print(f(7, 7))
#%% what an inlined function knows of its arguments
def square(n):
    return n * n


def cube(n):
    return square(n) * n


t = 0
for i in range(2097151):
    if i % 300000 == 0:
        t += cube(i) // 1000003
print(t, cube(2097151))
print(cube(2097152))
#%% lengths and remainders
def f(words):
    t = 0
    for i in range(len(words)):
        t += len(words) * i % 7 - (i & 3) + i // 2 * 3
        t += len(words[i]) - i
    return t


print(f(["a", "bb", "ccc", "dddd", "eeeee"]), f([]))
#%% square roots by a power
import math

x = 1e-320
t = 0.0
for i in range(40000):
    x = x * 1.037 + i * 1e-300
    if x > 1e290:
        x = 1e-310
    r = x ** 0.5
    t += r % 1.0 + math.sqrt(x) % 1.0
    if i % 4000 == 0:
        print(repr(r), repr(x))
print(repr(t))
for x in [0.0, -0.0, 1.0, 2.0, 4.0, 0.25, 5e-324, 2.2250738585072014e-308, 3.0, 1e22, 0.1]:
    print(x ** 0.5, math.sqrt(x))
total = 0.0
for i in range(1, 200000):
    total += i ** 0.5 * 1e-3 + (i * 0.37) ** 0.5
print(repr(total))
y = 2.0
y **= 0.5
print(y, 9 ** 0.5, True ** 0.5)
#%% counting where a condition holds
def f(values, top):
    n = 0
    down = 5
    big = 9223372036854775800
    for v in values:
        if v > 3:
            n += 1
        if v % 2 == 0:
            down -= 3
        if v == top:
            big += 4
        if n > 2 and down < 0:
            n += 10
    return n, down, big


class Flag:
    def __init__(self, n):
        self.n = n


def truths(values, words, flag):
    n = 0
    for v in values:
        if v:
            n += 1
        if words[v % 3]:
            n += 100
        if flag is not None:
            n += 10000
        if not v:
            n += 1000000
    return n


print(f([1, 2, 3, 4, 5, 6], 2), f([], 0), truths([0, 1, 2, 0], ["", "a", ""], Flag(1)))
n = 0
for i in range(100):
    if i * i % 7 == 2:
        n += 1
    if n == 3:
        n += 1
print(n)
#%% counting over the edge
def f(values):
    n = 9223372036854775805
    for v in values:
        if v:
            n += 1
    return n


print(f([True, False, True]))
print(f([True, True, True, False]))
#%% counting what is not set
def f(values):
    for v in values:
        if v > 1:
            n += 1
    return n


f([0, 1, 2])
