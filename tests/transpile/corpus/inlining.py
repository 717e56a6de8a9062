#%% a small function that raises, its frames in the traceback
def check(n):
    if n > 3:
        raise ValueError("too much: " + str(n))
    return n * 2


def outer(n):
    return check(n) + check(n + 1)


for i in range(10):
    print(outer(i))
#%% a small function whose exception is caught around the call
def half(n):
    if n % 2:
        raise ValueError(n)
    return n // 2


def try_half(n):
    try:
        return half(n)
    except ValueError as e:
        return -n


def pick(values, i):
    return values[i]


total = 0
for i in range(8):
    try:
        total += half(i)
    except ValueError:
        total += 100
    finally:
        total += 1
    try:
        total += pick([1, 2, 3], i)
    except IndexError:
        break
print(total, [try_half(i) for i in range(6)])
#%% division by zero inside of two small functions
def ratio(a, b):
    return a / b


def mean(values):
    return ratio(sum(values), len(values))


for values in [[1, 2], [3.5], []]:
    print(mean(values))
#%% recursion of one, two and three functions
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def a(n):
    return 1 if n <= 0 else b(n - 1) + 1


def b(n):
    return 2 if n <= 0 else c(n - 2) + 1


def c(n):
    return 3 if n <= 0 else a(n - 3) + 1


print([fib(i) for i in range(15)], even(100), odd(77), [a(i) for i in range(20)])
#%% a depth that Python just allows, by small functions
def down(n):
    if n == 0:
        return 0
    return down(n - 1) + 1


def ping(n):
    return 0 if n == 0 else pong(n - 1) + 1


def pong(n):
    return 0 if n == 0 else ping(n - 1) + 1


print(down(900), ping(900))
#%% a depth that Python does not allow
def down(n):
    if n == 0:
        return 0
    return down(n - 1) + 1


for n in (10, 500, 990, 1100):
    print(down(n))
#%% recursion without an end
def down(n):
    return down(n + 1) + 1


try:
    print(down(0))
except RecursionError:
    print("too deep")
#%% parameters that are assigned, and variables of the same names
def gcd(a, b):
    if a < b:
        a, b = b, a
    r = a % b
    if r == 0:
        return b
    return gcd(b, r)


def swap(a, b):
    t = a
    a = b
    b = t
    return a - b


a, b, t, r = 48, 36, 5, 7
for i in range(1, 5):
    print(gcd(a * i, b), swap(a, i), a, b, t, r)
#%% a variable that only some ways set
def f(values):
    if values[0] > 5:
        x = 1
    return x


for v in [9, 7, 1]:
    print(f([v]))
#%% results of several types, None and no return
def nothing(n):
    n + 1


def maybe(n):
    if n > 1:
        return [n]


def either(n):
    if n > 1:
        return 1.5
    return n


for i in range(4):
    print(nothing(i), maybe(i), either(i))
#%% lists and texts made in small functions while much is allocated
def pair(a, b):
    return [a, b]


def word(n):
    return "w" + str(n)


def both(n):
    return pair(word(n), pair(word(n + 1), word(n + 2))[1])


kept = []
for i in range(30000):
    p = both(i)
    if i % 1000 == 0:
        kept.append(p)
    q = [word(i)] * 50
print(len(kept), kept[3], kept[-1])
#%% small methods, constructors and operators
class Vector:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def dot(self, other):
        return self.x * other.x + self.y * other.y

    @property
    def size(self):
        return self.dot(self) ** 0.5

    def scaled(self, by):
        if by == 0:
            raise ValueError("no size")
        return Vector(self.x * by, self.y * by)


class Named(Vector):
    def __init__(self, name, x, y):
        super().__init__(x, y)
        self.name = name

    def dot(self, other):
        return super().dot(other) + 1


sum_ = Vector(0, 0)
for i in range(5):
    sum_ = sum_ + Vector(i, i * i) + Named("n", 1, 2)
    print(sum_.x, sum_.y, sum_.dot(Vector(1, 2)), Named("m", i, 3).dot(sum_), sum_.size)
print(sum_.scaled(2).size, sum_.scaled(0).size)
#%% defaults, keywords and the order of arguments
def order(a, b=2, c=3):
    return a * 100 + b * 10 + c


def note(log, n):
    log.append(n)
    return n


log = []
for i in range(3):
    print(order(i), order(i, c=5), order(c=note(log, 1), a=note(log, 2), b=note(log, 3)), order(b=i, a=1))
print(log)
#%% a global that a small function changes
count = 0


def tick(n):
    global count
    count += n
    return count


for i in range(5):
    print(tick(i) + tick(1) * 10, count)
#%% overflow inside a small function is the interpreter's
def square(n):
    return n * n


n = 3
for i in range(8):
    n = square(n)
    print(n)
#%% asserts and conditions of small functions
def clamp(n, low, high):
    assert low <= high, f"{low} > {high}"
    return low if n < low else high if n > high else n


for i in range(6):
    print(clamp(i, 1, 4), clamp(i * 1.5, 0.0, 3.5), clamp(i, 3, 5 - i))
