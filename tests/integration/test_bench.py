"""The measuring programs work; their numbers are for `make bench` and `make soak`."""

import subprocess


def test_soak_in_small(root, polyagent, environment):
    done = subprocess.run(
        [root / "bench/soak", polyagent, "60"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=1200,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("soak: 60 runs left nothing behind\n")


def test_bench_in_small(root, polyagent, environment):
    done = subprocess.run(
        [root / "bench/run", polyagent, "--runs", "3"],
        env={**environment, "POLYAGENT_BENCH_PEERS": "no"},
        stdout=subprocess.PIPE, text=True, check=True, timeout=1200,
    )
    assert "docs/assets/hello-wasi.wat" in done.stdout
    assert done.stdout.count("polyagent") == 2
