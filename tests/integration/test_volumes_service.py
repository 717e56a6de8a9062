"""Volumes through the doors of a server: kept, bounded, each caller's own, removed."""

import hashlib
import json
import shutil

import pytest

from test_service import Service

PYTHON, JAVASCRIPT = "python_executor", "javascript_executor"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volumes")
    folder.chmod(0o700)
    return folder


@pytest.fixture(scope="module")
def start(polyagent, installed_languages, home):
    """start(**settings) -> a server with the module's folder of volumes; ended after the tests."""
    started = []

    def call(**settings):
        folder = home / f"server{len(started)}"
        folder.mkdir()
        started.append(Service(polyagent, installed_languages, folder,
                               **{"volumes_directory": home / "volumes", "volume_bytes": 65536, "volume_entries": 20, **settings}))
        return started[-1]

    yield call
    for one in started:
        assert one.stop() == 0, one.log()


@pytest.fixture(scope="module")
def server(start):
    return start(volumes_most=4)


def run(server, code, *volumes, tool=PYTHON, key=None, **parameters):
    status, _, body = server.ask("POST", f"/v1/tools/{tool}", {"code": code, "volumes": list(volumes), **parameters}, X_Api_Key=key)
    return status, json.loads(body)


def output(server, code, *volumes, **parameters):
    status, outcome = run(server, code, *volumes, **parameters)
    assert (status, outcome.get("status")) == (200, "ok"), outcome
    return outcome["stdout"]


def listed(server, key=None):
    status, _, body = server.ask("GET", "/v1/volumes", X_Api_Key=key)
    assert status == 200, body
    return {v["name"]: v for v in json.loads(body)["volumes"]}


def test_what_one_run_writes_another_reads_after_a_restart_too(start):
    server = start()
    output(server, "open('/volumes/notes/a', 'w').write('kept')", {"name": "notes"})
    assert output(server, "print(open('/volumes/notes/a').read())", {"name": "notes"}) == "kept\n"
    assert output(server, "console.log(require('fs').readFileSync('/mnt/x/a', 'utf8'))", {"name": "notes", "path": "/mnt/x"},
                  tool=JAVASCRIPT) == "kept\n"
    assert output(server, "open('/memory/b', 'w').write('1')", {"name": "memory"}) == ""
    notes = listed(server)["notes"]
    assert (notes["bytes"], notes["entries"], notes["quota_bytes"], notes["in_use"]) == (4, 1, 65536, False)
    assert server.stop() == 0
    again = start()
    assert output(again, "print(open('/volumes/notes/a').read())", {"name": "notes", "read_only": True}) == "kept\n"
    for name in ("notes", "memory"):
        assert again.ask("DELETE", f"/v1/volumes/{name}")[0] == 204
    assert again.ask("DELETE", "/v1/volumes/notes")[0] == 404
    assert listed(again) == {}
    assert again.stop() == 0


def test_a_read_only_volume_is_not_written(server):
    status, outcome = run(server, "open('/volumes/r/a', 'w')", {"name": "r", "read_only": True})
    assert outcome["status"] == "error" and outcome["error"]["name"] in ("OSError", "PermissionError"), outcome
    assert server.ask("DELETE", "/v1/volumes/r")[0] == 204


def test_the_quota_is_edquot(server):
    code = ("import errno, os\n"
            "try:\n    with open('/volumes/q/big', 'wb') as f: f.write(bytes(100000))\nexcept OSError as e: print(e.errno == errno.EDQUOT)\n"
            "os.remove('/volumes/q/big')\n"
            "try:\n    for i in range(30): open(f'/volumes/q/{i}', 'w').close()\nexcept OSError as e: print(i, e.errno == errno.EDQUOT)")
    assert output(server, code, {"name": "q"}) == "True\n20 True\n"
    assert server.ask("DELETE", "/v1/volumes/q")[0] == 204


def test_as_many_volumes_as_there_may_be(server):
    for i in range(4):
        output(server, "", {"name": f"v{i}"})
    status, problem = run(server, "", {"name": "v4"})
    assert status == 429 and "server.volumes_most" in problem["detail"]
    for i in range(4):
        assert server.ask("DELETE", f"/v1/volumes/v{i}")[0] == 204


@pytest.mark.parametrize("volumes, path", [
    ([{"name": "../x"}], "/volumes/0/name"),
    ([{"name": ".hidden"}], "/volumes/0/name"),
    ([{"name": "a", "path": "relative"}], "/volumes/0/path"),
    ([{"name": "a", "path": "/boot/boot.py"}], "/volumes/0/path"),
    ([{"name": "a", "path": "/a/../b"}], "/volumes/0/path"),
    ([{"name": "a"}, {"name": "b", "path": "/volumes/a"}], "/volumes/1"),
    ([{}], "/volumes/0/name"),
    ("notes", "/volumes"),
])
def test_faults(server, volumes, path):
    status, _, body = server.ask("POST", f"/v1/tools/{PYTHON}", {"code": "", "volumes": volumes})
    assert status == 400 and path in [fault["path"] for fault in json.loads(body)["faults"]], body


def test_a_session_has_it_until_it_ends(server):
    status, _, body = server.ask("POST", "/v1/sessions", {"language": "python", "volumes": [{"name": "s"}]})
    session = json.loads(body)
    assert status == 201, body
    execute = lambda code: json.loads(server.ask("POST", f"/v1/sessions/{session['id']}/execute", {"code": code})[2])  # noqa: E731
    assert execute("open('/volumes/s/a', 'w').write('from a session')")["status"] == "ok"
    assert output(server, "print(open('/volumes/s/a').read())", {"name": "s"}) == "from a session\n"
    status, _, body = server.ask("DELETE", "/v1/volumes/s")
    assert status == 412 and "in use" in json.loads(body)["detail"], body
    assert listed(server)["s"]["in_use"]
    assert execute("print(open('/volumes/s/a').read())")["stdout"] == "from a session\n"
    assert server.ask("DELETE", f"/v1/sessions/{session['id']}")[0] == 204
    assert server.ask("DELETE", "/v1/volumes/s")[0] == 204


def test_new_session_of_a_call(server):
    status, outcome = run(server, "x = open('/volumes/n/a', 'w'); x.write('1'); x.close()", {"name": "n"}, new_session=True)
    assert outcome["status"] == "ok", outcome
    status, _, body = server.ask("POST", f"/v1/tools/{PYTHON}", {"code": "print(open('/volumes/n/a').read())", "session_id": outcome["session_id"]})
    assert json.loads(body)["stdout"] == "1\n", body
    status, _, body = server.ask("POST", f"/v1/tools/{PYTHON}", {"code": "", "session_id": outcome["session_id"], "volumes": [{"name": "n"}]})
    assert status == 400 and json.loads(body)["faults"][0]["path"] == "/volumes"
    assert server.ask("DELETE", f"/v1/sessions/{outcome['session_id']}")[0] == 204
    assert server.ask("DELETE", "/v1/volumes/n")[0] == 204


def test_callers_see_their_own_and_a_key_may_forbid(start, home):
    keys = home / "keys.yaml"
    digest = lambda key: hashlib.sha256(key.encode()).hexdigest()  # noqa: E731
    keys.write_text("keys:\n" + "".join(f"  - name: {name}\n    sha256: {digest('key-' + name)}\n{more}" for name, more in
                                         (("a", ""), ("b", ""), ("c", "    volumes: false\n"))))
    keys.chmod(0o600)
    server = start(api_keys_file=keys)
    output(server, "open('/volumes/same/f', 'w').write('of a')", {"name": "same"}, key="key-a")
    assert output(server, "import os\nprint(os.listdir('/volumes/same'))", {"name": "same"}, key="key-b") == "[]\n"
    assert output(server, "print(open('/volumes/same/f').read())", {"name": "same"}, key="key-a") == "of a\n"
    assert listed(server, "key-a")["same"]["bytes"] == 4 and listed(server, "key-b")["same"]["bytes"] == 0
    status, problem = run(server, "", {"name": "same"}, key="key-c")
    assert status == 403 and "volumes" in problem["detail"]
    assert server.ask("GET", "/v1/volumes", X_Api_Key="key-c")[0] == 403
    assert run(server, "from sandbox import kv", key="key-c")[1]["error"]["name"] == "ImportError"
    for key in ("key-a", "key-b"):
        assert server.ask("DELETE", "/v1/volumes/same", X_Api_Key=key)[0] == 204
    assert server.stop() == 0


def test_a_server_without_volumes_says_so(start):
    server = start(volumes_most=0)
    status, problem = run(server, "", {"name": "a"})
    assert status == 400 and "server.volumes_most" in problem["faults"][0]["allowed"]
    status, _, body = server.ask("GET", "/v1/volumes")
    assert status == 412, body
    assert server.stop() == 0
