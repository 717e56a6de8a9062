#%% simple
class Dog:
    def __init__(self, name, age):
        self.name = name
        self.age = age

    def bark(self):
        return f"{self.name} says woof"

d = Dog("Rex", 3)
print(d.bark(), d.age)
d.age += 1
print(d.age)
#%% str and repr
class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __str__(self):
        return f"({self.x}, {self.y})"

    def __repr__(self):
        return f"Point({self.x}, {self.y})"

p = Point(1, 2)
print(p, str(p), repr(p), [p], f"{p} {p!r}")
#%% inheritance
class Animal:
    def __init__(self, name):
        self.name = name

    def speak(self):
        return "..."

    def intro(self):
        return f"{self.name}: {self.speak()}"

class Cat(Animal):
    def speak(self):
        return "meow"

class Cow(Animal):
    def speak(self):
        return "moo"

for a in [Cat("Tom"), Cow("Bess"), Animal("X")]:
    print(a.intro())
#%% super
class Base:
    def __init__(self, x):
        self.x = x

    def show(self):
        return f"x={self.x}"

class Child(Base):
    def __init__(self, x, y):
        super().__init__(x)
        self.y = y

    def show(self):
        return super().show() + f" y={self.y}"

print(Child(1, 2).show(), isinstance(Child(1, 2), Base))
#%% operators
class Vec:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vec(self.x + other.x, self.y + other.y)

    def __mul__(self, k):
        return Vec(self.x * k, self.y * k)

    def __eq__(self, other):
        return self.x == other.x and self.y == other.y

    def __repr__(self):
        return f"Vec({self.x}, {self.y})"

print(Vec(1, 2) + Vec(3, 4), Vec(1, 2) * 3, Vec(1, 1) == Vec(1, 1), Vec(1, 1) != Vec(1, 2), [Vec(0, 0)] == [Vec(0, 0)])
#%% stack class
class Stack:
    def __init__(self):
        self.items = []

    def push(self, x):
        self.items.append(x)

    def pop(self):
        return self.items.pop()

    def is_empty(self):
        return len(self.items) == 0

    def __len__(self):
        return len(self.items)

s = Stack()
s.push(1)
s.push(2)
print(s.pop(), s.is_empty(), len(s))
#%% linked list
class Node:
    def __init__(self, value):
        self.value = value
        self.next = None

class LinkedList:
    def __init__(self):
        self.head = None

    def append(self, value):
        node = Node(value)
        if self.head is None:
            self.head = node
            return
        cur = self.head
        while cur.next:
            cur = cur.next
        cur.next = node

    def to_list(self):
        out = []
        cur = self.head
        while cur:
            out.append(cur.value)
            cur = cur.next
        return out

    def reverse(self):
        prev = None
        cur = self.head
        while cur:
            nxt = cur.next
            cur.next = prev
            prev = cur
            cur = nxt
        self.head = prev

l = LinkedList()
for i in range(5):
    l.append(i)
print(l.to_list())
l.reverse()
print(l.to_list())
#%% binary tree
class Tree:
    def __init__(self, key):
        self.key = key
        self.left = None
        self.right = None

def insert(root, key):
    if root is None:
        return Tree(key)
    if key < root.key:
        root.left = insert(root.left, key)
    else:
        root.right = insert(root.right, key)
    return root

def inorder(root):
    return inorder(root.left) + [root.key] + inorder(root.right) if root else []

root = None
for k in [50, 30, 70, 20, 40, 60, 80]:
    root = insert(root, k)
print(inorder(root))
#%% class attribute
class Counter:
    count = 0

    def __init__(self):
        Counter.count += 1

Counter()
Counter()
print(Counter.count)
#%% static and class methods
class Util:
    @staticmethod
    def add(a, b):
        return a + b

    @classmethod
    def name(cls):
        return "Util"

print(Util.add(1, 2), Util.name())
#%% property
class Circle:
    def __init__(self, r):
        self.r = r

    @property
    def area(self):
        return 3.14159 * self.r * self.r

print(round(Circle(2).area, 2))
#%% bank account
class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError("Insufficient funds")
        self.balance -= amount
        return self.balance

a = Account("Ann", 100)
print(a.deposit(50), a.withdraw(30))
try:
    a.withdraw(1000)
except ValueError as e:
    print("Error:", e)
#%% shapes
class Shape:
    def area(self):
        raise NotImplementedError

class Square(Shape):
    def __init__(self, s):
        self.s = s

    def area(self):
        return self.s ** 2

class Rect(Shape):
    def __init__(self, w, h):
        self.w = w
        self.h = h

    def area(self):
        return self.w * self.h

shapes = [Square(3), Rect(2, 4)]
print([s.area() for s in shapes], sum(s.area() for s in shapes))
for s in shapes:
    print(type(s).__name__, s.area())
#%% duck typing without a base
class Duck:
    def speak(self):
        return "quack"

class Robot:
    def speak(self):
        return "beep"

for x in [Duck(), Robot()]:
    print(x.speak())
#%% sort objects
class Student:
    def __init__(self, name, grade):
        self.name = name
        self.grade = grade

    def __lt__(self, other):
        return self.grade < other.grade

    def __repr__(self):
        return f"{self.name}:{self.grade}"

students = [Student("A", 88), Student("B", 75), Student("C", 92)]
print(sorted(students), max(students, key=lambda s: s.grade), sorted(students, key=lambda s: s.name, reverse=True))
#%% indexing
class Grid:
    def __init__(self, w, h):
        self.cells = [[0] * w for _ in range(h)]

    def __getitem__(self, pos):
        x, y = pos
        return self.cells[y][x]

    def __setitem__(self, pos, value):
        x, y = pos
        self.cells[y][x] = value

g = Grid(3, 2)
g[1, 1] = 7
print(g[1, 1], g[0, 0])
#%% contains and call
class Multiplier:
    def __init__(self, n):
        self.n = n

    def __call__(self, x):
        return x * self.n

    def __contains__(self, x):
        return x % self.n == 0

m = Multiplier(3)
print(m(4), 9 in m, 10 in m)
#%% queue of two stacks
class Queue:
    def __init__(self):
        self.inbox = []
        self.outbox = []

    def put(self, x):
        self.inbox.append(x)

    def get(self):
        if not self.outbox:
            while self.inbox:
                self.outbox.append(self.inbox.pop())
        return self.outbox.pop()

q = Queue()
for i in range(3):
    q.put(i)
print(q.get(), q.get())
#%% chaining
class Builder:
    def __init__(self):
        self.parts = []

    def add(self, p):
        self.parts.append(p)
        return self

    def build(self):
        return " ".join(self.parts)

print(Builder().add("a").add("b").build())
#%% dict of objects
class Item:
    def __init__(self, name, price):
        self.name = name
        self.price = price

items = {i.name: i for i in [Item("a", 1.5), Item("b", 2.5)]}
print(items["b"].price, sum(i.price for i in items.values()))
#%% identity
class A:
    pass

a = A()
b = A()
print(a is a, a is b, a == a, a == b, a is not None)
#%% default attributes
class Config:
    debug = False
    level = 3

c = Config()
print(c.debug, c.level, Config.level)
#%% matrix class
class Matrix:
    def __init__(self, rows):
        self.rows = rows

    def __mul__(self, other):
        n = len(self.rows)
        m = len(other.rows[0])
        k = len(other.rows)
        return Matrix([[sum(self.rows[i][x] * other.rows[x][j] for x in range(k)) for j in range(m)] for i in range(n)])

    def __str__(self):
        return "\n".join(" ".join(str(v) for v in row) for row in self.rows)

print(Matrix([[1, 2], [3, 4]]) * Matrix([[0, 1], [1, 0]]))
#%% fraction
def gcd(a, b):
    while b:
        a, b = b, a % b
    return a

class Fraction:
    def __init__(self, n, d):
        g = gcd(n, d)
        self.n = n // g
        self.d = d // g

    def __add__(self, o):
        return Fraction(self.n * o.d + o.n * self.d, self.d * o.d)

    def __str__(self):
        return f"{self.n}/{self.d}"

print(Fraction(1, 2) + Fraction(1, 3))
