"""examples/tree-search: a sudoku by forking sessions, over HTTP."""

import subprocess
import sys
import xml.etree.ElementTree

from http_server import Server

SOLVED = "859612437\n723854169\n164379528\n986147352\n375268914\n241593786\n432981675\n617425893\n598736241\n"


def test_a_sudoku_is_solved_by_forks(polyagent, installed_languages, root, tmp_path):
    server = Server(polyagent, installed_languages, tmp_path, "python", sessions_most=200, sessions_per_caller=100, queue_length=200)
    done = subprocess.run([sys.executable, root / "examples/tree-search/search.py", "--url", f"http://{server.address}",
                           "--picture", tmp_path / "tree.svg"], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, SOLVED), done.stderr
    branches = int(done.stderr.split()[0])
    circles = xml.etree.ElementTree.parse(tmp_path / "tree.svg").findall("{http://www.w3.org/2000/svg}circle")
    assert 100 < branches < 300 and len(circles) == branches
    assert [s for s in server.ask("GET", "/v1/sessions").json()["sessions"] if s["state"] != "ended"] == []
    assert server.stop() == 0, server.log()
