"""Ruby as its users see it: CRuby 3.4, in processes of its own and in warm ones."""

import base64

import pytest

LANGUAGES = ("ruby",)

pytestmark = pytest.mark.usefixtures("language_environment")

# Where a cold run shows nothing that a warm one does not, and costs the most.
WARM = pytest.mark.parametrize("language_environment", ["warm"], indirect=True)


# ---- a program's world ---------------------------------------------------------------------------


def test_the_world_of_a_script(ruby):
    r = ruby("p ARGV, $0, __FILE__, __dir__, __FILE__ == $0, Dir.pwd, self.to_s, ENV['GREETING'], __LINE__, $stdin.tty?\n"
             "puts 'é'.encoding, Encoding.default_external, DATA.read\n__END__\nthe data", "--env", "GREETING=grüß",
             argv=["-v", "", "two words", "ü"])
    assert (r.err, r.code) == ("", 0)
    assert r.out.splitlines() == ['["-v", "", "two words", "ü"]', '"/workspace/main.rb"', '"/workspace/main.rb"', '"/workspace"',
                                  "true", '"/workspace"', '"main"', '"grüß"', "1", "false", "UTF-8", "UTF-8", "the data"]


def test_command_line_forms(run, language_environment, tmp_path):
    def call(*args, **more):
        return run("ruby", *args, env=language_environment, cwd=tmp_path, **more)

    assert call("-c", "p ARGV", "a", "-b").out == '["a", "-b"]\n'
    assert call("-", "x", stdin="p ARGV").out == '["x"]\n'
    assert call(stdin="puts 'from stdin'").out == "from stdin\n"
    assert run("rb", "-c", "puts 1", env=language_environment, cwd=tmp_path).out == "1\n"


def test_require_from_a_folder(ruby, tmp_path):
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "helper.rb").write_text("require_relative 'other'\nmodule Helper; def self.value = OTHER + 1; end")
    (folder / "other.rb").write_text("OTHER = 41")
    assert ruby("$LOAD_PATH.unshift '/lib2'; require 'helper'; p Helper.value; p require('helper')", "--dir", f"{folder}::/lib2").out == "42\nfalse\n"


# ---- errors and exit codes -----------------------------------------------------------------------


def test_uncaught_error(ruby):
    r = ruby("def f(n)\n  1 / n\nend\n\n[0].each { |n| f(n) }\n")
    assert r.err == ("/workspace/main.rb:2:in 'Integer#/': divided by 0 (ZeroDivisionError)\n"
                     "\tfrom /workspace/main.rb:2:in 'Object#f'\n"
                     "\tfrom /workspace/main.rb:5:in 'block in <main>'\n"
                     "\tfrom /workspace/main.rb:5:in 'Array#each'\n"
                     "\tfrom /workspace/main.rb:5:in '<main>'\n")
    assert (r.code, r.out) == (1, "")


def test_what_a_program_sees_of_its_stack(ruby):
    r = ruby("def where = caller\np where, caller(0), caller_locations(0).map(&:lineno), Kernel.caller(0, 1)\n"
             "begin\n  raise 'x'\nrescue => e\n  p e.backtrace, e.backtrace_locations.size\n  puts e.full_message(highlight: false)\nend\n"
             "at_exit { p caller(0) }")
    assert r.out == ("[\"/workspace/main.rb:2:in '<main>'\"]\n[\"/workspace/main.rb:2:in '<main>'\"]\n[2]\n[\"/workspace/main.rb:2:in '<main>'\"]\n"
                     "[\"/workspace/main.rb:4:in '<main>'\"]\n1\n/workspace/main.rb:4:in '<main>': x (RuntimeError)\n"
                     "[\"/workspace/main.rb:9:in 'block in <main>'\"]\n")


@WARM
@pytest.mark.parametrize("code, expected", [
    ("puts 1\ndef f(\nputs 2", ["main.rb:3: syntax errors found (SyntaxError)", "> 3 | puts 2\n    |      ^ unexpected integer"]),
    ("x = = 1", ["main.rb:1: syntax error", "SyntaxError"]),
    ("begin; raise 'inner'; rescue; raise KeyError, 'outer'; end", ["outer (KeyError)", "inner (RuntimeError)"]),
    ("undefined_name", ["undefined local variable or method 'undefined_name' for main (NameError)"]),
    ("nil.upcase", ["undefined method 'upcase' for nil (NoMethodError)"]),
    ("[].fetch(5)", ["index 5 outside of array bounds", "IndexError"]),
    ("require 'nowhere'", ["cannot load such file -- nowhere (LoadError)", "main.rb:1:in '<main>'"]),
    ("throw :x", ["uncaught throw :x (UncaughtThrowError)"]),
    ("class E < StandardError; def message = \"\\xff\"; end; raise E", ["(E)"]),
    ("raise 'ü'", ["ü (RuntimeError)"]),
    ("raise Class.new(StandardError), 'anonymous'", ["anonymous"]),
    ("at_exit { raise 'in hook' }", ["main.rb:1:in 'block in <main>': in hook (RuntimeError)"]),
])
def test_errors(ruby, code, expected):
    r = ruby(code)
    assert r.code == 1, r
    for text in expected:
        assert text in r.err
    for hidden in ("/boot", "<compiled>", "eval:", "\x1b["):
        assert hidden not in r.err


@pytest.mark.parametrize("code, status, out, err", [
    ("exit 3", 3, "", ""),
    ("exit", 0, "", ""),
    ("exit false", 1, "", ""),
    ("exit! 4", 4, "", ""),
    ("abort 'the message'", 1, "", "the message\n"),
    ("abort", 1, "", ""),
    ("raise SystemExit.new(5)", 5, "", ""),
    ("at_exit { puts 'bye' }; at_exit { puts 'first' }; puts 'end'; exit 6", 6, "end\nfirst\nbye\n", ""),
    ("at_exit { exit 7 }; exit 2", 7, "", ""),
    ("at_exit { puts $!.class }; exit 2", 2, "SystemExit\n", ""),
    ("begin; exit 8; ensure; puts 'ensured'; end", 8, "ensured\n", ""),
    ("at_exit { puts 'not run' }; exit! 9", 9, "", ""),
    ("begin; exit 1; rescue SystemExit => e; puts e.status; end", 0, "1\n", ""),
])
def test_exit_codes(ruby, code, status, out, err):
    r = ruby(code)
    assert (r.code, r.out, r.err) == (status, out, err)


# ---- input and output ----------------------------------------------------------------------------


@WARM
@pytest.mark.parametrize("code", [
    "p $stdin.read.lines(chomp: true)", "p [gets.chomp, gets.chomp]", "p STDIN.each_line(chomp: true).to_a",
    "p $<.readlines(chomp: true)", "p readlines(chomp: true)", "a = []; while (l = gets); a << l.chomp; end; p a",
    "p ARGF.read.split(\"\\n\")",
])
def test_stdin(ruby, code):
    r = ruby(code, stdin="Zoë\nb\n")
    assert (r.out, r.err, r.code) == ('["Zoë", "b"]\n', "", 0)


def test_binary_and_large_streams(ruby):
    binary = bytes(range(256)) * 5000
    r = ruby("$stdout.binmode; $stdout.write($stdin.binmode.read)", "--limit", "stdout_bytes=unlimited", stdin=binary)
    assert r.out_bytes == binary
    assert ruby("puts 1", stdin=b"x" * 5_000_000).out == "1\n"
    assert ruby("print \"a\\0b \\u{1F600} ẞ\\n\"").out_bytes == "a\0b \U0001f600 ẞ\n".encode()
    assert ruby("p gets", stdin=b"\xff\0x\n").out == '"\\xFF\\u0000x\\n"\n'
    assert base64.b64decode(ruby("print \"\\xff\\xfe\"", "--json").json()["stdout_base64"]) == b"\xff\xfe"
    assert ruby("$stderr.puts 'e'; warn 'w'; STDERR.print 1").err == "e\nw\n1"


def test_open_files_are_flushed(ruby, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    r = ruby("f = File.open('/s/a', 'w'); f << 'text'; File.write('/s/b', 'ü'); puts File.read('/s/b'); exit 0", "--dir", f"{shared}::/s:rw")
    assert (r.out, r.code) == ("ü\n", 0)
    assert (shared / "a").read_text() == "text"


def test_output_arrives_before_a_run_is_killed(ruby):
    r = ruby("print 'out'; $stderr.print \"err\\n\"; loop {}", "--timeout", "5s")
    assert (r.code, r.out) == (124, "out") and r.err.startswith("err\n")
    r = ruby("puts 'out'; a = []; loop { a << 'x' * 1_000_000 }", "--memory", "128MiB")
    assert (r.code, r.out) == (137, "out\n") and "out_of_memory" in r.err


@WARM
@pytest.mark.parametrize("code, status", [
    ("$stdout.close", 0), ("$stdout = File.open('/tmp/x', 'w'); puts 'hidden'", 0), ("$stdout.close; $stderr.close; raise 'x'", 1),
    ("STDOUT.reopen('/tmp/x', 'w'); puts 1", 0),
    ("class Exception; def message = raise('no'); def full_message(**) = nil; end; raise 'x'", 1),
    ("class String; def +(o) = nil; def sub(*) = nil; end; raise 'x'", 1),
    ("module JSON; def self.generate(*) = nil; end; File.singleton_class.undef_method(:open); raise 'x'", 1),
    ("module Process; def self.exit!(*) = nil; end; exit 5", 5),
    ("ObjectSpace.each_object(IO) { |io| io.close rescue nil }; exit 3", 3),
    ("class Array; undef_method :each; undef_method :map; end", 0),
    ("Object.send(:remove_const, :File)", 0),
    ("BasicObject.class_eval { def ==(o) = raise('x') }", 0),
    ("def respond_to?(*) = raise\ndef method_missing(*) = raise('mm')\nputs 'ok'", 0),
])
def test_programs_that_break_things(ruby, code, status):
    r = ruby(code)
    assert r.code == status, r
    assert "/boot" not in r.err
    assert ruby("puts 'next'").out == "next\n"


# ---- hostile programs ----------------------------------------------------------------------------


@WARM
@pytest.mark.parametrize("code, options, status", [
    ("loop {}", ["--timeout", "300ms"], "timeout"),
    ("while true; end", ["--cpu-time", "300ms"], "cpu_limit"),
    ("sleep", ["--timeout", "500ms"], ("timeout", "error", "ok", "trap")),
    ("sleep 100", ["--timeout", "300ms"], "timeout"),
    ("p 10**10**10", ["--timeout", "1s"], ("error", "timeout", "out_of_memory")),
    ("'x' * (4 << 30)", [], "error"),
    ("'x' * (1 << 30)", [], ("error", "out_of_memory")),
    ("a = []; loop { a << 'x' * 100_000 }", [], "out_of_memory"),
    ("loop { fork }", [], "error"),
    ("loop { Thread.new {} }", [], "error"),
    ("exec('sh')", [], "error"),
    ("def f = f() + 1\nf", [], ("error", "trap")),
    ("a = []; 100_000.times { a = [a] }; p a.flatten", ["--timeout", "5s"], ("ok", "error", "trap", "timeout")),
    ("a = []; a << a; p a; h = Hash.new { |s, k| s[k] }; h[1]", [], ("error", "trap")),
    ("eval('(' * 100_000)", ["--timeout", "1s"], ("error", "trap", "timeout")),
    ("/^(a+)+$/ =~ 'a' * 40 + 'b' or /^(a|a)*\\1$/ =~ 'a' * 40 + 'b'", ["--timeout", "500ms"], ("ok", "timeout")),
    ("loop { puts 'x' * 1000 }", ["--limit", "output_bytes=1MiB"], "output_limit"),
    ("File.open('/tmp/f', 'w') { |f| loop { f.write('x' * 100_000) } }", [], "disk_limit"),
    ("k = []; loop { k << File.open('/tmp/f', 'w') }", [], "error"),
    ("File.read('/etc/passwd')", [], "error"),
    ("Process.kill(9, $$)", [], ("ok", "error")),
    ("Fiber.new { loop { Fiber.yield } }.then { |f| 1000.times { f.resume } }", [], "ok"),
    ("k = []; loop { k << Fiber.new { Fiber.yield }.tap(&:resume) }", ["--timeout", "2s"], ("error", "out_of_memory", "timeout", "trap")),
    ("File.write('/dev/sandbox/result', '{\"type\":\"done\",\"exit_code\":0}' + \"\\n\"); loop {}", ["--timeout", "300ms"], "timeout"),
    ("GC.disable; loop { 'x' * 10_000 }", ["--timeout", "5s"], ("out_of_memory", "timeout")),
    ("trap('TERM') {}; loop {}", ["--timeout", "300ms"], ("timeout", "error")),
])
def test_hostile_programs(program_outcome, ruby, code, options, status):
    ended = program_outcome(code, *options)
    allowed = (status,) if isinstance(status, str) else status
    assert ended["status"] in allowed, ended
    assert ended["usage"]["wall_ms"] < 45000
    assert "/boot" not in ended["stderr"]
    assert ruby("puts 'untouched'").out == "untouched\n"


# ---- the standard library ------------------------------------------------------------------------


@WARM
@pytest.mark.parametrize("code, out", [
    ("require 'json'; puts JSON.generate({a: [1, nil, 'ü']}), JSON.parse('{\"b\": 1.5}')", '{"a":[1,null,"ü"]}\n{"b" => 1.5}\n'),
    ("require 'yaml'; puts({'a' => [1, 'x']}.to_yaml, YAML.load('b: {c: 2}'))", '---\na:\n- 1\n- x\n{"b" => {"c" => 2}}\n'),
    ("require 'csv'; p CSV.parse(\"a,b\\n1,2\\n\", headers: true).map(&:to_h)", '[{"a" => "1", "b" => "2"}]\n'),
    ("require 'set'; p Set[1, 2] | Set[2, 3]", "#<Set: {1, 2, 3}>\n"),
    ("require 'time'; require 'date'; puts Time.at(0).utc.iso8601, Date.new(2024, 2, 28) + 2, Time.now.year >= 2024", "1970-01-01T00:00:00Z\n2024-03-01\ntrue\n"),
    ("require 'digest'; require 'zlib'; require 'base64' rescue 0; puts Digest::SHA256.hexdigest('x')[0, 8], Zlib.inflate(Zlib.deflate('z')), ['ü'].pack('m0')", "2d711642\nz\nw7w=\n"),
    ("require 'erb'; require 'ostruct'; puts ERB.new('<%= n %>').result_with_hash(n: 5), OpenStruct.new(a: 1).a", "5\n1\n"),
    ("require 'tempfile'; require 'fileutils'; require 'pathname'; Tempfile.create { |f| f.puts 'x'; f.flush; p File.size(f.path) }\n"
     "FileUtils.mkdir_p('a/b'); p Dir['**/*'], Pathname('a').children.map(&:to_s); FileUtils.rm_r('a'); p Dir.exist?('a')", '2\n["a", "a/b"]\n["a/b"]\nfalse\n'),
    ("require 'stringio'; require 'strscan'; require 'optparse'; require 'benchmark'; s = StringScanner.new('ab 12'); p s.scan(/\\w+/), StringIO.new(\"x\\ny\").readlines", '"ab"\n["x\\n", "y"]\n'),
    ("p 2**100, Rational(1, 3) + 1, Complex(1, 2) * 2, 10.digits, 7.fdiv(2), Integer.sqrt(99), 0.1 + 0.2", "1267650600228229401496703205376\n(4/3)\n(2+4i)\n[0, 1]\n3.5\n9\n0.30000000000000004\n"),
    ("case {n: [1, {k: 2}]}\nin {n: [Integer => a, {k:}]} then p a, k\nend\nP = Data.define(:x); p P.new(x: 1), (1..).lazy.map { it * 2 }.first(2)", "1\n2\n#<data P x=1>\n[2, 4]\n"),
    ("puts 'äöü'.upcase, 'straße'.length, 'é'.unicode_normalize(:nfd).length, 'abc'.tr('a-c', 'A-C'), 'a-b'.gsub(/(\\w)-(\\w)/, '\\2-\\1'), format('%05.2f|%-4s|%x', 3.14159, 'a', 255)",
     "ÄÖÜ\n6\n2\nABC\nb-a\n03.14|a   |ff\n"),
    ("e = [1, 2].each; p e.next, e.next; begin; e.next; rescue StopIteration; p :stop; end; f = Fiber.new { |x| Fiber.yield x + 1; :done }; p f.resume(1), f.resume", "1\n2\n:stop\n2\n:done\n"),
    ("require 'minitest/autorun'\nclass T < Minitest::Test\n  def test_it = assert_equal(4, 2 + 2)\nend\nMinitest.after_run { puts 'ran' }", None),
    ("require 'logger'; Logger.new($stdout, formatter: ->(s, _, _, m) { \"#{s} #{m}\\n\" }).warn('w'); require 'pp'; pp({a: 1}); require 'open3'; require 'securerandom'; p SecureRandom.hex(4).size", "WARN w\n{a: 1}\n8\n"),
])
def test_standard_library(ruby, code, out):
    r = ruby(code)
    assert (r.code, r.err) == (0, ""), r
    assert r.out == out if out is not None else "0 failures, 0 errors" in r.out


# ---- results, chance and time --------------------------------------------------------------------


def test_results(program_outcome, ruby):
    def value(code):
        ended = program_outcome(code, "--expression")
        assert ended["status"] == "ok", ended
        (data,) = ended["results"]
        return data

    assert value("x = {a: [1, 'ü', nil]}\nx") == {"text/plain": '{a: [1, "ü", nil]}', "application/json": {"a": [1, "ü", None]}}
    assert value("1 + 1") == {"text/plain": "2"}
    assert value("\"\\xff\\0\"")["text/plain"] == '"\\xFF\\u0000"'
    assert value("o = Object.new; def o.to_html = '<b>'; def o.inspect = 'O'; o") == {"text/html": "<b>", "text/plain": "O"}
    assert program_outcome("nil", "--expression")["results"] == [] and program_outcome("5")["results"] == []
    assert ruby("puts 'a'; 6 * 7", "--expression").out == "a\n42\n"
    ended = program_outcome("class Bad < StandardError; end\ndef f = raise(Bad, 'wörse')\nf")
    assert (ended["status"], ended["exit_code"]) == ("error", 1)
    assert (ended["error"]["name"], ended["error"]["value"], ended["error"]["traceback"]) == ("Bad", "wörse", ended["stderr"])
    assert program_outcome("exit 3")["error"] is None


def test_deterministic_runs(program_outcome):
    code = ("require 'securerandom'; require 'tempfile'\nputs rand, Random.new.rand, SecureRandom.hex(8), SecureRandom.uuid, Random.bytes(4).inspect, "
            "[*1..20].shuffle.inspect, Tempfile.new.path, Time.now.to_f, 'x'.hash, Process.clock_gettime(Process::CLOCK_MONOTONIC)")

    def once(seed):
        ended = program_outcome(code, "--deterministic", "--seed", str(seed))
        assert ended["status"] == "ok", ended
        return ended["stdout"], ended["usage"]["fuel"]

    first = once(7)
    assert first[1] and once(7) == first
    assert [a for a, b in zip(first[0].splitlines()[:7], once(8)[0].splitlines()[:7]) if a == b] == []
