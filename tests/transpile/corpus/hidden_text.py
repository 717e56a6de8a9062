#%% partition
print("a=b=c".partition("="), "a=b=c".rpartition("="), "abc".partition("x"), "abc".rpartition("x"))
try:
    "a".partition("")
except ValueError as e:
    print(e)
#%% replace edges
print("aaa".replace("a", "b"), "aaa".replace("a", "b", 2), "abc".replace("", "-"), "".replace("", "x"), "aaa".replace("aa", "b"), "abc".replace("x", "y"), "abc".replace("", "-", 2), "ab".replace("a", ""), "aaa".replace("a", "b", 0), "aaa".replace("a", "b", -1))
#%% predicates ascii
for s in ["abc", "ABC", "aB", "12", "a1", " ", "", "1.5", "_x", "1x", "a b", "Ab Cd", "\n"]:
    print(repr(s), s.isalpha(), s.isdigit(), s.isalnum(), s.isspace(), s.isupper(), s.islower(), s.isdecimal(), s.isnumeric())
#%% slices
s = "abcdefg"
print(s[::-1], s[1:5:2], s[-3:], s[:-3], s[10:], s[-100:3], s[5:2], s[::3], s[::-2], s[5:1:-1], s[-1:-5:-2], s[:100], s[3:-1], s[9999999999:], s[:-9999999999], s[::9999999999999])
print("héllo"[1], "héllo"[::-1], "日本語"[1:], "😀a😀"[1], len("😀é"), "e\u0301"[0], len("e\u0301"), "e\u0301"[::-1] == "\u0301e")
try:
    s[::0]
except ValueError as e:
    print(e)
try:
    s[7]
except IndexError as e:
    print(e)
#%% index uncaught
s = "abc"
print(s[3])
#%% string comparison
print("a" < "b", "a" < "B", "abc" < "abd", "ab" < "abc", "" < "a", "é" > "z", "10" < "9", "a" == "a", "a" != "b", "Z" < "a", "\uffff" < "\U00010000")
print("b" in "abc", "" in "abc", "ac" in "abc", "x" not in "abc", max("abc"), sorted("hello"), sorted("bca", reverse=True))
#%% string multiplication
print("ab" * 3, 3 * "ab", "ab" * 0, "ab" * -1, "-" * 20, "=" * 5 + "x")
s = "ab"
s *= 2
s += "!"
print(s)
#%% str format simple
name = "Bob"
print("Hello, {}!".format(name), "{} + {} = {}".format(1, 2, 3), "{:.3f}".format(3.14159), "{:>8}|{:<8}|{:^8}|".format("a", "b", "c"), "{:05d}".format(42), "{:x} {:b} {:e}".format(255, 5, 1234.5), "{0}{1}{0}".format("a", "b"), "{n}".format(n=name))
#%% int str conversions
print(str(5) + "5", int("5") + 5, str(1.0), str(None), str([1, "a"]), str((1,)), str({}), repr("5"), str(True) + "!", "5" * 2, float("2") + 1, str(-0), str(1e5), str(10**15))
#%% implicit concatenation in lists
xs = ["a" "b", "c"
      "d"]
print(xs, len(xs))
t = ("x"
     "y")
print(t, type(t).__name__)
#%% caesar
def caesar(text, k):
    out = []
    for ch in text:
        if "a" <= ch <= "z":
            out.append(chr((ord(ch) - 97 + k) % 26 + 97))
        elif ch.isupper():
            out.append(chr((ord(ch) - ord("A") + k) % 26 + ord("A")))
        else:
            out.append(ch)
    return "".join(out)
e = caesar("Hello, World! xyz", 3)
print(e, caesar(e, -3))
#%% vigenere
def vig(text, key, sign=1):
    res = ""
    i = 0
    for c in text:
        if c.isalpha():
            shift = ord(key[i % len(key)].lower()) - ord("a")
            base = ord("A") if c.isupper() else ord("a")
            res += chr((ord(c) - base + sign * shift) % 26 + base)
            i += 1
        else:
            res += c
    return res
c = vig("Attack at Dawn!", "Lemon")
print(c, vig(c, "Lemon", -1))
#%% rle
def rle(s):
    if not s:
        return ""
    out, prev, n = "", s[0], 1
    for c in s[1:]:
        if c == prev:
            n += 1
        else:
            out += f"{n}{prev}"
            prev, n = c, 1
    return out + f"{n}{prev}"
def unrle(s):
    out, num = "", ""
    for c in s:
        if c.isdigit():
            num += c
        else:
            out += c * int(num)
            num = ""
    return out
print(rle("aaabbc"), unrle(rle("wwwwaaadexxxxxx")), repr(rle("")))
#%% roman
def to_roman(n):
    table = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    out = []
    for v, sym in table:
        q, n = divmod(n, v)
        out.append(sym * q)
    return "".join(out)
def from_roman(s):
    vals = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for i, c in enumerate(s):
        if i + 1 < len(s) and vals[c] < vals[s[i + 1]]:
            total -= vals[c]
        else:
            total += vals[c]
    return total
for n in (1, 4, 9, 14, 40, 90, 400, 1994, 2024, 3999):
    r = to_roman(n)
    print(n, r, from_roman(r) == n)
#%% word wrap
def wrap(text, width):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = line + " " + word if line else word
    if line:
        lines.append(line)
    return lines
for l in wrap("The quick brown fox jumps over the lazy dog and runs away from it", 16):
    print(f"|{l:<16}|{l:^16}|{l:>16}|")
#%% anagram groups
words = ["listen", "silent", "enlist", "google", "elgoog", "abc", "cab"]
groups = {}
for w in words:
    groups.setdefault("".join(sorted(w)), []).append(w)
for k in sorted(groups):
    print(k, groups[k])
print(sorted(groups.values(), key=len, reverse=True))
#%% word count
text = "the cat and the dog and the bird"
counts = {}
for w in text.split():
    counts[w] = counts.get(w, 0) + 1
for w, c in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])):
    print(f"{w:<6}{c:>3} {'#' * c}")
print(max(counts, key=counts.get), counts)
#%% vowels set
print(sum(1 for c in "Programming Language" if c.lower() in "aeiou"), [c for c in "banana" if c not in {"a", "e"}])
print(sorted(set("mississippi")), len(set("hello")), "".join(sorted(set("hello"))))
#%% lcs and edit distance
def lcs(a, b):
    dp = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            dp[i][j] = dp[i-1][j-1] + 1 if a[i-1] == b[j-1] else max(dp[i-1][j], dp[i][j-1])
    i, j, out = len(a), len(b), []
    while i and j:
        if a[i-1] == b[j-1]:
            out.append(a[i-1]); i -= 1; j -= 1
        elif dp[i-1][j] >= dp[i][j-1]:
            i -= 1
        else:
            j -= 1
    return "".join(reversed(out))
def edit(a, b):
    prev = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        cur = [i]
        for j, cb in enumerate(b, 1):
            cur.append(min(prev[j] + 1, cur[-1] + 1, prev[j-1] + (ca != cb)))
        prev = cur
    return prev[-1]
print(lcs("AGGTAB", "GXTXAYB"), edit("kitten", "sitting"), edit("", "abc"), lcs("", "x"))
#%% balanced brackets
def balanced(s):
    pairs = {")": "(", "]": "[", "}": "{"}
    stack = []
    for c in s:
        if c in pairs.values():
            stack.append(c)
        elif c in pairs:
            if not stack or stack.pop() != pairs[c]:
                return False
    return not stack
for s in ["()", "([{}])", "(]", "((", "", "a(b)c]"]:
    print(repr(s), balanced(s))
#%% rpn
def rpn(expr):
    stack = []
    for tok in expr.split():
        if tok in "+-*/":
            b = stack.pop()
            a = stack.pop()
            if tok == "+": stack.append(a + b)
            elif tok == "-": stack.append(a - b)
            elif tok == "*": stack.append(a * b)
            else: stack.append(a // b)
        else:
            stack.append(int(tok))
    return stack[0]
print(rpn("3 4 + 2 *"), rpn("5 1 2 + 4 * + 3 -"))
try:
    rpn("+")
except IndexError as e:
    print("error:", e)
#%% base conversion
def to_base(n, b):
    if n == 0:
        return "0"
    digs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    neg = n < 0
    n = abs(n)
    out = ""
    while n:
        n, r = divmod(n, b)
        out = digs[r] + out
    return "-" + out if neg else out
for n, b in [(255, 16), (255, 2), (-10, 3), (0, 5), (123456, 36)]:
    print(n, b, to_base(n, b), int(to_base(n, b), b))
#%% input eof
print("asking")
try:
    s = input("prompt> ")
except EOFError as e:
    print("EOF", e)
s = input()
#%% multiply unicode
print("é" * 3, "日本".center(6, "*"), "日本".ljust(4) + "|", f"{'日本':>5}", "%5s" % "é")
