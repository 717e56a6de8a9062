"""Tools of the caller's, called by guests of every language (the driver answers: sessions_driver.c)."""

import pytest
from sessions_client import Driver, SessionError

NUMBER, TEXT = {"type": "integer"}, {"type": "string"}
TOOLS = [
    {"name": "add", "description": "Adds two numbers.", "parameters": {
        "type": "object", "properties": {"a": NUMBER, "b": NUMBER}, "required": ["a", "b"], "additionalProperties": False}},
    {"name": "slow", "parameters": {"type": "object", "properties": {"ms": NUMBER}}},
    {"name": "fail", "parameters": {"type": "object"}},
    {"name": "many", "parameters": {"type": "object", "properties": {"size": NUMBER}}},
]


@pytest.fixture(scope="module")
def driver(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages)
    yield driver
    assert driver.close() == 0


@pytest.fixture(scope="module")
def turn(driver):
    """turn(language, code) -> the outcome of a turn with TOOLS in a session of that language."""
    sessions = {}

    def call(language, code, **more):
        if language not in sessions:
            sessions[language] = driver.create(language=language, recover=True)
        return driver.turn(id=sessions[language], code=code, **{"tools": TOOLS, **more})

    return call


@pytest.mark.parametrize("language, code", [
    ("python", "from sandbox import tools\nprint(tools.add(a=2, b=40), tools.add(2, 1), tools.add.__doc__)"),
    ("python3.12", "from sandbox import tools\nprint(tools.add(a=2, b=40), tools.add(2, 1), tools.add.__doc__)"),
    ("javascript", "console.log(await tools.add({a: 2, b: 40}), await tools.add({a: 2, b: 1}), 'Adds two numbers.')"),
    ("ruby", "puts [Sandbox.tools.add(a: 2, b: 40), Sandbox.tools.add(a: 2, b: 1), 'Adds two numbers.'].join(' ')"),
])
def test_a_tool_is_a_function(turn, language, code):
    outcome = turn(language, code)
    assert outcome["stdout"] == "42 3 Adds two numbers.\n", outcome
    assert [(c["name"], c["status"], c["arguments_bytes"]) for c in outcome["calls"]] == [("add", "ok", 14), ("add", "ok", 13)]
    assert all(c["duration_ms"] >= 0 and len(c["arguments_sha256"]) == 64 for c in outcome["calls"])


@pytest.mark.parametrize("language, code", [
    ("python", "from sandbox import tools, ToolError\ntry: tools.fail()\nexcept ToolError as e: print(e)"),
    ("javascript", "try { await tools.fail() } catch (e) { console.log(e instanceof ToolError && e.message) }"),
    ("ruby", "begin; Sandbox.tools.fail; rescue Sandbox::ToolError => e; puts e.message; end"),
])
def test_a_refusal_is_an_exception(turn, language, code):
    outcome = turn(language, code)
    assert (outcome["stdout"], outcome["calls"][0]["status"]) == ('it failed: "as asked"\n', "error")


@pytest.mark.parametrize("language, code", [
    ("python", "from sandbox import tools\nfor kwargs in ({'a': 1}, {'a': 1, 'b': 'x'}, {'a': 1, 'b': True}, {'a': 1, 'b': 2, 'c': 3}):\n"
               "    try: tools.add(**kwargs)\n    except TypeError as e: print(e)"),
    ("javascript", "for (const args of [{a: 1}, {a: 1, b: 'x'}, {a: 1, b: true}, {a: 1, b: 2, c: 3}])\n"
                   "  try { await tools.add(args) } catch (e) { console.log(e instanceof TypeError && e.message) }"),
    ("ruby", "[{a: 1}, {a: 1, b: 'x'}, {a: 1, b: true}, {a: 1, b: 2, c: 3}].each do |args|\n"
             "  Sandbox.tools.add(**args)\nrescue ArgumentError, TypeError => e\n  puts e.message\nend"),
])
def test_arguments_are_checked_where_they_are_given(turn, language, code):
    outcome = turn(language, code)
    lines = outcome["stdout"].splitlines()
    assert len(lines) == 4 and all("add" in line for line in lines), outcome
    assert "needs" in lines[0] and "type integer" in lines[1] and "type integer" in lines[2] and "has no parameter" in lines[3]
    assert "calls" not in outcome


def test_the_host_checks_what_a_guest_sends(turn):
    """A program may write to the device itself: anything at all."""
    lines = ['{"id":1,"name":"add","arguments":{"a":1}}', '{"id":2,"name":"add","arguments":{"a":1,"b":"x"}}', '{"id":3,"name":"nothing"}',
             '{"id":4}', "not JSON", "[[[[", '{"id":5,"name":"add","arguments":[]}', '{"id":"x","name":"add","arguments":{"a":1,"b":2}}',
             '{"id":6,"name":"add","arguments":{"a":1,"b":2,"\\u0000":3}}', "", '{"id":7,"name":"add","arguments":{"a":1,"b":2.0}}',
             '{"id":8,"name":"slow","arguments":{"deep":' + "[" * 90000 + "]" * 90000 + "}}",
             '{"id":9,"name":"slow","arguments":{"wide":[' + "[]," * 60000 + "0]}}"]
    code = f"with open('/dev/sandbox/call', 'r+b', buffering=0) as f:\n  for line in {lines!r}: f.write(line.encode() + b'\\n')\n"
    code += "  data = b''\n  while part := f.read(65536): data += part\nprint(data.decode())"
    outcome = turn("python", code, limits={"stdout_bytes": 1 << 20})
    answers = [line for line in outcome["stdout"].splitlines() if line]
    assert outcome["status"] == "ok" and len(answers) == len(lines), outcome["stdout"][:2000]
    assert [c["status"] for c in outcome["calls"]].count("refused") == len(lines) - 2
    assert 'b is missing' in answers[0] and "b is not of type integer" in answers[1] and "no tool nothing" in answers[2]
    assert [c["status"] for c in outcome["calls"]][10] == "ok" or '"result":1' in outcome["stdout"]


def test_a_run_without_tools_is_told_so(turn):
    code = "f = open('/dev/sandbox/call', 'r+b', buffering=0)\nprint(f.read(10)); f.write(b'{\"id\":1,\"name\":\"x\"}\\n'); print(f.read(1000).decode())"
    outcome = turn("python", code, tools=None)
    assert "b''\n" in outcome["stdout"] and "offers no tools" in outcome["stdout"]
    assert turn("python", "print('sandbox' in __import__('sys').modules)", tools=[])["stdout"] == "True\n"


@pytest.mark.parametrize("language, code", [
    ("python", "from sandbox import tools\npending = [tools.slow.start(ms=ms) for ms in (300, 200, 100) * 5]\nprint([p.result()['ms'] for p in pending])"),
    ("javascript", "const all = await Promise.all([300, 200, 100, 300, 200, 100, 300, 200, 100, 300, 200, 100, 300, 200, 100].map(ms => tools.slow({ms})));\n"
                   "console.log(`[${all.map(a => a.ms).join(', ')}]`)"),
])
def test_calls_run_side_by_side(turn, language, code):
    outcome = turn(language, code)
    assert outcome["stdout"] == str([300, 200, 100] * 5) + "\n", outcome
    assert 300 <= outcome["usage"]["wall_ms"] < 3000  # one after the other


def test_timers_and_answers_mix(turn):
    code = ("const order = [];\nsetTimeout(() => order.push('timer'), 1000);\n"
            "order.push((await tools.slow({ms: 1})).ms);\norder.push((await tools.slow({ms: 2000})).ms);\nconsole.log(order.join(' '))")
    assert turn("javascript", code)["stdout"] == "1 timer 2000\n"


def test_calls_mix_with_input_and_output(turn):
    code = ("from sandbox import tools\np = tools.slow.start(ms=50)\nprint(input())\nprint(tools.many(size=900000) == 'x' * 900000)\n"
            "qs = [tools.many.start(size=500000) for _ in range(20)]\nprint(input())\nprint(sum(len(q.result()) for q in qs), p.result())")
    assert turn("python", code, stdin="one\ntwo\n")["stdout"] == "one\nTrue\ntwo\n10000000 {'ms': 50}\n"


def test_a_call_takes_the_runs_own_time(turn):
    outcome = turn("python", "from sandbox import tools\ntools.slow(ms=6000)", limits={"timeout_ms": 2000})
    assert outcome["status"] == "timeout" and outcome["calls"] == [
        {"name": "slow", "arguments_bytes": 11, "arguments_sha256": outcome["calls"][0]["arguments_sha256"], "duration_ms": None,
         "status": "abandoned"}]


def test_an_answer_of_an_earlier_turn_does_not_come_later(turn):
    turn("python", "from sandbox import tools\nkept = tools.slow.start(ms=100)")
    outcome = turn("python", "import time; time.sleep(0.2)\nprint(tools.add(1, 2))")
    assert outcome["stdout"] == "3\n", outcome


def test_the_number_of_open_calls_is_bounded(turn):
    code = ("from sandbox import tools, ToolError\nps = [tools.slow.start(ms=2000) for _ in range(70)]\nfailed = 0\nfor p in ps:\n"
            "    try: p.result()\n    except ToolError as e: failed += 1; last = e\nprint(failed, last)")
    assert turn("python", code)["stdout"] == "6 64 calls are open; wait for their answers\n"


@pytest.mark.parametrize("tools", [{}, [1], [{"name": "a b"}], [{"name": "a"}, {"name": "a"}], [{"name": "a", "parameters": {"type": "string"}}]])
def test_an_offer_is_checked(driver, turn, tools):
    with pytest.raises(SessionError, match="INVALID_ARGUMENT"):
        turn("python", "1", tools=tools)
