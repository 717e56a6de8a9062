// Makes QuickJS a language of the sandbox: waits for a program at the checkpoint, runs it, ends.
//
// The protocol is languages/PROTOCOL.md.  This file runs as a module, in a process that is forked
// while it waits in `readRequest`; what happens before is paid once.
//
// The event loop is here, not QuickJS's: its own polls between two promise jobs, so that timers
// would overtake promises, and its random generator and timers know nothing of a fork.  QuickJS
// runs promise jobs while this module awaits something; `drained` tells when none is left.

import * as std from 'qjs:std';
import * as os from 'qjs:os';
import * as bjson from 'qjs:bjson';
import {format, inspect, nameProgram, stackOf, titleOf} from '/boot/inspect.js';
import {makeModules} from '/boot/node.js';

const REQUEST = '/dev/sandbox/request', RESULT = '/dev/sandbox/result';
const RESULT_CHARS = 8 << 20;
const VARIABLE_CHARS = 160; // of a value, where variables are listed

const {parse, stringify} = JSON;
const {evalScript, exit: leave, open: openFile, out, err} = std;
const {setWriteHandler, sleep} = os;
const {read: readBytecode, write: writeBytecode} = bjson;
const now = performance.now.bind(performance);
const {apply} = Reflect, promiseThen = Promise.prototype.then, PromiseOf = Promise;
const then = (promise, done, failed) => apply(promiseThen, promise, [done, failed]);

// ---- messages ----------------------------------------------------------------------------------

function readRequest() {
  const file = openFile(REQUEST, 'r');
  if (!file) throw new Error(`${REQUEST} cannot be opened`);
  const header = file.getline();
  const program = header === null ? '' : file.readAsString();
  file.close();
  return header === null ? null : {header: parse(header), program};
}

// Lone surrogates are not text; JSON.stringify writes them as escapes that a strict reader refuses.
function clean(json) {
  return json.replace(/\\(\\|ud[89a-f][0-9a-f]{2})/g, (all, part) => part === '\\' ? all : '\\ufffd');
}

function send(message) {
  try {
    const file = openFile(RESULT, 'a');
    file.puts(clean(stringify(message)) + '\n');
    file.close();
  } catch { /* a program that broke what this needs loses its results, nothing else */ }
}

// ---- results -----------------------------------------------------------------------------------

let limit = RESULT_CHARS;

function isPlain(value) {
  if (Array.isArray(value)) return true;
  if (value === null || typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function show(value) {
  const data = {};
  if (isPlain(value)) {
    try {
      const json = stringify(value);
      if (json !== undefined && json.length <= limit) data['application/json'] = value;
    } catch { /* circular, or with a BigInt */ }
  }
  let text = inspect(value);
  if (text.length > limit) text = `${text.slice(0, limit)}… [${text.length - limit} more characters]`;
  data['text/plain'] = text;
  send({type: 'result', data});
}

// ---- console -----------------------------------------------------------------------------------

let indent = '';
const counts = new Map(), clocks = new Map();

function print(stream, text) {
  if (indent) text = indent + text.replaceAll('\n', '\n' + indent);
  stream.puts(text + '\n');
  stream.flush(); // seen as it comes, and there when the run is killed
}

const log = (...args) => print(out, format(args));
const warn = (...args) => print(err, format(args));

function elapsed(label) {
  const ms = now() - clocks.get(label);
  return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s` : `${Number(ms.toFixed(3))}ms`;
}

function table(rows, only) {
  if (rows === null || typeof rows !== 'object') return log(rows);
  const entries = rows instanceof Map ? [...rows] : Object.entries(rows);
  const names = [], lines = [];
  let plain = false;
  for (const [index, row] of entries) {
    const cells = {};
    if (row !== null && typeof row === 'object') {
      for (const [k, v] of Object.entries(row)) {
        if (only && !only.includes(k)) continue;
        if (!names.includes(k)) names.push(k);
        cells[k] = inspect(v);
      }
      lines.push([String(index), cells]);
    } else {
      plain = true;
      lines.push([String(index), cells, inspect(row)]);
    }
  }
  const head = ['(index)', ...names, ...(plain ? ['Values'] : [])];
  const body = lines.map(([index, cells, single]) =>
    [index, ...names.map(n => cells[n] ?? ''), ...(plain ? [single ?? ''] : [])]);
  const widths = head.map((h, i) => Math.max(h.length, ...body.map(r => r[i].length)) + 2);
  const rule = (l, m, r) => l + widths.map(w => '─'.repeat(w)).join(m) + r;
  const line = r => '│' + r.map((t, i) => ` ${t}`.padEnd(widths[i])).join('│') + '│';
  log([rule('┌', '┬', '┐'), line(head), rule('├', '┼', '┤'), ...body.map(line), rule('└', '┴', '┘')].join('\n'));
}

const console = {
  log, info: log, debug: log, warn, error: warn,
  dir: value => print(out, inspect(value)),
  table,
  trace(...args) { warn(['Trace', format(args)].filter(Boolean).join(': ') + '\n' + stackOf(new Error())); },
  assert(ok, ...args) { if (!ok) warn(args.length ? `Assertion failed: ${format(args)}` : 'Assertion failed'); },
  count(label = 'default') { counts.set(label, (counts.get(label) ?? 0) + 1); log(`${label}: ${counts.get(label)}`); },
  countReset(label = 'default') { counts.delete(label); },
  group(...args) { if (args.length) log(...args); indent += '  '; },
  groupCollapsed(...args) { console.group(...args); },
  groupEnd() { indent = indent.slice(2); },
  time(label = 'default') { clocks.set(label, now()); },
  timeLog(label = 'default', ...args) { if (clocks.has(label)) log(`${label}: ${elapsed(label)}`, ...args); },
  timeEnd(label = 'default') { if (clocks.has(label)) { log(`${label}: ${elapsed(label)}`); clocks.delete(label); } },
};

// ---- the event loop ----------------------------------------------------------------------------

const timers = new Map(), immediates = new Map();
let nextTimer = 1;

class Timeout {
  constructor(id) { Object.defineProperty(this, 'id', {value: id}); }
  [Symbol.toPrimitive]() { return this.id; }
  ref() { return this; }
  unref() { const t = timers.get(this.id); if (t) t.unref = true; return this; }
  hasRef() { return !timers.get(this.id)?.unref; }
}

function addTimer(call, ms, args, repeats) {
  if (typeof call !== 'function') throw new TypeError('The "callback" argument must be of type function.');
  ms = Number(ms);
  if (!(ms >= 1 && ms <= 0x7fffffff)) ms = 1;
  const id = nextTimer++;
  timers.set(id, {id, call, args, ms, due: now() + ms, repeats, unref: false});
  return new Timeout(id);
}

function clearTimer(timer) {
  if (timer !== undefined && timer !== null) { timers.delete(Number(timer)); immediates.delete(Number(timer)); }
}

const globals = {
  setTimeout: (call, ms, ...args) => addTimer(call, ms, args, false),
  setInterval: (call, ms, ...args) => addTimer(call, ms, args, true),
  setImmediate(call, ...args) { const id = nextTimer++; immediates.set(id, {call, args}); return new Timeout(id); },
  clearTimeout: clearTimer, clearInterval: clearTimer, clearImmediate: clearTimer,
};

// Resolves when no promise job is left, after the check for unhandled rejections.
//
// QuickJS calls a ready write handler once after each job.  A job queued by one call and run before
// the next was alone in the queue; one that took longer had others before it.  The handler costs a
// system call each time, so between two looks plain turns of the queue are taken, more each time.
function drained() {
  return new PromiseOf(resolve => {
    const empty = new PromiseOf(done => done());
    let calls = 0, queuedAt = -1, alone = false, waiting = false, turns = 8, looks = 0;
    const probe = () => {
      const at = queuedAt = calls;
      waiting = true;
      then(empty, () => { waiting = false; alone = at === calls; });
    };
    const look = () => {
      looks = 0;
      alone = waiting = false;
      queuedAt = -1;
      setWriteHandler(1, () => {
        calls++;
        if (waiting) return;
        if (queuedAt < 0) return probe();
        if (alone) {
          if (queuedAt !== Infinity) { queuedAt = Infinity; return; } // one more round: the check
          setWriteHandler(1, null);
          return resolve();
        }
        if (++looks < 2) return probe();
        setWriteHandler(1, null);
        if (turns < 256) turns *= 2;
        let left = turns;
        const turn = () => { if (left-- > 0) then(empty, turn); else look(); };
        turn();
      });
    };
    look();
  });
}

function call(fn, args) {
  try { fn(...args); } catch (error) { uncaught(error); }
}

const turnOver = () => session && ended !== null;

// ---- tools of the caller's ---------------------------------------------------------------------

const CALL = '/dev/sandbox/call', NONBLOCK = 4;
const calls = {number: 0, open: new Map(), rest: new Uint8Array(0)};
const JSON_TYPES = {string: v => typeof v === 'string', integer: Number.isInteger, number: v => typeof v === 'number',
  boolean: v => typeof v === 'boolean', object: v => v !== null && typeof v === 'object' && !Array.isArray(v),
  array: Array.isArray, null: v => v === null};

class ToolError extends Error {}
ToolError.prototype.name = 'ToolError';
class KvError extends Error {}
KvError.prototype.name = 'KvError';

function checkArguments({name, parameters = {}}, given) {
  const known = parameters.properties ?? {};
  if (!JSON_TYPES.object(given)) throw new TypeError(`${name}() takes an object of its parameters`);
  for (const key of Object.keys(given))
    if (!(key in known) && parameters.additionalProperties === false) throw new TypeError(`${name}() has no parameter '${key}'`);
  for (const key of parameters.required ?? [])
    if (given[key] === undefined) throw new TypeError(`${name}() needs '${key}'`);
  for (const [key, value] of Object.entries(given)) {
    const is = JSON_TYPES[known[key]?.type];
    if (is && value !== undefined && !is(value)) throw new TypeError(`${name}(): ${key} must be of type ${known[key].type}`);
  }
}

function ask(name, given, Refusal) {
  const id = ++calls.number, file = openFile(CALL, 'w');
  file.puts(clean(stringify({id, name, arguments: given})) + '\n');
  file.close();
  return new Promise((resolve, reject) => calls.open.set(id, {resolve, refuse: why => reject(new Refusal(why))}));
}

function makeTool(offer) {
  const tool = async (given = {}) => {
    checkArguments(offer, given);
    return ask(offer.name, given, ToolError);
  };
  return Object.defineProperty(tool, 'name', {value: offer.name});
}

// The key-value store: JSON values under text keys, which outlive the run.
const KV_PAGE = 300;
let hasKv = false;
async function askKv(name, given) {
  if (!hasKv) throw new KvError('this run has no key-value store: programs that a server runs have one (server.kv), unless they are deterministic');
  return ask(`kv.${name}`, given, KvError);
}
const kv = {
  async get(key) { const {found, value} = await askKv('get', {key}); return found ? value : undefined; },
  async put(key, value) { await askKv('put', {key, value}); },
  delete(key) { return askKv('delete', {key}); },
  async list(prefix = '') {
    const keys = [];
    for (let page, after; page === undefined || page.length === KV_PAGE; after = page.at(-1)) {
      page = await askKv('list', {prefix, most: KV_PAGE, after});
      keys.push(...page);
    }
    return keys;
  },
};

function takeReplies(text) {
  for (const line of text.split('\n')) {
    if (!line) continue;
    const {id, result, error} = parse(line), call = calls.open.get(id);
    calls.open.delete(id);
    if (error) call?.refuse(error.message ?? 'the call failed');
    else call?.resolve(result);
  }
}

// Answers that have come; with `wait`, at least one.  False where there are none.
function readReplies(wait) {
  const fd = os.open(CALL, os.O_RDONLY | (wait ? 0 : NONBLOCK)), piece = new Uint8Array(65536);
  let bytes = calls.rest, end = -1;
  try {
    while (end < 0) {
      const n = os.read(fd, piece.buffer, 0, piece.length);
      if (n <= 0) break;
      const longer = new Uint8Array(bytes.length + n);
      longer.set(bytes);
      longer.set(piece.subarray(0, n), bytes.length);
      bytes = longer;
      end = bytes.lastIndexOf(10);
    }
  } finally {
    os.close(fd);
  }
  calls.rest = bytes.slice(end + 1);
  if (end >= 0) takeReplies(new TextDecoder().decode(bytes.subarray(0, end + 1)));
  else if (wait) for (const [id, {refuse}] of calls.open) { calls.open.delete(id); refuse('there is no answer any more'); }
  return end >= 0;
}

async function eventLoop() {
  for (;;) {
    await drained();
    if (turnOver()) return;
    if (immediates.size) {
      const batch = [...immediates];
      for (const [id, {call: fn, args}] of batch) {
        if (!immediates.delete(id)) continue;
        call(fn, args);
        await drained();
      }
    }
    let next = null, wanted = false;
    for (const t of timers.values()) {
      if (!t.unref) wanted = true;
      if (next === null || t.due < next.due) next = t;
    }
    // An answer that has come is taken before a timer is waited for; while both are waited for, this looks
    // from time to time.
    if (calls.open.size && readReplies(!wanted && !immediates.size)) continue;
    if (!wanted) { if (immediates.size || calls.open.size) continue; return; }
    const wait = next.due - now();
    if (wait > 0 && immediates.size) continue;
    if (wait > 1 && calls.open.size) { sleep(1); continue; }
    if (wait > 0) sleep(Math.ceil(wait));
    if (next.repeats) next.due = Math.max(now(), next.due) + next.ms;
    else timers.delete(next.id);
    call(next.call, next.args);
  }
}

// ---- process -----------------------------------------------------------------------------------

const listeners = new Map();

function emit(name, ...args) {
  const list = listeners.get(name);
  if (!list) return false;
  for (const fn of [...list]) fn.apply(process, args);
  return list.length > 0;
}

function stream(file, fd) {
  return {
    fd, isTTY: false, columns: 80,
    write(text, ...more) {
      if (typeof text === 'string') file.puts(text);
      else file.write(text.buffer ?? text, text.byteOffset ?? 0, text.byteLength);
      file.flush();
      const done = more[more.length - 1];
      if (typeof done === 'function') queueMicrotask(done);
      return true;
    },
    end(text) { if (text !== undefined) this.write(text); },
    on() { return this; }, once() { return this; },
  };
}

// Read as a whole, once somebody listens.
function makeStdin() {
  const heard = new Map();
  const tell = (name, ...args) => { for (const fn of heard.get(name) ?? []) fn.apply(stdin, args); };
  let flows = false;
  const flow = () => {
    if (flows) return stdin;
    flows = true;
    globals.setImmediate(() => {
      const text = std.in.readAsString();
      if (text) tell('data', text);
      tell('end');
      tell('close');
    });
    return stdin;
  };
  const stdin = {
    fd: 0, isTTY: false,
    setEncoding() { return stdin; },
    on(name, fn) { heard.set(name, [...(heard.get(name) ?? []), fn]); return name === 'data' || name === 'end' ? flow() : stdin; },
    resume: flow, pause() { return stdin; }, unref() { return stdin; }, ref() { return stdin; },
    async *[Symbol.asyncIterator]() { for (let line; (line = std.in.getline()) !== null;) yield line + '\n'; },
  };
  stdin.once = stdin.addListener = stdin.on;
  return stdin;
}

const process = {
  argv: ['qjs', 'main.js'], env: {}, exitCode: undefined, pid: 1, ppid: 0, title: 'qjs',
  execPath: '/usr/bin/qjs', execArgv: [], platform: 'wasi', arch: 'wasm32', version: 'v0.0.0',
  versions: {quickjs: '0.17.0'},
  stdout: stream(out, 1), stderr: stream(err, 2),
  stdin: makeStdin(),
  exit(code) { quit(code ?? process.exitCode ?? 0); },
  cwd: () => os.getcwd()[0],
  chdir(folder) { if (os.chdir(folder)) throw new Error(`ENOENT: no such file or directory, chdir '${folder}'`); },
  nextTick: (fn, ...args) => queueMicrotask(() => fn(...args)),
  uptime: () => now() / 1000,
  hrtime: Object.assign(since => {
    const ns = process.hrtime.bigint() - (since ? BigInt(since[0]) * 1000000000n + BigInt(since[1]) : 0n);
    return [Number(ns / 1000000000n), Number(ns % 1000000000n)];
  }, {bigint: () => BigInt(Math.round(now() * 1e6))}),
  memoryUsage: () => ({rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0}),
  on(name, fn) { if (!listeners.has(name)) listeners.set(name, []); listeners.get(name).push(fn); return process; },
  once(name, fn) { return process.on(name, fn); },
  off(name, fn) { listeners.set(name, (listeners.get(name) ?? []).filter(f => f !== fn)); return process; },
  emit,
  emitWarning(warning) { warn(`(qjs) ${warning instanceof Error ? titleOf(warning) : `Warning: ${warning}`}`); },
};
process.addListener = process.on;
process.removeListener = process.off;
Object.defineProperty(process, Symbol.toStringTag, {value: 'process'});

// ---- what programs expect to find --------------------------------------------------------------

function urandom(bytes) {
  const file = openFile('/dev/urandom', 'r');
  file.read(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  file.close();
  return bytes;
}

// QuickJS seeds Math.random from the clock, once; forks of one process would share its numbers.
function freshen() {
  const seed = urandom(new Uint32Array(4));
  let [a, b, c, d] = seed;
  const next = () => { // sfc32
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  Math.random = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
}

class TextEncoder {
  get encoding() { return 'utf-8'; }
  encode(text = '') {
    const bytes = [];
    for (const ch of String(text).toWellFormed()) {
      const c = ch.codePointAt(0);
      if (c < 0x80) bytes.push(c);
      else if (c < 0x800) bytes.push(0xc0 | c >> 6, 0x80 | c & 63);
      else if (c < 0x10000) bytes.push(0xe0 | c >> 12, 0x80 | c >> 6 & 63, 0x80 | c & 63);
      else bytes.push(0xf0 | c >> 18, 0x80 | c >> 12 & 63, 0x80 | c >> 6 & 63, 0x80 | c & 63);
    }
    return Uint8Array.from(bytes);
  }
}

class TextDecoder {
  constructor(encoding = 'utf-8', {fatal = false} = {}) {
    if (!/^utf-?8$/i.test(encoding)) throw new RangeError(`The "${encoding}" encoding is not supported`);
    this.fatal = fatal;
  }
  get encoding() { return 'utf-8'; }
  decode(input = new Uint8Array()) {
    const b = input instanceof ArrayBuffer ? new Uint8Array(input)
      : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    const parts = [];
    let text = '', i = b[0] === 0xef && b[1] === 0xbb && b[2] === 0xbf ? 3 : 0;
    while (i < b.length) {
      const c = b[i++];
      let need = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) === 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;
      let code = need === 0 ? c : need === 1 ? c & 31 : need === 2 ? c & 15 : c & 7;
      const from = i;
      for (; need > 0 && i < b.length && (b[i] & 0xc0) === 0x80; need--) {
        const low = i === from && (c === 0xe0 ? b[i] < 0xa0 : c === 0xed ? b[i] > 0x9f
          : c === 0xf0 ? b[i] < 0x90 : c === 0xf4 ? b[i] > 0x8f : false);
        if (low) break;
        code = code << 6 | b[i++] & 63;
      }
      if (need !== 0) {
        if (this.fatal) throw new TypeError('The encoded data was not valid for encoding utf-8');
        code = 0xfffd;
      }
      text += String.fromCodePoint(code);
      if (text.length > 8192) { parts.push(text); text = ''; }
    }
    return parts.join('') + text;
  }
}

const crypto = {
  getRandomValues: array => urandom(array),
  randomUUID() {
    const b = urandom(new Uint8Array(16));
    b[6] = b[6] & 15 | 64;
    b[8] = b[8] & 63 | 128;
    const hex = Array.from(b, x => x.toString(16).padStart(2, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
};

function structuredClone(value, seen = new Map()) {
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`${String(value)} could not be cloned.`);
  if (value === null || typeof value !== 'object') return value;
  if (seen.has(value)) return seen.get(value);
  const keep = copy => { seen.set(value, copy); return copy; };
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (ArrayBuffer.isView(value)) return keep(new value.constructor(structuredClone(value.buffer, seen), value.byteOffset, value.length));
  if (value instanceof Map) { const m = keep(new Map()); for (const [k, v] of value) m.set(structuredClone(k, seen), structuredClone(v, seen)); return m; }
  if (value instanceof Set) { const s = keep(new Set()); for (const v of value) s.add(structuredClone(v, seen)); return s; }
  const copy = keep(value instanceof Error ? new (globalThis[value.name] ?? Error)(value.message) : Array.isArray(value) ? [] : {});
  for (const k of Object.keys(value)) copy[k] = structuredClone(value[k], seen);
  return copy;
}

function install(target, properties) {
  for (const [name, value] of Object.entries(properties))
    Object.defineProperty(target, name, {value, writable: true, configurable: true, enumerable: false});
}

// ---- running and ending ------------------------------------------------------------------------

let source = '', filename = 'main.js', session = false, ended = null, exited = false;
class TurnOver {} // thrown to leave the program when a session's turn ends early

function flushAll() { try { out.flush(); err.flush(); } catch { /* closed */ } }

function finish(code) {
  code = Number(code) & 0xff;
  if (ended !== null) code = ended;
  else {
    ended = code;
    try { emit('exit', code); if (process.exitCode !== undefined && code === 0) code = Number(process.exitCode) & 0xff; }
    catch (error) { report(error); code = 1; }
  }
  flushAll();
  if (!session) leave(code);
  ended = code;
}

function quit(code) {
  exited = true;
  finish(code);
  throw new TurnOver();
}

// The line of the program that an error comes from, with a caret, as Node shows it.
function excerpt(stack) {
  const escaped = filename.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const place = stack.match(new RegExp(`${escaped}:(\\d+)(?::(\\d+))?`));
  if (!place) return '';
  const line = source.split('\n')[place[1] - 1];
  if (line === undefined || line.length > 500) return '';
  const caret = place[2] ? '\n' + line.slice(0, place[2] - 1).replace(/[^\t]/g, ' ') + '^' : '';
  return `${filename}:${place[1]}\n${line}${caret}\n\n`;
}

function report(error) {
  try {
    const thrown = error instanceof Error;
    const stack = thrown ? stackOf(error) : '';
    const text = thrown ? excerpt(stack) + inspect(error) : `Uncaught ${inspect(error)}`;
    indent = '';
    flushAll();
    print(err, text);
    send({type: 'error', name: thrown ? titleOf(error).split(':')[0] : 'Uncaught',
      value: thrown ? String(error.message) : inspect(error), traceback: text.slice(0, limit)});
  } catch { // a program that changed what this needs, or left no memory for it
    try { err.puts(`${error ?? 'InternalError: out of memory'}\n`); } catch { /* then silently */ }
  }
}

function uncaught(error) {
  if (error instanceof TurnOver) return;
  if (listeners.get('uncaughtException')?.length) {
    try { emit('uncaughtException', error, 'uncaughtException'); return; } catch (again) { error = again; }
  }
  report(error);
  finish(1);
}

// evalScript calls everything it compiles "<evalScript>".  Stacks, import.meta and relative imports
// should know the program's own file, so its bytecode is written out, the name exchanged in the
// table of names, and read back.
const COMPILED_NAME = Uint8Array.from('<evalScript>', c => c.charCodeAt(0)), BYTECODE = 1;

function renamed(code, name) {
  const buffer = new Uint8Array(writeBytecode(code, BYTECODE));
  let at = 0;
  for (;; at++) {
    at = buffer.indexOf(COMPILED_NAME[0], at);
    if (at < 1) return code;
    if (buffer[at - 1] === COMPILED_NAME.length * 2 && COMPILED_NAME.every((c, i) => buffer[at + i] === c)) break;
  }
  const wide = /[^\x00-\xff]/.test(name), size = [];
  let n = name.length * 2 + (wide ? 1 : 0);
  for (; n > 127; n >>>= 7) size.push(n & 127 | 128);
  size.push(n);
  const chars = Uint8Array.from(wide ? Uint8Array.from({length: name.length * 2}, (_, i) =>
    name.charCodeAt(i >> 1) >> (i & 1 ? 8 : 0)) : Array.from(name, c => c.charCodeAt(0)));
  const head = buffer.subarray(0, at - 1), tail = buffer.subarray(at + COMPILED_NAME.length);
  const copy = new Uint8Array(head.length + size.length + chars.length + tail.length);
  copy.set(head);
  copy.fill(255, 1, 5); // in place of the checksum: none
  copy.set(size, head.length);
  copy.set(chars, head.length + size.length);
  copy.set(tail, head.length + size.length + chars.length);
  return readBytecode(copy.buffer, 0, copy.length, BYTECODE);
}

// A program is a script, unless it only makes sense as a module.
function compile(program) {
  try {
    return {code: renamed(evalScript(program, {compile_only: true, async: true, backtrace_barrier: true}), filename), options: {eval_function: true}};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const here = os.getcwd()[0];
    try {
      os.chdir(filename.slice(0, filename.lastIndexOf('/') + 1) || here); // imports are looked up now
      return {code: renamed(evalScript(program, {compile_only: true, compile_module: true, backtrace_barrier: true}), filename), options: {eval_module: true}};
    } catch (inModule) {
      throw /\b(import|export)\b/.test(program) ? inModule : error;
    } finally {
      os.chdir(here);
    }
  }
}

// Whether this is all that somebody meant to type: an error that lies behind the last character, or in
// something that was opened and not closed, may go away with the next line.
function isComplete(program) {
  try {
    compile(program);
    return true;
  } catch (error) {
    const [, line, column] = String(error?.stack).match(/:(\d+):(\d+)/) ?? [];
    if (!(error instanceof SyntaxError) || line === undefined) return true;
    const lines = program.split('\n');
    const at = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0) + Number(column) - 1;
    if (/end of comment/.test(error.message)) return false;
    if (/end of string/.test(error.message)) return program[at] !== '`';
    return at < program.trimEnd().length;
  }
}

// What a session has, for somebody who looks at it.  What `let`, `const` and `class` declare is in no
// object, so their names are those that the programs declared anywhere, if they mean something here.
const declared = new Set(), given = new Set(['scriptArgs', 'require', 'module', 'exports', '__filename', '__dirname', '_', 'tools', 'ToolError', 'kv', 'KvError']);
function noteNames(program) {
  for (const [, name] of program.matchAll(/\b(?:let|const|class)\s+([A-Za-z_$][\w$]*)/g)) declared.add(name);
  for (const [, names] of program.matchAll(/\b(?:let|const)\s*[{[]([^}\]=]*)[}\]]\s*=/g))
    for (const [name] of names.matchAll(/[A-Za-z_$][\w$]*/g)) declared.add(name);
}
function variables() {
  const names = new Set([...Object.getOwnPropertyNames(globalThis).filter(name => !given.has(name)), ...declared]);
  const told = [];
  for (const name of names) {
    try {
      const value = evalScript(name);
      const type = value === null ? 'null' : typeof value === 'object' ? value.constructor?.name ?? 'object' : typeof value;
      told.push({name, type, repr: inspect(value).slice(0, VARIABLE_CHARS), size: null});
    } catch {} // a name of some function's own, or a value that cannot be shown
  }
  return told;
}

// The modules that `require` knows, for `import` too: QuickJS finds a module that is there already by
// its name alone.
function provide(modules) {
  const key = Symbol.for('polyagent.module');
  for (const [name, module] of Object.entries(modules)) {
    const names = Object.keys(module).filter(n => /^[A-Za-z_$][\w$]*$/.test(n) && n !== 'default');
    const text = `const $ = globalThis[Symbol.for('polyagent.module')];\nexport default $;\n`
      + `export const {${names.join(', ')}} = $;`;
    globalThis[key] = module;
    for (const alias of [name, `node:${name}`])
      evalScript(renamed(evalScript(text, {compile_only: true, compile_module: true}), alias), {eval_module: true});
  }
  delete globalThis[key];
}

// What a CommonJS file finds around it.
function commonJS() {
  const folder = filename.includes('/') ? filename.slice(0, filename.lastIndexOf('/')) || '/' : process.cwd();
  const require = node.requireFrom(folder), module = {exports: {}, id: '.', filename, loaded: false};
  require.main = module;
  return {require, module, exports: module.exports, __filename: filename, __dirname: folder};
}

async function run({header, program}) {
  filename = header.filename || 'main.js';
  session = Boolean(header.session);
  source = program = program.replace(/^#!.*/, '');
  limit = header.result_bytes || RESULT_CHARS;
  ended = null;
  exited = false;
  nameProgram(filename);
  if (session) noteNames(program);
  if (header.tools) install(globalThis, {tools: Object.fromEntries(header.tools.map(offer => [offer.name, makeTool(offer)])), ToolError});
  hasKv = header.kv === true;
  install(globalThis, {kv, KvError});
  calls.open.clear();
  calls.rest = new Uint8Array(0);
  if (header.fresh !== false) freshen();
  if (header.env) {
    for (const name of Object.keys(std.getenviron())) std.unsetenv(name);
    for (const [name, text] of Object.entries(header.env)) std.setenv(name, text);
    process.env = {...header.env};
  }
  const folder = header.cwd || '/workspace';
  if (os.chdir(folder)) warn(`cannot change to the folder '${folder}'`);
  const argv = header.argv?.length ? header.argv : [filename];
  process.argv = ['qjs', ...argv];
  install(globalThis, {scriptArgs: argv, ...commonJS()});

  let settled = false;
  try {
    const {code, options} = compile(program);
    then(evalScript(code, options), result => {
      settled = true;
      const value = options.eval_module ? undefined : result?.value;
      if (header.mode === 'expression' && value !== undefined) { globalThis._ = value; show(value); }
    }, error => { settled = true; uncaught(error); });
    await eventLoop();
  } catch (error) {
    settled = true;
    uncaught(error);
  }
  if (turnOver()) return;
  if (settled) return finish(process.exitCode ?? 0);
  warn('Warning: the top-level await of the program never ended');
  finish(13);
}

const node = makeModules({std, os, process, inspect, format, crypto, globals});
provide(node.builtin);
install(globalThis, {...globals, console, process, global: globalThis, std, os, display: show});
for (const [name, value] of Object.entries({TextEncoder, TextDecoder, crypto, structuredClone}))
  if (globalThis[name] === undefined) install(globalThis, {[name]: value});

async function preload(names) {
  for (const name of names.split(/[\s,]+/)) if (name) await import(name);
  std.gc();
}

await preload(std.getenv('POLYAGENT_PRELOAD') ?? '');
std.unsetenv('POLYAGENT_PRELOAD');

// Once, so that no run does it for the first time.
inspect({warm: ['up', 1, new Map([[1, {}]]), new Error('x')]});
evalScript(compile('let warm = 1').code, {eval_function: true});
await drained();
std.gc();

for (const name of Object.getOwnPropertyNames(globalThis)) given.add(name);

for (let request; (request = readRequest()) !== null;) {
  if (request.header.mode === 'variables') {
    send({type: 'variables', variables: variables()});
    send({type: 'done', exit_code: 0});
    continue;
  }
  if (request.header.mode === 'complete') {
    send({type: 'complete', complete: isComplete(request.program)});
    send({type: 'done', exit_code: 0});
    continue;
  }
  const warmer = request.header.mode === 'preload';
  try {
    if (warmer) { ended = 0; await preload(request.program); }
    else await run(request);
  } catch (error) {
    report(error);
    ended = 1;
  }
  if (!session && !warmer) leave(ended ?? 1);
  process.exitCode = undefined;
  timers.clear();
  immediates.clear();
  send({type: 'done', exit_code: ended, exited});
}
leave(0);
