#%% nested calls
def f(x):
    return g(x) + 1


def g(y):
    return 10 // (y - 3)


print(f(1))
f(3)
#%% recursion repeats
def walk(n):
    if n == 0:
        return [1, 2, 3][7]
    return walk(n - 1)


walk(20)
#%% recursion of four
def walk(n):
    if n == 0:
        raise ValueError("the end")
    walk(n - 1)


walk(4)
#%% mutual recursion
def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    if n == 0:
        raise RuntimeError("odd")
    return even(n - 1)


print(even(10))
print(even(7))
#%% operators
def average(xs):
    return sum(xs) / len(xs)


print(average([1, 2, 3]))
print(average([]))
#%% operator in parentheses
a, b = 7, 0
c = (a + 1) * ((a - 2)  //  (b)) + 3
#%% modulo
def mod(a, b):
    return a%b + 1
print(mod(7, 3))
print(mod(7, 0))
#%% augmented
x = 10
d = 0
x //= d
#%% augmented element
xs = [1, 2]
i = 5
xs[i] += 1
#%% augmented dict
counts = {"a": 1}
for word in ["a", "b"]:
    counts[word] += 1
#%% element of element
rows = [[1, 2], [3]]
print(rows[0][1], rows[1][1])
#%% dict of list
table = {"x": [1, 2]}
key = "y"
print(table[key][0])
#%% element assigned
xs = [0] * 3
for i in range(4):
    xs[i] = i * i
#%% element deleted
d = {1: 2}
del d[1]
del d[1]
#%% several lines
def total(items):
    return (items["a"]
            + items["b"]
            + items["c"])


print(total({"a": 1, "b": 2}))
#%% call over lines
def check(name, value, low, high):
    if not low <= value <= high:
        raise ValueError(
            "out of range: "
            + name
        )
    return value


check("x", 3, 0, 10)
check(
    "y",
    30,
    0,
    10,
)
#%% long call
def take(a, b, c, d, e, f):
    return a // f


result = take(
    1,
    2,
    3,
    4,
    5,
    0,
)
#%% assigned call
def fail():
    raise KeyError("k")


value = fail()
#%% assigned in parentheses
def fail():
    raise KeyError("k")


value = (fail())  # with a comment
#%% returned call with more
def fail(n):
    raise ValueError("n is " + str(n))


def outer(n):
    return fail(n) + 1


outer(3)
#%% on one line
x = 3
if x > 2: raise ValueError("too large")
#%% statements on one line
x = 1; y = [x][1]; z = 2
#%% method
class Account:
    def __init__(self, owner, balance):
        self.owner = owner
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError(f"insufficient funds: {self.balance} < {amount}")
        self.balance -= amount
        return self.balance


account = Account("Ann", 100)
print(account.withdraw(30))
print(account.withdraw(100))
#%% constructor
class Temperature:
    def __init__(self, celsius):
        if celsius < -273.15:
            raise ValueError("below absolute zero")
        self.celsius = celsius


t = Temperature(20.0)
t = Temperature(-300.0)
#%% property
class Ratio:
    def __init__(self, a, b):
        self.a = a
        self.b = b

    @property
    def value(self):
        return self.a / self.b


print(Ratio(1, 2).value)
print(Ratio(1, 0).value)
#%% operator method
class V:
    def __init__(self, x):
        self.x = x

    def __add__(self, other):
        if other.x < 0:
            raise ArithmeticError("negative")
        return V(self.x + other.x)


print((V(1) + V(2)).x)
print((V(1) + V(-2)).x)
#%% super
class Base:
    def run(self, n):
        return 100 // n


class Derived(Base):
    def run(self, n):
        return super().run(n) + 1


print(Derived().run(3))
Derived().run(0)
#%% chained methods
class Builder:
    def __init__(self):
        self.parts = []

    def add(self, part):
        if not part:
            raise ValueError("empty part")
        self.parts.append(part)
        return self


b = Builder()
b.add("a").add("b")
b.add("a").add("")
#%% chained methods over lines
class Builder:
    def __init__(self):
        self.parts = []

    def add(self, part):
        if not part:
            raise ValueError("empty part")
        self.parts.append(part)
        return self


b = Builder()
c = (b
     .add("a")
     .add("")
     .add("c"))
#%% lambda
f = lambda x: 10 // x
print(f(5))
print(f(0))
#%% lambda as key
words = ["a", "", "b"]
print(sorted(words, key=lambda w: w[0]))
#%% map
print(list(map(int, ["1", "2", "x"])))
#%% comprehension
xs = [1, 2, 0]
print([6 // x for x in xs])
#%% comprehension over lines
data = {"a": 1, "b": 0}
inverse = {
    key: 1 / value
    for key, value in data.items()
}
#%% nested comprehension
rows = [[1, 2], [3, 0]]
print([[6 // x for x in row] for row in rows])
#%% generator
xs = [1, 2, 0]
print(sum(6 // x for x in xs))
#%% generator in a function
def ratio(pairs):
    return max(a / b for a, b in pairs)


print(ratio([(1, 2), (3, 4)]))
print(ratio([(1, 2), (3, 0)]))
#%% generator in join
names = ["a", "b"]
index = {"a": 1}
print(", ".join(str(index[n]) for n in names))
#%% generator with a call
def inverse(x):
    return 1 / x


print(any(inverse(x) > 1 for x in [2, 1, 0]))
#%% condition of a generator
print(sum(x for x in [3, 2, 0] if 6 % x == 0))
#%% f-string
d = {"x": 1}
print(f"{d['x']} and {d['y']:>5}")
#%% f-string over lines
a, b = 1, 0
print(f"first {a} "
      f"second {a // b}")
#%% int of text
def parse(line):
    key, value = line.split("=")
    return key, int(value)


print(parse("a=1"))
print(parse("b=two"))
#%% unpacking
def parse(line):
    key, value = line.split("=")
    return key, value


print(parse("a=1"))
print(parse("a=1=2"))
#%% unpacking too few
a, b, c = [1, 2]
#%% unpacking in a loop
for name, value in [["a", "1"], ["b"]]:
    print(name, value)
#%% float of text
values = ["1.5", "abc"]
print([float(v) for v in values])
#%% index of text
s = "hello"
print(s.index("z"))
#%% character of text
s = "hello"
i = 10
print(s[1], s[i])
#%% remove from list
xs = [1, 2]
xs.remove(3)
#%% pop of nothing
stack = []
stack.append(1)
stack.pop()
stack.pop()
#%% pop of a key
d = {"a": 1}
d.pop("a")
d.pop("a")
#%% remove from set
s = {1, 2}
s.remove(3)
#%% index in list
xs = ["a", "b"]
print(xs.index("c"))
#%% max of nothing
def best(xs):
    return max(xs)


best([])
#%% min with key
print(min([], key=lambda x: -x))
#%% range step
for i in range(0, 10, 0):
    print(i)
#%% chr
print(chr(-1))
#%% sqrt
import math
print(math.sqrt(4.0))
print(math.sqrt(-1.0))
#%% log
import math
def entropy(ps):
    return -sum(p * math.log2(p) for p in ps)
print(entropy([0.5, 0.5]))
print(entropy([1.0, 0.0]))
#%% assert
def mean(xs):
    assert xs, "no values"
    return sum(xs) / len(xs)


print(mean([1, 2]))
print(mean([]))
#%% assert of a comparison
def check(a, b):
    assert a * 2 == b
check(1, 2)
check(2, 3)
#%% assert over lines
xs = [3, 1, 2]
assert xs == sorted(xs), (
    "not sorted"
)
#%% raise a class
class Boom(Exception):
    pass


def f():
    raise Boom


f()
#%% own message
class NotFound(Exception):
    def __init__(self, name):
        super().__init__(f"no {name} here")
        self.name = name


def find(name, names):
    for i, n in enumerate(names):
        if n == name:
            return i
    raise NotFound(name)


print(find("b", ["a", "b"]))
print(find("z", ["a", "b"]))
#%% own text
class Odd(Exception):
    def __str__(self):
        return "odd one out"


raise Odd()
#%% several lines of message
raise ValueError("first\nsecond")
#%% caught and raised again
def f():
    return {}["q"]


try:
    f()
except KeyError:
    print("seen")
    raise
#%% caught and raised again by name
def f():
    return {}["q"]


def g():
    try:
        f()
    except KeyError as e:
        print("seen")
        raise e


g()
#%% raised while handling
def load(name):
    try:
        return {"a": 1}[name]
    except KeyError:
        raise ValueError("no such name: " + name)


print(load("a"))
load("b")
#%% raised from
def load(name):
    try:
        return {"a": 1}[name]
    except KeyError as e:
        raise ValueError("no such name: " + name) from e


print(load("a"))
load("b")
#%% raised from None
def load(name):
    try:
        return {"a": 1}[name]
    except KeyError:
        raise ValueError("no such name: " + name) from None


print(load("a"))
load("b")
#%% failed while handling
try:
    print(1 // 0)
except ZeroDivisionError:
    print([1, 2][5])
#%% failed in a function while handling
def clean_up(xs):
    return xs[10]


def work():
    try:
        int("x")
    except ValueError:
        clean_up([1])


work()
#%% three in a row
def a():
    raise KeyError("first")


def b():
    try:
        a()
    except KeyError as e:
        raise ValueError("second") from e


def c():
    try:
        b()
    except ValueError:
        raise RuntimeError("third")


c()
#%% handled before
try:
    int("x")
except ValueError:
    print("handled")
try:
    int("y")
except ValueError as e:
    print("handled", e)
raise RuntimeError("alone")
#%% handled inside of a handler
def quiet():
    try:
        return [][1]
    except IndexError:
        return None


try:
    int("x")
except ValueError:
    quiet()
    raise RuntimeError("after")
#%% handler left by a loop
for s in ["1", "x", "2"]:
    try:
        n = int(s)
    except ValueError:
        print("skipped")
        continue
    print(10 // (n - 2))
#%% handler left by return
def f(s):
    try:
        return int(s)
    except ValueError:
        return abs(-len(s))


print(f("abc"))
print([1][f("abc")])
#%% finally
def f(n):
    try:
        return 10 // n
    finally:
        print("done", n)


f(1)
f(0)
#%% failed in finally
def f(n):
    try:
        return 10 // n
    finally:
        print([1][n - 5])


f(0)
#%% else
try:
    x = 1
except ValueError:
    print("no")
else:
    print(x // 0)
#%% not the class
try:
    print({}["a"])
except (ValueError, IndexError) as e:
    print("caught", e)
#%% nested try
try:
    try:
        raise KeyError("inner")
    except ValueError:
        print("no")
    finally:
        print("finally")
except IndexError:
    print("no")
#%% exception kept and raised later
saved = ValueError("later")
print("between")
raise saved
#%% nested function
def outer(n):
    def inner(k):
        return n // k
    return inner(1) + inner(0)


outer(5)
#%% default argument
def f(x, y=0):
    return x / y


print(f(1, 2))
print(f(1))
#%% conditional expression
x = 0
print(1 if x else 10 // x)
#%% and or
x = 0
print(x == 0 and 1 // x)
#%% comparison of calls
def f(x):
    return 10 // x
print(f(1) < f(2) < f(0))
#%% negated
xs = [1]
print(-xs[3])
#%% letters of other alphabets
größe = "maß"
#%% wide characters
name = "日本" + "語"; d = {}; print(name, d["日本語"])
#%% wide characters before
print("✅ ok", [1, 2][5])
#%% accents before
print("é ü", 1 // 0, "ß")
#%% while with a condition that fails
n = 3
while 6 // n:
    n -= 1
#%% for over what fails
def items(n):
    if n:
        raise ValueError("no items")
    return [1]


for x in items(0):
    print(x)
for x in items(1):
    print(x)
#%% print of several
print(1, 2, [3][1], sep=", ")
#%% slices
xs = [1, 2, 3]
print(xs[::0])
#%% power
print(2 ** 3, 0 ** 2)
print(0.0 ** -1)
#%% division of floats
def f(a, b):
    return a / b
print(f(1.0, 4.0))
print(f(1.0, 0.0))
#%% divmod
print(divmod(7, 2))
print(divmod(7, 0))
#%% round trip through two functions
def first(xs):
    return xs[0]


def process(groups):
    out = []
    for group in groups:
        out.append(first(group) * 2)
    return out


def main():
    groups = [[1, 2], [], [3]]
    result = process(groups)
    print(result)


if __name__ == "__main__":
    main()
#%% matrix
class Matrix:
    def __init__(self, rows):
        if any(len(r) != len(rows[0]) for r in rows):
            raise ValueError("rows of different lengths")
        self.rows = rows

    def __matmul__(self, other):
        return self


m = Matrix([[1, 2], [3]])
#%% str format
print("{:d} {}".format(3, {"a": 1}["b"]))
#%% percent
items = [1]
print("%d and %s" % (items[0], items[1]))
#%% tabs
def f(x):
	if x:
		return [1][x]
	return 0
f(1)
#%% a comment in the middle
def f(a, b):
    return (a  # the first
            // b)  # the second
f(1, 0)
#%% backslash
a = 1
b = a // \
    (a - 1)
#%% blank lines in a call
def f(*xs):
    return xs[9]


f(
    1,

    2,
)
#%% input at the end
line = input("name? ")
print(line)
#%% exit with text
import sys
def main():
    if len("abc") == 3:
        sys.exit(3)
main()
#%% method of nothing that is quiet
def parse(words):
    numbers = []
    for w in words:
        try:
            numbers.append(int(w))
        except ValueError as e:
            print("bad:", e)
            continue
        except ZeroDivisionError:
            pass
    return numbers


print(parse(["1", "x", "3"])[2])
#%% quiet and not for it
def f(s):
    try:
        return int(s)
    except IndexError as e:
        print(e)
    return 0


f("x")
#%% retried
def attempt(n):
    if n < 3:
        raise ValueError(f"attempt {n}")
    return [n][n]


def run():
    last = None
    for n in range(5):
        try:
            return attempt(n)
        except ValueError as e:
            last = e
            print("again", e)
    raise RuntimeError("never") from last


run()
#%% last error raised
def run(names):
    last = None
    for n in names:
        try:
            print({"a": 1}[n])
        except KeyError as e:
            last = e
    if last:
        raise last


run(["a", "b", "c"])
#%% wrapped twice
class ConfigError(Exception):
    pass


class AppError(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


def read(settings, key):
    try:
        return int(settings[key])
    except KeyError as e:
        raise ConfigError(f"missing {key}") from e
    except ValueError as e:
        raise ConfigError(f"bad {key}: {settings[key]!r}") from e


def start(settings):
    try:
        port = read(settings, "port")
    except ConfigError as e:
        raise AppError("cannot start", 2) from e
    return port


print(start({"port": "80"}))
print(start({"port": "eighty"}))
#%% finally with a return of its own
def f():
    try:
        return [1][1]
    finally:
        for i in range(2):
            print("clean", i)


def g():
    try:
        return f()
    except KeyError:
        return 0
    finally:
        print("done")


g()
#%% break out of a handler
while True:
    try:
        int("x")
    except ValueError:
        break
raise KeyError("after the loop")
#%% handler in a function in a handler
def log(e):
    try:
        return int(e)
    except ValueError:
        return -1


try:
    {}["a"]
except KeyError:
    print(log("q"))
    print([1][log("q") - 5])
#%% none as the cause
try:
    int("x")
except ValueError as e:
    raise RuntimeError("from a class") from KeyError
#%% cause without a traceback
raise RuntimeError("outer") from ValueError("inner")
#%% comparison in place
class Version:
    def __init__(self, parts):
        self.parts = parts

    def __lt__(self, other):
        return self.parts[2] < other.parts[2]

    def __eq__(self, other):
        return self.parts[9] == other.parts[9]


print(Version([1, 2, 3]) < Version([1, 2, 4]))
print(Version([1, 2, 3]) < Version([1]))
#%% equal of objects
class P:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return 1 // self.x == other.x


ps = [P(1), P(0)]
print(ps[0] == ps[0])
print(ps[1] in ps)
#%% text of objects
class P:
    def __init__(self, x):
        self.x = x

    def __str__(self):
        return "P" + str(6 // self.x)


print(P(2), P(3))
print(f"{P(1)} and {P(0)}")
#%% text of objects printed
class P:
    def __init__(self, x):
        self.x = x

    def __repr__(self):
        return "P" + str(6 // self.x)


print([P(2), P(3)])
print([P(1), P(0)])
#%% enumerate and zip
xs = [1, 2, 3]
ys = [4, 5]
for i, (x, y) in enumerate(zip(xs, ys)):
    print(i, x * y)
for i, x in enumerate(xs):
    print(ys[i] // x)
#%% map in a loop
def inverse(x):
    return 1 / x


for y in map(inverse, [1, 2, 0]):
    print(y)
#%% filter
def small(x):
    return 10 // x < 3


print(list(filter(small, [5, 2, 0])))
#%% sum of a map
print(sum(map(int, "1 2 x".split())))
#%% sort by what fails
items = [{"n": 2}, {"n": 1}, {"m": 0}]
items.sort(key=lambda item: item["n"])
#%% max by what fails
def score(w):
    return 12 // (len(w) - 3)


print(max(["a", "bb", "ccc"], key=score))
#%% nested generators
grid = [[1, 2], [3, 0]]
print(sum(sum(6 // x for x in row) for row in grid))
#%% list of a generator
print(list(6 // x for x in [3, 0]))
#%% set of a generator
print(len(set(6 // x for x in [3, 0])))
#%% tuple of what fails
pairs = [(1, 2), (3, 0)]
print([a / b for a, b in pairs if a])
#%% comprehension with a call
def half(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x // 2


def halves(xs):
    return [half(x) for x in xs]


print(halves([2, 4]))
print(halves([2, 3]))
#%% dict comprehension with a call
def size(w):
    return 10 // len(w)


print({w: size(w) for w in ["a", "bb", ""]})
#%% chained comparison
xs = [1]
print(0 < xs[0] < xs[1])
#%% lambda over lines
apply = lambda f, x: f(x)
print(apply(
    lambda n: n // 0,
    3))
#%% closure
def make(n):
    def divide(x):
        return x / n
    return divide


half = make(2)
print(half(3))
broken = make(0)
print(broken(3))
#%% static method
class M:
    @staticmethod
    def div(a, b):
        return a // b

    @classmethod
    def make(cls, n):
        return cls.div(10, n)


print(M.div(4, 2))
M.make(0)
#%% attribute of an element
class Node:
    def __init__(self, value):
        self.value = value
        self.children = []


root = Node(1)
root.children.append(Node(2))
print(root.children[0].value, root.children[1].value)
#%% element of an attribute assigned
class Grid:
    def __init__(self, w, h):
        self.cells = [[0] * w for _ in range(h)]

    def set(self, x, y, v):
        self.cells[y][x] = v


g = Grid(2, 2)
g.set(1, 1, 5)
g.set(2, 1, 5)
#%% augmented attribute
class Counter:
    def __init__(self):
        self.counts = {}

    def add(self, k):
        self.counts[k] += 1


Counter().add("x")
#%% call with keywords over lines
def area(width, height):
    if width < 0 or height < 0:
        raise ValueError("negative")
    return width * height


print(area(width=2,
           height=3))
print(area(width=2,
           height=-3))
#%% list over lines
a = 0
xs = [
    1,
    2 // a,
    3,
]
#%% dict over lines
a = {"x": 1}
d = {
    "p": a["x"],
    "q": a["y"],
}
#%% condition over lines
a = [1]
if (a[0] == 1 and
        a[1] == 2):
    print("yes")
#%% elif
x = 0
if x > 5:
    print("large")
elif 10 // x > 2:
    print("small")
#%% return over lines
def f(a, b):
    return {
        "sum": a + b,
        "ratio": a / b,
    }


f(1, 0)
#%% string over lines
x = [1]
s = """first
second {}""" + str(x[3])
#%% f-string of three quotes
x = 0
print(f"""a
{1 // x}
b""")
#%% long expression over many lines
a = 1
total = (a
         + 2
         + 3
         + 4
         + 5
         + 6 // (a - 1)
         + 7)
#%% call with many lines and an inner error
def f(*xs):
    return len(xs)


f(
    1,
    2,
    3,
    [4][5],
    6,
)
#%% tuple target
pairs = {"a": (1, 2)}
for k, (x, y) in pairs.items():
    q = x // (y - 2)
#%% while true
stack = [1, 2]
while True:
    stack.pop()
#%% queue
queue = []
queue.append("a")
print(queue.pop(0))
print(queue.pop(0))
#%% walrus
xs = [1, 2]
if (n := len(xs)) > 1:
    print(xs[n])
#%% star arguments
def f(a, b):
    return a // b


args = (1, 0)
print(f(*args))
#%% deep nesting
def f(d, keys):
    if not keys:
        return d["leaf"]
    return f(d, keys[1:])


def g(d):
    for path in [["a", "b"], ["c"]]:
        if len(path) > 0:
            for p in path:
                print(f(d, path))


g({"x": 1})
#%% repeated with different lines
def f(n):
    if n > 5:
        return f(n - 1)
    if n == 0:
        return 1 // n
    return f(n - 1)


f(9)
#%% semicolons
def f(x): return 1 // x
a = f(1); b = f(0); c = 3
#%% trailing comment
def f(x):
    return 1 // x  # divide
y = f(0)  # call
#%% unary
def f(x):
    return not (1 // x)
f(0)
#%% bool of an error
xs = []
while not xs[0]:
    pass
#%% in of an error
d = {}
print("a" in d["x"])
#%% slice of an error
d = {}
print(d["x"][1:])
#%% format of an error
d = {"a": 1}
print("{} {}".format(d["a"], d["b"]))
#%% percent of an error
d = {"a": 1}
print("%s" % d["b"])
#%% print with an error in the end
print("a", end=str([][0]))
#%% class body
class A:
    x = [1][2]
#%% default of a method
class A:
    def __init__(self, n=0):
        self.n = 10 // n


A(1)
A()
#%% global
limit = 0


def f():
    global limit
    limit = 5 // limit


f()
#%% name that is longer than its line
very_long_name_for_a_list_of_numbers = [1, 2, 3]
another_long_name = very_long_name_for_a_list_of_numbers[very_long_name_for_a_list_of_numbers[2]]
#%% spaces around
xs = [ 1 ]
print( xs [ 1 ] )
#%% spaces in a call
def f ( x ) :
    return 1 // x
print( f ( 0 ) )
#%% parenthesised callee
def f(x):
    return 1 // x
print((f)(0))
#%% power and shift
print(1 << 3, 2 ** 3)
print(1 << -1)
#%% negative shift in a function
def f(n):
    return 1 >> n
f(-2)
