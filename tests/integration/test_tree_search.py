"""examples/tree-search: a sudoku by forking sessions, over HTTP."""

import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from http_server import Server

PUZZLE = "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    server = Server(polyagent, installed_languages, tmp_path_factory.mktemp("tree"), "python", sessions_most=300,
                    sessions_per_caller=300)
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def search(server, root):
    def run(*args):
        return subprocess.run([sys.executable, root / "examples/tree-search/search.py", "--url", f"http://{server.address}",
                               *args], capture_output=True, text=True, timeout=1200, check=False)

    yield run
    assert [s for s in server.ask("GET", "/v1/sessions").json()["sessions"] if s["state"] != "ended"] == []


def is_solution(text, puzzle):
    rows = text.split()
    columns = ["".join(column) for column in zip(*rows)]
    blocks = ["".join(rows[r + i][c:c + 3] for i in range(3)) for r in (0, 3, 6) for c in (0, 3, 6)]
    given = all(p in (".", digit) for p, digit in zip(puzzle, "".join(rows), strict=True))
    return given and all(sorted(each) == list("123456789") for each in rows + columns + blocks)


def test_a_sudoku_is_solved_by_forks(search, tmp_path):
    done = search("--picture", tmp_path / "tree.svg")
    assert done.returncode == 0 and is_solution(done.stdout, PUZZLE), done.stderr
    sessions, forks, widest = map(int, re.match(r"(\d+) sessions, (\d+) forks in \d+ rounds, up to (\d+) at once", done.stderr).groups())
    assert sessions == forks + 1 and widest == 64
    picture = xml.etree.ElementTree.parse(tmp_path / "tree.svg")
    titles = [title.text for title in picture.findall(f"{SVG}circle/{SVG}title")]
    assert len(titles) == sessions and len(picture.findall(f"{SVG}path")) == forks
    assert sum(": contradict" in title for title in titles) > 100
    assert sum("the way to the solution" in title and ", 0 open cells" in title for title in titles) == 1


def test_a_grid_without_a_solution(search):
    done = search("11" + "." * 79)
    assert (done.returncode, done.stdout) == (1, "") and "no solution" in done.stderr
