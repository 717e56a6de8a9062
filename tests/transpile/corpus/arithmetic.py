#%% add two numbers
a = 15
b = 27
print("Sum:", a + b)
#%% all operators
a, b = 17, 5
print(a + b, a - b, a * b, a / b, a // b, a % b, a ** b)
#%% floor division of negatives
print(-7 // 2, -7 % 2, 7 // -2, 7 % -2, -7 // -2, -7 % -2)
#%% divmod
print(divmod(17, 5), divmod(-17, 5), divmod(7.5, 2))
#%% precedence
print(2 + 3 * 4 ** 2 / 8 - 1, -2 ** 2, (-2) ** 2, 2 ** 3 ** 2, not 1 == 2)
#%% float repr
print(0.1 + 0.2, 1 / 3, 1e16, 1e15, 123456789.123, 1e-5, 0.0001, 100.0, 1.5e300, 5e-324, 2.0 ** 70)
#%% large float
print(1.7976931348623157e308, 2.2250738585072014e-308, 9007199254740993.0, 1e22, 1e21, 123456789012345680.0)
#%% rounding
print(round(2.5), round(3.5), round(-2.5), round(2.675, 2), round(3.14159, 3), round(1234.5), round(0.5), round(1e10))
#%% int and float mix
print(1 + 2.0, 3 * 1.5, 7 / 2, 7 // 2.0, 7 % 2.5, 2 ** 0.5, 2.0 ** 3)
#%% integer division by zero
try:
    print(1 // 0)
except ZeroDivisionError as e:
    print("error")
#%% bit operators
print(5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 10, 1024 >> 3, -1 >> 1, -8 >> 1)
#%% comparison chain
x = 5
print(1 < x < 10, 1 < x < 3, x == 5.0, 3 > 2 >= 2)
#%% factorial
def factorial(n):
    if n <= 1:
        return 1
    return n * factorial(n - 1)

for i in range(15):
    print(i, factorial(i))
#%% big factorial needs the interpreter
def factorial(n):
    result = 1
    for i in range(2, n + 1):
        result *= i
    return result

print(factorial(30))
#%% power of two overflow
print(2 ** 100)
#%% gcd
def gcd(a, b):
    while b:
        a, b = b, a % b
    return a

print(gcd(48, 18), gcd(17, 5), gcd(100, 75))
#%% primes
def is_prime(n):
    if n < 2:
        return False
    i = 2
    while i * i <= n:
        if n % i == 0:
            return False
        i += 1
    return True

print([n for n in range(50) if is_prime(n)])
#%% sieve
def sieve(limit):
    flags = [True] * (limit + 1)
    flags[0] = flags[1] = False
    for i in range(2, int(limit ** 0.5) + 1):
        if flags[i]:
            for j in range(i * i, limit + 1, i):
                flags[j] = False
    return [i for i, f in enumerate(flags) if f]

print(sieve(100))
#%% collatz
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps

print([collatz(i) for i in range(1, 20)])
#%% temperature table
for c in range(-10, 41, 10):
    f = c * 9 / 5 + 32
    print(f"{c}C = {f}F")
#%% compound interest
principal = 1000
rate = 5
years = 10
amount = principal * (1 + rate / 100) ** years
print(f"Final amount: {amount:.2f}")
#%% math functions
import math
print(math.sqrt(16), math.pi, math.floor(3.7), math.ceil(3.2), math.gcd(12, 18), math.factorial(10))
print(round(math.sin(1), 10), round(math.cos(1), 10), round(math.log(10), 10), math.hypot(3, 4))
#%% from math import
from math import sqrt, pi
print(sqrt(2), pi * 2)
#%% average
numbers = [10, 20, 30, 40]
print("Average:", sum(numbers) / len(numbers))
#%% sum of digits
n = 98765
total = 0
while n > 0:
    total += n % 10
    n //= 10
print(total)
#%% abs min max
print(abs(-5), abs(3.2), min(3, 1, 2), max([4, 9, 2]), min(2.5, 1), max("apple", "pear"))
#%% int conversion
print(int(3.9), int(-3.9), int("42"), float("3.14"), int("ff", 16), int("101", 2), bool(0), bool("a"), str(12) + "3")
#%% quadratic
import math
a, b, c = 1, -3, 2
d = b * b - 4 * a * c
if d > 0:
    r1 = (-b + math.sqrt(d)) / (2 * a)
    r2 = (-b - math.sqrt(d)) / (2 * a)
    print(r1, r2)
elif d == 0:
    print(-b / (2 * a))
else:
    print("none")
#%% fibonacci list
def fib(n):
    seq = [0, 1]
    while len(seq) < n:
        seq.append(seq[-1] + seq[-2])
    return seq[:n]

print(fib(10))
print(fib(1))
#%% bases
print(bin(10), hex(255), oct(8), bin(-5), hex(0))
#%% pow with modulus
print(pow(2, 10), pow(3, 200, 13), pow(2, -1))
#%% float special
inf = float("inf")
print(inf, -inf, inf - inf, float("nan") == float("nan"), 1e308 * 10)
#%% bool arithmetic
print(True + True, True * 3, sum([True, False, True]), True == 1, isinstance(True, int))
#%% swap
a = 1
b = 2
a, b = b, a
print(a, b)
#%% armstrong
for n in range(100, 1000):
    s = sum(int(d) ** 3 for d in str(n))
    if s == n:
        print(n)
#%% perfect numbers
def is_perfect(n):
    return n == sum(i for i in range(1, n) if n % i == 0)

print([n for n in range(2, 500) if is_perfect(n)])
#%% newton square root
def newton(x, eps=1e-10):
    guess = x / 2
    while abs(guess * guess - x) > eps:
        guess = (guess + x / guess) / 2
    return guess

print(round(newton(2), 8), round(newton(144), 8))
#%% pi by leibniz
total = 0
for k in range(1000):
    total += (-1) ** k / (2 * k + 1)
print(round(4 * total, 6))
#%% binary conversion by hand
def to_binary(n):
    if n == 0:
        return "0"
    digits = ""
    while n > 0:
        digits = str(n % 2) + digits
        n //= 2
    return digits

print(to_binary(10), to_binary(255), to_binary(0))
#%% underscores and bases
print(1_000_000, 0xff, 0b1010, 0o17, 1e3, 1_0.5)
#%% is even
def is_even(n): return n % 2 == 0
print(is_even(4), is_even(7))
#%% total starts as int
prices = [19.99, 5.49, 3.5]
total = 0
for p in prices:
    total += p
print(f"Total: {total:.2f}")
print(total)
#%% mean and deviation
data = [2, 4, 4, 4, 5, 5, 7, 9]
mean = sum(data) / len(data)
variance = sum((x - mean) ** 2 for x in data) / len(data)
print(mean, variance, variance ** 0.5)
