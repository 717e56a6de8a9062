#%% basics
nums = [3, 1, 4, 1, 5, 9, 2, 6]
print(nums, len(nums), sum(nums), min(nums), max(nums))
#%% append pop insert
a = [1, 2]
a.append(3)
a.insert(0, 0)
print(a.pop(), a.pop(0), a)
a.extend([7, 8])
a.remove(7)
print(a, a.index(8), a.count(2))
#%% sort and sorted
a = [5, 2, 8, 1]
b = sorted(a)
a.sort(reverse=True)
print(a, b, sorted(["b", "a", "C"]), sorted("bca", reverse=True))
#%% sort by key
words = ["banana", "fig", "apple"]
words.sort(key=len)
print(words)
print(sorted(words, key=lambda w: w[-1]), sorted(words, key=lambda w: (-len(w), w)))
#%% slices
a = list(range(10))
print(a[2:5], a[:3], a[-3:], a[::2], a[::-1], a[8:2:-2])
a[2:4] = [20, 30, 40]
print(a)
#%% comprehension
print([x ** 2 for x in range(10)], [x for x in range(20) if x % 3 == 0], [(x, y) for x in range(3) for y in range(2)])
#%% nested lists
m = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
for row in m:
    print(row)
print(m[1][2], [row[0] for row in m], [[row[i] for row in m] for i in range(3)])
#%% matrix multiply
def matmul(a, b):
    n, m, p = len(a), len(b), len(b[0])
    c = [[0] * p for _ in range(n)]
    for i in range(n):
        for j in range(p):
            for k in range(m):
                c[i][j] += a[i][k] * b[k][j]
    return c

print(matmul([[1, 2], [3, 4]], [[5, 6], [7, 8]]))
#%% enumerate and zip
names = ["a", "b", "c"]
ages = [1, 2, 3]
for i, n in enumerate(names):
    print(i, n)
for n, g in zip(names, ages):
    print(n, g)
print(list(zip(names, ages)), dict(zip(names, ages)), list(enumerate(names, start=1)))
#%% map filter
nums = [1, 2, 3, 4, 5, 6]
print(list(map(lambda x: x * 2, nums)), list(filter(lambda x: x % 2 == 0, nums)), sum(map(int, ["1", "2"])))
#%% any all
print(any([False, True]), all([True, True]), any(x > 5 for x in [1, 2]), all(x > 0 for x in [1, 2]), any([]), all([]))
#%% flatten
nested = [[1, 2], [3], [4, 5, 6]]
flat = [x for sub in nested for x in sub]
print(flat)
#%% remove duplicates
def unique(items):
    seen = set()
    out = []
    for i in items:
        if i not in seen:
            seen.add(i)
            out.append(i)
    return out

print(unique([1, 2, 2, 3, 1]), unique("hello"))
#%% second largest
nums = [10, 20, 4, 45, 99]
nums.sort()
print(nums[-2])
#%% unpack
a, b, c = [1, 2, 3]
first, *rest = [1, 2, 3, 4]
*start, last = "abc"
print(a, b, c, first, rest, start, last)
#%% tuple basics
t = (1, "a", 2.5)
print(t, t[0], t[-1], len(t))
x, y, z = t
print(x, y, z, (1,), ())
#%% tuple compare
print((1, 2) < (1, 3), (1, 2) == (1, 2), max([(1, "b"), (1, "a")]))
#%% copy semantic
a = [1, 2, 3]
b = a
c = a[:]
d = a.copy()
b.append(4)
print(a, b, c, d, a is b)
#%% multiply lists
print([0] * 5, [1, 2] * 2, [[]] * 2)
#%% in
print(3 in [1, 2, 3], "x" not in ["a"], 2.0 in [1, 2])
#%% empty
empty = []
print(empty, not empty, len(empty), bool([0]))
#%% mixed
mixed = [1, "two", 3.0, True, None, [4]]
print(mixed, len(mixed))
for m in mixed:
    print(m, end=" ")
print()
#%% list of lists mutate
grid = [["." for _ in range(3)] for _ in range(2)]
grid[0][1] = "#"
for row in grid:
    print("".join(row))
#%% reversed
for x in reversed([1, 2, 3]):
    print(x, end=" ")
for i in reversed(range(3)):
    print(i, end=" ")
print(list(reversed("abc")))
#%% while loop over list
stack = [1, 2, 3]
while stack:
    print(stack.pop())
#%% queue
queue = []
queue.append("a")
queue.append("b")
print(queue.pop(0), queue)
#%% bubble sort
def bubble_sort(arr):
    n = len(arr)
    for i in range(n):
        for j in range(0, n - i - 1):
            if arr[j] > arr[j + 1]:
                arr[j], arr[j + 1] = arr[j + 1], arr[j]
    return arr

print(bubble_sort([64, 34, 25, 12, 22, 11, 90]), bubble_sort(["c", "a", "b"]))
#%% quick sort
def quicksort(arr):
    if len(arr) <= 1:
        return arr
    pivot = arr[len(arr) // 2]
    left = [x for x in arr if x < pivot]
    middle = [x for x in arr if x == pivot]
    right = [x for x in arr if x > pivot]
    return quicksort(left) + middle + quicksort(right)

print(quicksort([3, 6, 8, 10, 1, 2, 1]))
#%% merge sort
def merge_sort(arr):
    if len(arr) <= 1:
        return arr
    mid = len(arr) // 2
    left = merge_sort(arr[:mid])
    right = merge_sort(arr[mid:])
    out = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    out.extend(left[i:])
    out.extend(right[j:])
    return out

print(merge_sort([38, 27, 43, 3, 9, 82, 10]))
#%% binary search
def binary_search(arr, target):
    lo, hi = 0, len(arr) - 1
    while lo <= hi:
        mid = (lo + hi) // 2
        if arr[mid] == target:
            return mid
        elif arr[mid] < target:
            lo = mid + 1
        else:
            hi = mid - 1
    return -1

data = [1, 3, 5, 7, 9, 11]
print(binary_search(data, 7), binary_search(data, 4))
#%% running average
values = [1.5, 2.5, 3.5]
total = 0.0
for i, v in enumerate(values, 1):
    total += v
    print(i, total / i)
#%% del
a = [1, 2, 3, 4]
del a[1]
print(a)
del a[-1]
print(a)
#%% index error
a = [1, 2, 3]
try:
    print(a[5])
except IndexError as e:
    print("Error:", e)
#%% two sum
def two_sum(nums, target):
    seen = {}
    for i, n in enumerate(nums):
        if target - n in seen:
            return [seen[target - n], i]
        seen[n] = i
    return []

print(two_sum([2, 7, 11, 15], 9), two_sum([1, 2], 10))
#%% transpose with zip
m = [[1, 2, 3], [4, 5, 6]]
print([list(r) for r in zip(*m)])
#%% pascal
def pascal(n):
    rows = []
    for i in range(n):
        row = [1] * (i + 1)
        for j in range(1, i):
            row[j] = rows[i - 1][j - 1] + rows[i - 1][j]
        rows.append(row)
    return rows

for r in pascal(6):
    print(r)
#%% chunk
def chunks(lst, n):
    return [lst[i:i + n] for i in range(0, len(lst), n)]

print(chunks([1, 2, 3, 4, 5], 2))
#%% rotate
def rotate(lst, k):
    k %= len(lst)
    return lst[-k:] + lst[:-k]

print(rotate([1, 2, 3, 4, 5], 2))
#%% sum of lists
print(sum([[1], [2, 3]], []))
#%% compare lists
print([1, 2] == [1, 2], [1, 2] < [1, 3], [] < [0], ["a"] != ["b"])
#%% sort tuples
people = [("Bob", 25), ("Ann", 30), ("Cid", 20)]
people.sort(key=lambda p: p[1])
print(people)
for name, age in sorted(people, reverse=True):
    print(f"{name}: {age}")
#%% min with key and default
print(min(["aaa", "b"], key=len), max([], default=0), min((3, 2), (3, 1)))
#%% float list
fs = [0.5, 1.25, -3.0]
print(fs, sorted(fs), sum(fs), [round(f * 3, 2) for f in fs])
#%% set operations
a = {1, 2, 3}
b = {3, 4}
print(a | b, a & b, a - b, a ^ b, len(a), 2 in a)
#%% set from list
print(sorted(set([3, 1, 2, 3])), len(set("hello")), set())
#%% set methods
s = {1}
s.add(2)
s.add(2)
s.discard(9)
s.update([5, 6])
print(s, s.issubset({1, 2, 5, 6, 7}), sorted(s.union({9})))
#%% set comprehension
print({x % 3 for x in range(10)}, sorted({w[0] for w in ["apple", "avocado", "bean"]}))
#%% range objects
r = range(2, 20, 3)
print(list(r), len(r), r[1], 5 in r, 6 in r, range(3))
#%% while with break and else
n = 0
while n < 5:
    if n == 3:
        break
    n += 1
else:
    print("never")
for x in [1, 2]:
    pass
else:
    print("done")
print(n)
#%% nested loops with continue
for i in range(3):
    for j in range(3):
        if i == j:
            continue
        print(i, j)
