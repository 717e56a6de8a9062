parts = []
text = ""
for i in range(300000):
    text += str(i % 10)
    if i % 3 == 0:
        parts.append("item" + str(i))
joined = ",".join(parts)
print(len(text), len(joined), joined[-10:])
words = joined.split(",")
print(len(words), sum(len(w) for w in words))
