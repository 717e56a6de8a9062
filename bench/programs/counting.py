words = []
seed = 12345
for i in range(200000):
    seed = (seed * 1103515245 + 12345) % 2147483648
    words.append("w" + str(seed % 1000))
counts = {}
for w in words:
    counts[w] = counts.get(w, 0) + 1
numbers = {}
for i in range(300000):
    k = i * 7 % 1013
    if k in numbers:
        numbers[k] += 1
    else:
        numbers[k] = 1
best = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[:3]
print(best, len(numbers), max(numbers.values()))
