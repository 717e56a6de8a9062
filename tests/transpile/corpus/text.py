#%% hello
print("Hello, World!")
#%% concatenation
first = "Ada"
last = "Lovelace"
full = first + " " + last
print(full, len(full))
#%% case methods
s = "Hello World"
print(s.upper(), s.lower(), s.title(), s.swapcase(), s.capitalize())
#%% reverse
s = "python"
print(s[::-1], s[1:4], s[-3:], s[:2], s[::2])
#%% palindrome
def is_palindrome(s):
    s = s.lower().replace(" ", "")
    return s == s[::-1]

print(is_palindrome("A man a plan a canal Panama"), is_palindrome("hello"))
#%% count vowels
text = "The quick brown fox"
count = 0
for ch in text:
    if ch.lower() in "aeiou":
        count += 1
print(count)
#%% word count
text = "the cat and the dog and the bird"
counts = {}
for word in text.split():
    counts[word] = counts.get(word, 0) + 1
print(counts)
#%% split and join
parts = "a,b,c".split(",")
print(parts, "-".join(parts), " a  b ".split())
#%% strip
print("[" + "  hi ".strip() + "]", "xxhixx".strip("x"), "  l".lstrip(), "r  ".rstrip() + "|")
#%% find and replace
s = "banana"
print(s.find("na"), s.rfind("na"), s.find("x"), s.count("a"), s.replace("a", "o"), s.index("n"))
#%% starts and ends
print("hello.py".endswith(".py"), "hello".startswith("he"), "x" in "xyz", "q" not in "xyz")
#%% f-string
name = "Bob"
age = 30
print(f"{name} is {age} years old and {age + 1} next year")
#%% format spec
pi = 3.14159265
print(f"{pi:.2f} {pi:8.3f}| {42:05d} {42:>6} {42:<6}| {42:^6}| {1234567:,} {0.256:.1%} {255:x} {255:#b}")
#%% str.format
print("{} + {} = {}".format(1, 2, 3), "{0} {1} {0}".format("a", "b"), "{x:.2f}".format(x=1.5))
#%% percent format
print("%s is %d years and %.2f" % ("Al", 5, 1.5), "%5d|%-5d|%05d" % (1, 2, 3))
#%% caesar
def caesar(text, shift):
    result = ""
    for ch in text:
        if ch.isalpha():
            base = ord("A") if ch.isupper() else ord("a")
            result += chr((ord(ch) - base + shift) % 26 + base)
        else:
            result += ch
    return result

enc = caesar("Hello, World!", 3)
print(enc, caesar(enc, -3))
#%% is methods
print("123".isdigit(), "abc".isalpha(), "a1".isalnum(), " ".isspace(), "ABC".isupper(), "".isdigit())
#%% multiline
text = """line one
line two
line three"""
for i, line in enumerate(text.splitlines(), 1):
    print(i, line)
#%% escape
print("tab\there\nnew 'quote' \"double\" back\\slash \x41 \u00e9")
#%% repr of strings
print(["it's", 'say "hi"', "a\nb", "t\tx", "\\"])
#%% unicode
s = "héllo wörld ☃"
print(s, len(s), s[1], s[-1], s.upper() if False else "skip")
#%% zfill and padding
print("42".zfill(5), "-42".zfill(5), "hi".center(10, "*"), "hi".ljust(5) + "|", "hi".rjust(5))
#%% multiplication
print("-" * 20, "ab" * 3, 3 * "xy", "x" * 0)
#%% anagram
def are_anagrams(a, b):
    return sorted(a.lower()) == sorted(b.lower())

print(are_anagrams("Listen", "Silent"), are_anagrams("abc", "abd"))
#%% char frequency
s = "mississippi"
freq = {}
for c in s:
    if c in freq:
        freq[c] += 1
    else:
        freq[c] = 1
for k in sorted(freq):
    print(k, freq[k])
#%% longest word
sentence = "the longest word in this sentence"
words = sentence.split()
print(max(words, key=len))
#%% reverse words
print(" ".join("one two three".split()[::-1]))
print(" ".join(reversed("one two three".split())))
#%% comparison
print("apple" < "banana", "Z" < "a", "abc" == "abc", "abc" > "abcd")
#%% string building
s = ""
for i in range(10):
    s += str(i) + ","
print(s[:-1])
#%% ord chr
print([ord(c) for c in "AZaz09"], "".join(chr(65 + i) for i in range(26)))
#%% run length
def rle(s):
    if not s:
        return ""
    out = []
    prev = s[0]
    n = 1
    for c in s[1:]:
        if c == prev:
            n += 1
        else:
            out.append(prev + str(n))
            prev = c
            n = 1
    out.append(prev + str(n))
    return "".join(out)

print(rle("aaabbc"), rle(""), rle("z"))
#%% partition
print("key=value=x".partition("="), "nokey".partition("="), "a.b.c".rpartition("."))
#%% none and bool in text
x = None
print(f"{x} {True} {[1, 2]} {(1,)} {{}} {'a'!r}")
#%% title loop
names = ["alice", "bob"]
print([n.capitalize() for n in names], list(map(str.upper, names)))
#%% digits in text
s = "a1b22c333"
print("".join(c for c in s if c.isdigit()), sum(int(c) for c in s if c.isdigit()))
#%% print sep end
print(1, 2, 3, sep=", ", end="!\n")
print("a", end="")
print("b")
print()
print("x", "y", sep="")
#%% print star
nums = [1, 2, 3]
print(*nums)
print(*nums, sep="-")
#%% nested quotes
d = {"name": "Zoe"}
print(f"Hi {d['name']}!")
#%% string to list
print(list("abc"), sorted("hello"), set("a"))
#%% in operator
vowels = "aeiou"
print([c for c in "education" if c in vowels])
#%% join numbers
print(", ".join(str(n) for n in [1, 2, 3]), " ".join(map(str, range(5))))
#%% removeprefix
print("TestCase".removeprefix("Test"), "file.txt".removesuffix(".txt"))
#%% slices with negative step
s = "abcdef"
print(s[4:1:-1], s[::-2], s[-1:-4:-1], s[10:], s[3:1])
#%% debug fstring
x = 5
y = "t"
print(f"{x=} {y=} {x + 1 = }")
#%% width from variable
w = 8
for row in [("a", 1.5), ("bb", 22.25)]:
    print(f"{row[0]:<{w}}{row[1]:>{w}.2f}|")
