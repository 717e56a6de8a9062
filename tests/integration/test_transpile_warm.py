"""Python compiled and run in one process: a warm one of a server's, or a fresh one; what is kept and what is not."""

import json
import pathlib
import signal
import subprocess
import time

import pytest

from waiting import busy, children, descendants, gone, until

TEN_LINES = """def square(n):
    return n * n

total = {0}
words = ["alpha{0}", "beta", "gamma"]
for i in range(10):
    total += square(i)
for word in words:
    print(word.upper(), len(word))
print("total", total)
"""
TEN_LINES_OUT = "ALPHA{0} {2}\nBETA 4\nGAMMA 5\ntotal {1}\n"


def never_seen():
    """A program that nobody has run before, and what it writes."""
    number = time.time_ns()
    return TEN_LINES.format(number), TEN_LINES_OUT.format(number, number + 285, len(str(number)) + 5)


@pytest.fixture(scope="module")
def server(polyagent, installed_languages, tmp_path_factory):
    """(environment of clients, process) of a server that keeps Python warm."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "run").mkdir(mode=0o700)
    env = {**installed_languages, "POLYAGENT_SOCKET": str(folder / "run" / "polyagent.sock")}
    with open(folder / "log", "w+b") as log:
        process = subprocess.Popen([polyagent, "serve", "--log", "info", "python"], env=env, stderr=log)
        logged = lambda: (folder / "log").read_text(errors="replace")
        until(lambda: process.poll() is not None or
              "python (compiled) is at its checkpoint" in logged() and "serving on" in logged(), tell=logged)
        assert process.poll() is None, logged()
        yield env, process
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert "ended" not in logged().split("serving on")[1].split("stopping")[0], logged()


@pytest.fixture(params=["served", "alone"])
def python(request, run, installed_languages):
    """python(code, *options, mode="transpile") -> the outcome: by a server's process, and by one of its own"""
    env = request.getfixturevalue("server")[0] if request.param == "served" else installed_languages

    def call(code, *options, mode="transpile", **how):
        return run("python", "--mode", mode, "--json", *options, "-c", code, env=env, **how).json()

    call.served = request.param == "served"
    return call


def kept(env):
    """The names of what was kept of programs."""
    return {path.name for path in pathlib.Path(env["POLYAGENT_CACHE_HOME"], "modules").glob("*.python-made.cwasm")}


def test_a_program_never_seen(python):
    code, out = never_seen()
    outcome = python(code)
    assert (outcome["status"], outcome["stdout"]) == ("ok", out)
    assert outcome["engine"]["used"] == "transpiler"
    usage = outcome["usage"]
    assert 0 < usage["compile_ms"] and 0 < usage["wall_ms"] and 0 <= usage["cpu_ms"]


def test_a_short_program_leaves_nothing(run, server):
    env = server[0]
    run("python", "--mode", "transpile", "-c", "print(1)", env=env)
    before = kept(env)
    for _ in range(5):
        code, out = never_seen()
        assert run("python", "--mode", "transpile", "-c", code, env=env).out == out
    assert kept(env) == before


def test_fallbacks_are_as_ever(python):
    late = python(f"print({time.time_ns()})\nprint(2 ** 70)", mode="auto")
    assert late["stdout"].splitlines()[1] == str(2 ** 70)
    assert late["engine"] == {"used": "interpreter", "why": "the program met what is not compiled"}
    refused = python("import re\nprint(re.sub('a', 'b', 'a'))", mode="auto")
    assert refused["stdout"] == "b\n" and "<string>:2:7" in refused["engine"]["why"]
    assert python("import re\nprint(re.sub('a', 'b', 'a'))")["exit_code"] == 1
    piped = python("print(input())", mode="auto", stdin="hello\n")
    assert piped["stdout"] == "hello\n" and "standard input" in piped["engine"]["why"]
    assert python("n = int(input())\nprint(n + 1)", stdin="41\n")["stdout"] == "42\n"


def test_ends_are_as_ever(python):
    assert python("import sys\nprint('x')\nsys.exit(7)")["exit_code"] == 7
    failed = python("def f(x):\n    return [1][x]\nprint('start')\nf(3)\n")
    assert (failed["status"], failed["exit_code"], failed["stdout"]) == ("error", 1, "start\n")
    assert failed["stderr"].splitlines()[-1] == "IndexError: list index out of range"


def test_limits_are_the_runs(python):
    endless = f"i = {time.time_ns()}\nwhile True:\n    i = i ^ 1\n"
    timeout = python(endless, "--timeout", "300ms")
    assert timeout["status"] == "timeout" and "timeout_ms" in timeout["message"]
    assert timeout["usage"]["wall_ms"] >= 300
    cpu = python(endless, "--cpu-time", "200ms")
    assert cpu["status"] == "cpu_limit", cpu
    memory = python("xs = [0] * 1000\nwhile True:\n    xs = xs + xs\n", "--memory", "16MiB")
    assert memory["status"] == "out_of_memory", memory
    output = python("while True:\n    print('x' * 1000)\n", "--limit", "output_bytes=1MiB")
    assert output["status"] == "output_limit", output


def test_what_took_long_to_make_is_kept(python, installed_languages):
    number = time.time_ns()
    code = "".join(f"def f{i}(a, b):\n    c = a * {i} + b\n    for k in range(3):\n        c = c * 3 % 1009 + k\n"
                   f"    return c\n" for i in range(60))
    code += f"t = {number}\n" + "".join(f"t += f{i}({i}, t % 7)\n" for i in range(60)) + "print(t)\n"
    before = kept(installed_languages)
    first = python(code)
    new = kept(installed_languages) - before
    assert first["status"] == "ok" and len(new) == 1
    second = python(code)
    assert second["stdout"] == first["stdout"]
    assert second["usage"]["compile_ms"] < first["usage"]["compile_ms"] / 3
    # What is not whole is not used, and made anew.
    path = pathlib.Path(installed_languages["POLYAGENT_CACHE_HOME"], "modules", new.pop())
    good = path.read_bytes()
    for bad in (good[:-100], good[:2000] + bytes([good[2000] ^ 1]) + good[2001:], b""):
        path.write_bytes(bad)
        again = python(code)
        assert again["stdout"] == first["stdout"]
        assert len(path.read_bytes()) == len(good)


def test_a_refusal_that_cost_a_process_is_kept(run, installed_languages):
    code = f"# {time.time_ns()}\nimport re\nprint(re)\n"
    before = kept(installed_languages)
    first = run("python", "--mode", "transpile", "-c", code, env=installed_languages)
    assert len(kept(installed_languages) - before) == 1
    assert run("python", "--mode", "transpile", "-c", code, env=installed_languages).err == first.err


def test_a_copy_that_is_killed_is_told(polyagent, server):
    env, process = server
    endless = f"i = {time.time_ns()}\nwhile True:\n    i = i ^ 1\n"
    client = subprocess.Popen([polyagent, "python", "--mode", "transpile", "--json", "-c", endless], env=env,
                              stdout=subprocess.PIPE)
    pid = busy(process.pid)
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    assert status["Seccomp"].strip() == "2" and int(status["Seccomp_filters"]) == 3  # load-warm, make, run
    assert status["Threads"].strip() == "1"
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    assert not [line for line in maps if line.split()[1][1:3] == "wx"]
    subprocess.run(["kill", "-KILL", str(pid)], check=True)
    outcome = json.loads(client.communicate()[0])
    assert outcome["status"] == "crashed", outcome


def test_many_at_once(polyagent, server):
    env, process = server
    programs = [never_seen() for _ in range(24)]
    clients = [subprocess.Popen([polyagent, "python", "--mode", "auto", "-c", code], env=env, stdout=subprocess.PIPE)
               for code, _ in programs]
    assert [client.communicate()[0].decode() for client in clients] == [out for _, out in programs]


def test_a_client_that_is_killed_takes_its_run_along(polyagent, server):
    env, process = server
    client = subprocess.Popen([polyagent, "python", "--mode", "transpile", "-c",
                               f"i = {time.time_ns()}\nwhile True:\n    i = i ^ 1\n"], env=env)
    pid = busy(process.pid)
    client.send_signal(signal.SIGKILL)
    client.wait()
    until(lambda: gone(pid))


def test_a_root_that_dies_is_replaced(run, server):
    env, process = server
    compiled = [pid for pid, one in descendants(process.pid).items() if one.name.startswith("polyagent-worke")]
    spawner = [pid for pid in children(process.pid)]
    for pid in compiled:
        if any(pid in children(parent) for parent in spawner):
            subprocess.run(["kill", "-KILL", str(pid)], check=True)
    code, out = never_seen()
    until(lambda: run("python", "--mode", "transpile", "-c", code, env=env).out == out)
