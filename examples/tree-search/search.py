#!/usr/bin/env python3
"""Solves a sudoku by forking a session: one branch for each guess, up to 64 of them side by side.

    examples/tree-search/search.py [PUZZLE] [--url http://127.0.0.1:8080] [--picture tree.svg]

The session holds the grid and the rules (GRID below), in the sandbox.  This program, outside, only decides where to go on.
Each round takes the branches with the fewest open cells, forks each once for every candidate of its narrowest cell, and makes
all these guesses in one request.  A guess that contradicts ends its branch; nothing has to be undone, since every branch is a
process of its own.

Prints the grid, and on standard error what it took; --picture draws the tree.  PUZZLE is 81 digits, 0 or '.' for an open cell.
"""

import argparse
import html
import json
import math
import os
import sys
import time
import urllib.error
import urllib.request

PUZZLE = "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......"
AT_ONCE = 64  # guesses in one round, and what the server takes in one request

GRID = r'''
def peers(i):
    r, c = divmod(i, 9)
    b = r // 3 * 27 + c // 3 * 3
    return ({r * 9 + k for k in range(9)} | {k * 9 + c for k in range(9)} | {b + k // 3 * 9 + k % 3 for k in range(9)}) - {i}

PEERS = [peers(i) for i in range(81)]
cells = [set("123456789") for _ in range(81)]

def assign(i, digit):
    """Puts a digit there, and what follows from it; False where that contradicts."""
    todo = [(i, digit)]
    while todo:
        i, digit = todo.pop()
        if digit not in cells[i]:
            return False
        cells[i] = {digit}
        for p in PEERS[i]:
            if digit in cells[p]:
                if len(cells[p]) == 1:
                    return False
                cells[p].discard(digit)
                if len(cells[p]) == 1:
                    todo.append((p, next(iter(cells[p]))))
    return True

def state():
    """How many cells are open, and the one with the fewest candidates."""
    unsure = [i for i in range(81) if len(cells[i]) > 1]
    best = min(unsure, key=lambda i: (len(cells[i]), i), default=None)
    return {"open": len(unsure), "cell": best, "candidates": sorted(cells[best]) if unsure else []}
'''


class Server:
    def __init__(self, url, key):
        self.url, self.headers = url.rstrip("/"), {"Content-Type": "application/json"}
        if key:
            self.headers["Authorization"] = f"Bearer {key}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.read().decode(errors='replace')}")
        except urllib.error.URLError as error:
            sys.exit(f"no server at {self.url} ({error.reason}): start one with 'polyagent serve python'")
        return json.loads(text) if text else None


def told(outcome):
    """The value of a turn's last expression."""
    if outcome["status"] != "ok":
        sys.exit(f"a turn ended as {outcome['status']}: {outcome['stderr']}")
    return outcome["results"][0]["application/json"]


class Search:
    """A node is {"id", "parent", "guess", "fate", "open", "cell", "candidates"}; its fate "open" until it is known."""

    def __init__(self, server):
        self.server, self.nodes = server, []
        self.rounds = self.widest = 0
        self.fork_s = self.turn_s = 0.0

    def add(self, session, parent, guess, holds, state):
        node = {"id": session, "parent": parent, "guess": guess, "fate": "open" if holds else "contradiction", **state}
        self.nodes.append(node)
        if not holds:
            self.end(node)
        return node

    def end(self, node):
        self.server.call("DELETE", f"/v1/sessions/{node['id']}")

    def begin(self, puzzle):
        session = self.server.call("POST", "/v1/sessions", {"language": "python", "labels": {"example": "tree-search"}})["id"]
        given = [(i, digit) for i, digit in enumerate(puzzle) if digit in "123456789"]
        code = GRID + f"\n[all([assign(i, d) for i, d in {given!r}]), state()]"
        turn = self.server.call("POST", f"/v1/sessions/{session}/execute", {"code": code, "mode": "expression"})
        return self.add(session, None, "", *told(turn))

    def choose(self):
        """The branches that go on in this round: the fewest open cells first, as many as fit."""
        chosen, room = [], AT_ONCE
        for node in sorted((n for n in self.nodes if n["fate"] == "open"), key=lambda n: n["open"]):
            if len(node["candidates"]) <= room:
                chosen.append(node)
                room -= len(node["candidates"])
        return chosen

    def fork(self, node):
        """-> [(the new session, its parent, the digit that it will guess)]"""
        began = time.perf_counter()
        body = {"count": len(node["candidates"])}
        forks = self.server.call("POST", f"/v1/sessions/{node['id']}/fork", body)["sessions"]
        self.fork_s += time.perf_counter() - began
        node["fate"] = "forked"
        self.end(node)
        return [(session, node, digit) for session, digit in zip(forks, node["candidates"])]

    def step(self):
        """One round of guesses, all in one request; those that contradict end."""
        guesses = [guess for node in self.choose() for guess in self.fork(node)]
        turns = [{"session_id": session, "mode": "expression", "code": f"[assign({parent['cell']}, '{digit}'), state()]"}
                 for session, parent, digit in guesses]
        began = time.perf_counter()
        answers = self.server.call("POST", "/v1/sessions/branches", {"branches": turns})["branches"]
        self.turn_s += time.perf_counter() - began
        self.rounds, self.widest = self.rounds + 1, max(self.widest, len(guesses))
        for (session, parent, digit), answer in zip(guesses, answers):
            if "problem" in answer:
                sys.exit(f"a branch could not be asked: {answer['problem']}")
            row, column = divmod(parent["cell"], 9)
            self.add(session, parent["id"], f"r{row + 1}c{column + 1}={digit}", *told(answer["outcome"]))

    def run(self, puzzle):
        """-> the node that is solved, or None."""
        self.begin(puzzle)
        while True:
            solved = next((n for n in self.nodes if n["fate"] == "open" and n["open"] == 0), None)
            if solved or not any(n["fate"] == "open" for n in self.nodes):
                return solved
            self.step()

    def way(self, solved):
        """The nodes from the first one to the solution."""
        by_id, way = {n["id"]: n for n in self.nodes}, []
        while solved:
            way.insert(0, solved)
            solved = by_id.get(solved["parent"])
        return way


# --- the picture ---

FATES = {"solution": ("#0a7d32", "the way to the solution"), "forked": ("#7a7f87", "went on in forks"),
         "contradiction": ("#d4483b", "contradict: ended"), "open": ("#2f6fc4", "alive when the search ended")}
RING, EDGE, KEY = 74, 66, 28  # pixels: between generations, around, a line of the key


def places(nodes):
    """The tree around its root: generations are rings, and a branch has an arc as wide as its leaves.

    -> {id: (generation, angle)}
    """
    children, place, leaves = {}, {}, 0
    for node in nodes:
        children.setdefault(node["parent"], []).append(node["id"])
    total = sum(node["id"] not in children for node in nodes)
    stack = [(nodes[0]["id"], 0, False)]
    while stack:
        node, depth, done = stack.pop()
        below = children.get(node, [])
        if below and not done:
            stack += [(node, depth, True)] + [(child, depth + 1, False) for child in reversed(below)]
        elif below:
            place[node] = depth, sum(place[child][1] for child in below) / len(below)
        else:
            place[node], leaves = (depth, 2 * math.pi * leaves / total), leaves + 1
    return place


def point(center, depth, angle):
    return center + RING * depth * math.sin(angle), center - RING * depth * math.cos(angle)


def picture(nodes, way, words):
    """The tree as SVG."""
    place, on_way = places(nodes), {node["id"] for node in way}
    center = RING * max(depth for depth, _ in place.values()) + EDGE
    height = 2 * center + KEY * (len(FATES) + 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * center} {height}" width="{2 * center}" height="{height}" '
           'font-family="sans-serif" font-size="15">', '<rect width="100%" height="100%" fill="#ffffff"/>']

    def fate(node):
        return "solution" if node["id"] in on_way else node["fate"]

    ordered = sorted(nodes, key=lambda n: n["id"] in on_way)  # the way on top
    for node in ordered:
        if node["parent"]:
            (up, up_angle), (depth, angle) = place[node["parent"]], place[node["id"]]
            x, y = point(center, depth, angle)
            px, py = point(center, up, up_angle)
            bend = [*point(center, (up + depth) / 2, up_angle), *point(center, (up + depth) / 2, angle)]
            way_here = node["id"] in on_way
            out.append(f'<path d="M{px:.1f} {py:.1f} C{bend[0]:.1f} {bend[1]:.1f} {bend[2]:.1f} {bend[3]:.1f} {x:.1f} {y:.1f}" fill="none" '
                       f'stroke="{FATES["solution"][0] if way_here else "#c3c7cd"}" stroke-width="{4 if way_here else 1.3}"/>')
    for node in ordered:
        x, y = point(center, *place[node["id"]])
        title = html.escape(f"{node['id']} {node['guess'] or 'the puzzle'}: {FATES[fate(node)][1]}, {node['open']} open cells")
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{10 if node["id"] in on_way else 5}" fill="{FATES[fate(node)][0]}">'
                   f'<title>{title}</title></circle>')
    for step, node in enumerate(way):
        x, y = point(center, *place[node["id"]])
        out.append(f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" font-size="12" fill="#ffffff">{step}</text>')
    for line, (name, (color, what)) in enumerate(FATES.items()):
        y, count = 2 * center + KEY * line, sum(fate(node) == name for node in nodes)
        steps = ": " + ", ".join(node["guess"] for node in way[1:]) if name == "solution" and way else ""
        out.append(f'<circle cx="30" cy="{y - 5}" r="7" fill="{color}"/>'
                   f'<text x="48" y="{y}" fill="#222">{count} {what}{steps}</text>')
    out.append(f'<text x="23" y="{2 * center + KEY * len(FATES)}" fill="#222">{html.escape(words)}</text>')
    return "\n".join([*out, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("puzzle", nargs="?", default=PUZZLE)
    parser.add_argument("--url", default=os.environ.get("POLYAGENT_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--picture", help="where the tree is drawn, as SVG")
    options = parser.parse_args()
    if len(options.puzzle) != 81:
        parser.error("a puzzle has 81 cells")
    server = Server(options.url, os.environ.get("POLYAGENT_API_KEY"))
    began = time.perf_counter()
    search = Search(server)
    solved = search.run(options.puzzle)
    took = time.perf_counter() - began
    if solved:
        code = "print('\\n'.join(''.join(next(iter(cells[r * 9 + c])) for c in range(9)) for r in range(9)))"
        print(server.call("POST", f"/v1/sessions/{solved['id']}/execute", {"code": code})["stdout"], end="")
    for node in search.nodes:
        if node["fate"] == "open":
            search.end(node)
    forks = len(search.nodes) - 1
    words = (f"{len(search.nodes)} sessions, {forks} forks in {search.rounds} rounds, up to {search.widest} at once; "
             f"{1000 * search.fork_s / max(forks, 1):.2f} ms a fork, {1000 * search.turn_s / max(forks, 1):.2f} ms a guess, {took:.2f} s in all")
    print(words, file=sys.stderr)
    if options.picture:
        with open(options.picture, "w", encoding="utf-8") as file:
            file.write(picture(search.nodes, search.way(solved), words))
    if not solved:
        sys.exit("the puzzle has no solution")


if __name__ == "__main__":
    main()
