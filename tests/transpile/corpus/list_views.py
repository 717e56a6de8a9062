#%% a list that grows, shrinks and is replaced while it is read
def f(n):
    values = [1, 2, 3]
    total = 0
    for i in range(n):
        total += values[0] + values[2]
        values.append(i)
        total += values[3] + values[-1]
        if len(values) > 6:
            values = values[3:] + [i, i + 1]
        total += values[len(values) - 1] + values[1]
        values.pop()
    return total, values


print(f(3), f(50))
#%% a list that another name makes longer or shorter
def f(a, b):
    t = a[2]
    b.append(9)
    t += a[-1]
    b.clear()
    try:
        t += a[0]
    except IndexError as e:
        return t, str(e), len(a)
    return t


x = [1, 2, 3]
print(f(x, x))
print(f([1, 2, 3], [4]))
#%% a function that changes the list in a loop over indices
def shrink(values):
    if len(values) > 2:
        values.pop()
    return len(values)


def f(values):
    t = 0
    try:
        for i in range(5):
            t += values[i] * shrink(values)
    except IndexError:
        return -t
    return t


print(f([1, 2, 3, 4, 5, 6, 7, 8, 9]), f([1, 2, 3, 4, 5]))
#%% rows of a matrix in a loop
def multiply(a, b):
    n = len(a)
    c = [[0] * n for _ in range(n)]
    for i in range(n):
        row = a[i]
        out = c[i]
        for j in range(n):
            s = 0
            for k in range(n):
                s += row[k] * b[k][j]
            out[j] = s
    return c


m = [[i * j % 7 - 2 for j in range(5)] for i in range(5)]
print(multiply(m, multiply(m, m)))
#%% constant places, each checked once
def energy(body):
    e = body[6] * (body[3] * body[3] + body[4] * body[4])
    body[0] += body[3]
    body[1] += body[4]
    return e + body[0] - body[1]


for body in [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [1.5] * 7, [0.0] * 6]:
    print(energy(body))
#%% an index that is not there, by every kind of index
def at(values, i):
    t = values[0] + values[-1]
    return t + values[i]


values = [10, 20, 30]
for i in [0, 1, 2, -1, -2, -3]:
    print(at(values, i))
for i in [3, -4, 1000000000000, (-9223372036854775807 - 1)]:
    try:
        print(at(values, i))
    except IndexError as e:
        print(e)
for values in [[1, 2], [1], []]:
    for f in [lambda v: v[1], lambda v: v[-2], lambda v: v[0]]:
        try:
            print(f(values))
        except IndexError as e:
            print(e)
values[2] = 5
#%% a list in only one of two ways
def f(flag, values):
    if flag:
        a = values
        t = a[0] + a[1]
    else:
        a = [7, 8, 9]
        t = 0
    for i in range(2):
        t += a[i]
        if flag and i == 0:
            a = [100, 200]
    return t + a[0]


print(f(True, [1, 2, 3]), f(False, [1, 2, 3]))
#%% a list that may be None, and one that is not set on every way
def f(values, n):
    if values is None:
        return -1
    t = values[0]
    for i in range(n):
        t += values[i]
    return t


def g(n):
    for i in range(n):
        if i == 1:
            v = [5, 6]
        if i > 1:
            print(v[i - 2], v[-1])


print(f([1, 2, 3], 3), f(None, 2))
g(4)
#%% while loops that swap, sort and search
def bubble(v):
    n = len(v)
    swapped = True
    while swapped:
        swapped = False
        for i in range(1, n):
            if v[i - 1] > v[i]:
                v[i - 1], v[i] = v[i], v[i - 1]
                swapped = True
        n -= 1
    return v


def search(v, x):
    low, high = 0, len(v) - 1
    while low <= high:
        middle = (low + high) // 2
        if v[middle] == x:
            return middle
        if v[middle] < x:
            low = middle + 1
        else:
            high = middle - 1
    return -1


v = bubble([5, 2, 9, 1, 5, 6, -3, 8])
print(v, [search(v, x) for x in range(-3, 10)])
#%% appending to the list that a loop goes through
values = [1, 2, 3]
for v in values:
    if len(values) < 10:
        values.append(v * 2)
print(values)
for i, v in enumerate(values):
    if v % 2 == 0 and len(values) > 5:
        values.pop()
print(values)
#%% a list of lists whose rows are replaced in the loop
grid = [[0] * 3 for _ in range(3)]
row = grid[0]
for i in range(6):
    row[i % 3] = i
    if i == 2:
        grid[0] = [9, 9, 9]
        row = grid[0]
    if i == 4:
        row += [1, 2, 3]
    row[len(row) - 1] += 1
print(grid, row)
#%% many lists and many variables
def f(a, b, c, d, e, g, h, k):
    t = 0
    for i in range(3):
        t += a[i] + b[i] * c[i] - d[i] + e[i] + g[i] * h[i] + k[i]
        a[i], b[i] = b[i], a[i]
        c[i] += d[i]
        h[i] -= k[i]
    return t, a, b, c, h


print(f([1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4], [5, 5, 5]))
#%% nested comprehensions over one list
v = [3, 1, 2]
print([v[i] + v[j] for i in range(3) for j in range(3) if v[i] < v[j]], sum(v[i] for i in range(len(v))))
print([[v[j] for j in range(i)] for i in range(4)], any(v[i] > 2 for i in range(3)), sorted(v, key=lambda i: v[i - 1]))
