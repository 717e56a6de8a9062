#%% removed entries of a set are used again
c = set()
for x in (1, 2, 3, 4, 18, 20):
    c.add(x)
c.discard(2)
c.discard(1)
c.add(33)
print(c)
c.add(34)
print(c)
c.discard(33)
c.discard(3)
c.discard(34)
c.add(65)
print(c)
a = set(range(20))
a -= set(range(5, 19))
a.add(37)
a.add(71)
print(a)
b = set(range(20))
b -= set(range(0, 19, 2))
b.add(64)
print(b, b - {64}, b & a, b ^ a, b | a)
#%% divmod among other values
xs = [1, divmod(7, 2), "a"]
ys = [1.5, divmod(7.5, 2)]
print(xs, ys)
#%% round with None
print(round(2.5, None), round(3.7, ndigits=None))
#%% an assignment expression that sees its last value
total = 0
print([total := total + v for v in [1, 2, 3, 4]], total)
print([x for x in range(5) if (total := total - x) > 3], total)
print(any((hit := n) > 3 for n in [1, 2, 5, 7]), hit)
#%% a comparison that stops before an assignment expression
def f(a):
    return 3 < a < (b := 10) and b
print(f(5), f(1), f(20))
#%% a loop over nothing
for j in []:
    pass
print(j)
#%% reverse is evaluated before the keys
def key(x):
    print("key", x)
    return x
def backwards():
    print("reverse")
    return True
print(sorted([1, 2], key=key, reverse=backwards()))
#%% the list before what is added to it
xs = [1]
def f():
    global xs
    xs = [9]
    return [5]
xs += f()
print(xs)
#%% an object is in a list that holds it
class Never:
    def __eq__(self, other):
        return False
n = Never()
xs = [n, 1]
print(n in xs, n == n, xs.index(n))
#%% NaN is in no list that is known
nan = float("nan")
print(nan in [1.0, 2.0], nan in [1.0, nan])
#%% exit in a function that is not reached
import sys
def check(x):
    if x < 0:
        print("negative")
        sys.exit(2)
    return x * 2
print(check(3))
#%% exit in a function
import sys
def main():
    print("running")
    return 3
sys.exit(main())
#%% lists of two kinds in a slice
xs = list(range(10))
xs[2:5] = [20]
xs[5:2] = ["x"]
print(xs)
#%% nonlocal in a function that is never called
def never():
    nonlocal q
    q = 1
print("x")
#%% global after use in a function that is never called
def never():
    print(x)
    global x
    x = 1
print("x")
#%% a call of a literal in a function that is never called
def never():
    return (1, 2)(3)
print("x")
#%% an expression that is cut by a line
x = 1 +
2
print(x)
#%% a lambda that is cut by a line
add = lambda a
, b: a + b
print(add(1, 2))
#%% a number and a word
x = 1if True else 2
print(x, 0or 1)
#%% digits that end in an underscore
print(1_)
#%% an assignment expression where none may be
x = y := 1
print(x)
#%% a comma after nothing
print(,)
#%% a starred name alone
*a = [1, 2]
print(a)
#%% keys that change while a loop goes over them
d = {1: 1, 2: 2}
for k, v in d.items():
    del d[k]
    d[k + 10] = v
print(d)
