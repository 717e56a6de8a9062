#%% greet
def greet(name):
    return f"Hello, {name}!"

print(greet("World"))
#%% defaults and keywords
def power(base, exp=2):
    return base ** exp

print(power(3), power(2, 5), power(exp=3, base=2))
#%% return several
def stats(nums):
    return min(nums), max(nums), sum(nums) / len(nums)

lo, hi, avg = stats([4, 8, 6])
print(lo, hi, avg)
print(stats([1, 2]))
#%% args
def total(*args):
    t = 0
    for a in args:
        t += a
    return t

print(total(), total(1, 2, 3), total(1.5, 2))
#%% recursion
def countdown(n):
    if n == 0:
        print("Liftoff!")
        return
    print(n)
    countdown(n - 1)

countdown(3)
#%% lambda
square = lambda x: x * x
add = lambda a, b: a + b
print(square(5), add(2, 3), (lambda x: x + 1)(4))
#%% function as argument
def apply(f, x):
    return f(x)

def double(x):
    return 2 * x

print(apply(double, 5), apply(lambda s: s + "!", "hi"), apply(len, [1, 2]))
#%% closure
def make_adder(n):
    def adder(x):
        return x + n
    return adder

add5 = make_adder(5)
add10 = make_adder(10)
print(add5(1), add10(1))
#%% counter closure
def counter():
    count = 0
    def inc():
        nonlocal count
        count += 1
        return count
    return inc

c = counter()
print(c(), c(), c())
#%% global
total = 0
def add(n):
    global total
    total += n

add(5)
add(7)
print(total)
#%% early return none
def find(items, x):
    for i, item in enumerate(items):
        if item == x:
            return i
    return None

print(find([1, 2, 3], 2), find([1], 5), find(["a"], "a"))
#%% polymorphic
def add(a, b):
    return a + b

print(add(1, 2), add("a", "b"), add([1], [2]), add(1.5, 2))
#%% docstring
def documented(x):
    """Returns x plus one."""
    return x + 1

print(documented(1))
#%% type hints
def area(w: float, h: float = 2.0) -> float:
    return w * h

x: int = 5
print(area(3.0), area(2, 4), x)
#%% nested function
def outer(x):
    def inner(y):
        return y * 2
    return inner(x) + 1

print(outer(5))
#%% hanoi
def hanoi(n, a, b, c):
    if n == 0:
        return 0
    moves = hanoi(n - 1, a, c, b)
    print(f"Move disk {n} from {a} to {c}")
    return moves + 1 + hanoi(n - 1, b, a, c)

print(hanoi(3, "A", "B", "C"))
#%% ackermann
def ack(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ack(m - 1, 1)
    return ack(m - 1, ack(m, n - 1))

print(ack(2, 3))
#%% mutual recursion
def is_even(n):
    return True if n == 0 else is_odd(n - 1)

def is_odd(n):
    return False if n == 0 else is_even(n - 1)

print(is_even(10), is_odd(7))
#%% main guard
def main():
    print("in main")

if __name__ == "__main__":
    main()
#%% permutations
def permutations(items):
    if len(items) <= 1:
        return [items]
    out = []
    for i in range(len(items)):
        rest = items[:i] + items[i + 1:]
        for p in permutations(rest):
            out.append([items[i]] + p)
    return out

print(permutations([1, 2, 3]))
#%% subsets
def subsets(nums):
    result = [[]]
    for n in nums:
        result += [s + [n] for s in result]
    return result

print(subsets([1, 2, 3]))
#%% compose
def compose(f, g):
    return lambda x: f(g(x))

inc = lambda x: x + 1
dbl = lambda x: x * 2
print(compose(inc, dbl)(5), compose(dbl, inc)(5))
#%% shadowing
x = 10
def f():
    x = 5
    return x

print(f(), x)
#%% variable reuse
result = 5 + 3
print(result)
result = "text" + "!"
print(result)
result = [1, 2]
print(result)
for i in range(2):
    print(i)
for i in ["a", "b"]:
    print(i)
#%% ternary and short circuit
def sign(n):
    return "pos" if n > 0 else "neg" if n < 0 else "zero"

print(sign(5), sign(-1), sign(0), 0 or "default", "" or None, 5 and 6, None or [])
#%% walrus
data = [1, 5, 10]
if (n := len(data)) > 2:
    print(n)
print([y for x in data if (y := x * 2) > 5])
#%% recursion with list
def flatten(lst):
    out = []
    for x in lst:
        if isinstance(x, list):
            out.extend(flatten(x))
        else:
            out.append(x)
    return out

print(flatten([1, [2, [3, 4], 5], 6]))
#%% sum digits recursive
def sum_digits(n):
    return n if n < 10 else n % 10 + sum_digits(n // 10)

print(sum_digits(12345))
#%% string recursion
def rev(s):
    return s if len(s) <= 1 else rev(s[1:]) + s[0]

print(rev("hello"))
#%% default none
def greet(name=None):
    if name is None:
        name = "stranger"
    return "Hi " + name

print(greet(), greet("Bob"))
#%% loop of functions
def f1(x): return x + 1
def f2(x): return x * 2
for f in [f1, f2]:
    print(f(10))
ops = {"inc": f1, "dbl": f2}
print(ops["inc"](1), ops["dbl"](4))
#%% calculator
def calc(a, op, b):
    if op == "+":
        return a + b
    elif op == "-":
        return a - b
    elif op == "*":
        return a * b
    elif op == "/":
        if b == 0:
            return "Error"
        return a / b
    return None

print(calc(1, "+", 2), calc(6, "/", 4), calc(1, "/", 0), calc(1, "?", 1))
#%% fizzbuzz
for i in range(1, 16):
    if i % 15 == 0:
        print("FizzBuzz")
    elif i % 3 == 0:
        print("Fizz")
    elif i % 5 == 0:
        print("Buzz")
    else:
        print(i)
#%% star pattern
for i in range(1, 5):
    print(" " * (4 - i) + "*" * (2 * i - 1))
#%% multiplication table
for i in range(1, 4):
    print(" ".join(f"{i * j:3}" for j in range(1, 6)))
#%% keyword only
def f(a, *, b=1, c):
    return a + b * c

print(f(1, c=2), f(1, b=3, c=2))
#%% unused function
def never(x):
    return undefined_name + x

print("ok")
#%% nested data
def summarize(items):
    result = {}
    for name, price, qty in items:
        result[name] = price * qty
    return result

print(summarize([("a", 1.5, 2), ("b", 2.0, 3)]))
