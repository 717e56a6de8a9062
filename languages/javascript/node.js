// The part of Node's built-in modules that short programs use, for `require`: fs (synchronous),
// path, util, assert, process, os, events, readline, and files of the program's own (CommonJS and JSON).

function fault(code, call, path) {
  const words = {2: ['ENOENT', 'no such file or directory'], 44: ['ENOENT', 'no such file or directory'],
    20: ['EEXIST', 'file already exists'], 31: ['EISDIR', 'illegal operation on a directory'],
    54: ['ENOTDIR', 'not a directory'], 55: ['ENOTEMPTY', 'directory not empty'],
    69: ['EROFS', 'read-only file system'], 76: ['EACCES', 'permission denied'],
    51: ['ENOSPC', 'no space left on device'], 63: ['EPERM', 'operation not permitted']};
  const [name, text] = words[code] ?? [`E${code}`, `error ${code}`];
  const error = new Error(`${name}: ${text}, ${call} '${path}'`);
  return Object.assign(error, {errno: -code, code: name, syscall: call, path});
}

const path = {
  sep: '/', delimiter: ':',
  normalize(p) {
    const up = [], absolute = p.startsWith('/');
    for (const part of p.split('/')) {
      if (part === '' || part === '.') continue;
      if (part !== '..') up.push(part);
      else if (up.length && up[up.length - 1] !== '..') up.pop();
      else if (!absolute) up.push('..');
    }
    const text = (absolute ? '/' : '') + up.join('/') + (p.endsWith('/') && up.length ? '/' : '');
    return text || (absolute ? '/' : '.');
  },
  join: (...parts) => path.normalize(parts.filter(Boolean).join('/') || '.'),
  isAbsolute: p => p.startsWith('/'),
  dirname: p => { const i = p.replace(/\/+$/, '').lastIndexOf('/'); return i < 0 ? '.' : i === 0 ? '/' : p.slice(0, i); },
  basename(p, suffix = '') {
    const name = p.replace(/\/+$/, '').split('/').pop();
    return suffix && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  },
  extname: p => /[^/.]\.[^./]*$|[^/]+\.[^./]*$/.test(p) ? p.slice(p.lastIndexOf('.')) : '',
  parse(p) { const base = path.basename(p), ext = path.extname(p); return {root: p.startsWith('/') ? '/' : '', dir: p.includes('/') ? path.dirname(p) : '', base, ext, name: ext ? base.slice(0, -ext.length) : base}; },
  format: o => (o.dir ? `${o.dir}/` : o.root ?? '') + (o.base ?? `${o.name ?? ''}${o.ext ?? ''}`),
};

/** {builtin, requireFrom}: the modules by name, and `require` as files in a folder see it. */
export function makeModules({std, os, process, inspect, format, crypto, globals}) {
  path.resolve = (...parts) => {
    let at = '';
    for (const part of [process.cwd(), ...parts]) at = part.startsWith('/') ? part : part ? `${at}/${part}` : at;
    return path.normalize(at).replace(/(.)\/$/, '$1');
  };
  path.relative = (from, to) => {
    const a = path.resolve(from).split('/').filter(Boolean), b = path.resolve(to).split('/').filter(Boolean);
    let i = 0;
    while (i < a.length && i < b.length && a[i] === b[i]) i++;
    return [...a.slice(i).map(() => '..'), ...b.slice(i)].join('/');
  };
  path.posix = path;

  const encoding = options => typeof options === 'string' ? options : options?.encoding;
  const named = p => p === 0 ? '/dev/stdin' : String(p);

  function put(p, data, mode, call) {
    const failed = {};
    const file = std.open(named(p), mode, failed);
    if (!file) throw fault(failed.errno, 'open', p);
    if (typeof data === 'string') file.puts(data);
    else if (ArrayBuffer.isView(data)) file.write(data.buffer, data.byteOffset, data.byteLength);
    else file.puts(String(data));
    file.close();
  }

  const fs = {
    readFileSync(p, options) {
      const failed = {};
      const file = p === 0 ? std.in : std.open(named(p), 'r', failed);
      if (!file) throw fault(failed.errno, 'open', p);
      if (p !== 0 && (os.stat(named(p))[0]?.mode & os.S_IFMT) === os.S_IFDIR) throw fault(31, 'read', p);
      const data = encoding(options) ? file.readAsString() : new Uint8Array(file.readAsArrayBuffer());
      if (p !== 0) file.close();
      return data;
    },
    writeFileSync: (p, data, options) => put(p, data, options?.flag ?? 'w', 'open'),
    appendFileSync: (p, data) => put(p, data, 'a', 'open'),
    existsSync: p => os.stat(String(p))[1] === 0,
    statSync(p) {
      const [s, e] = os.stat(String(p));
      if (e) throw fault(e, 'stat', p);
      const kind = s.mode & os.S_IFMT;
      return {...s, mtimeMs: s.mtime, isFile: () => kind === os.S_IFREG, isDirectory: () => kind === os.S_IFDIR, isSymbolicLink: () => false};
    },
    readdirSync(p, options) {
      const [names, e] = os.readdir(String(p));
      if (e) throw fault(e, 'scandir', p);
      const list = names.filter(n => n !== '.' && n !== '..').sort();
      return options?.withFileTypes
        ? list.map(name => { const s = fs.statSync(`${p}/${name}`); return {name, isFile: s.isFile, isDirectory: s.isDirectory}; }) : list;
    },
    mkdirSync(p, options) {
      p = String(p);
      if (options?.recursive) {
        let at = p.startsWith('/') ? '' : '.';
        for (const part of p.split('/').filter(Boolean)) { at += `/${part}`; if (!fs.existsSync(at)) os.mkdir(at); }
        if (!fs.existsSync(p)) throw fault(76, 'mkdir', p);
        return;
      }
      const e = os.mkdir(p);
      if (e) throw fault(-e, 'mkdir', p);
    },
    unlinkSync(p) { const e = os.remove(String(p)); if (e) throw fault(-e, 'unlink', p); },
    rmdirSync(p) { const e = os.remove(String(p)); if (e) throw fault(-e, 'rmdir', p); },
    rmSync(p, options = {}) {
      if (!fs.existsSync(p)) { if (options.force) return; throw fault(44, 'rm', p); }
      if (fs.statSync(p).isDirectory()) {
        if (!options.recursive) throw fault(31, 'rm', p);
        for (const name of fs.readdirSync(p)) fs.rmSync(`${p}/${name}`, options);
      }
      fs.unlinkSync(p);
    },
    renameSync(a, b) { const e = os.rename(String(a), String(b)); if (e) throw fault(-e, 'rename', a); },
    copyFileSync(a, b) { fs.writeFileSync(b, fs.readFileSync(a)); },
  };
  fs.promises = {};
  for (const name of Object.keys(fs)) {
    if (!name.endsWith('Sync')) continue;
    const short = name.slice(0, -4);
    fs.promises[short] = async (...args) => fs[name](...args);
    fs[short] = (...args) => {
      const done = args.pop();
      fs.promises[short](...args).then(v => done(null, v), e => done(e));
    };
  }

  class AssertionError extends Error {
    constructor(message) { super(message); this.name = 'AssertionError'; this.code = 'ERR_ASSERTION'; }
  }
  const refuse = (message, fallback) => { throw message instanceof Error ? message : new AssertionError(message ?? fallback); };
  const assert = (ok, message) => { if (!ok) refuse(message, 'The expression evaluated to a falsy value'); };
  const same = (a, b) => Object.is(a, b) || (typeof a === 'object' && typeof b === 'object' && a && b
    && Object.getPrototypeOf(a) === Object.getPrototypeOf(b) && inspect(a) === inspect(b)
    && Object.keys(a).length === Object.keys(b).length && Object.keys(a).every(k => same(a[k], b[k])));
  Object.assign(assert, {
    ok: assert, AssertionError,
    equal: (a, b, m) => { if (!(a == b)) refuse(m, `${inspect(a)} == ${inspect(b)}`); },
    notEqual: (a, b, m) => { if (a == b) refuse(m, `${inspect(a)} != ${inspect(b)}`); },
    strictEqual: (a, b, m) => { if (!Object.is(a, b)) refuse(m, `Expected values to be strictly equal:\n\n${inspect(a)} !== ${inspect(b)}\n`); },
    notStrictEqual: (a, b, m) => { if (Object.is(a, b)) refuse(m, `Expected "actual" to be strictly unequal to: ${inspect(b)}`); },
    deepEqual: (a, b, m) => { if (!same(a, b)) refuse(m, `Expected values to be loosely deep-equal:\n\n${inspect(a)}\n\nshould loosely deep-equal\n\n${inspect(b)}`); },
    deepStrictEqual: (a, b, m) => { if (!same(a, b)) refuse(m, `Expected values to be strictly deep-equal:\n\n${inspect(a)}\n\nshould strictly deep-equal\n\n${inspect(b)}`); },
    throws(fn, expected, m) {
      try { fn(); } catch (error) {
        if (expected instanceof RegExp && !expected.test(String(error))) throw error;
        if (typeof expected === 'function' && expected.prototype && !(error instanceof expected)) throw error;
        return;
      }
      refuse(m, 'Missing expected exception.');
    },
    fail: m => refuse(m, 'Failed'),
  });
  assert.strict = assert;

  const util = {
    inspect, format: (...args) => format(args), isDeepStrictEqual: same,
    promisify: fn => (...args) => new Promise((ok, no) => fn(...args, (e, v) => e ? no(e) : ok(v))),
    types: {isPromise: v => v instanceof Promise, isDate: v => v instanceof Date, isRegExp: v => v instanceof RegExp},
    get TextEncoder() { return globalThis.TextEncoder; }, get TextDecoder() { return globalThis.TextDecoder; },
  };
  inspect.custom = Symbol.for('nodejs.util.inspect.custom');

  class EventEmitter {
    #on = new Map();
    on(name, fn) { this.#on.set(name, [...(this.#on.get(name) ?? []), fn]); return this; }
    once(name, fn) { const f = (...a) => { this.off(name, f); fn.apply(this, a); }; f.listener = fn; return this.on(name, f); }
    off(name, fn) { this.#on.set(name, (this.#on.get(name) ?? []).filter(f => f !== fn && f.listener !== fn)); return this; }
    emit(name, ...args) {
      const list = this.#on.get(name) ?? [];
      if (!list.length && name === 'error') throw args[0];
      for (const fn of list) fn.apply(this, args);
      return list.length > 0;
    }
    listenerCount(name) { return (this.#on.get(name) ?? []).length; }
    removeAllListeners(name) { if (name === undefined) this.#on.clear(); else this.#on.delete(name); return this; }
  }
  EventEmitter.prototype.addListener = EventEmitter.prototype.on;
  EventEmitter.prototype.removeListener = EventEmitter.prototype.off;
  EventEmitter.EventEmitter = EventEmitter;

  // Lines of standard input, to whoever asks: a question first, then listeners.
  class Interface extends EventEmitter {
    #questions = []; #prompt = '> '; #closed = false; #pumping = false;
    constructor() { super(); this.#start(); }
    #start() {
      if (this.#pumping || this.#closed) return;
      this.#pumping = true;
      globals.setImmediate(() => this.#pump());
    }
    #pump() {
      this.#pumping = false;
      if (this.#closed || (!this.#questions.length && !this.listenerCount('line'))) return;
      const line = std.in.getline();
      if (line === null) return this.close();
      this.#start();
      if (this.#questions.length) this.#questions.shift()(line);
      else this.emit('line', line);
    }
    on(name, fn) { super.on(name, fn); this.#start(); return this; }
    question(query, ...more) { process.stdout.write(query); this.#questions.push(more.pop()); this.#start(); }
    setPrompt(text) { this.#prompt = text; }
    prompt() { process.stdout.write(this.#prompt); this.#start(); }
    pause() { return this; }
    resume() { return this; }
    close() { if (!this.#closed) { this.#closed = true; this.emit('close'); } }
    async *[Symbol.asyncIterator]() {
      for (let line; !this.#closed && (line = std.in.getline()) !== null;) yield line;
      this.close();
    }
  }
  const readline = {Interface, createInterface: () => new Interface()};
  readline.promises = {createInterface() {
    const lines = new Interface();
    const ask = lines.question.bind(lines);
    lines.question = query => new Promise(done => ask(query, done));
    return lines;
  }};

  const sleep = (ms, v) => new Promise(done => globals.setTimeout(done, ms, v));
  const builtin = {
    fs, path, util, assert, process, crypto, readline, 'readline/promises': readline.promises, events: EventEmitter, 'fs/promises': fs.promises, 'assert/strict': assert,
    os: {EOL: '\n', platform: () => 'wasi', arch: () => 'wasm32', tmpdir: () => process.env.TMPDIR ?? '/tmp', homedir: () => process.env.HOME ?? '/', cpus: () => [{}], totalmem: () => 0, freemem: () => 0, hostname: () => 'sandbox', type: () => 'WASI'},
    perf_hooks: {performance}, timers: globals,
    'timers/promises': {setTimeout: sleep, setImmediate: v => sleep(0, v)},
  };

  const cache = new Map();
  function load(file) {
    if (cache.has(file)) return cache.get(file).exports;
    const text = fs.readFileSync(file, 'utf8');
    const module = {exports: {}, filename: file, id: file, loaded: false};
    cache.set(file, module);
    if (file.endsWith('.json')) module.exports = JSON.parse(text);
    else {
      const wrapped = std.evalScript(`(function (exports, require, module, __filename, __dirname) {${text.replace(/^#!.*/, '')}\n})`);
      wrapped.call(module.exports, module.exports, from(path.dirname(file)), module, file, path.dirname(file));
    }
    module.loaded = true;
    return module.exports;
  }
  function from(folder) {
    return function require(name) {
      const bare = String(name).replace(/^node:/, '');
      if (Object.hasOwn(builtin, bare)) return builtin[bare];
      if (/^\.{0,2}\//.test(name)) {
        const base = path.normalize(name.startsWith('/') ? name : `${folder}/${name}`);
        for (const end of ['', '.js', '.cjs', '.json', '/index.js'])
          if (fs.existsSync(base + end) && fs.statSync(base + end).isFile()) return load(base + end);
      }
      throw Object.assign(new Error(`Cannot find module '${name}'`), {code: 'MODULE_NOT_FOUND'});
    };
  }
  return {builtin, requireFrom: from};
}
