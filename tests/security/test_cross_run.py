"""Nothing of a run is there for another: each plants a secret wherever it can and looks for those of the others.

Programs of all languages and a module, in processes of their own, as copies of warm ones and as sessions,
several at a time.  Each has its secret in its environment and finds it there: so it would find another's.
"""

import collections
import concurrent.futures
import os
import secrets
import shutil
import subprocess
import time

import pytest

SOAK = os.environ.get("SOAK") == "1"
RUNS = 1000 if SOAK else 200
AT_ONCE = 3

PYTHON = r"""
import gc, os, random, re, sys, uuid
prefix, own = sys.argv[1:]
pattern = re.compile(re.escape(prefix) + r"#(\d+);")
found = []
def look(what):
    if isinstance(what, (bytes, bytearray)):
        what = what.decode("latin-1")
    if prefix in what:
        found.extend(pattern.findall(what))
gc.unfreeze()
for one in gc.get_objects():
    for what in (one, *gc.get_referents(one)):
        if isinstance(what, (str, bytes, bytearray)):
            look(what)
for item in os.environ.items():
    look("=".join(item))
for top in ("/tmp", "/workspace"):
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            print("file", os.path.join(folder, name))
for folder, folders, files in os.walk("/"):
    look(folder + "\0".join(files))
for name in os.listdir("/dev"):
    try:
        with open("/dev/" + name, "rb", buffering=0) as device:
            look(device.read(1 << 16))
    except OSError:
        pass
if int(own) % 16 == 0:
    try:
        import numpy  # whose empty arrays are memory as it was
        for size in (1 << 12, 1 << 16, 1 << 20, 32 << 20):
            look(numpy.empty(size, "u1").tobytes())
    except ImportError:
        pass
print("random", random.random(), os.urandom(8).hex(), uuid.uuid4())
secret = f"{prefix}#{own};"
many = [bytearray(secret.encode() * 50000), secret * 50000, {secret: [secret]}]
sys.planted = os.environ["PLANTED"] = secret
random.seed(0)
for path in ("/tmp/planted", "/workspace/planted"):
    with open(path, "w") as file:
        file.write(secret)
for number in found:
    print("own 1" if number == own else f"other {number}")
print(secret)
"""

JAVASCRIPT = r"""
const [prefix, own] = scriptArgs.slice(-2);
const found = [];
const seen = new Set();
const look = (text) => {
    for (let at = 0; (at = text.indexOf(prefix + "#", at)) >= 0; at++) {
        const number = /^\d+;/.exec(text.slice(at + prefix.length + 1, at + prefix.length + 16));
        if (number) found.push(number[0].slice(0, -1));
    }
};
const walk = (value) => {
    if (typeof value === "string") { look(value); return; }
    if (value === null || (typeof value !== "object" && typeof value !== "function") || seen.has(value)) return;
    seen.add(value);
    for (const key of Reflect.ownKeys(value)) {
        look(String(key.description ?? key));
        try { walk(value[key]); } catch (error) {}
    }
};
walk(globalThis);
walk(std.getenviron());
for (const folder of ["/tmp", "/workspace"])
    for (const name of os.readdir(folder)[0])
        if (name !== "." && name !== "..") print("file", folder + "/" + name);
print("random", Math.random(), Math.random(), crypto.getRandomValues(new Uint32Array(2)).join());
const secret = `${prefix}#${own};`;
globalThis.planted = [secret, secret.repeat(50000), { [secret]: secret }];
std.setenv("PLANTED", secret);
for (const path of ["/tmp/planted", "/workspace/planted"]) {
    const file = std.open(path, "w");
    file.puts(secret);
    file.close();
}
for (const number of found) print(number === own ? "own 1" : "other " + number);
print(secret);
"""

RUBY = r"""
prefix, own = ARGV
found = []
pattern = Regexp.new(Regexp.escape(prefix) + '#(\d+);')
look = ->(text) { text.b.scan(pattern) { |number,| found << number } }
strings = ObjectSpace.each_object(String).to_a
strings.each { |text| look.(text) if text.bytesize < 1 << 22 }
ENV.each { |name, value| look.(name + value) }
Dir.glob("/{tmp,workspace}/**/*").each { |name| puts "file #{name}" }
puts "random #{rand} #{Random.new_seed} #{Random.urandom(8).unpack1('H*')}"
secret = "#{prefix}##{own};"
$planted = [secret, secret * 50000, { secret => secret.to_sym }]
ENV["PLANTED"] = secret
srand(0)
["/tmp/planted", "/workspace/planted"].each { |path| File.write(path, secret) }
found.each { |number| puts(number == own ? "own 1" : "other #{number}") }
puts secret
"""

PROGRAMS = {"python": ("py", PYTHON), "javascript": ("js", JAVASCRIPT), "ruby": ("rb", RUBY)}


@pytest.fixture(scope="module")
def ways(polyagent, installed_languages, root, tmp_path_factory):
    """The ways to run: name, command with its options, program, environment."""
    folder = tmp_path_factory.mktemp("cross-run")
    folder.chmod(0o700)
    clang = shutil.which("clang") or shutil.which("clang-14")
    module = folder / "secrets.wasm"
    subprocess.run([clang, "--target=wasm32-wasi", "--sysroot=/usr", "-O1", root / "tests/guests/secrets.c", "-o",
                    module], check=True, timeout=120)
    warm = {**installed_languages, "POLYAGENT_SOCKET": str(folder / "polyagent.sock")}
    log = folder / "serve.log"
    with open(log, "wb") as stderr:
        server = subprocess.Popen([polyagent, "serve", "--log", "info", *PROGRAMS], env=warm, stderr=stderr)
    deadline = time.monotonic() + 600
    while log.read_text().count("is at its checkpoint") < len(PROGRAMS):
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    made = [("module", ["run"], module, installed_languages)]
    for language, (suffix, code) in PROGRAMS.items():
        path = folder / f"main.{suffix}"
        path.write_text(code)
        # Four of five are copies of one warm process: there the runs have most in common.
        made += [(f"{language}, warm", [language], path, warm)] * 3
        made += [(f"{language}, session", [language, "-i"], path, warm)]
        made += [(f"{language}, cold", [language], path, installed_languages)]
    yield made
    assert server.poll() is None  # or the runs were not warm
    server.terminate()
    assert server.wait(timeout=60) == 0


def test_no_run_finds_a_secret_of_another(polyagent, ways):
    prefix = "planted-" + secrets.token_hex(6)

    def one(number):
        name, command, program, env = ways[number % len(ways)]
        done = subprocess.run([polyagent, *command, "--env", f"OWN={prefix}#{number};", program, prefix, str(number)],
                              env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False)
        return name, number, done

    randoms = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name, number, done in pool.map(one, range(RUNS)):
            where = (name, number, done)
            assert done.returncode == 0, where
            lines = done.stdout.decode().splitlines()
            kinds = collections.Counter(line.split()[0] for line in lines)
            assert not kinds["other"] and not kinds["file"], where
            assert "own 0" not in lines and kinds["own"] >= 1, where  # it can find what is there
            assert lines[-1] == f"{prefix}#{number};", where
            assert done.stdout.decode().count(prefix) == 1 and prefix not in done.stderr.decode(), where
            randoms.update(word for line in lines if line.startswith("random") for word in line.split()[1:])
    assert len(randoms) >= RUNS
    assert set(randoms.values()) == {1}, randoms.most_common(3)
