"""What a boot script does for a run before its request comes, and that no program sees a trace of it."""

import pytest

LANGUAGES = ("python", "python3.12")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_there_at_the_checkpoint_is_immortal(run, warm_environment, tmp_path, language):
    """Else each copy would write to the pages of all objects that it only reads."""
    code = ("import gc, os, sys\n"
            "names = [os.path.join, os.environ, sys.modules, json] if (json := sys.modules.get('json')) else []\n"
            "print(len(names), {sys.getrefcount(x) == sys.getrefcount(None) for x in names})\n"
            "print(sys.getrefcount([]) < 10, gc.isenabled())")
    result = run(language, "-c", code, env=warm_environment, cwd=tmp_path)
    assert (result.out, result.err) == ("4 {True}\nTrue True\n", "")


def test_new_objects_are_freed(program):
    code = ("import weakref\n"
            "class C: pass\n"
            "c = C(); gone = weakref.ref(c); del c\n"
            "print(gone())\n"
            "for _ in range(100): big = bytearray(20 << 20)\n"
            "print(len(big))")
    assert program("python", code).out == "None\n20971520\n"


def test_poke_stays_in_the_guests_memory(program):
    code = ("import errno, struct\n"
            "def poke(*words):\n"
            "    with open('/dev/sandbox/poke', 'r+b', buffering=0) as device:\n"
            "        try: device.write(struct.pack(f'<{len(words)}I', *words))\n"
            "        except OSError as error: return errno.errorcode[error.errno]\n"
            "        return int.from_bytes(device.read(4), 'little')\n"
            "def at(*addresses):\n"
            "    global kept\n"
            "    kept = struct.pack(f'<{len(addresses)}I', *addresses)\n"
            "    return id(kept) + bytes.__basicsize__ - 1, len(addresses)\n"
            "print(poke(7, *at()), poke(7, *at(0xFFFFFFFC)), poke(7, *at(0xFFFFFFFF)))\n"
            "print(poke(7, 0xFFFFFFFC, 1), poke(7, 0xFFFFFFFC, 0xFFFFFFFF), poke(7, 0, 0x40000000))\n"
            "print(poke(7), poke(7, 0), poke(7, 0, 0, 0))")
    assert program("python", code).out == ("0 EFAULT EFAULT\nEFAULT EFAULT EFAULT\n"
                                           "EINVAL EINVAL EINVAL\n")


def test_poke_puts_what_is_new_first(program):
    code = ("import struct\n"
            "words = [struct.pack('<4I', 1, 7, 2, 3)]  # their own list comes after them\n"
            "word = lambda i: id(words[0]) + bytes.__basicsize__ - 1 + 4 * i\n"
            "addresses = struct.pack('<5I', word(1), word(2), word(1), word(2), word(0))\n"
            "with open('/dev/sandbox/poke', 'r+b', buffering=0) as device:\n"
            "    device.write(struct.pack('<3I', 7, id(addresses) + bytes.__basicsize__ - 1, 5))\n"
            "    new = int.from_bytes(device.read(4), 'little')\n"
            "print(struct.unpack('<4I', words[0]))\n"
            "print(new, struct.unpack('<5I', addresses)[:2] == (word(2), word(0)))")
    assert program("python", code).out == "(7, 7, 7, 3)\n2 True\n"


def test_the_rehearsal_leaves_no_trace(program):
    code = ("import sys, os, linecache, __main__\n"
            "print(sorted(n for n in vars(__main__) if n[:2] != '__'), [k for k in linecache.cache if 'rehears' in k])\n"
            "print(os.getcwd(), 'POLYAGENT_ONCE' in os.environ, sys.stdin.read())")
    result = program("python", code, stdin=b"in")
    assert result.out == "['linecache', 'os', 'sys'] []\n/workspace False in\n"


def test_reading_the_checkpoint_again_comes_back_at_once(program):
    assert program("python", "print(open('/dev/sandbox/checkpoint', 'rb').read())").out == "b''\n"


def test_deterministic_copies_agree_with_fresh_processes(run, installed_languages, warm_environment, tmp_path):
    """Whether a copy had time to rehearse must not show."""
    code = "import os, random\nprint(random.random(), os.urandom(4).hex(), [id(object()), hash(object())])"
    seen = {run("python", "--deterministic", "-c", code, env=environment, cwd=tmp_path).out
            for environment in (installed_languages, *[warm_environment] * 4)}
    assert len(seen) == 1 and "0." in seen.pop(), seen
