"""The tools, called without a server: their schemas, their parameters, their runs."""

import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

import clients
import pytest

HELLO = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "hello\\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"""
# Echoes standard input.
ECHO = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 4096))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.fixture(scope="module")
def Validator():
    """The opinion of others on what a schema accepts."""
    sys.path.insert(0, str(clients.python_packages("jsonschema==4.26.0")))
    # Debian's pytest has loaded an attr of its own, which is older than the attrs that this brings.
    theirs = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ("attr", "attrs")}
    try:
        import jsonschema
    finally:
        sys.modules.update(theirs)
    return jsonschema.Draft202012Validator


@pytest.fixture(scope="module")
def tool_call(polyagent, installed_languages, tmp_path_factory):
    """tool_call(*lines, options=()) -> the answers; a line is (tool, parameters, more={})."""
    program = polyagent.parent / "tool-call"
    folder = tmp_path_factory.mktemp("tools")

    def call(*lines, options=(), timeout=600, **environment):
        text = "".join(
            json.dumps({"tool": line[0], "parameters": line[1], **(line[2] if len(line) > 2 else {})}) + "\n"
            for line in lines)
        done = subprocess.run([program, *options, "call"], input=text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**installed_languages, **environment}, cwd=folder,
                              timeout=timeout, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    call.program, call.folder, call.environment = program, folder, installed_languages
    return call


@pytest.fixture(scope="module")
def described(tool_call):
    done = subprocess.run([tool_call.program, "-m", tool_call.folder, "-s", tool_call.folder, "-w", "tools"],
                          stdout=subprocess.PIPE, env=tool_call.environment, cwd=tool_call.folder, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tools(described):
    return {tool["name"]: tool for tool in described["tools"]}


# --- descriptions ---


def test_there_are_the_tools_of_the_document(tools):
    assert {"code_executor", "python_wasi_runner", "python_executor", "javascript_executor",
            "ruby_executor"} == set(tools)


def test_schemas_are_schemas(Validator, tools):
    for tool in tools.values():
        Validator.check_schema(tool["input_schema"])
        Validator.check_schema(tool["output_schema"])


def test_schemas_are_what_model_providers_take(tools):
    for name, tool in tools.items():
        schema = tool["input_schema"]
        assert schema["type"] == "object"
        assert not {"oneOf", "anyOf", "allOf", "not", "enum"} & set(schema), name
        assert all(value.get("description") for value in schema["properties"].values()), name


def test_descriptions_say_what_a_model_needs(tools):
    for name, tool in tools.items():
        assert 200 < len(tool["description"]) < 1500, name
        assert tool["annotations"] == {"title": tool["title"], "readOnlyHint": False, "destructiveHint": True,  # volumes
                                       "idempotentHint": False, "openWorldHint": False}


def test_languages_are_told(described):
    languages = {language["name"]: language for language in described["languages"]}
    assert languages["python"]["installed"] and languages["python"]["tool"] == "python_executor"
    assert languages["python3.12"]["tool"] == "python_executor"
    assert languages["ruby"]["file_extensions"] == [".rb"]


def test_examples_run(Validator, tools, tool_call):
    for name, tool in tools.items():
        assert tool["examples"], name
        validator = Validator(tool["input_schema"])
        for example in tool["examples"]:
            validator.validate(example["parameters"])
            answer, = tool_call((name, example["parameters"]))
            assert answer["outcome"]["status"] == "ok" and answer["outcome"]["stdout"], (example, answer)


# --- what the schema accepts is what the server accepts ---

MODULE = "AGFzbQEAAAA="
VALUES = {  # values for each parameter, right and wrong ones
    "stdin": ["", "text", "\0", 5, None, ["a"]],
    "stdin_base64": ["", "YQ==", "YR==", "YWI=", "YWJ=", "YWJj", "YWJjZA", "a b", "=", "YQ==YQ==", 5],
    "argv": [[], ["a", "b"], ["\0"], [1], "a", {}, ["x"] * 1024, ["x"] * 1025],
    "env": [{}, {"A": "b"}, {"A": 1}, {"A=B": "c"}, {"": "c"}, {"A": "\0"}, [], {"Ä": "ö"}],
    "files": [{}, {"a": "b"}, {"a": 1}, {"../a": ""}, {"/etc/a": ""}, {"/tmp/a": ""}, {"/tmp/": ""}, {"/tmp": ""},
              {"/workspace/a/b.txt": ""}, {"a//b": ""}, {"a/./b": ""}, {"a/../b": ""}, {".": ""}, {"..": ""},
              {"...": ""}, {".a": ""}, {"a\nb": ""}, {"a\tb": ""}, {"a" * 255: ""}, {"a" * 256: ""}, {"": ""},
              {"ä" * 255: ""}, [], [{"path": "a", "content": ""}], [{"path": "a", "content_base64": "YQ=="}],
              [{"path": "a"}], [{"content": ""}], [{"path": "a", "content": "", "content_base64": ""}],
              [{"path": "a", "content": "", "more": 1}], [1], 1, "a"],
    "outputs": [[], ["*.png"], [""], ["\0"], [1], "*.png", ["x" * 255], ["x" * 256], ["x"] * 64, ["x"] * 65],
    "limits": [{}, {"timeout_ms": 1}, {"timeout_ms": 0}, {"timeout_ms": 30000}, {"timeout_ms": 30001},
               {"timeout_ms": 30000.0}, {"timeout_ms": 1.5}, {"timeout_ms": "1"}, {"timeout_ms": -1},
               {"timeout_ms": True}, {"fuel": 1}, {"fuel": 2**53 - 1}, {"fuel": 2**53}, {"memory_bytes": 65536},
               {"memory_bytes": 65535}, {"module_bytes": 1000}, {"compile_ms": 1000}, {"none": 1}, [], 5],
    "deterministic": [True, False, 0, "true", None],
    "seed": [0, 1, 2**53 - 1, 2**53, -1, 1.0, 1.5, "1", True],
    "mode": ["script", "expression", "interpret", "auto", "transpile", "Script", "", 1],
    "image": ["python", "python3.12", "none", 1],
    "session_id": ["s-0123456789abcdef", "mine", "", "a b", "x" * 63, "x" * 64, 1],
    "new_session": [True, False, 1, "yes"],
    "wasm_base64": [MODULE, "", "AGF!", 5],
    "unknown": [1, None],
}
PAIRS = [  # what is said together
    ("stdin", "a", "stdin_base64", "YQ=="),
    ("session_id", "mine", "image", "python"),
    ("session_id", "mine", "env", {}),
    ("session_id", "mine", "new_session", False),
    ("session_id", "mine", "stdin", "a"),
    ("wasm_base64", MODULE, "wasm_sha256", "0" * 64),
    ("interpreter_wasm_base64", MODULE, "interpreter_wasm_path", "a.wasm"),
]


def needed(name):
    return {"wasm_base64": MODULE} if name == "code_executor" else {"code": ""}


def cases(name):
    yield {}
    yield needed(name)
    yield {"code": 5}
    for key, values in VALUES.items():
        for value in values:
            yield {**needed(name), key: value}
    for first, one, second, two in PAIRS:
        yield {**needed(name), first: one, second: two}


@pytest.mark.parametrize("name", ["code_executor", "python_wasi_runner", "python_executor", "javascript_executor",
                                  "ruby_executor"])
def test_schema_and_server_agree(Validator, tools, tool_call, name):
    validator = Validator(tools[name]["input_schema"])
    parameters = list(cases(name))
    options = ("-m", tool_call.folder, "-s", tool_call.folder, "-w")
    answers = tool_call(*((name, value, {"prepare_only": True}) for value in parameters), options=options)
    accepted = 0
    for value, answer in zip(parameters, answers, strict=True):
        by_schema = validator.is_valid(value)
        by_server = answer.get("accepted", False)
        assert by_schema == by_server, (value, answer, [error.message for error in validator.iter_errors(value)])
        accepted += by_server
        if not by_server:
            assert answer["error"] == "INVALID_ARGUMENT" and answer["faults"], answer
            assert all(fault.keys() == {"path", "got", "allowed"} for fault in answer["faults"])
    assert 30 < accepted < len(parameters) - 30


# --- runs ---


@pytest.fixture(params=["cold", "warm"])
def options(request):
    return ("-w",) if request.param == "warm" else ()


def outcome_of(answer):
    assert "outcome" in answer, answer
    return answer["outcome"]


def test_module(Validator, tools, tool_call):
    plain, text, fed = tool_call(("code_executor", {"wasm_base64": b64(HELLO)}),
                                 ("code_executor", {"wasm_base64": b64(HELLO), "limits": {"fuel": 100000}}),
                                 ("code_executor", {"wasm_base64": b64(ECHO), "stdin_base64": b64(b"\xff\0a")}))
    for answer in plain, text, fed:
        Validator(tools["code_executor"]["output_schema"]).validate(outcome_of(answer))
    assert outcome_of(plain)["stdout"] == "hello\n"
    assert outcome_of(text)["usage"]["fuel"] > 0
    assert base64.b64decode(outcome_of(fed)["stdout_base64"]) == b"\xff\0a"


def test_module_phases(tool_call):
    module = HELLO + f"(; {hashlib.sha256(str(tool_call.folder).encode()).hexdigest()} ;)"
    first, second = tool_call(*[("code_executor", {"wasm_base64": b64(module)})] * 2)
    assert [event for event in first["events"] if event[0] == "phase"] == [["phase", "compiling"], ["phase", "running"]]
    assert outcome_of(first)["usage"]["compile_ms"] > 0
    assert [event for event in second["events"] if event[0] == "phase"] == [["phase", "running"]]
    assert outcome_of(second)["usage"]["compile_ms"] == 0


def test_module_that_is_none(tool_call):
    answer, = tool_call(("code_executor", {"wasm_base64": b64("no module")}))
    assert outcome_of(answer)["status"] == "invalid_module" and outcome_of(answer)["message"]


def test_module_by_path_and_digest(tool_call, tmp_path):
    (tmp_path / "hello.wat").write_text(HELLO)
    digest = hashlib.sha256(HELLO.encode()).hexdigest()
    (tmp_path / "store").mkdir()
    shutil.copy(tmp_path / "hello.wat", tmp_path / "store" / digest)
    answers = tool_call(("code_executor", {"wasm_path": str(tmp_path / "hello.wat")}),
                        ("code_executor", {"wasm_path": "hello.wat"}),
                        ("code_executor", {"wasm_sha256": digest}),
                        ("code_executor", {"wasm_path": "hello.wat"}, {"prepare_only": True}),
                        options=("-m", tmp_path, "-s", tmp_path / "store"))
    assert [outcome_of(answer)["stdout"] for answer in answers[:3]] == ["hello\n"] * 3
    assert answers[3]["digest"] == digest


def test_a_stored_module_that_is_another_is_not_compiled(tool_call, tmp_path):
    """An artifact is found by the digest: what is compiled under it must have it."""
    digest = hashlib.sha256(str(tmp_path).encode()).hexdigest()
    (tmp_path / digest).write_text(HELLO)
    answer, = tool_call(("code_executor", {"wasm_sha256": digest}), options=("-s", tmp_path))
    assert answer["error"] == "FAILED_PRECONDITION" and "changed" in answer["message"]


@pytest.mark.parametrize("tool, code", [
    ("python_executor", "import sys, os; print(sys.stdin.read(), sys.argv, os.environ['A'], open('in/a').read())"),
    ("python_wasi_runner", "import sys, os; print(sys.stdin.read(), sys.argv, os.environ['A'], open('in/a').read())"),
    ("ruby_executor", "puts [$stdin.read, ARGV, ENV['A'], File.read('in/a')].flatten.join(' ')"),
])
def test_what_a_program_is_given(tool_call, options, tool, code):
    answer, = tool_call((tool, {"code": code, "stdin": "given", "argv": ["x"], "env": {"A": "b"},
                                "files": {"in/a": "content"}}), options=options)
    out = outcome_of(answer)["stdout"]
    assert all(word in out for word in ("given", "x", "b", "content")), answer


def test_javascript(tool_call, options):
    answer, = tool_call(("javascript_executor", {"code": "console.log([1, 2].map(x => x * 2))"}), options=options)
    assert outcome_of(answer)["status"] == "ok" and "2" in outcome_of(answer)["stdout"]


def test_an_exception(Validator, tools, tool_call, options):
    answer, = tool_call(("python_executor", {"code": "1/0"}), options=options)
    outcome = outcome_of(answer)
    Validator(tools["python_executor"]["output_schema"]).validate(outcome)
    assert (outcome["status"], outcome["exit_code"], outcome["error"]["name"]) == ("error", 1, "ZeroDivisionError")


def test_results_and_files_come_back(tool_call, options):
    code = "open('a.txt', 'w').write('text'); open('b.bin', 'wb').write(b'\\xff'); open('c', 'w'); 6 * 7"
    answer, = tool_call(("python_executor", {"code": code, "mode": "expression", "outputs": ["*.txt", "*.bin"]}),
                        options=options)
    outcome = outcome_of(answer)
    files = {file["path"]: file for file in outcome["files"]}
    assert outcome["results"] == [{"text/plain": "42"}]
    assert set(files) == {"/workspace/a.txt", "/workspace/b.bin", "/workspace/c"}
    assert files["/workspace/a.txt"]["content"] == "text"
    assert files["/workspace/b.bin"]["content_base64"] == b64(b"\xff")
    assert "content" not in files["/workspace/c"]
    assert ["result", {"type": "result", "data": {"text/plain": "42"}}] in answer["events"]


def test_events_are_the_output(tool_call, options):
    code = "import sys\nfor i in range(5): print(i); print(i, file=sys.stderr)"
    told, untold = tool_call(("python_executor", {"code": code}), ("python_executor", {"code": code}, {"events": False}),
                             options=options)
    for name in "stdout", "stderr":
        assert "".join(event[1] for event in told["events"] if event[0] == name) == outcome_of(told)[name]
        assert outcome_of(told)[name] == outcome_of(untold)[name] == "0\n1\n2\n3\n4\n"
    assert untold["events"] == []


def test_events_are_the_output_past_its_limit(tool_call, options):
    answer, = tool_call(("python_executor", {"code": "print('x' * 5000)", "limits": {"stdout_bytes": 1000}}),
                        options=options)
    outcome = outcome_of(answer)
    assert outcome["stdout_truncated"] and "left out" in outcome["stdout"]
    assert "".join(event[1] for event in answer["events"] if event[0] == "stdout") == outcome["stdout"]


ENDLESS = "while True: pass"


def test_ends(tool_call, options):
    """A limit, a deadline, a caller that gives up, one that no longer listens."""
    limit, deadline, late, given_up, deaf = tool_call(
        ("python_executor", {"code": ENDLESS, "limits": {"timeout_ms": 200}}),
        ("python_executor", {"code": ENDLESS}, {"deadline_ms": 5000}),
        ("python_executor", {"code": ENDLESS}, {"deadline_ms": 0}),
        ("python_executor", {"code": ENDLESS}, {"cancel_ms": 3000}),
        ("python_executor", {"code": "while True: print('x' * 1000)"}, {"deaf_after": 5000}), options=options)
    assert outcome_of(limit)["status"] == "timeout" and "timeout_ms" in outcome_of(limit)["message"]
    assert outcome_of(deadline)["status"] == "timeout" and outcome_of(deadline)["usage"]["wall_ms"] < 20000
    assert late["error"] == "DEADLINE_EXCEEDED"
    assert outcome_of(given_up)["status"] == "cancelled" and outcome_of(given_up)["usage"]["wall_ms"] < 20000
    assert outcome_of(deaf)["status"] == "cancelled"


def test_a_caller_who_gives_up_waits_for_no_root(tool_call):
    """Fuel makes another kind of warm process, which takes its time to start."""
    answer, = tool_call(("python_executor", {"code": ENDLESS, "limits": {"fuel": 10**12}}, {"cancel_ms": 5}),
                        options=("-w",))
    assert answer.get("error") == "CANCELLED" or outcome_of(answer)["status"] == "cancelled"


def test_determinism_and_seed(tool_call, options):
    code = "import random, time, os; print(random.random(), time.time(), os.urandom(8))"
    one, two, seeded, again = tool_call(("python_executor", {"code": code, "deterministic": True, "seed": 1}),
                                        ("python_executor", {"code": code, "deterministic": True, "seed": 1}),
                                        ("python_executor", {"code": "import random; print(random.random())", "seed": 5}),
                                        ("python_executor", {"code": "import random; print(random.random())", "seed": 5}),
                                        options=options)
    assert outcome_of(one)["stdout"] == outcome_of(two)["stdout"] != ""
    assert outcome_of(one)["usage"]["fuel"] == outcome_of(two)["usage"]["fuel"] > 0
    assert outcome_of(seeded)["stdout"] == outcome_of(again)["stdout"]


def test_limits_are_lowered(tool_call, options):
    answer, = tool_call(("python_executor", {"code": "x = bytearray(150 << 20)", "limits": {"memory_bytes": 128 << 20}}),
                        options=options)
    assert outcome_of(answer)["status"] in ("error", "out_of_memory"), answer
    assert "Memory" in json.dumps(answer)


def test_another_version(tool_call, options):
    answer, = tool_call(("python_executor", {"code": "import sys; print(sys.version_info[:2])", "image": "python3.12"}),
                        options=options)
    assert outcome_of(answer)["stdout"] == "(3, 12)\n"


def test_sessions(tool_call):
    answers = tool_call(("python_executor", {"code": "x = 41", "new_session": True}),
                        ("python_executor", {"code": "x", "session_id": "s-0123456789abcdef"}), options=("-w",))
    first = outcome_of(answers[0])
    assert first["session_id"].startswith("s-") and first["session_lives"]
    assert answers[1]["error"] == "NOT_FOUND"


def test_a_session_goes_on(tool_call):
    """One process, whose answers are read as they come: the id is known from the first."""
    with subprocess.Popen([tool_call.program, "-w", "call"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=tool_call.environment, cwd=tool_call.folder, text=True) as process:
        def answer(tool, parameters):
            process.stdin.write(json.dumps({"tool": tool, "parameters": parameters}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        def ask(**parameters):
            return outcome_of(answer("python_executor", parameters))

        session = ask(code="x = 41", new_session=True)["session_id"]
        assert ask(code="x + 1", mode="expression", session_id=session)["results"] == [{"text/plain": "42"}]
        assert ask(code="open('a', 'w').write(input())", session_id=session, stdin="in\n")["status"] == "ok"
        last = ask(code="print(open('a').read())", session_id=session, limits={"timeout_ms": 5000})
        assert (last["stdout"], last["session_id"]) == ("in\n", session)
        other = answer("ruby_executor", {"code": "puts 1", "session_id": session})
        assert other["error"] == "FAILED_PRECONDITION" and "one of python, not of ruby" in other["message"]
        assert ask(code="print(x)", session_id=session)["stdout"] == "41\n"
        process.stdin.close()


# --- a user's own interpreter ---


@pytest.fixture(scope="module")
def interpreter(tool_call):
    """The module of python3.12, as if a user had brought it."""
    languages = pathlib.Path(tool_call.environment["POLYAGENT_CACHE_HOME"]) / "languages"
    return next(path for folder in sorted(languages.glob("python3.12-*")) for path in folder.rglob("*.wasm"))


def test_interpreter_by_path(tool_call, options, interpreter):
    answer, = tool_call(("python_wasi_runner", {"code": "import sys; print(sys.version_info[:2], input())",
                                                "stdin": "in", "interpreter_wasm_path": interpreter.name}),
                        options=(*options, "-m", interpreter.parent))
    assert outcome_of(answer)["stdout"] == "(3, 12) in\n"


def test_interpreter_as_base64(tool_call, options, interpreter):
    answer, = tool_call(("python_wasi_runner", {"code": "import sys; print(sys.version_info[:2], sys.argv)", "argv": ["a"],
                                                "interpreter_wasm_base64": b64(interpreter.read_bytes())}),
                        options=options)
    assert outcome_of(answer)["stdout"] == "(3, 12) ['main.py', 'a']\n"


def test_interpreter_of_the_configuration(tool_call, options, interpreter):
    """PYTHON_WASI_WASM_PATH is what runs where a request brings none."""
    code = "import sys; print(sys.version_info[:2])"
    answers = tool_call(("python_wasi_runner", {"code": code}), ("python_executor", {"code": code}), options=options,
                        PYTHON_WASI_WASM_PATH=str(interpreter))
    assert [outcome_of(answer)["stdout"] for answer in answers] == ["(3, 12)\n"] * 2


def test_interpreter_that_is_none(tool_call):
    answer, = tool_call(("python_wasi_runner", {"code": "", "interpreter_wasm_base64": b64("\0asm\1\0\0\0")}))
    assert answer.get("error") == "FAILED_PRECONDITION" or outcome_of(answer)["status"] == "invalid_module", answer


# --- without an interpreter ---


def test_transpiled(tool_call, options):
    code = "total = 0\nfor i in range(10):\n    total += i\nprint('total', total)"
    answers = tool_call(*(("python_wasi_runner", {"code": code, "mode": mode})
                          for mode in ("interpret", "auto", "transpile")), options=options)
    assert [outcome_of(answer)["stdout"] for answer in answers] == ["total 45\n"] * 3
    assert "engine" not in outcome_of(answers[0])
    assert [outcome_of(answer)["engine"]["used"] for answer in answers[1:]] == ["transpiler"] * 2
    for answer in answers[1:]:
        assert "".join(event[1] for event in answer["events"] if event[0] == "stdout") == "total 45\n"


def test_what_is_not_transpiled(tool_call, options):
    """The interpreter does it, or it is refused; a program that turns out too much has one output."""
    late = "x = 1\nfor i in range(70):\n    x = x * 2\n    print(i, x)"
    auto, refused, begun, silent = tool_call(
        ("python_wasi_runner", {"code": "import sys\nprint(sys.version_info[0])", "mode": "auto"}),
        ("python_wasi_runner", {"code": "import sys\nprint(sys.version_info[0])", "mode": "transpile"}),
        ("python_wasi_runner", {"code": late, "mode": "auto"}),
        ("python_wasi_runner", {"code": late, "mode": "auto"}, {"events": False}), options=options)
    assert outcome_of(auto)["stdout"] == "3\n" and outcome_of(auto)["engine"]["used"] == "interpreter"
    assert outcome_of(refused)["status"] == "error" and outcome_of(refused)["message"]
    whole = "".join(f"{i} {2 ** (i + 1)}\n" for i in range(70))
    for answer in begun, silent:
        assert outcome_of(answer)["stdout"] == whole
    assert "".join(event[1] for event in begun["events"] if event[0] == "stdout") == whole


# --- kinds of warm processes ---


@pytest.fixture
def kinds(tool_call):
    """kinds(COUNT [, "hold"], options=()) -> what became of taking copies of so many kinds."""
    def take(*arguments, options=()):
        done = subprocess.run([tool_call.program, "-w", *options, "kinds", *arguments], stdout=subprocess.PIPE,
                              env=tool_call.environment, cwd=tool_call.folder, check=True, timeout=600)
        return json.loads(done.stdout)

    return take


def test_a_kind_that_nobody_uses_makes_room(kinds):
    """There is room for 64 kinds: of those without a copy in use the one goes that was asked for longest ago."""
    free = kinds("66")
    assert (free["taken"], free["error"], len(free["kinds"])) == (66, "", 64), free
    held = kinds("65", "hold")
    assert (held["taken"], held["error"]) == (64, "RESOURCE_EXHAUSTED"), held
    assert set(held["kinds"].values()) == {1} and len(held["kinds"]) == 64
    assert "javascript" in held["kinds"] and "javascript #64" in held["kinds"]


def test_a_kind_that_nobody_asks_for_ends(kinds):
    assert len(kinds("3")["kinds"]) == 3
    assert len(kinds("3", options=("-r", "1"))["kinds"]) < 3
    assert len(kinds("3", "hold", options=("-r", "1"))["kinds"]) == 3
