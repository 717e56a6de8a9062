"""The examples of the documentation do what it says that they do."""

import os
import subprocess


def test_hello(run, root):
    result = run("run", root / "docs/assets/hello-wasi.wat")
    assert (result.code, result.out, result.err) == (0, "Hello from WASI!\n", "")


def test_custom_module(run, root):
    result = run("run", root / "examples/wat/custom.wat")
    assert (result.code, result.out) == (0, "Custom WASI Module\n")


def test_input_reader_echoes_its_input(run, root):
    result = run("run", root / "examples/wat/input-reader.wat", stdin="one\ntwo\n")
    assert (result.code, result.out) == (0, "one\ntwo\n")


def test_input_reader_without_input(run, root):
    result = run("run", root / "examples/wat/input-reader.wat")
    assert (result.code, result.out) == (0, "")


def test_input_reader_takes_a_file_as_stdin(run, root, tmp_path):
    data = os.urandom(300_001)  # more than one buffer, every byte value
    (tmp_path / "data").write_bytes(data)
    result = run("run", "--stdin", tmp_path / "data", root / "examples/wat/input-reader.wat")
    assert result.code == 0
    assert result.out_bytes == data


def test_forever_ends_at_the_time_limit(run, outcome, root):
    module = root / "examples/wat/forever.wat"
    assert run("run", "--timeout", "200ms", module).code == 124
    assert outcome("--timeout", "200ms", module)["status"] == "timeout"


def test_c_reads_a_file_of_a_mounted_folder(run, built_examples, tmp_path):
    (tmp_path / "poem.txt").write_text("The rose is a rose,\nand was always a rose.\n")
    module = built_examples("c") / "wordcount.wasm"
    result = run("run", "--dir", f"{tmp_path}::/data", module, "--", "/data/poem.txt")
    assert result.code == 0, result
    assert result.out == (
        "10 words, 7 different\n   3 rose\n   2 a\n   1 always\n   1 and\n   1 is\n"
    )


def test_c_sees_only_what_is_mounted(run, built_examples):
    module = built_examples("c") / "wordcount.wasm"
    result = run("run", module, "--", "/etc/passwd")
    assert result.code == 1
    assert result.out == ""
    assert "wordcount: /etc/passwd:" in result.err


def test_c_floating_point_and_sorting(run, built_examples):
    result = run("run", built_examples("c") / "statistics.wasm", stdin="9 1 8 2 7 3 6 4\n")
    assert result.code == 0, result
    assert result.out == "count 8\nmean 5.000000\ndeviation 2.738613\nmedian 5.000000\n"


def test_rust(run, built_examples):
    result = run("run", built_examples("rust") / "wasi-example.wasm")
    assert (result.code, result.out, result.err) == (0, "Hello from Rust WASI!\n", "")


def test_base64_payload(run, root, polyagent, built_examples):
    module = built_examples("rust") / "wasi-example.wasm"
    script = root / "examples/base64/run"
    result = run(module, program=script, env={"POLYAGENT": str(polyagent)})
    assert (result.code, result.out) == (0, "Hello from Rust WASI!\n")
    assert result.err.startswith("payload: AGFzb")  # "\0asm" in base64


def test_the_demo_runs(root, polyagent, installed_languages):
    done = subprocess.run(
        [root / "scripts/demo", polyagent],
        env=installed_languages, stdout=subprocess.PIPE, text=True, check=True, timeout=3600,
    )
    assert "Hello from WASI!" in done.stdout
    assert "Hello from Python 3.12.0 on wasi" in done.stdout
    assert "(exit status 124)" in done.stdout
