"""The key-value store of guests, in each language, through a server."""

import json

import pytest

from test_service import Service

LANGUAGES = ["python", "javascript", "ruby"]


@pytest.fixture(scope="module")
def start(polyagent, installed_languages, tmp_path_factory):
    started, data = [], tmp_path_factory.mktemp("data")

    def call(**settings):
        folder = tmp_path_factory.mktemp("server")
        started.append(Service(polyagent, installed_languages, folder,
                               **{"volumes_directory": data / "volumes", "kv_bytes": 4096, "kv_entries": 700, **settings}))
        return started[-1]

    yield call
    for one in started:
        assert one.stop() == 0, one.log()


@pytest.fixture(scope="module")
def server(start):
    return start()


def run(server, language, code, **parameters):
    status, _, body = server.ask("POST", f"/v1/tools/{language}_executor", {"code": code, **parameters})
    assert status == 200, body
    return json.loads(body)


def output(server, language, code, **parameters):
    outcome = run(server, language, code, **parameters)
    assert outcome["status"] == "ok", outcome
    return outcome["stdout"]


PUT = {"python": "from sandbox import kv\nkv['{key}'] = {{'a': [1, 2.5, None, 'é']}}",
       "javascript": "await kv.put('{key}', {{a: [1, 2.5, null, 'é']}})",
       "ruby": "Sandbox.kv['{key}'] = {{ a: [1, 2.5, nil, 'é'] }}"}
GET = {"python": "import json\nfrom sandbox import kv\nprint(json.dumps(kv.get('{key}'), ensure_ascii=False, separators=(',', ':')))",
       "javascript": "console.log(JSON.stringify(await kv.get('{key}') ?? null))",
       "ruby": "require 'json'\nputs Sandbox.kv['{key}'].to_json"}
DELETE = {"python": "from sandbox import kv\ndel kv['{key}']\nprint('{key}' in kv)",
          "javascript": "await kv.delete('{key}'); console.log(await kv.get('{key}') === undefined ? 'False' : 'True')",
          "ruby": "Sandbox.kv.delete('{key}'); puts Sandbox.kv.key?('{key}') ? 'True' : 'False'"}


@pytest.mark.parametrize("writer", LANGUAGES)
def test_what_one_language_puts_the_others_get(server, writer):
    key = f"from {writer}"
    output(server, writer, PUT[writer].format(key=key))
    for reader in LANGUAGES:
        assert output(server, reader, GET[reader].format(key=key)) == '{"a":[1,2.5,null,"é"]}\n', reader
        assert output(server, reader, GET[reader].format(key="nothing")) == "null\n"
    assert output(server, writer, DELETE[writer].format(key=key)) == "False\n"


def test_it_is_a_mapping_whose_keys_come_in_pages(server):
    code = ("from sandbox import kv\n"
            "for i in range(650): kv[f'n{i:03}'] = 0\n"
            "assert len(kv) == 650 and list(kv) == sorted(f'n{i:03}' for i in range(650))\n"
            "assert list(kv.list('n64')) == [f'n64{i}' for i in range(10)]\n"
            "try: kv['nothing']\nexcept KeyError as e: print(repr(e))\n"
            "try: del kv['nothing']\nexcept KeyError as e: print(repr(e))\n"
            "print(kv.get('nothing', 7), kv.setdefault('n000', 1), kv.pop('n001'), 'n001' in kv)")
    assert output(server, "python", code) == "KeyError('nothing')\nKeyError('nothing')\n7 0 0 False\n"
    assert output(server, "javascript", "console.log((await kv.list()).length, (await kv.list('n64')).join())") == (
        "649 " + ",".join(f"n64{i}" for i in range(10)) + "\n")
    assert output(server, "ruby", "puts Sandbox.kv.keys.size, Sandbox.kv.size, Sandbox.kv.keys('n64').size") == "649\n649\n10\n"
    assert output(server, "python", "from sandbox import kv\nkv.clear()\nprint(len(kv))") == "0\n"
    assert "calls" not in run(server, "python", "from sandbox import kv\nkv.get('x')")


@pytest.mark.parametrize("language, code", [
    ("python", "from sandbox import kv, KvError\nfor i in range(800):\n    try: kv[f'{i}'] = WHAT\n    except KvError as e: print(e); break"),
    ("javascript", "for (let i = 0; i < 800; i++) try { await kv.put(`${i}`, WHAT) } "
                   "catch (e) { if (!(e instanceof KvError)) throw e; console.log(e.message); break }"),
    ("ruby", "800.times { |i| begin; Sandbox.kv[i.to_s] = WHAT; rescue Sandbox::KvError => e; puts e.message; break; end }"),
])
def test_a_quota_is_an_exception_that_names_the_limit(server, language, code):
    assert "700" in output(server, language, code.replace("WHAT", "1"))
    output(server, "python", "from sandbox import kv\nkv.clear()")
    assert "4096" in output(server, language, code.replace("WHAT", "'x' * 500" if language != "javascript" else "'x'.repeat(500)"))
    output(server, "python", "from sandbox import kv\nkv.clear()")


def test_what_is_no_key_or_value(server):
    code = ("from sandbox import kv, KvError\n"
            "for key, value in (('', 1), (7, 1), ('k' * 600, 1), ('a\\0b', 1), ('v', 'x' * 300000)):\n"
            "    try: kv[key] = value\n    except KvError as e: print('refused')\n"
            "try: kv['x'] = {1, 2}\nexcept TypeError: print('not JSON')\nprint(len(kv))")
    assert output(server, "python", code) == "refused\n" * 5 + "not JSON\n0\n"


def test_it_is_kept_over_a_restart_and_for_sessions(start, server):
    outcome = run(server, "python", "from sandbox import kv\nkv['kept'] = 1", new_session=True)
    assert output(server, "python", "print(kv['kept'])", session_id=outcome["session_id"]) == "1\n"
    assert server.ask("DELETE", f"/v1/sessions/{outcome['session_id']}")[0] == 204
    other = start()
    assert output(other, "ruby", "puts Sandbox.kv.delete('kept')") == "true\n"
    assert other.stop() == 0


@pytest.mark.parametrize("language, code", [
    ("python", "try:\n    from sandbox import kv\nexcept ImportError as e: print(e)"),
    ("javascript", "try { await kv.get('a') } catch (e) { console.log(e.message) }"),
    ("ruby", "begin; Sandbox.kv['a']; rescue Sandbox::KvError => e; puts e.message; end"),
])
def test_where_there_is_none_it_says_so(request, start, installed_languages, language, code):
    assert "server.kv" in request.getfixturevalue("run")(language, "-c", code, env=installed_languages).out
    off = start(kv="false")
    assert "server.kv" in output(off, language, code)
    assert off.stop() == 0


def test_names_of_a_programs_own_are_stronger(server):
    files = {"sandbox.py": "kv = 'mine'"}
    assert output(server, "python", "from sandbox import kv\nprint(kv)", files=files) == "mine\n"
    assert output(server, "javascript", "const kv = 1; console.log(kv)") == "1\n"
    assert output(server, "ruby", "class Sandbox; def hi = puts('mine'); end\nSandbox.new.hi") == "mine\n"


def test_a_deterministic_run_has_none(server):
    outcome = run(server, "python", "from sandbox import kv", deterministic=True)
    assert outcome["error"]["name"] == "ImportError"
