"""Sessions over gRPC: turns, forks, branches, checkpoints, files."""

import os
import threading

import pytest

from grpc_server import SESSIONS, GrpcServer, agent, grpc, rich, session
from test_grpc import failure
from waiting import Gate, until

LANGUAGE = "python"


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("gate"))
    started = GrpcServer(polyagent, installed_languages, tmp_path_factory.mktemp("sessions"), LANGUAGE,
                         volumes_directory=gate.volumes)
    started.gate = gate
    yield started
    assert started.stop() == 0


@pytest.fixture
def new(server):
    """new(**fields) -> the id of a session, ended after the test."""
    made = []

    def create(**fields):
        parameters = fields.pop("parameters", {})
        message = session.CreateSessionRequest(language=LANGUAGE, **fields)
        message.parameters.update(parameters)
        made.append(server.ask("Create", message, session.Session))
        return made[-1].id

    yield create
    for one in made:
        try:
            server.ask("End", session.SessionRequest(session=one.id), session.EndSessionResponse)
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND), error


def turn(server, id_, code, **parameters):
    """The outcome of a turn."""
    message = session.ExecuteRequest(session=id_, code=code)
    message.parameters.update(parameters)
    events = list(server.stream(SESSIONS + "Execute", agent.ToolCallEvent)(message, timeout=60))
    return events[-1].ended


def ask(server, method, id_, answer=session.Session, **fields):
    kinds = {"Fork": session.ForkRequest, "Keep": session.CheckpointRequest, "GoBack": session.CheckpointRequest,
             "Drop": session.CheckpointRequest, "StatFile": session.FileRequest, "MakeFolder": session.FileRequest,
             "ListFiles": session.ListFilesRequest, "SearchFiles": session.SearchFilesRequest,
             "RenameFile": session.RenameFileRequest, "DeleteFile": session.DeleteFileRequest}
    return server.ask(method, kinds.get(method, session.SessionRequest)(session=id_, **fields), answer)


def test_a_session_keeps_what_was_done(server, new):
    id_ = new(name="analysis", labels={"job": "7"})
    assert turn(server, id_, "x = 20\nimport math").status == agent.STATUS_OK
    outcome = turn(server, "analysis", "print(x + math.floor(22.5))")
    assert (outcome.stdout, outcome.session_id, outcome.session_lives) == ("42\n", "analysis", True)
    state = ask(server, "Inspect", id_)
    assert (state.id, state.name, state.language, state.state, state.turns) == (id_, "analysis", "python", "idle", 2)
    assert dict(state.labels) == {"job": "7"} and state.memory_bytes > 0 and state.HasField("expires_in_ms")
    assert id_ in [one.id for one in server.ask("List", session.ListSessionsRequest(), session.ListSessionsResponse).sessions]
    variables = {one.name: one for one in ask(server, "Variables", id_, session.VariablesResponse).variables}
    assert variables["x"].repr == "20" and variables["x"].type == "int"


def test_mistakes(server, new):
    error = failure(new, parameters={"nonsense": 1, "limits": {"timeout_ms": -1}})
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert {"/nonsense", "/limits/timeout_ms"} <= {v.field for v in rich(error)["BadRequest"].field_violations}
    unknown = session.CreateSessionRequest(language="cobol")
    assert failure(server.ask, "Create", unknown, session.Session).code() == grpc.StatusCode.INVALID_ARGUMENT
    for method in ("Inspect", "End", "Interrupt", "Tree", "Variables", "Fork", "StatFile"):
        assert failure(ask, server, method, "s-none").code() == grpc.StatusCode.NOT_FOUND, method
    assert failure(turn, server, "s-none", "1").code() == grpc.StatusCode.NOT_FOUND
    id_ = new()
    assert failure(ask, server, "Fork", id_, count=1000).code() == grpc.StatusCode.INVALID_ARGUMENT
    assert failure(ask, server, "GoBack", id_, checkpoint="none").code() == grpc.StatusCode.NOT_FOUND
    assert failure(turn, server, id_, "1", nonsense=1).code() == grpc.StatusCode.INVALID_ARGUMENT


def test_forks_are_independent(server, new):
    id_ = new()
    turn(server, id_, "x = 1\nopen('/workspace/f', 'w').write('one')")
    forks = ask(server, "Fork", id_, session.ForkResponse, count=3).sessions
    assert len(set(forks)) == 3
    for number, fork in enumerate(forks):
        turn(server, fork, f"x += {number}; open('/workspace/f', 'w').write(str(x))")
    seen = [turn(server, fork, "print(x, open('/workspace/f').read())").stdout for fork in [id_, *forks]]
    assert seen == ["1 one\n", "1 1\n", "2 2\n", "3 3\n"]
    tree = ask(server, "Tree", forks[0], session.TreeResponse)
    assert list(tree.roots) == [id_] and {node.id for node in tree.nodes} == {id_, *forks}
    assert {node.parent for node in tree.nodes} == {"", id_}
    for fork in forks:
        ask(server, "End", fork, session.EndSessionResponse)
    assert failure(turn, server, forks[0], "1").code() == grpc.StatusCode.FAILED_PRECONDITION


def test_branches(server, new):
    id_ = new()
    turn(server, id_, "x = 10")
    message = session.ExecuteBranchesRequest(session=id_, typed_only=True)
    for code in ("x += 1; print(x)", "x += 2; print(x)", "raise ValueError(x)"):
        message.branches.add(code=code)
    message.branches.add(session=id_, code="print(x)")
    message.branches.add(session="s-none", code="1")
    outcomes = server.ask("ExecuteBranches", message, session.ExecuteBranchesResponse).branches
    assert [one.outcome.stdout for one in outcomes[:2]] == ["11\n", "12\n"]
    assert outcomes[2].outcome.status == agent.STATUS_ERROR and outcomes[2].outcome.error.name == "ValueError"
    assert (outcomes[3].session, outcomes[3].outcome.stdout) == (id_, "10\n")
    assert outcomes[4].code == grpc.StatusCode.NOT_FOUND.value[0] and "s-none" in outcomes[4].message
    assert len({one.session for one in outcomes}) == 5
    empty = session.ExecuteBranchesRequest(session=id_)
    assert failure(server.ask, "ExecuteBranches", empty, session.ExecuteBranchesResponse).code() == \
        grpc.StatusCode.INVALID_ARGUMENT
    for one in outcomes[:3]:
        ask(server, "End", one.session, session.EndSessionResponse)


def test_checkpoints(server, new):
    id_ = new()
    turn(server, id_, "x = 1")
    kept = ask(server, "Keep", id_, checkpoint="before")
    assert [(one.name, one.turns) for one in kept.checkpoints] == [("before", 1)]
    turn(server, id_, "x = 2")
    assert ask(server, "GoBack", id_, checkpoint="before").turns == 1
    assert turn(server, id_, "print(x)").stdout == "1\n"
    assert not ask(server, "Drop", id_, checkpoint="before").checkpoints


def test_what_waits_for_a_turn_can_give_up(server, new):
    id_ = new(parameters={"volumes": server.gate.mounted})
    busy = threading.Thread(target=turn, args=(server, id_, server.gate.python))
    busy.start()
    server.gate.arrived()
    for method, message, answer in (("Fork", session.ForkRequest(session=id_, count=2), session.ForkResponse),
                                    ("Keep", session.CheckpointRequest(session=id_, checkpoint="c"), session.Session),
                                    ("MakeFolder", session.FileRequest(session=id_, path="d"), session.FileInfo)):
        with pytest.raises(grpc.RpcError) as caught:
            server.unary(SESSIONS + method, answer)(message, timeout=0.1)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED, caught.value
    server.gate.open()
    busy.join()
    state = ask(server, "Inspect", id_)
    assert state.forks == 0 and not state.checkpoints
    assert not ask(server, "ListFiles", id_, session.ListFilesResponse).files


def test_interrupt(server, new):
    id_ = new(recover=True)
    turn(server, id_, "x = 5")
    ended = []
    busy = threading.Thread(target=lambda: ended.append(turn(server, id_, "x = 6\nwhile True: pass")))
    busy.start()
    until(lambda: ask(server, "Interrupt", id_, session.InterruptResponse).running)
    busy.join()
    assert ended[0].status == agent.STATUS_CANCELLED
    assert turn(server, id_, "print(x)").stdout == "5\n"
    assert not ask(server, "Interrupt", id_, session.InterruptResponse).running


def put(server, id_, path, *pieces, **fields):
    def messages():
        yield session.PutFileRequest(session=id_, path=path, data=pieces[0], **fields)
        for piece in pieces[1:]:
            yield session.PutFileRequest(data=piece)

    return server.channel.stream_unary(SESSIONS + "PutFile", request_serializer=session.PutFileRequest.SerializeToString,
                                       response_deserializer=session.FileInfo.FromString)(messages(), timeout=60)


def get(server, id_, path, **fields):
    call = server.stream(SESSIONS + "GetFile", session.FileChunk)
    chunks = list(call(session.GetFileRequest(session=id_, path=path, **fields), timeout=60))
    return chunks[0].info, b"".join(chunk.data for chunk in chunks)


def test_files(server, new):
    id_ = new()
    data = os.urandom(1_500_000)
    info = put(server, id_, "data/big.bin", data[:700_000], data[700_000:1_400_000], data[1_400_000:])
    assert (info.size, info.directory) == (len(data), False) and info.modified_at.endswith("Z")
    told, got = get(server, id_, "data/big.bin")
    assert got == data and told.size == len(data)
    assert get(server, id_, "/workspace/data/big.bin", offset=1_000_000, size=300_000)[1] == data[1_000_000:1_300_000]
    assert turn(server, id_, "import os; print(os.path.getsize('data/big.bin'))").stdout == "1500000\n"
    put(server, id_, "note.txt", b"first line\nsecond line\n")
    assert put(server, id_, "note.txt", b"FIRST", keep=True).size == 23
    assert get(server, id_, "note.txt")[1] == b"FIRST line\nsecond line\n"
    put(server, id_, "empty", b"")
    assert get(server, id_, "empty")[1] == b""
    files = ask(server, "ListFiles", id_, session.ListFilesResponse, depth=3).files
    assert {"/workspace/data", "/workspace/data/big.bin", "/workspace/note.txt"} <= {one.path for one in files}
    found = ask(server, "SearchFiles", id_, session.SearchFilesResponse, name="*.txt", text="second").files
    assert [(one.path, [line.line for line in one.lines]) for one in found] == [("/workspace/note.txt", [2])]
    assert ask(server, "MakeFolder", id_, session.FileInfo, path="new").directory
    request = session.RenameFileRequest(session=id_, to="new/note.txt", **{"from": "note.txt"})
    assert server.ask("RenameFile", request, session.FileInfo).path == "new/note.txt"
    assert failure(ask, server, "DeleteFile", id_, session.DeleteFileResponse, path="new").code() != grpc.StatusCode.OK
    ask(server, "DeleteFile", id_, session.DeleteFileResponse, path="new", recursive=True)
    assert failure(ask, server, "StatFile", id_, session.FileInfo, path="new").code() == grpc.StatusCode.NOT_FOUND
    assert failure(get, server, id_, "no").code() == grpc.StatusCode.NOT_FOUND
    nothing = server.channel.stream_unary(SESSIONS + "PutFile", request_serializer=session.PutFileRequest.SerializeToString,
                                          response_deserializer=session.FileInfo.FromString)
    assert failure(nothing, iter(())).code() == grpc.StatusCode.INVALID_ARGUMENT
