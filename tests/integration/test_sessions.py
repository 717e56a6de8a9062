"""Sessions: turns, forks, checkpoints, files; what kills one leaves the others working and nothing behind."""

import hashlib
import time

import pytest
from sessions_client import Driver, SessionError
from waiting import gone, until

OWN = 2  # processes beside sessions: the root and one idle copy


@pytest.fixture(scope="module")
def driver(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages)
    yield driver
    assert driver.close() == 0


@pytest.fixture
def session(driver):
    made = driver.create()
    yield made
    try:
        driver.end(id=made)
    except SessionError as error:
        assert error.code == "NOT_FOUND"


def fails(expected, call, **arguments):
    with pytest.raises(SessionError) as caught:
        call(**arguments)
    assert caught.value.code == expected, caught.value
    return caught.value.message


# ---- turns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language, first, second, expected", [
    ("python", "import math\ndef f(x): return x + y\ny = 40", "print(f(2), math.pi)", "42 3.141592653589793\n"),
    ("python3.12", "import math\ny = 40", "print(y + 2, math.pi)", "42 3.141592653589793\n"),
    ("javascript", "let y = 40; function f(x) { return x + y }", "console.log(f(2))", "42\n"),
    ("ruby", "$y = 40\ndef f(x) = x + $y", "puts f(2)", "42\n"),
])
def test_state_persists(driver, language, first, second, expected):
    session = driver.create(language=language)
    driver.run(session, first)
    assert driver.run(session, second) == expected
    driver.end(id=session)


def test_the_last_expression_is_shown(driver, session):
    outcome = driver.turn(id=session, code="x = 20\nx + 1", mode="expression")
    assert outcome["results"] == [{"text/plain": "21"}]
    assert outcome["session_lives"] is True


def test_open_files_persist(driver, session):
    driver.run(session, "f = open('/workspace/a.txt', 'w+'); f.write('one'); _ = f.flush()")
    assert driver.run(session, "f.write(' two'); f.seek(0); print(f.read())") == "one two\n"


def test_each_turn_has_its_own_input_and_limits(driver, session):
    assert driver.run(session, "print(input())", stdin="first\nrest") == "first\n"
    assert driver.run(session, "print(input())", stdin="second\n") == "second\n"
    outcome = driver.turn(id=session, code="print('x' * 1000)", limits={"stdout_bytes": 100})
    assert outcome["stdout_truncated"] and driver.run(session, "print('x' * 1000)") == "x" * 1000 + "\n"


def test_an_error_is_no_end(driver, session):
    driver.run(session, "x = 1")
    outcome = driver.turn(id=session, code="x = 2\n1 / 0")
    assert (outcome["status"], outcome["error"]["name"], outcome["session_lives"]) == ("error", "ZeroDivisionError", True)
    assert "<turn-2>" in outcome["stderr"]
    assert driver.run(session, "print(x)") == "2\n"


def test_sys_exit_ends_the_turn_alone(driver, session):
    outcome = driver.turn(id=session, code="import sys; x = 5; sys.exit(3)")
    assert (outcome["exit_code"], outcome["session_lives"]) == (3, True)
    assert driver.run(session, "print(x)") == "5\n"


def test_turns_of_one_session_queue_in_order(driver, session):
    driver.run(session, "seen = []")
    first = driver.hold(session)
    turns = [driver.start("turn", id=session, code=f"seen.append({i})") for i in range(10)]
    time.sleep(0.2)
    driver.release()
    outcomes = [turn.result(timeout=60) for turn in (first, *turns)]
    seen = eval(driver.run(session, "print(seen)"))
    assert sorted(seen) == list(range(10))
    assert max(outcome["usage"]["queue_ms"] for outcome in outcomes) > 0.5
    running = driver.hold(session)
    assert "busy until the deadline" in fails("DEADLINE_EXCEEDED", driver.turn, id=session, code="1", deadline_ms=50)
    driver.release()
    assert running.result(timeout=60)["status"] == "ok"


@pytest.mark.parametrize("op, more", [
    ("fork", {"count": 2}), ("keep", {"checkpoint": "c"}), ("go_back", {"checkpoint": "there"}), ("drop", {"checkpoint": "there"}),
    ("put", {"path": "f", "text": ""}), ("get", {"path": "f"}), ("stat", {"path": "f"}), ("mkdir", {"path": "d"}),
    ("rename", {"path": "f", "to": "g"}), ("remove", {"path": "f"}), ("ls", {"path": ""}), ("search", {"path": ""}),
])
def test_nothing_waits_longer_than_it_is_to(driver, session, op, more):
    driver.put(id=session, path="f", text="x")
    driver.keep(id=session, checkpoint="there")
    running = driver.hold(session)
    assert "busy until the deadline" in fails("DEADLINE_EXCEEDED", getattr(driver, op), id=session, deadline_ms=50, **more)
    driver.release()
    assert running.result(timeout=60)["session_lives"]
    assert driver.get(id=session, path="f") == "x"
    told = driver.inspect(id=session)
    assert [c["name"] for c in told["checkpoints"]] == ["there"] and told["forks"] == 0


def test_sessions_do_not_wait_for_one_another(driver, session):
    other = driver.create()
    slow = driver.hold(session)
    driver.run(other, "x = 1")
    assert not slow.done()
    driver.release()
    assert slow.result(timeout=60)["status"] == "ok"
    driver.end(id=other)


@pytest.mark.parametrize("code, limits, status", [
    ("while True: pass", {"timeout_ms": 200}, "timeout"),
    ("while True: pass", {"cpu_ms": 100}, "cpu_limit"),
    ("while True: print('x' * 1000)", {"output_bytes": 10000}, "output_limit"),
    ("import os; os._exit(7)", {}, "error"),
])
def test_a_turn_that_hits_a_limit_says_whether_the_session_survived(driver, code, limits, status):
    plain, safe = driver.create(), driver.create(recover=True)
    for session, lives in (plain, False), (safe, True):
        driver.run(session, "x = 1; open('/workspace/a', 'w').close()")
        outcome = driver.turn(id=session, code=f"x = 2; open('/workspace/b', 'w').close()\n{code}", limits=limits)
        assert outcome["status"] == status
        assert outcome.get("session_lives", False) is lives
        assert outcome.get("session_rolled_back", False) is lives
    message = fails("FAILED_PRECONDITION", driver.turn, id=plain, code="print(x)")
    assert "has ended" in message and status in message
    assert driver.run(safe, "import os; print(x, os.listdir('/workspace'))") == "1 ['a']\n"
    driver.end(id=safe)


def test_an_interrupt_stops_the_turn(driver):
    plain, safe = driver.create(), driver.create(recover=True)
    assert driver.interrupt(id=plain) is False
    for session, lives in (plain, False), (safe, True):
        driver.run(session, "x = 1")
        turn = driver.start("turn", id=session, code="x = 2\nwhile True: pass")
        until(lambda: driver.interrupt(id=session))
        outcome = turn.result(timeout=60)
        assert (outcome["status"], outcome.get("session_lives", False)) == ("cancelled", lives)
    assert driver.run(safe, "print(x)") == "1\n"
    driver.end(id=safe)


def test_memory_limit_is_the_sessions(driver):
    session = driver.create(limits={"memory_bytes": 200 << 20})
    outcome = driver.turn(id=session, code="x = bytearray(400 << 20)", limits={"memory_bytes": 4 << 30})
    assert outcome["error"]["name"] == "MemoryError" and outcome["session_lives"]
    assert driver.run(session, "x = bytearray(50 << 20); print(len(x))") == "52428800\n"
    driver.end(id=session)


def test_fuel_is_each_turns_own(driver):
    session = driver.create(deterministic=True, limits={"fuel": 2_000_000_000})  # compiled for that already
    for _ in range(2):
        assert driver.turn(id=session, code="for i in range(10**6): pass", limits={"fuel": 1_000_000_000})["status"] == "ok"
    assert driver.turn(id=session, code="while True: pass", limits={"fuel": 100_000_000})["status"] == "out_of_fuel"
    plain = driver.create()
    assert "does not count it" in fails("INVALID_ARGUMENT", driver.turn, id=plain, code="1", limits={"fuel": 1000})
    driver.end(id=plain)


# ---- names, owners, what is told ------------------------------------------------------------------


def test_owners_see_their_own(driver):
    mine = driver.create(owner="alice", name="work", labels={"for": "tests"})
    theirs = driver.create(owner="bob", name="work")
    assert driver.run("work", "x = 'a'; print(x)", owner="alice") == "a\n"
    for op, more in (("turn", {"code": "1"}), ("fork", {}), ("end", {}), ("inspect", {}), ("tree", {}), ("ls", {"path": "/tmp"}),
                     ("keep", {"checkpoint": "c"}), ("interrupt", {}), ("variables", {})):
        fails("NOT_FOUND", getattr(driver, op), id=mine, owner="bob", **more)
    assert [s["id"] for s in driver.list(owner="bob") if s["state"] != "ended"] == [theirs]
    fails("ALREADY_EXISTS", driver.create, owner="alice", name="work")
    for name in ("", "s-1", "a b", "x" * 64, "ä"):
        fails("INVALID_ARGUMENT", driver.create, name=name)
    fails("INVALID_ARGUMENT", driver.create, labels={"a": 1})
    told = driver.inspect(id="work", owner="alice")
    assert told["id"] == mine and told["labels"] == {"for": "tests"} and told["language"] == "python"
    assert told["turns"] == 1 and told["state"] == "idle" and told["memory_bytes"] > 1 << 20
    for session in mine, theirs:
        driver.end(id=session)
    assert driver.inspect(id=mine)["state"] == "ended"
    driver.end(id=driver.create(owner="alice", name="work"), owner="alice")  # the name is free again


@pytest.mark.parametrize("language, code, expected", [
    ("python", "n = 3\nt = 'x' * 1000\nimport json\n_hidden = 1\ndef f(): pass\nclass Bad:\n def __repr__(self): 1/0\nb = Bad()",
     {"n": ("int", "3"), "t": ("str", None), "json": ("module", None), "f": ("function", None), "Bad": ("type", None),
      "b": ("Bad", None)}),
    ("javascript", "let n = 3; var v = [1, 2]; const {a, b: c} = {a: 'x', b: 1}; function f() { let inner = 1 } class K {}",
     {"n": ("number", "3"), "v": ("Array", "[ 1, 2 ]"), "a": ("string", "'x'"), "c": ("number", "1"), "f": ("function", None),
      "K": ("function", None)}),
    ("ruby", "n = 3\n@t = 'x'", {"n": ("Integer", "3"), "@t": ("String", '"x"')}),
])
def test_variables(driver, language, code, expected):
    session = driver.create(language=language)
    assert driver.variables(id=session) == []
    assert driver.turn(id=session, code=code, mode="expression")["status"] == "ok"
    told = {v["name"]: (v["type"], v["repr"]) for v in driver.variables(id=session)}
    assert told.keys() == expected.keys()
    for name, (kind, text) in expected.items():
        assert told[name][0] == kind and (text is None or told[name][1] == text), (name, told[name])
        assert len(told[name][1]) <= 160
    assert driver.inspect(id=session)["turns"] == 1
    driver.end(id=session)


# ---- forks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language, change, show", [
    ("python", "x.append({})", "print(x)"),
    ("javascript", "x.push({})", "console.log(`[${x.join(', ')}]`)"),
    ("ruby", "$x << {}", "puts $x.inspect"),
])
def test_forks_are_independent(driver, language, change, show):
    session = driver.create(language=language)
    driver.run(session, "$x = [0]" if language == "ruby" else "globalThis.x = [0]" if language == "javascript" else "x = [0]")
    forks = driver.fork(id=session, count=4)
    outcomes = driver.turns(ids=forks, codes=[change.format(i + 1) for i in range(4)])
    assert [o["status"] for o in outcomes] == ["ok"] * 4
    assert driver.run(session, show) == "[0]\n"
    for i, fork in enumerate(forks):
        assert driver.run(fork, show) == f"[0, {i + 1}]\n"
    driver.end(id=session)
    [again] = driver.fork(id=forks[2])
    driver.run(again, change.format(9))
    assert driver.run(again, show) == "[0, 3, 9]\n"
    for fork in (*forks, again):
        driver.end(id=fork)


def test_files_and_descriptors_are_forked(driver, session):
    driver.run(session, "f = open('/workspace/log', 'w+'); f.write('a'); f.flush()")
    [fork] = driver.fork(id=session)
    driver.run(session, "f.write('b'); f.flush()")
    assert driver.run(fork, "f.write('cc'); f.seek(0); print(f.read())") == "acc\n"
    assert driver.get(id=session, path="log") == "ab"
    driver.put(id=fork, path="new", text="n")
    fails("NOT_FOUND", driver.get, id=session, path="new")
    driver.end(id=fork)


@pytest.mark.parametrize("language, first, show", [
    ("python", "import random, uuid, os, secrets", "print(random.random(), uuid.uuid4(), os.urandom(8).hex(), secrets.token_hex(8))"),
    ("javascript", "1", "console.log(Math.random(), crypto.randomUUID())"),
    ("ruby", "require 'securerandom'", "puts [rand, SecureRandom.hex(8)].inspect"),
])
def test_randomness_is_fresh_after_a_fork(driver, language, first, show):
    session = driver.create(language=language)
    driver.run(session, first)
    family = [session, *driver.fork(id=session, count=3)]
    assert len({driver.run(member, show) for member in family}) == 4
    driver.keep(id=session, checkpoint="here")
    once = driver.run(session, show)
    driver.go_back(id=session, checkpoint="here")
    assert driver.run(session, show) != once
    for member in family:
        driver.end(id=member)


def test_a_programs_own_seed_lasts_until_a_fork(driver, session):
    driver.run(session, "import random; random.seed(7)")
    expected = eval(driver.run(session, "s = random.getstate(); print([random.random() for _ in range(2)])"))
    driver.run(session, "random.setstate(s)")
    [fork] = driver.fork(id=session)
    assert eval(driver.run(session, "print([random.random() for _ in range(2)])")) == expected
    assert eval(driver.run(fork, "print([random.random() for _ in range(2)])")) != expected
    driver.end(id=fork)


def test_deterministic_sessions_repeat_themselves(driver):
    def story(seed):
        code = "import os, random, time; print(os.urandom(4).hex(), random.random(), time.time())"
        session = driver.create(deterministic=True, seed=seed)
        told = [driver.run(session, code), driver.run(session, code)]
        forks = driver.fork(id=session, count=2)
        told += [driver.run(fork, code) for fork in forks] + [driver.run(session, code)]
        driver.keep(id=session, checkpoint="c")
        after = driver.run(session, code)
        driver.go_back(id=session, checkpoint="c")
        assert driver.run(session, code) == after
        for member in (session, *forks):
            driver.end(id=member)
        return told

    first = story(1)
    assert first == story(1) and len(set(first)) == len(first)
    assert story(2)[0] != first[0]


def test_the_tree_is_told(driver, session):
    [a, b] = driver.fork(id=session, count=2)
    [c] = driver.fork(id=a, labels={"step": "c"})
    driver.run(c, "1")
    tree = driver.tree(id=c)
    nodes = {node["id"]: node for node in tree["nodes"]}
    assert tree["tree"] == session and tree["roots"] == [session]
    assert {i: n["parent"] for i, n in nodes.items()} == {session: None, a: session, b: session, c: a}
    assert nodes[c]["labels"] == {"step": "c"} and nodes[c]["turns"] == 1 and nodes[a]["turns"] == 0
    driver.end(id=a)
    assert {n["id"]: n["state"] for n in driver.tree(id=b)["nodes"]} == {session: "idle", a: "ended", b: "idle", c: "idle"}
    for fork in b, c:
        driver.end(id=fork)


def test_too_many_forks_are_refused_whole(driver, session):
    before = driver.stats()["alive"]
    for count in 0, 65:
        fails("INVALID_ARGUMENT", driver.fork, id=session, count=count)
    mine = driver.create(owner="carol")
    for _ in range(3):
        driver.fork(id=mine, owner="carol", count=60)
    assert "at most 200" in fails("RESOURCE_EXHAUSTED", driver.fork, id=mine, owner="carol", count=60)
    assert driver.stats()["alive"] == before + 181
    for told in driver.list(owner="carol"):
        if told["state"] != "ended":
            driver.end(id=told["id"])
    assert driver.stats()["alive"] == before


# ---- checkpoints ----------------------------------------------------------------------------------


def test_checkpoints(driver, session):
    driver.run(session, "x = 1; open('/workspace/one', 'w').close()")
    driver.keep(id=session, checkpoint="one")
    driver.run(session, "x = 2; open('/workspace/two', 'w').close()")
    driver.keep(id=session, checkpoint="two")
    driver.run(session, "x = 3")
    assert [(c["name"], c["turns"]) for c in driver.inspect(id=session)["checkpoints"]] == [("one", 1), ("two", 2)]
    for _ in range(2):
        driver.go_back(id=session, checkpoint="one")
        assert driver.run(session, "import os; print(x, os.listdir('/workspace')); x = 9") == "1 ['one']\n"
    driver.go_back(id=session, checkpoint="two")
    assert driver.run(session, "print(x)") == "2\n"
    driver.keep(id=session, checkpoint="one")
    driver.drop(id=session, checkpoint="two")
    fails("NOT_FOUND", driver.go_back, id=session, checkpoint="two")
    fails("INVALID_ARGUMENT", driver.keep, id=session, checkpoint="a/b")
    driver.go_back(id=session, checkpoint="one")
    assert driver.run(session, "print(x)") == "2\n"
    assert driver.stats()["checkpoints"] == 1


# ---- files ----------------------------------------------------------------------------------------


def test_files_from_outside(driver, session):
    big = "0123456789" * 200_000
    driver.put(id=session, path="data/a.txt", text="hello\nworld\n")
    driver.put(id=session, path="/workspace/data/big", text=big)
    driver.put(id=session, path="/tmp/t", text="t")
    assert driver.run(session, "import os; print(open('data/a.txt').read(), len(open('data/big').read()), os.listdir('/tmp'))") \
        == "hello\nworld\n 2000000 ['t']\n"
    assert driver.get(id=session, path="data/big") == big
    assert driver.get(id=session, path="data/big", offset=1_999_995) == "56789"
    assert driver.get(id=session, path="data/big", offset=600_000, size=12) == "012345678901"
    assert driver.get(id=session, path="data/big", offset=9_999_999) == ""
    assert driver.stat(id=session, path="data/big") == {"directory": False, "size": 2_000_000}
    assert driver.stat(id=session, path="data") == {"directory": True, "size": 0}
    driver.put(id=session, path="data/a.txt", text="HELLO", offset=0, keep=True)
    driver.put(id=session, path="data/a.txt", text="!", offset=12, keep=True)
    assert driver.get(id=session, path="data/a.txt") == "HELLO\nworld\n!"
    driver.rename(id=session, path="data/a.txt", to="moved/b.txt")
    driver.mkdir(id=session, path="empty/deeper")
    listed = driver.ls(id=session, path="/workspace", depth=9)
    assert [f["path"] for f in listed] == ["/workspace/data", "/workspace/data/big", "/workspace/empty", "/workspace/empty/deeper",
                                           "/workspace/moved", "/workspace/moved/b.txt"]
    assert [f["path"] for f in driver.ls(id=session, path="")] == ["/workspace/data", "/workspace/empty", "/workspace/moved"]
    fails("FAILED_PRECONDITION", driver.remove, id=session, path="data")
    driver.remove(id=session, path="data", recursive=True)
    driver.remove(id=session, path="moved/b.txt")
    assert driver.run(session, "print(sorted(os.listdir('/workspace')))") == "['empty', 'moved']\n"


def test_many_files_are_listed_in_pieces(driver, session):
    driver.run(session, "import os\nos.mkdir('many')\nfor i in range(3000): open(f'many/{i:04}' + 'x' * 200, 'w').close()")
    names = [f["path"] for f in driver.ls(id=session, path="many")]
    assert names == [f"/workspace/many/{i:04}" + "x" * 200 for i in range(3000)]


def test_search(driver, session):
    driver.put(id=session, path="a.py", text="import os\n# todo: more\n")
    driver.put(id=session, path="sub/b.py", text="x = 1\n")
    driver.put(id=session, path="sub/c.txt", text="todo\nnothing\ntodo\n")
    found = driver.search(id=session, path="", text="todo")
    assert [(f["path"], [m["line"] for m in f["matches"]]) for f in found] == [("/workspace/a.py", [2]), ("/workspace/sub/c.txt", [1, 3])]
    assert [f["path"] for f in driver.search(id=session, path="", glob="*.py")] == ["/workspace/a.py", "/workspace/sub/b.py"]
    assert [f["path"] for f in driver.search(id=session, path="sub", glob="*.py", text="x =")] == ["/workspace/sub/b.py"]
    assert len(driver.search(id=session, path="", most=2)) == 2


@pytest.mark.parametrize("path, code", [
    ("../etc/passwd", "INVALID_ARGUMENT"), ("/etc/passwd", "INVALID_ARGUMENT"), ("/workspaces/x", "INVALID_ARGUMENT"),
    ("/tmp/../workspace/x", "INVALID_ARGUMENT"), ("nothing", "NOT_FOUND"), ("x" * 5000, "INVALID_ARGUMENT"),
    ("out/passwd", "INVALID_ARGUMENT"), ("/dev/stdin", "INVALID_ARGUMENT"), ("", "INVALID_ARGUMENT"),
])
def test_paths_do_not_lead_out(driver, session, path, code):
    driver.run(session, "import os; os.symlink('../../etc', 'out')")
    fails(code, driver.get, id=session, path=path)


def test_files_have_the_guests_limits(driver):
    session = driver.create(limits={"files_bytes": 1 << 20, "files_count": 16})
    message = fails("RESOURCE_EXHAUSTED", driver.put, id=session, path="big", text="x" * (2 << 20))
    assert "files_bytes is 1048576" in message
    driver.remove(id=session, path="big")
    for i in range(16):
        driver.put(id=session, path=f"f{i}", text="")
    fails("RESOURCE_EXHAUSTED", driver.put, id=session, path="one-more", text="")
    driver.end(id=session)


def test_changed_files_are_in_the_outcome(driver, session):
    def files(outcome):
        return {f["path"]: (f["size"], f["sha256"], f.get("content")) for f in outcome["files"]}

    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()

    driver.put(id=session, path="old", text="old")
    outcome = driver.turn(id=session, code="import os; os.mkdir('d'); open('d/new', 'w').write('new'); open('old').read()")
    assert files(outcome) == {"/workspace/d/new": (3, digest("new"), None)}
    assert files(driver.turn(id=session, code="x = 1")) == {}
    outcome = driver.turn(id=session, code="open('old', 'a').write('er'); os.rename('d/new', 'd/moved'); open('/tmp/t', 'w').close()",
                          output="d/*")
    assert files(outcome) == {"/workspace/old": (5, digest("older"), None), "/workspace/d/moved": (3, digest("new"), "new"),
                              "/tmp/t": (0, digest(""), None)}
    outcome = driver.turn(id=session, code="open('gone', 'w').write('x'); os.remove('gone'); open('b', 'wb').write(b'\\xff')",
                          output="*", output_bytes=100)
    assert [(f["path"], f["content_base64"]) for f in outcome["files"]] == [("/workspace/b", "/w==")]
    outcome = driver.turn(id=session, code="open('c', 'w').write('x' * 101); open('e', 'w').write('y')", output="*", output_bytes=100)
    assert {p: f[2] for p, f in files(outcome).items()} == {"/workspace/c": None, "/workspace/e": "y"}


def test_more_changed_files_than_are_told_of(driver):
    session = driver.create(limits={"files_count": 20000})
    outcome = driver.turn(id=session, code="import os\nfor i in range(10001): open(f'f{i}', 'w').close()")
    assert len(outcome["files"]) == 10000 and outcome["files_truncated"] is True
    code = "p = '/'.join(['x' * 200] * 15)\nos.makedirs(p)\nfor i in range(2000): open(f'{p}/{i}', 'w').close()"
    outcome = driver.turn(id=session, code=code)
    assert 1000 < len(outcome["files"]) < 2000 and outcome["files_truncated"] is True
    driver.end(id=session)


# ---- ends -----------------------------------------------------------------------------------------


def test_the_death_of_any_node_leaves_the_others(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages)
    parent = driver.create()
    driver.run(parent, "x = 7")
    driver.settled(OWN + 1)
    before = set(driver.processes())
    [a] = driver.fork(id=parent)
    driver.settled(OWN + 2)
    [process_a] = set(driver.processes()) - before
    [b] = driver.fork(id=a)
    driver.settled(OWN + 3)
    driver.kill(process_a)
    driver.settled(OWN + 2)
    assert "killed" in fails("FAILED_PRECONDITION", driver.turn, id=a, code="1")
    assert driver.run(b, "print(x)") == "7\n" and driver.run(parent, "print(x)") == "7\n"
    driver.end(id=parent)
    assert driver.run(b, "print(x)") == "7\n"
    driver.end(id=b)
    driver.settled(OWN)
    assert driver.stats()["alive"] == 0 and driver.stats()["lost"] == 1
    assert driver.close() == 0


def test_the_death_of_the_root_is_told(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages)
    sessions = [driver.create(), driver.create(recover=True)]
    sessions += driver.fork(id=sessions[0])
    driver.keep(id=sessions[0], checkpoint="c")
    driver.run(sessions[1], "x = 1")
    running = driver.hold(sessions[1])
    driver.kill(driver.root())
    outcome = running.result(timeout=60)
    assert outcome["status"] == "crashed" and "warm process died" in outcome["message"]
    driver.settled(OWN)  # another one has started
    for session in sessions:
        assert "warm root died" in fails("FAILED_PRECONDITION", driver.turn, id=session, code="1") or session == sessions[1]
    assert driver.run(driver.create(), "print(2)") == "2\n"
    assert driver.close() == 0


def test_what_a_session_made_by_itself_ends_with_it(driver):
    assert driver.stray() is True


def test_sessions_expire(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages, 10, 0, 0)
    lasting = driver.create()
    busy = driver.create(idle_ms=1000)
    turn = driver.hold(busy)
    idle, short = driver.create(idle_ms=400), driver.create(life_ms=1000)

    def ended(session):
        return driver.inspect(id=session).get("ended", "")

    until(lambda: "idle time limit" in ended(idle))
    until(lambda: "life limit" in ended(short))
    time.sleep(1)  # a turn is no idle time
    driver.release()
    assert turn.result(timeout=60)["status"] == "ok"
    until(lambda: "idle time limit" in ended(busy))
    assert driver.run(lasting, "print(1)") == "1\n"
    driver.settled(OWN + 1)
    assert driver.close() == 0


def test_of_those_that_have_ended_a_thousand_are_remembered(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages)
    session = driver.create()
    for _ in range(18):
        for fork in driver.fork(id=session, count=60):
            driver.end(id=fork)
    until(lambda: len(driver.list()) <= 1 + 1024, tell=lambda: "those that ended first are not forgotten")
    assert len(driver.list()) > 1000 and driver.run(session, "print(1)") == "1\n"
    assert driver.close() == 0


def test_the_number_of_sessions_is_bounded(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages, 3)
    first, _ = driver.create(), driver.create()
    driver.keep(id=first, checkpoint="c")
    for call, more in (driver.create, {}), (driver.fork, {"id": first}), (driver.keep, {"id": first, "checkpoint": "d"}):
        assert "at most 3" in fails("RESOURCE_EXHAUSTED", call, **more)
    driver.end(id=first)
    assert driver.run(driver.create(), "print(1)") == "1\n"
    assert driver.close() == 0


def test_nothing_is_left_of_a_driver_that_ends_amid_work(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages)
    session = driver.create()
    driver.fork(id=session, count=5)
    driver.start("turn", id=session, code="while True: pass")
    until(lambda: driver.stats()["busy"])
    processes = driver.processes()
    assert driver.close() == 0
    until(lambda: all(map(gone, processes)))


def test_ending_a_busy_session_stops_its_turn(driver):
    session = driver.create()
    turn = driver.start("turn", id=session, code="while True: pass")
    until(lambda: driver.stats()["busy"])
    queued = driver.start("turn", id=session, code="1")
    time.sleep(0.5)  # or it finds a session that has ended, which is told otherwise
    driver.end(id=session)
    assert turn.result(timeout=60)["status"] == "cancelled"
    with pytest.raises(SessionError, match="ended by its owner"):
        queued.result(timeout=60)
    assert driver.inspect(id=session)["state"] == "ended"
