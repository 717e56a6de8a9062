"""Two runs never share chance or time, though all are forks of one process; deterministic runs share both."""

import concurrent.futures
import time

import pytest

LANGUAGES = ("python", "javascript", "ruby")
RUNS = 200

# Each prints values of which none may appear twice, in one run or in two.
PROGRAMS = {
    "python": """
import random, uuid, secrets, os, tempfile, time
print(random.random(), random.SystemRandom().random(), uuid.uuid4(), uuid.uuid1(), secrets.token_hex(8), os.urandom(8).hex(),
      tempfile.mktemp(), tempfile.mkdtemp(), hex(random.getrandbits(64)), random.Random().random())
""",
    "javascript": """
const words = new Uint32Array(2);
console.log(Math.random(), Math.random(), crypto.randomUUID(), String(crypto.getRandomValues(words)))
""",
    "ruby": """
require 'securerandom'; require 'tempfile'
puts [rand, Random.rand, Random.new.rand, SecureRandom.hex(8), SecureRandom.uuid, Random.bytes(8).unpack1('H*'),
      Random.urandom(8).unpack1('H*'), Tempfile.new.path, [*1..60].shuffle.join('-')].join(' ')
""",
}


@pytest.fixture
def warm_runs(run, warm_environment, tmp_path):
    """warm_runs(language, code, count) -> the words that each run printed."""

    def call(language, code, count):
        def one(_):
            result = run(language, "-c", code, env=warm_environment, cwd=tmp_path)
            assert (result.code, result.err) == (0, ""), result
            return result.out.split()

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(one, range(count)))

    return call


def test_the_runs_here_are_warm(run, warm_environment, installed_languages, tmp_path):
    for language in LANGUAGES:
        warm = run(language, "--log", "exec=debug", "-c", "", env=warm_environment, cwd=tmp_path)
        cold = run(language, "--log", "exec=debug", "-c", "", env=installed_languages, cwd=tmp_path)
        assert "a process of our own" not in warm.err and "a process of our own" in cold.err


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_random_is_the_same_twice(warm_runs, language):
    words = [word for run in warm_runs(language, PROGRAMS[language], RUNS) for word in run]
    assert len(words) >= 3 * RUNS and len(set(words)) == len(words)


def test_numpy_too(warm_runs):
    code = ("import numpy as np\nprint(np.random.default_rng().random(), np.random.rand(), np.random.RandomState().rand(), "
            "np.random.default_rng().integers(1 << 60))")
    words = [word for run in warm_runs("python", code, 12) for word in run]
    assert len(set(words)) == 48


def test_random_numbers_are_evenly_spread(warm_runs):
    """The first random() of many forks is uniform: mean and quarters of 200 within five deviations."""
    for language, code in (("python", "import random; print(random.random())"), ("javascript", "console.log(Math.random())"),
                           ("ruby", "puts rand")):
        first = [float(run[0]) for run in warm_runs(language, code, RUNS)]
        assert abs(sum(first) / RUNS - 0.5) < 5 * (1 / 12 / RUNS) ** 0.5
        for quarter in range(4):
            share = sum(quarter <= 4 * x < quarter + 1 for x in first)
            assert abs(share - RUNS / 4) < 5 * (RUNS * 3 / 16) ** 0.5


@pytest.mark.parametrize("language, code", [
    ("python", "import time, datetime; print(time.time(), datetime.datetime.now(datetime.timezone.utc).timestamp())"),
    ("javascript", "console.log(Date.now() / 1000, new Date().getTime() / 1000)"),
    ("ruby", "print Time.now.to_f, ' ', Time.now.utc.to_f"),
])
def test_time_is_the_presents(warm_runs, language, code):
    for _ in range(2):
        before = time.time()
        ((first, second),) = warm_runs(language, code, 1)
        after = time.time()
        assert before - 0.01 <= float(first) <= float(second) + 0.001 <= after + 0.011
        time.sleep(0.3)


@pytest.mark.parametrize("language, code", [
    ("python", "import random, uuid, os, time, tempfile\nprint(random.random(), uuid.uuid4(), os.urandom(8), time.time(), tempfile.mktemp(), hash('x'))"),
    ("javascript", "console.log(Math.random(), crypto.randomUUID(), Date.now(), performance.now())"),
    ("ruby", "require 'securerandom'\np rand, SecureRandom.uuid, Time.now.to_f, 'x'.hash, [*1..9].shuffle"),
])
def test_deterministic_runs_are_the_same_cold_and_warm(run, warm_environment, installed_languages, tmp_path, language, code):
    def once(environment, seed=7):
        ended = run(language, "--json", "--deterministic", "--seed", seed, "-c", code, env=environment, cwd=tmp_path).json()
        assert ended["status"] == "ok", ended
        return ended["stdout"], ended["usage"]["fuel"]

    first = once(warm_environment)
    assert {once(warm_environment), once(installed_languages), once(installed_languages)} == {first}
    assert once(warm_environment, 8) != first
