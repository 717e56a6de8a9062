#%% stride sieve
def sieve(n):
    is_p = [True] * (n + 1)
    is_p[0] = is_p[1] = False
    for p in range(2, int(n ** 0.5) + 1):
        if is_p[p]:
            is_p[p * p::p] = [False] * len(is_p[p * p::p])
    return [i for i, v in enumerate(is_p) if v]
print(sieve(100), len(sieve(5000)))
#%% stride assignment
xs = list(range(10))
xs[::2] = [0] * 5
print(xs)
xs[1::3] = [7, 8, 9]
xs[::-1] = list(range(10))
print(xs)
xs[8:2:-2] = [100, 200, 300]
print(xs)
xs[::3] = xs[::3]
ys = [1, 2, 3]
ys[::-1] = ys
print(xs, ys)
#%% stride wrong size
xs = list(range(10))
try:
    xs[::2] = [1]
except ValueError as e:
    print(e)
xs[::1] = [5]
print(xs)
#%% stride any
xs = [1, "a", None, 2.5]
xs[::2] = [True, "z"]
print(xs)
ys = [1, 2, 3, 4]
ys[1::2] = ["p", "q"]
print(ys)
zs = [1, 2, 3]
zs[0:1] = ["m", None]
print(zs)
#%% stride order
def t(x):
    print("t", x)
    return x
xs = list(range(6))
xs[t(0):t(6):t(2)] = [t(7), t(8), t(9)]
print(xs)
#%% slice mixed
xs = list(range(10))
xs[2:5] = [20]
xs[5:2] = ["x"]
xs[:] = []
print(xs)
xs = [1, 2, 3, 4]
xs[1:3] = []
print(xs)
xs[0:0] = [True, 2.5]
print(xs)
