#%% catch division
try:
    x = 10 / 0
except ZeroDivisionError as e:
    print("caught:", e)
#%% value error
try:
    n = int("abc")
except ValueError as e:
    print("bad:", e)
#%% finally
def f(x):
    try:
        return 10 // x
    except ZeroDivisionError:
        return -1
    finally:
        print("finally", x)

print(f(2), f(0))
#%% else
for s in ["5", "x"]:
    try:
        n = int(s)
    except ValueError:
        print(s, "invalid")
    else:
        print(n, "ok")
#%% custom
class MyError(Exception):
    pass

def check(x):
    if x < 0:
        raise MyError("negative: " + str(x))
    return x

try:
    check(5)
    check(-2)
except MyError as e:
    print("MyError:", e)
#%% custom with fields
class AppError(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code

try:
    raise AppError("failed", 42)
except AppError as e:
    print(e, e.code)
#%% several handlers
def attempt(f):
    try:
        f()
    except (ValueError, TypeError) as e:
        print("value", e)
    except IndexError as e:
        print("index", e)
    except Exception as e:
        print("other", type(e).__name__, e)

def a(): raise ValueError("v")
def b(): return [][1]
def c(): raise RuntimeError("r")
def d(): return {}["k"]
for f in [a, b, c, d]:
    attempt(f)
#%% uncaught value error
def parse(s):
    if not s:
        raise ValueError("empty input")
    return int(s)

print(parse("5"))
print(parse(""))
#%% uncaught custom
class Boom(Exception):
    pass

raise Boom("it broke")
#%% uncaught key error
d = {"a": 1}
print(d["missing"])
#%% uncaught index error
items = [1, 2, 3]
for i in range(5):
    print(items[i])
#%% assertion
def mean(xs):
    assert len(xs) > 0, "no data"
    return sum(xs) / len(xs)

print(mean([1, 2]))
try:
    mean([])
except AssertionError as e:
    print("assert:", e)
#%% uncaught assertion
assert 1 + 1 == 2
assert 1 + 1 == 3, "math is broken"
#%% reraise
def f():
    try:
        raise ValueError("inner")
    except ValueError:
        print("logging")
        raise

try:
    f()
except ValueError as e:
    print("outer", e)
#%% raise in loop
total = 0
for x in ["1", "a", "3"]:
    try:
        total += int(x)
    except ValueError:
        continue
print(total)
#%% break in try
for i in range(5):
    try:
        if i == 2:
            break
        print(i)
    finally:
        print("f", i)
#%% nested try
try:
    try:
        raise KeyError("k")
    except ValueError:
        print("no")
    finally:
        print("inner finally")
except KeyError as e:
    print("outer", e)
#%% raise from
def load(x):
    try:
        return int(x)
    except ValueError as e:
        raise RuntimeError("cannot load") from e

try:
    load("q")
except RuntimeError as e:
    print(e)
#%% hierarchy
class Base(Exception): pass
class Sub(Base): pass

try:
    raise Sub("s")
except Base as e:
    print("base caught", e, isinstance(e, Sub))
#%% exit code
import sys
print("bye")
sys.exit(3)
#%% safe divide
def safe_divide(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return None

print(safe_divide(10, 2), safe_divide(1, 0))
#%% retry
attempts = 0
while True:
    try:
        attempts += 1
        if attempts < 3:
            raise ConnectionError("down") if False else ValueError("down")
        print("ok after", attempts)
        break
    except ValueError:
        print("retry", attempts)
#%% finally order
def g():
    for i in range(3):
        try:
            if i == 1:
                return i
        finally:
            print("cleanup", i)

print(g())
#%% exception without message
try:
    raise ValueError
except ValueError as e:
    print("empty", str(e) == "")
#%% validation
def validate(age):
    if not isinstance(age, int):
        raise TypeError("age must be int")
    if age < 0:
        raise ValueError("age must be positive")
    return True

for v in (5, -1):
    try:
        print(validate(v))
    except (TypeError, ValueError) as e:
        print(f"{type(e).__name__}: {e}")
#%% pop from empty
try:
    [].pop()
except IndexError as e:
    print(e)
#%% string index
try:
    "abc"[10]
except IndexError as e:
    print(e)
#%% float conversion
try:
    float("1.2.3")
except ValueError as e:
    print(e)
#%% remove missing
try:
    [1].remove(5)
except ValueError as e:
    print(e)
#%% uncaught in method
class Acc:
    def __init__(self):
        self.v = 1
    def sub(self, n):
        if n > self.v:
            raise ValueError(f"too much: {n}")
        self.v -= n

a = Acc()
a.sub(1)
a.sub(1)
