#%% a sieve by steps and by slices
def sieve(limit):
    flags = [True] * (limit + 1)
    flags[0] = flags[1] = False
    i = 2
    while i * i <= limit:
        if flags[i]:
            for j in range(i * i, limit + 1, i):
                flags[j] = False
        i += 1
    return [i for i, f in enumerate(flags) if f]


print(sieve(100), len(sieve(10000)), sum([True] * 7))
#%% every method of a list of bools
flags = [True, False]
flags.append(True)
flags.extend([False, False, True])
flags.insert(1, True)
flags.insert(-1, False)
flags.insert(99, True)
flags.insert(-99, False)
print(flags, len(flags))
print(flags.pop(), flags.pop(0), flags.pop(-2), flags)
print(flags.index(False), flags.count(True), flags.count(False))
flags.remove(False)
print(flags)
flags.reverse()
print(flags)
flags.sort()
print(flags)
flags.sort(reverse=True)
print(flags)
again = flags.copy()
again[0] = False
print(flags, again, flags == again, flags != again, flags == flags.copy())
del again[2]
print(again)
again.clear()
print(again, again == [], flags > again, [True, False] < [True, True])
#%% slices of a list of bools
flags = [i % 3 == 0 for i in range(20)]
print(flags[3:9], flags[::-1], flags[1::4], flags[-5:], flags[15:2:-3], flags[7:7])
flags[2:5] = [True]
print(flags, len(flags))
flags[0:0] = [False, False]
flags[len(flags):] = [True, True]
flags[4:2] = [True]
print(flags)
flags[:] = flags
print(flags, flags + [False], [True] + flags[:2], flags[:3] * 3, 0 * flags)
#%% bools that leave the list
flags = [True, False, True]
a, b, c = flags
first, *rest = flags
*init, last = flags
print(a, b, c, first, rest, init, last)
print(*flags, sep="|")
print(sorted(flags), list(reversed(flags)), max(flags), min(flags), any(flags), all(flags))
print([int(f) for f in flags], [f + 1 for f in flags], {f for f in flags}, {f: i for i, f in enumerate(flags)})
print(list(zip(flags, [1, 2, 3])), dict(zip("abc", flags)), [not f for f in flags])
print(True in flags, False in flags, str(flags), f"{flags}", repr([flags, flags[:1]]))
total = 0
for f in flags:
    total += f
    if f:
        total += 10
print(total, sum(flags), sum(flags[1:]), [f for f in map(bool, [0, 1, 2])], list(filter(None, flags)))
#%% a board of bools
board = [[False] * 5 for _ in range(4)]
board[1][2] = True
board[-1][-1] = board[1][2] and not board[0][0]
board[2] = [c or i == 0 for i, c in enumerate(board[2])]
for row in board:
    print("".join("#" if c else "." for c in row), row.count(True), row)
flat = [c for row in board for c in row]
print(flat)
copied = [row[:] for row in board]
copied[0][0] = True
print(board[0], copied[0], board == copied, board[1:] == copied[1:])
#%% a list of bools grown one by one
seen = []
for i in range(1000):
    seen.append(i % 7 < 3)
    if i % 5 == 4:
        seen.pop(len(seen) // 2)
    if i % 11 == 0:
        seen += [True, False]
print(len(seen), sum(seen), seen[:20], seen[-20:])
while seen and len(seen) > 3:
    seen = seen[1:-1]
print(seen)
#%% an empty list that bools come to
def collect(values, flags):
    for v in values:
        flags.append(v > 2)
    return flags


a = []
b = []
print(collect([1, 2, 3, 4], a), a, b == [], a == [False, False, True, True])
b.extend(a)
b += a
print(b, b * 2)
#%% bools among others are no list of bools
mixed = [True, 0, 1.5, None, "x"]
flags = [True, False]
both = [flags, mixed]
print(mixed, both, flags + [1], [*flags, 2], flags == [1, 0], [1, 0] == flags)
flags.append(3)
print(flags, sum(flags))
#%% keys that are bools
words = ["bb", "a", "ccc", "dd", "e"]
print(sorted(words, key=lambda w: len(w) > 1), sorted(words, key=lambda w: w < "c", reverse=True))
pairs = [(len(w) > 1, w) for w in words]
pairs.sort()
print(pairs, max(words, key=lambda w: w == "a"), sorted([True, False, True, False], key=lambda f: not f))
#%% a list of bools in an object and in a closure
class Bits:
    def __init__(self, n):
        self.bits = [False] * n

    def flip(self, i):
        self.bits[i] = not self.bits[i]
        return self.bits[i]

    def number(self):
        n = 0
        for b in self.bits:
            n = n * 2 + b
        return n


def make(n):
    done = [False] * n

    def visit(i):
        if done[i]:
            return False
        done[i] = True
        return True

    return [visit(i % 3) for i in range(5)], done


bits = Bits(8)
print(bits.flip(3), bits.flip(7), bits.flip(3), bits.number(), bits.bits, make(4))
#%% an index outside a list of bools
flags = [True] * 3
try:
    flags[3] = False
except IndexError as e:
    print(e)
try:
    print(flags[-4])
except IndexError as e:
    print(e)
print(flags[-3])
flags[5]
#%% a long list of bools
n = 3000000
flags = [True] * n
flags[n - 1] = False
more = flags + flags[-3:]
print(len(flags), sum(flags), len(more), more[-3:], flags.count(True), flags.index(False))
flags = flags[::2]
print(len(flags), sum(flags))
