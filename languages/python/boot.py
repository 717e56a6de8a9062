"""Makes CPython a language of the sandbox: waits for a program at the checkpoint, runs it, ends.

The protocol is languages/PROTOCOL.md.  This file runs as the interpreter's main program, in a
process that is forked while it waits in `read_request`; what is above that call is paid once, what
is below it by every run.  It serves CPython 3.11 and later.

What a program sees is what `python main.py` would show it: a fresh `__main__`, tracebacks that
start at its own code, the exit codes of SystemExit, atexit hooks, files flushed.  Not kept is the
interpreter's own finalisation, which costs many times a short run: the end is `os._exit`.

Everything used after the program has run is bound here by name, since the program may replace what
it finds in any module.
"""

import gc
import sys

gc.disable()  # until the checkpoint, where one collection does for all of the start
sys.dont_write_bytecode = True  # or __pycache__ would show up among the files a run made

import ast
import atexit
import base64
import builtins
import importlib
import importlib.util
import io
import json
import linecache
import os
import traceback
import types
from collections.abc import MutableMapping

try:
    import site  # an isolated interpreter starts without it; exit(), quit() and help() are there

    for _setter in ("setquit", "setcopyright", "sethelper"):
        getattr(site, _setter)()
except (ImportError, AttributeError):
    pass

REQUEST = "/dev/sandbox/request"
RESULT = "/dev/sandbox/result"
POKE = "/dev/sandbox/poke"
CHECKPOINT = "/dev/sandbox/checkpoint"
CALL = "/dev/sandbox/call"
RESULT_BYTES = 8 << 20  # one result, unless the request says otherwise
CHUNK = 1 << 20
REHEARSALS = 3  # before the checkpoint: the interpreter specialises code that ran a few times
VARIABLE_CHARS = 160  # of a value, where variables are listed
BYTES_OVERHEAD = sys.getsizeof(b"")

# Functions look up built-in names where their globals say: these have a copy of their own.
__builtins__ = dict(vars(builtins))

_open, _read, _write, _close, _exit = os.open, os.read, os.write, os.close, os._exit
_APPEND = os.O_WRONLY | os.O_APPEND
_dumps, _loads = json.JSONEncoder(ensure_ascii=False).encode, json.loads
_dumps_strict = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_get_objects, _run_atexit = gc.get_objects, atexit._run_exitfuncs
_b64encode, _BytesIO = base64.b64encode, io.BytesIO
_WRITABLE = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_TextIOWrapper = io.TextIOWrapper
_streams = (sys.stdout, sys.stderr)  # kept, whatever the program does to sys
_modules = sys.modules
_base_path = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__))]
_fill = []  # see fill_holes
_code_file = (lambda: 0).__code__.co_filename  # frames of this file are nobody's business


# ---- messages -----------------------------------------------------------------------------------


def read_request():
    """The next request: its header and the bytes of its program; None when there are no more."""
    fd = _open(REQUEST, os.O_RDONLY)
    parts = []
    while True:
        part = _read(fd, CHUNK)
        if not part:
            break
        parts.append(part)
    _close(fd)
    if not parts:
        return None
    header, _, program = b"".join(parts).partition(b"\n")
    return _loads(header), program


def clean(text):
    """The text with what UTF-8 cannot carry (lone surrogates) replaced."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def send(message):
    """One line of JSON to the host.  A program that closed every descriptor, or broke the modules
    that this needs, loses its results and nothing else."""
    try:
        line = clean(_dumps(message)).encode() + b"\n"
        fd = _open(RESULT, _APPEND)
        try:
            while line:
                line = line[_write(fd, line) :]
        finally:
            _close(fd)
    except Exception:
        pass


# ---- results ------------------------------------------------------------------------------------


class Results:
    """Turns values into MIME bundles, each within a limit."""

    REPRESENTATIONS = (
        ("_repr_html_", "text/html"),
        ("_repr_markdown_", "text/markdown"),
        ("_repr_svg_", "image/svg+xml"),
        ("_repr_png_", "image/png"),
        ("_repr_jpeg_", "image/jpeg"),
        ("_repr_latex_", "text/latex"),
        ("_repr_json_", "application/json"),
    )

    def __init__(self):
        self.limit = RESULT_BYTES

    def bundle(self, value):
        kind = type(value)
        data = {}
        # Asked of the type, so that a mock or a proxy that has every attribute does not count.
        if getattr(kind, "_repr_mimebundle_", None) is not None:
            made = self.ask(value._repr_mimebundle_)
            if isinstance(made, tuple):
                made = made[0]
            if isinstance(made, dict):
                for mime, item in made.items():
                    self.put(data, str(mime), item)
        if not isinstance(value, type):
            for method, mime in self.REPRESENTATIONS:
                if mime not in data and getattr(kind, method, None) is not None:
                    item = self.ask(getattr(value, method))
                    if isinstance(item, tuple):
                        item = item[0]
                    if item is not None:
                        self.put(data, mime, item)
        if kind in (dict, list) and "application/json" not in data:
            try:
                if len(_dumps_strict(value)) <= self.limit:
                    data["application/json"] = value
            except (TypeError, ValueError, RecursionError):
                pass
        figure = _modules.get("matplotlib.figure")
        if figure is not None and isinstance(value, figure.Figure) and "image/png" not in data:
            data["image/png"] = figure_png(value)
            pyplot = _modules.get("matplotlib.pyplot")
            if pyplot is not None:
                pyplot.close(value)  # or it would be shown a second time when the program ends
        if "text/plain" not in data:
            self.put(data, "text/plain", repr(value))
        return data

    def ask(self, method):
        """What an object says of itself; an object that fails at it says nothing."""
        try:
            return method()
        except Exception:
            return None

    def put(self, data, mime, item):
        if isinstance(item, (bytes, bytearray)):
            item = _b64encode(item).decode()
        elif not isinstance(item, str):
            if mime != "application/json":
                item = str(item)
            else:
                try:
                    if len(_dumps_strict(item)) > self.limit:
                        return
                except (TypeError, ValueError, RecursionError):
                    return
        if isinstance(item, str) and len(item) > self.limit:
            if mime != "text/plain":
                return  # half a picture or half a table is worse than none
            left = len(item) - self.limit
            item = item[: self.limit] + f"\u2026 [{left} more characters]"
        data[mime] = item

    def show(self, value):
        data = self.bundle(value)
        send({"type": "result", "data": data})


results = Results()


def display(*values, **_options):
    """Show values as results of the run: tables as HTML, figures and images as pictures."""
    for value in values:
        results.show(value)


def displayhook(value):
    if value is not None:
        builtins._ = value
        results.show(value)


def figure_png(figure):
    out = _BytesIO()
    figure.savefig(out, format="png", bbox_inches="tight")
    return _b64encode(out.getvalue()).decode()


def show_figures():
    """Every open matplotlib figure becomes a result, and is closed."""
    helpers = _modules.get("matplotlib._pylab_helpers")
    if helpers is None:
        return
    for manager in helpers.Gcf.get_all_fig_managers():
        send({"type": "result", "data": {
            "image/png": figure_png(manager.canvas.figure),
            "text/plain": repr(manager.canvas.figure),
        }})
    helpers.Gcf.destroy_all()


# ---- modules that need a word after they are imported -------------------------------------------


def patch_pyplot(pyplot):
    def show(*_args, **_kwargs):
        """Show all open figures as results of the run."""
        show_figures()

    pyplot.show = show


def patch_selector_events(module):
    """asyncio wakes its loop through a socket pair, which nobody needs where there are no threads
    and no signals; and it waits in select(), which WASI refuses for no descriptors at all."""
    loop = module.BaseSelectorEventLoop
    selectors, sleep = module.selectors, importlib.import_module("time").sleep
    waits = selectors.DefaultSelector

    def make_self_pipe(self):
        self._ssock = self._csock = None

    def close_self_pipe(self):
        self._ssock = self._csock = None

    class Selector(waits):
        def select(self, timeout=None):
            if self.get_map():
                return super().select(timeout)
            if timeout is None:
                raise RuntimeError("the event loop waits for something that can never happen: "
                                   "no timer is set and no file is watched")
            if timeout > 0:
                sleep(timeout)
            return []

    loop._make_self_pipe, loop._close_self_pipe = make_self_pipe, close_self_pipe
    selectors.DefaultSelector = Selector


def until_boot(frames):
    for frame, line in frames:
        if frame.f_code.co_filename == _code_file:
            return
        yield frame, line


def patch_traceback(module):
    """A stack that is printed, by print_stack or by logging, ends where the program begins."""
    walk_all = module.walk_stack

    def walk_stack(frame):
        return walk_all(frame) if frame is None else until_boot(walk_all(frame))

    module.walk_stack = walk_stack


def patch_inspect(module):
    all_outer = module.getouterframes

    def getouterframes(frame, context=1):
        outer = all_outer(frame, context)
        own = [i for i, info in enumerate(outer) if info.filename == _code_file]
        return outer[: own[0]] if own else outer

    module.getouterframes = getouterframes


class Patcher:
    """An import hook for the few modules above, so that they are patched only if imported."""

    PATCHES = {
        "matplotlib.pyplot": patch_pyplot,
        "asyncio.selector_events": patch_selector_events,
        "inspect": patch_inspect,
    }

    def find_spec(self, name, path=None, target=None):
        patch = self.PATCHES.get(name)
        if patch is None:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = PatchingLoader(spec.loader, patch)
                return spec
        return None


class PatchingLoader:
    def __init__(self, loader, patch):
        self.loader, self.patch = loader, patch

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.patch(module)


# ---- errors -------------------------------------------------------------------------------------


def own_frames_removed(tb):
    frames = []
    while tb is not None:
        if tb.tb_frame.f_code.co_filename != _code_file:
            frames.append(tb)
        tb = tb.tb_next
    rest = None
    for item in reversed(frames):
        if item.tb_next is not rest:
            item = types.TracebackType(rest, item.tb_frame, item.tb_lasti, item.tb_lineno)
        rest = item
    return rest


def hide_boot(error):
    """Take this file's frames out of the error's traceback and those of its causes."""
    seen, todo = set(), [error]
    while todo:
        item = todo.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        if item.__traceback__ is not None:
            item.__traceback__ = own_frames_removed(item.__traceback__)
        todo += [item.__cause__, item.__context__]
        todo += getattr(item, "exceptions", ()) if isinstance(item, BaseExceptionGroup) else ()


def complain(text):
    """Text to standard error, whatever the program did to sys.stderr."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:
        try:
            _write(2, text.encode("utf-8", "backslashreplace"))
        except OSError:
            pass


def report(error):
    """An uncaught exception: to standard error as Python prints it, and to the host as data."""
    hide_boot(error)
    kind = type(error)
    if sys.excepthook is not sys.__excepthook__ and sys.excepthook is not None:
        try:
            sys.excepthook(kind, error, error.__traceback__)
        except BaseException as broken:
            hide_boot(broken)
            complain("Error in sys.excepthook:\n" + formatted(broken)
                     + "\nOriginal exception was:\n" + formatted(error))
    else:
        complain(formatted(error))
    try:
        value = str(error)
    except Exception:
        value = "<exception str() failed>"
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    send({"type": "error", "name": name, "value": value[: results.limit],
          "traceback": formatted(error)[: results.limit]})


# An isolated interpreter (3.15) has this advice for every missing module; nobody can follow it here.
NO_SITE = (". Site initialization is disabled, did you forget to add the site-packages directory"
           " to sys.path or to enable your virtual environment?")


def formatted(error):
    try:
        return "".join(traceback.TracebackException(
            type(error), error, error.__traceback__, compact=True).format()).replace(NO_SITE, "")
    except Exception as broken:  # of an object, or after a program, that breaks even that
        return f"{type(error).__name__}: {error.args}\n<no traceback: {type(broken).__name__}>\n"


def exit_status(error):
    """What `SystemExit` means: a number, nothing, or a text for standard error."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    flush_standard()
    try:
        text = str(code)
    except Exception:
        text = "<exit code str() failed>"
    complain(text + "\n")
    return 1


# ---- tools of the caller's ------------------------------------------------------------------------


class ToolError(Exception):
    """A tool's caller refused the call, or could not do what it asked for."""


class Calls:
    """/dev/sandbox/call: lines out, lines in, matched by their ids."""

    def __init__(self):
        self.number, self.answers, self.rest = 0, {}, b""

    def start(self, name, arguments):
        self.number += 1
        line = _dumps({"id": self.number, "name": name, "arguments": arguments}).encode() + b"\n"
        fd = _open(CALL, os.O_WRONLY)
        try:
            while line:
                line = line[_write(fd, line) :]
        finally:
            _close(fd)
        return self.number

    def wait(self, number):
        fd = _open(CALL, os.O_RDONLY)
        try:
            while number not in self.answers:
                part = _read(fd, CHUNK)
                if not part:
                    raise ToolError("there is no answer any more")
                *lines, self.rest = (self.rest + part).split(b"\n")
                for line in lines:
                    answer = _loads(line)
                    self.answers[answer["id"]] = answer
        finally:
            _close(fd)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise ToolError(answer["error"].get("message", "the call failed"))
        return answer.get("result")


class Pending:
    """A call under way: `result()` waits for its answer.  It can be awaited, too."""

    def __init__(self, calls, number):
        self._calls, self._number, self._answer = calls, number, None

    def result(self):
        if self._answer is None:
            try:
                self._answer = self._calls.wait(self._number), None
            except ToolError as error:
                self._answer = None, error
        value, error = self._answer
        if error is not None:
            raise error
        return value

    def __await__(self):
        return self.result()
        yield


JSON_TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict,
              "array": (list, tuple), "null": type(None)}


class Tool:
    """One tool: call it with its parameters by name, or in their order.  `start` does not wait."""

    def __init__(self, calls, offer):
        schema = offer.get("parameters") or {}
        self._calls, self.__name__ = calls, offer["name"]
        self._properties = schema.get("properties") or {}
        self._required, self._open = schema.get("required") or (), schema.get("additionalProperties", True)
        self.__doc__ = offer.get("description")

    def __repr__(self):
        return f"<tool {self.__name__}({', '.join(self._properties)})>"

    def _check(self, values, named):
        names = list(self._properties)
        if len(values) > len(names):
            raise TypeError(f"{self.__name__}() takes {len(names)} arguments, not {len(values)}")
        arguments = dict(zip(names, values))
        for name, value in named.items():
            if name in arguments:
                raise TypeError(f"{self.__name__}() got {name!r} twice")
            if name not in self._properties and (self._open is False):
                raise TypeError(f"{self.__name__}() has no parameter {name!r}")
            arguments[name] = value
        for name in self._required:
            if name not in arguments:
                raise TypeError(f"{self.__name__}() needs {name!r}")
        for name, value in arguments.items():
            kind = (self._properties.get(name) or {}).get("type")
            wanted = JSON_TYPES.get(kind) if isinstance(kind, str) else None
            if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and kind in ("integer", "number"))):
                raise TypeError(f"{self.__name__}(): {name} must be of type {kind}, not {type(value).__name__}")
        return arguments

    def start(self, /, *values, **named):
        return Pending(self._calls, self._calls.start(self.__name__, self._check(values, named)))

    def __call__(self, /, *values, **named):
        return self.start(*values, **named).result()


class KvError(Exception):
    """The key-value store refused: a quota, or a key or value that it does not take."""


class Kv(MutableMapping):
    """The key-value store of whoever runs this: JSON values under text keys, which outlive the run."""

    PAGE = 300

    def _ask(self, name, **arguments):
        try:
            return _calls.wait(_calls.start("kv." + name, arguments))
        except ToolError as error:
            raise KvError(str(error)) from None

    def __getitem__(self, key):
        answer = self._ask("get", key=key)
        if not answer["found"]:
            raise KeyError(key)
        return answer["value"]

    def __setitem__(self, key, value):
        self._ask("put", key=key, value=value)

    def __delitem__(self, key):
        if not self._ask("delete", key=key):
            raise KeyError(key)

    def list(self, prefix=""):
        """The keys that begin with `prefix`, in order; asked for a page at a time."""
        after = {}
        while page := self._ask("list", prefix=prefix, most=self.PAGE, **after):
            yield from page
            if len(page) < self.PAGE:
                return
            after = {"after": page[-1]}

    def __iter__(self):
        return self.list()

    def __len__(self):
        return sum(1 for _ in self)

    def __repr__(self):
        return "<the key-value store>"


class Sandbox(types.ModuleType):
    ABSENT = {"tools": "the caller of this run offers no tools",
              "kv": "this run has no key-value store: programs that a server runs have one (server.kv), unless they are deterministic"}

    def __getattr__(self, name):
        if name in self.ABSENT:
            raise ImportError(self.ABSENT[name], name="sandbox")
        raise AttributeError(f"module 'sandbox' has no attribute {name!r}")


class SandboxFinder:
    """`import sandbox` where no other module has the name."""

    header = {}

    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, SandboxFinder) if name == "sandbox" else None

    @staticmethod
    def create_module(spec):
        header, module = SandboxFinder.header, Sandbox("sandbox", "What there is beside the program.")
        module.ToolError, module.KvError = ToolError, KvError
        if (offers := header.get("tools")) is not None:
            module.tools = types.SimpleNamespace(**{offer["name"]: Tool(_calls, offer) for offer in offers})
        if header.get("kv"):
            module.kv = Kv()
        return module

    @staticmethod
    def exec_module(module):
        pass


_calls = Calls()


def offer(header):
    """`from sandbox import tools` finds what the caller offers with this request."""
    _calls.answers, _calls.rest = {}, b""  # what an earlier turn did not wait for
    SandboxFinder.header = header
    if "tools" in header:
        _modules["sandbox"] = SandboxFinder.create_module(None)
    elif isinstance(_modules.get("sandbox"), Sandbox):
        del _modules["sandbox"]


# ---- running ------------------------------------------------------------------------------------


def fresh_main(filename):
    main = types.ModuleType("__main__")
    namespace = main.__dict__
    namespace["__builtins__"] = builtins
    if filename[:1] != "<":
        namespace["__file__"] = filename
    _modules["__main__"] = main
    return namespace


def remember_source(filename, program):
    """Lets tracebacks, warnings and inspect show the lines of a file that is nowhere."""
    try:
        if b"coding" in program or b"\r" in program or program[:3] == b"\xef\xbb\xbf":
            text = importlib.util.decode_source(program)
        else:
            text = program.decode()
    except (SyntaxError, UnicodeError, LookupError):
        text = program.decode("utf-8", "replace")
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)


def awaited(value, code):
    """The value of a piece of code, which is a coroutine if it has a top-level await."""
    if code.co_flags & 0x80:  # CO_COROUTINE
        return importlib.import_module("asyncio").run(value)
    return value


def run_script(namespace, program, filename):
    code = compile(program, filename, "exec", dont_inherit=True)
    exec(code, namespace)


def run_expression(namespace, program, filename):
    """As a notebook does: the value of a last expression is shown, top-level await works."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(program, filename, "exec", ast.PyCF_ONLY_AST | flags, dont_inherit=True)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not silenced(tree.body[-1], program):
        last = ast.Expression(tree.body.pop().value)
    if tree.body:
        code = compile(tree, filename, "exec", flags, dont_inherit=True)
        awaited(eval(code, namespace), code)
    if last is not None:
        code = compile(last, filename, "eval", flags, dont_inherit=True)
        sys.displayhook(awaited(eval(code, namespace), code))


def silenced(node, program):
    """A semicolon after the last expression keeps its value quiet."""
    lines = program.split(b"\n")
    try:
        rest = lines[node.end_lineno - 1][node.end_col_offset :]
    except IndexError:
        return False
    return rest.lstrip()[:1] == b";"


def run_module(namespace, program, filename):
    """`python -m`: the program is the module's name."""
    import runpy

    runpy._run_module_as_main(program.decode().strip())


MODES = {"script": run_script, "expression": run_expression, "module": run_module}


def freshen():
    """After a fork nothing random may be the same in two processes.  The kernel's generator, behind
    os.urandom, is the host's and is fresh already, or seeded in a deterministic run."""
    loaded = _modules.get
    if (random := loaded("random")) is not None:
        random.seed(int.from_bytes(os.urandom(32), "little"))  # by itself it would ask for 2,496
    if (numpy_random := loaded("numpy.random")) is not None:
        numpy_random.seed()
    if (sympy_random := loaded("sympy.core.random")) is not None:
        sympy_random.rng.seed()
    if (tempfile := loaded("tempfile")) is not None:
        tempfile._name_sequence = tempfile.tempdir = None
    if (uuid := loaded("uuid")) is not None:
        uuid._node = uuid._last_timestamp = None
    if (process := loaded("multiprocessing.process")) is not None:
        process.current_process().authkey = os.urandom(32)


def prepare(header):
    """The world as the request wants it: environment, arguments, folder, import path."""
    filename = header.get("filename") or "<string>"
    if (env := header.get("env")) is not None:
        os.environ.clear()
        os.environ.update(env)
    if header.get("fresh", True):
        freshen()
    try:
        os.chdir(header.get("cwd") or "/workspace")
    except OSError as error:
        complain(f"cannot change to the folder {header.get('cwd')!r}: {error.strerror}\n")
    sys.argv = list(header.get("argv") or [filename])
    folder = os.path.dirname(filename) if filename[:1] != "<" else ""
    sys.path[:] = [folder, *(header.get("path") or ()), *_base_path]
    for entry in [p for p in sys.path_importer_cache if p not in _base_path]:
        del sys.path_importer_cache[entry]  # what was there before the fork may be gone
    results.limit = header.get("result_bytes") or RESULT_BYTES
    offer(header)
    return filename


def new_stdin():
    """Input of the turn before, read ahead but not used, does not belong to this one."""
    stdin = sys.stdin = sys.__stdin__ = io.TextIOWrapper(
        io.BufferedReader(io.FileIO(0, "r", closefd=False)),
        encoding="utf-8", errors="surrogateescape")
    stdin.mode = "r"


def run(header, program, namespace):
    """One request; returns the exit status, and whether the program asked to exit."""
    filename = prepare(header)
    mode = header.get("mode") or "script"
    exited = False
    if mode != "module":
        remember_source(filename, program)
    sys.displayhook = displayhook
    status = 0
    try:
        MODES[mode](namespace, program, filename)
    except SystemExit as error:
        status, exited = exit_status(error), True
    except BaseException as error:
        status = 130 if isinstance(error, KeyboardInterrupt) else 1
        report(error)
    try:
        show_figures()
    except BaseException as error:
        status = status or 1
        report(error)
    flush_standard()
    return status, exited


def is_complete(program):
    """Whether this is all that somebody meant to type.  What is wrong is complete."""
    codeop = importlib.import_module("codeop")
    compiler = codeop.CommandCompiler()
    compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        return compiler(program.decode("utf-8", "replace"), "<input>", "single") is not None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return True


def variables(namespace):
    """What the session has, for somebody who looks at it: no names that begin with an underscore."""
    short = importlib.import_module("reprlib").Repr()
    short.maxstring = short.maxother = VARIABLE_CHARS
    told = []
    for name, value in list(namespace.items()):
        if not isinstance(name, str) or name.startswith("_"):
            continue
        try:
            text = short.repr(value)[:VARIABLE_CHARS]
        except Exception:
            text = "<repr() failed>"
        try:
            size = sys.getsizeof(value)
        except Exception:
            size = None
        told.append({"name": name, "type": type(value).__qualname__, "repr": text, "size": size})
    return told


# ---- the end ------------------------------------------------------------------------------------


def flush(stream):
    try:
        stream.flush()
    except Exception:
        pass


def flush_standard():
    for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None), *_streams):
        if stream is not None:
            flush(stream)


def clear_main(namespace):
    """What the interpreter does to `__main__` at its end, in its order: objects that only the
    program's names held are gone after this, and their files with them."""
    for names in (
        [name for name in namespace if name[:1] == "_" and name[1:2] != "_"],
        [name for name in namespace if name[:1] != "_"],
    ):
        for name in names:
            namespace[name] = None


def writable_objects():
    """Every open stream that may hold output back.  Most programs have none, so kinds are looked at
    first; by their ids, since a program may have kinds of objects that cannot be hashed."""
    objects = _get_objects()
    kinds = list(map(type, objects))
    for kind in dict(zip(map(id, kinds), kinds)).values():
        if issubclass(kind, _WRITABLE):
            return [o for o in objects if issubclass(type(o), _WRITABLE)]
    return []


def finish(namespace, status):
    """Leave, with everything a program may count on done: hooks, destructors, buffers."""
    try:
        _run_atexit()
    except BaseException:
        pass  # they have been reported, one by one
    try:
        clear_main(namespace)
        written = writable_objects()
        for o in written:
            if isinstance(o, _TextIOWrapper):
                flush(o)
        for o in written:
            if not isinstance(o, _TextIOWrapper):
                flush(o)
        del written
    except BaseException:
        pass
    flush_standard()
    _exit(status)


# ---- before the checkpoint ----------------------------------------------------------------------


def preload(names):
    """Import once what runs would import each."""
    for name in names.replace(",", " ").split():
        importlib.import_module(name)


def warm_up():
    """Run once everything a run will do, so that no run does it for the first time."""
    namespace = fresh_main("<warm-up>")
    program = b"def f(n):\n    return n / 0\ntry:\n    f(1)\nexcept ZeroDivisionError as e: x = e\n1"
    header = {"filename": "<warm-up>"}
    _loads(_dumps(header))
    remember_source(header["filename"], program)
    freshen()
    run_script(namespace, program, "<warm-up>")
    sys.displayhook = lambda value: None
    run_expression(namespace, program, "<warm-up>")
    hide_boot(namespace["x"])
    formatted(namespace["x"])
    results.bundle({"a": [1, "b", None]})
    print(file=io.StringIO())
    if (pandas := _modules.get("pandas")) is not None:
        frame = pandas.DataFrame({"a": [1, 1, 2], "b": [1.5, 2.5, 3.5]})
        str(frame.groupby("a").sum())  # the first imports more, and finds its way through dispatch
    clear_main(namespace)
    linecache.cache.pop("<warm-up>", None)


def poke(value, objects):
    """Puts the value into the first word of each object of a tuple.  Those where it was not before
    come first in the tuple then; returns how many they are."""
    fd = _open(POKE, os.O_RDWR)
    try:
        words = value, id(objects) + tuple.__basicsize__, len(objects)
        _write(fd, b"".join(word.to_bytes(4, "little") for word in words))
        return int.from_bytes(_read(fd, 4), "little")
    finally:
        _close(fd)


def make_immortal():
    """What is here at the checkpoint stays for good, so its reference counts need not be kept.  They
    are what a run writes most, all over the memory: half of the pages that it would have copied."""
    if sys.version_info < (3, 12) or object.__basicsize__ != 8 or not hasattr(sys, "getrefcount"):
        return  # the count is not known to be the first word, or counts never rest
    immortal = sys.getrefcount(None)
    probe = object()
    try:
        if poke(immortal, (probe,)) != 1 or sys.getrefcount(probe) != immortal:
            return
        objects = tuple(gc.get_objects())  # and what they hold that no collection looks at
        new = poke(immortal, objects)
        while new:
            objects = tuple(gc.get_referents(*objects[:new]))
            new = poke(immortal, objects)
    except OSError:
        pass  # a host without this device


def fill_holes():
    """Objects for the holes that freed memory has left, so that what a run allocates lies together in
    fresh memory and not on a page of its own each.  This interpreter has no pools of its own: all of
    its objects come from malloc."""
    kept = [None] * 40000
    _fill.append(kept)
    end = id(bytes(1 << 20))  # nothing that large fits into a hole
    count, size = 0, 1 << 16  # largest first, or the small ones would be cut from the large
    while size >= 16 and count < len(kept):
        while count < len(kept):
            item = kept[count] = object() if size == 16 else bytes(max(size - 4 - BYTES_OVERHEAD, 0))
            count += 1
            if id(item) >= end:
                break
        size = size * 7 // 8 if size > 1024 else size - 16


def settle():
    """No garbage is carried into the forks, and their collections do not touch what is here."""
    gc.collect()
    make_immortal()
    fill_holes()
    gc.freeze()
    gc.enable()


def nobody_waits():
    """The checkpoint.  In each fork: is there time before its request?"""
    try:
        fd = _open(CHECKPOINT, os.O_RDONLY)
    except OSError:
        return False  # a host without this device
    try:
        return not _read(fd, 1)
    finally:
        _close(fd)


def rehearse():
    """Go through the motions of a run, so that what it touches is in this process when it comes."""
    header, program = _loads('{"mode": "script", "argv": ["-"], "env": {}}'), b"x = sum(range(3))\n"
    namespace = fresh_main("<rehearsal>")
    freshen()
    try:
        os.chdir("/workspace")
    except OSError:
        pass
    remember_source("<rehearsal>", program)
    run_script(namespace, program, "<rehearsal>")
    del linecache.cache["<rehearsal>"]
    os.environ.update(os.environ.copy())
    print("", end="", flush=True)
    clear_main(namespace)
    writable_objects()
    flush_standard()


def extend(program):
    """A request that makes a warm process warmer: it imports more and waits again."""
    try:
        preload(program.decode())
    except BaseException as error:
        report(error)
        return 1
    settle()
    return 0


def main():
    # Line by line, so that output is seen as it comes and is there when the run is killed.
    sys.stdout.reconfigure(line_buffering=True)
    sys.meta_path.insert(0, Patcher())
    sys.meta_path.append(SandboxFinder)
    patch_traceback(traceback)
    if "inspect" in _modules:
        patch_inspect(_modules["inspect"])
    builtins.display = display
    sys.path[:0] = [p for p in os.environ.pop("POLYAGENT_PATH", "").split(":") if p]
    preload(os.environ.pop("POLYAGENT_PRELOAD", ""))
    sys.argv = [""]
    namespace = None
    if os.environ.pop("POLYAGENT_ONCE", ""):
        gc.freeze()  # what is here is not looked through at the end
        gc.enable()
    else:
        warm_up()
        for _ in range(REHEARSALS):
            rehearse()
        settle()
        if nobody_waits():
            rehearse()
    while (request := read_request()) is not None:
        header, program = request
        del request
        if header.get("mode") == "preload":
            status = extend(program)
            send({"type": "done", "exit_code": status})
            continue
        if header.get("mode") == "complete":
            send({"type": "complete", "complete": is_complete(program)})
            send({"type": "done", "exit_code": 0})
            continue
        if header.get("mode") == "variables":
            send({"type": "variables", "variables": variables(namespace or {})})
            send({"type": "done", "exit_code": 0})
            continue
        if namespace is None:
            namespace = fresh_main(header.get("filename") or "<string>")
        else:
            new_stdin()
        status, exited = run(header, program, namespace)
        if not header.get("session"):
            finish(namespace, status)
        send({"type": "done", "exit_code": status, "exited": exited})
    _exit(0)


main()
