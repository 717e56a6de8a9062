#!/usr/bin/env python3
"""Solves a sudoku by forking a session: one branch for each guess, until one of them comes to the end.

    polyagent serve            (with server.sessions_most and server.sessions_per_caller of 100 or more)
    examples/tree-search/search.py [PUZZLE] [--url http://127.0.0.1:8080] [--picture tree.svg]

The session holds the grid and the rules (GRID below), in the sandbox.  This program, outside, only decides where to go
on: each step takes the branch with the fewest open cells, asks it which cell has the fewest candidates, forks it once for
each of them, and makes the guesses side by side.  A guess that contradicts ends its branch; nothing has to be undone, since every
branch is a process of its own.

Prints the grid; --picture draws the tree that the server tells of.  PUZZLE is 81 digits, 0 or '.' for an open cell.
"""

import argparse
import html
import json
import os
import sys
import urllib.request

PUZZLE = "850002400720000009004000000000107002305000900040000000000080070017000000000036040"
BRANCHES = 64  # alive at once

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
        return json.loads(text) if text else None


def told(outcome):
    """The value of a turn's last expression."""
    if outcome["status"] != "ok":
        sys.exit(f"a turn ended as {outcome['status']}: {outcome['stderr']}")
    return outcome["results"][0]["application/json"]


def guess(server, branch, where):
    """Forks a branch once for each candidate -> [(session, state)] of those that do not contradict."""
    forks = server.call("POST", f"/v1/sessions/{branch}/fork", {"count": len(where["candidates"])})["sessions"]
    turns = [{"session_id": fork, "mode": "expression", "code": f"[assign({where['cell']}, '{digit}'), state()]"}
             for fork, digit in zip(forks, where["candidates"])]
    alive = []
    for item in server.call("POST", "/v1/sessions/branches", {"branches": turns})["branches"]:
        if "problem" in item:
            sys.exit(f"a branch could not be asked: {item['problem']}")
        holds, state = told(item["outcome"])
        if holds:
            alive.append((item["session_id"], state))
        else:
            server.call("DELETE", f"/v1/sessions/{item['session_id']}")
    return alive


def search(server, puzzle):
    """-> (the first session, the one that is solved, how many branches there were)."""
    first = server.call("POST", "/v1/sessions", {"language": "python", "labels": {"example": "tree-search"}})["id"]
    given = [(i, digit) for i, digit in enumerate(puzzle) if digit in "123456789"]
    code = GRID + f"\n[all(assign(i, d) for i, d in {given!r}), state()]"
    holds, state = told(server.call("POST", f"/v1/sessions/{first}/execute", {"code": code, "mode": "expression"}))
    if not holds:
        sys.exit("the puzzle contradicts itself")
    waiting, count = [(first, state)], 1
    while waiting:
        waiting.sort(key=lambda item: -item[1]["open"])
        branch, where = waiting.pop()
        if where["open"] == 0:
            return first, branch, count
        forks = guess(server, branch, where)
        count += len(where["candidates"])
        waiting += forks
        if branch != first:
            server.call("DELETE", f"/v1/sessions/{branch}")
        if len(waiting) > BRANCHES:
            sys.exit(f"more than {BRANCHES} branches are open")
    sys.exit("the puzzle has no solution")


def picture(tree, solved):
    """The tree as SVG: a column for each level, the way to the solution marked."""
    nodes = {node["id"]: node for node in tree["nodes"]}
    children = {}
    for node in tree["nodes"]:
        children.setdefault(node["parent"], []).append(node["id"])
    way, at = set(), solved
    while at:
        way.add(at)
        at = nodes[at]["parent"] if at in nodes else None
    place, row = {}, 0
    stack = [(root, 0, False) for root in reversed(tree["roots"])]
    while stack:  # leaves one below the other, a parent in the middle of its children
        node, depth, done = stack.pop()
        below = children.get(node, [])
        if below and not done:
            stack += [(node, depth, True)] + [(child, depth + 1, False) for child in reversed(below)]
            continue
        if below:
            place[node] = depth, sum(place[child][1] for child in below) / len(below)
        else:
            place[node], row = (depth, row), row + 1
    xy = {node: (40 + x * 90, 20 + y * 18) for node, (x, y) in place.items()}
    width, height = max(x for x, _ in xy.values()) + 120, max(y for _, y in xy.values()) + 20
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="9">']
    for node, (x, y) in xy.items():
        color = "#0a7d32" if node in way else "#b8b8b8"
        parent = nodes[node]["parent"]
        if parent in xy:
            px, py = xy[parent]
            parts.append(f'<path d="M{px} {py} C{px + 45} {py} {x - 45} {y} {x} {y}" fill="none" stroke="{color}" stroke-width="1.5"/>')
    for node, (x, y) in xy.items():
        color = "#0a7d32" if node in way else "#555" if nodes[node]["state"] != "ended" else "#c9c9c9"
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{color}"><title>{html.escape(node)}: {nodes[node]["state"]}</title></circle>')
    return "\n".join([*parts, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("puzzle", nargs="?", default=PUZZLE)
    parser.add_argument("--url", default=os.environ.get("POLYAGENT_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--picture", help="where the tree is drawn, as SVG")
    options = parser.parse_args()
    if len(options.puzzle) != 81:
        parser.error("a puzzle has 81 cells")
    server = Server(options.url, os.environ.get("POLYAGENT_API_KEY"))
    first, solved, count = search(server, options.puzzle)
    code = "print('\\n'.join(''.join(next(iter(cells[r * 9 + c])) for c in range(9)) for r in range(9)))"
    print(server.call("POST", f"/v1/sessions/{solved}/execute", {"code": code})["stdout"], end="")
    print(f"{count} branches", file=sys.stderr)
    tree = server.call("GET", f"/v1/sessions/{first}/tree")
    if options.picture:
        with open(options.picture, "w", encoding="utf-8") as file:
            file.write(picture(tree, solved))
    for node in tree["nodes"]:
        if node["state"] != "ended":
            server.call("DELETE", f"/v1/sessions/{node['id']}")


if __name__ == "__main__":
    main()
