// Values as text, the way Node's console shows them: `inspect(value)` and `format(args)`.
//
// The layout rules are Node's: a container goes on one line if its text fits in 72 columns and its
// deepest part is less than three levels below it; arrays of more than six elements are set in
// columns.  Frames of the boot scripts do not appear in stacks, and the program's own frames carry
// the name of its file: see `stackOf`.

const LINE = 80, COMPACT = 3, DEPTH = 2, ITEMS = 100, TEXT = 10000;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
const TypedArray = Object.getPrototypeOf(Uint8Array);

// What the program may not change under our feet.
const {getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, getPrototypeOf} = Object;
const toISO = Date.prototype.toISOString, regexpText = RegExp.prototype.toString;
const functionText = Function.prototype.toString, isArray = Array.isArray;
const mapEntries = Map.prototype.entries, setValues = Set.prototype.values;
const mapSize = getOwnPropertyDescriptor(Map.prototype, 'size').get;
const setSize = getOwnPropertyDescriptor(Set.prototype, 'size').get;
const typedLength = getOwnPropertyDescriptor(TypedArray.prototype, 'length').get;
const bufferLength = getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get;

let programName = '<program>';

/** The file name under which the program's own frames are shown. */
export function nameProgram(name) { programName = name; }

/** An error's stack without the boot scripts' frames. */
export function stackOf(error) {
  let stack;
  try { stack = error.stack; } catch { return ''; }
  if (typeof stack !== 'string') return '';
  return stack.split('\n')
    .filter(line => line && !line.includes('/boot/') && !/at evalScript \(native\)/.test(line))
    .map(line => line.replaceAll('<evalScript>', programName))
    .join('\n');
}

/** "Name: message" of anything thrown. */
export function titleOf(error) {
  let name, message;
  try { name = String(error.name ?? 'Error'); } catch { name = 'Error'; }
  try { message = String(error.message ?? ''); } catch { message = ''; }
  const own = constructorName(error);
  if (own && name === 'Error' && own !== 'Error' && /Error$|Exception$/.test(own)) name = own;
  return message ? (name ? `${name}: ${message}` : message) : name;
}

function quote(text) {
  let mark = "'";
  if (text.includes("'")) mark = !text.includes('"') ? '"' : !text.includes('`') && !text.includes('${') ? '`' : "'";
  let out = '';
  for (const c of text) {
    const code = c.codePointAt(0);
    if (c === mark || c === '\\') out += '\\' + c;
    else if (c === '\n') out += '\\n';
    else if (c === '\t') out += '\\t';
    else if (c === '\r') out += '\\r';
    else if (c === '\b') out += '\\b';
    else if (c === '\f') out += '\\f';
    else if (c === '\v') out += '\\v';
    else if (code < 32 || (code >= 127 && code < 160)) out += '\\x' + code.toString(16).toUpperCase().padStart(2, '0');
    else if (code >= 0xd800 && code <= 0xdfff) out += '\\u' + code.toString(16).toUpperCase();
    else out += c;
  }
  return mark + out + mark;
}

function constructorName(object) {
  for (let o = object; o; o = getPrototypeOf(o)) {
    const d = getOwnPropertyDescriptor(o, 'constructor');
    if (d && typeof d.value === 'function' && d.value.name !== '') {
      try { if (!(object instanceof d.value)) continue; } catch { continue; }
      return String(d.value.name);
    }
  }
  return null;
}

function primitive(value, ctx, quoted = true) {
  switch (typeof value) {
  case 'string':
    if (!quoted) return value;
    if (value.length > TEXT) {
      const more = value.length - TEXT;
      return quote(value.slice(0, TEXT)) + `... ${more} more character${more > 1 ? 's' : ''}`;
    }
    if (ctx.level > 0 && value.length > 16 && value.length > LINE - ctx.indent - 4) {
      const lines = value.split(/(?<=\n)/);
      if (lines.length > 1) return lines.map(quote).join(` +\n${' '.repeat(ctx.indent + 2)}`);
    }
    return quote(value);
  case 'number': return Object.is(value, -0) ? '-0' : String(value);
  case 'bigint': return `${value}n`;
  case 'symbol': return value.toString();
  default: return String(value); // undefined, boolean
  }
}

function functionBase(fn, name, tag) {
  const text = functionText.call(fn);
  if (/^class\b/.test(text)) {
    let base = fn.name ? `[class ${fn.name}` : '[class (anonymous)';
    const parent = getPrototypeOf(fn);
    if (parent && parent.name) base += ` extends ${parent.name}`;
    return base + ']';
  }
  const kind = tag && tag !== 'Function' ? tag : 'Function';
  return fn.name ? `[${kind}: ${fn.name}]` : `[${kind} (anonymous)]`;
}

function errorBase(error, ctx, keys) {
  const stack = stackOf(error);
  const title = titleOf(error);
  for (const hidden of ['stack', 'message', 'name', 'fileName', 'lineNumber', 'columnNumber']) {
    const at = keys.indexOf(hidden);
    if (at >= 0) keys.splice(at, 1);
  }
  if (getOwnPropertyDescriptor(error, 'cause') && !keys.includes('cause')) keys.push('cause');
  if (isArray(getOwnPropertyDescriptor(error, 'errors')?.value) && !keys.includes('errors')) keys.push('errors');
  let text = stack ? `${title}\n${stack}` : `[${title}]`;
  if (ctx.indent) text = text.replaceAll('\n', '\n' + ' '.repeat(ctx.indent));
  return text;
}

function key(name) {
  if (typeof name === 'symbol') return `[${name.toString()}]`;
  return IDENTIFIER.test(name) ? name : quote(name);
}

function property(object, name, ctx, level, inArray) {
  const d = getOwnPropertyDescriptor(object, name);
  let text;
  if (!d) text = 'undefined';
  else if (d.get) text = d.set ? '[Getter/Setter]' : '[Getter]';
  else if (d.set) text = '[Setter]';
  else {
    ctx.indent += 2;
    text = value(d.value, ctx, level);
    ctx.indent -= 2;
  }
  if (inArray) return text;
  const shown = d && !d.enumerable && typeof name === 'string' ? `[${name}]` : key(name);
  return `${shown}: ${text}`;
}

const rest = n => `... ${n} more item${n > 1 ? 's' : ''}`;

function arrayItems(array, ctx, level) {
  const out = [], length = array.length;
  let i = 0, shown = 0;
  for (; i < length && shown < ITEMS; shown++) {
    if (!Object.hasOwn(array, i)) {
      const from = i;
      while (i < length && !Object.hasOwn(array, i)) i++;
      out.push(`<${i - from} empty item${i - from > 1 ? 's' : ''}>`);
      continue;
    }
    out.push(property(array, i++, ctx, level, true));
  }
  if (i < length) out.push(rest(length - i));
  return out;
}

// Short elements of a long array, in columns that make the block about square.
function columns(ctx, output, array) {
  let total = 0, longest = 0, count = output.length;
  if (array !== undefined && array.length > ITEMS) count--; // "... more items" stands alone
  const gap = 2, lengths = [];
  for (let i = 0; i < count; i++) {
    lengths[i] = output[i].length;
    total += lengths[i] + gap;
    if (longest < lengths[i]) longest = lengths[i];
  }
  const width = longest + gap;
  if (!(width * 3 + ctx.indent < LINE && (total / width > 5 || longest <= 6))) return output;
  const bias = Math.sqrt(width - total / output.length);
  const biased = Math.max(width - 3 - bias, 1);
  const across = Math.min(
    Math.round(Math.sqrt(2.5 * biased * count) / biased), // a character is 2.5 times as high as wide
    Math.floor((LINE - ctx.indent) / width), COMPACT * 4, 15);
  if (across <= 1) return output;
  const widths = [];
  for (let c = 0; c < across; c++) {
    let w = 0;
    for (let j = c; j < count; j += across) if (lengths[j] > w) w = lengths[j];
    widths.push(w + gap);
  }
  const numbers = array !== undefined && array.every(v => typeof v === 'number' || typeof v === 'bigint');
  const rows = [];
  for (let i = 0; i < count; i += across) {
    const max = Math.min(i + across, count);
    let row = '', j = i;
    for (; j < max - 1; j++) {
      const cell = `${output[j]}, `;
      row += numbers ? cell.padStart(widths[j - i]) : cell.padEnd(widths[j - i]);
    }
    row += numbers ? output[j].padStart(widths[j - i] - gap) : output[j];
    rows.push(row);
  }
  if (count < output.length) rows.push(output[count]);
  return rows;
}

function join(ctx, output, base, braces, level, array) {
  const entries = output.length;
  if (array !== undefined && entries > 6) output = columns(ctx, output, array);
  if (ctx.deepest - level < COMPACT && entries === output.length) {
    const start = output.length + ctx.indent + braces[0].length + base.length + 10;
    let total = output.length + start;
    for (const part of output) total += part.length;
    if (total <= LINE && !base.includes('\n') && !output.some(part => part.includes('\n')))
      return `${base ? `${base} ` : ''}${braces[0]} ${output.join(', ')} ${braces[1]}`;
  }
  const line = `\n${' '.repeat(ctx.indent)}`;
  return `${base ? `${base} ` : ''}${braces[0]}${line}  ${output.join(`,${line}  `)}${line}${braces[1]}`;
}

function value(v, ctx, level) {
  if (v === null) return 'null';
  if (typeof v !== 'object' && typeof v !== 'function') { ctx.level = level; return primitive(v, ctx); }
  const custom = v[Symbol.for('nodejs.util.inspect.custom')];
  if (typeof custom === 'function' && custom !== inspect) {
    const made = custom.call(v, DEPTH - level, {}, inspect);
    if (made !== v) return typeof made === 'string' ? made : value(made, ctx, level);
  }
  if (ctx.seen.includes(v)) {
    let index = ctx.circular.get(v);
    if (index === undefined) ctx.circular.set(v, index = ctx.circular.size + 1);
    return `[Circular *${index}]`;
  }
  return object(v, ctx, level);
}

function brand(v) { return Object.prototype.toString.call(v).slice(8, -1); }

function object(v, ctx, level) {
  const name = constructorName(v);
  const shownName = name ?? `[${brand(v)}: null prototype]`;
  let tag = v[Symbol.toStringTag];
  if (typeof tag !== 'string' || tag === '' || tag === name) tag = '';
  let keys = getOwnPropertyNames(v).filter(k => getOwnPropertyDescriptor(v, k)?.enumerable);
  keys.push(...getOwnPropertySymbols(v).filter(k => getOwnPropertyDescriptor(v, k)?.enumerable));
  const prefix = (fallback, size) => {
    const n = name === null ? `[${fallback}${size}: null prototype] ` : `${name}${size} `;
    return tag ? `${n}[${tag}] ` : n;
  };
  let braces = ['{', '}'], base = '', items = () => [], array;

  if (isArray(v)) {
    keys = keys.filter(k => typeof k === 'symbol' || !/^(0|[1-9]\d*)$/.test(k));
    braces = [name === 'Array' && !tag ? '[' : `${prefix('Array', `(${v.length})`)}[`, ']'];
    if (v.length === 0 && keys.length === 0) return `${braces[0]}]`;
    array = v;
    items = () => arrayItems(v, ctx, level + 1);
  } else if (v instanceof TypedArray) {
    const length = typedLength.call(v);
    keys = keys.filter(k => typeof k === 'symbol' || !/^\d+$/.test(k));
    tag = '';
    braces = [`${prefix(brand(v), `(${length})`)}[`, ']'];
    if (length === 0 && keys.length === 0) return `${braces[0]}]`;
    array = v;
    items = () => {
      const out = [];
      for (let i = 0; i < Math.min(length, ITEMS); i++) out.push(primitive(v[i], ctx));
      if (length > ITEMS) out.push(rest(length - ITEMS));
      return out;
    };
  } else if (v instanceof Map && is(mapSize, v)) {
    const size = mapSize.call(v);
    if (tag === 'Map') tag = '';
    braces[0] = `${prefix('Map', `(${size})`)}{`;
    if (size === 0 && keys.length === 0) return `${braces[0]}}`;
    items = () => {
      const out = [];
      ctx.indent += 2;
      for (const [k, x] of mapEntries.call(v)) {
        if (out.length >= ITEMS) { out.push(rest(size - ITEMS)); break; }
        out.push(`${value(k, ctx, level + 1)} => ${value(x, ctx, level + 1)}`);
      }
      ctx.indent -= 2;
      return out;
    };
  } else if (v instanceof Set && is(setSize, v)) {
    const size = setSize.call(v);
    if (tag === 'Set') tag = '';
    braces[0] = `${prefix('Set', `(${size})`)}{`;
    if (size === 0 && keys.length === 0) return `${braces[0]}}`;
    items = () => {
      const out = [];
      ctx.indent += 2;
      for (const x of setValues.call(v)) {
        if (out.length >= ITEMS) { out.push(rest(size - ITEMS)); break; }
        out.push(value(x, ctx, level + 1));
      }
      ctx.indent -= 2;
      return out;
    };
  } else if (typeof v === 'function') {
    base = functionBase(v, name, name);
    if (keys.length === 0) return base;
  } else if (v instanceof RegExp) {
    base = regexpText.call(v);
    if (keys.length === 0) return base;
  } else if (v instanceof Date) {
    base = Number.isNaN(v.getTime()) ? 'Invalid Date' : toISO.call(v);
    if (keys.length === 0) return base;
  } else if (v instanceof Error) {
    base = errorBase(v, ctx, keys);
    if (keys.length === 0) return base;
  } else if (v instanceof ArrayBuffer) {
    const bytes = new Uint8Array(v, 0, Math.min(50, bufferLength.call(v)));
    const hex = Array.from(bytes, b => b.toString(16).padStart(2, '0')).join(' ');
    const more = bufferLength.call(v) - bytes.length;
    return `ArrayBuffer { [Uint8Contents]: <${hex}${more > 0 ? ` ... ${more} more byte${more > 1 ? 's' : ''}` : ''}>, byteLength: ${bufferLength.call(v)} }`;
  } else if (v instanceof Number || v instanceof String || v instanceof Boolean || v instanceof BigInt || v instanceof Symbol) {
    const inner = v.valueOf();
    if (typeof inner === 'string') keys = keys.filter(k => typeof k === 'symbol' || !/^\d+$/.test(k));
    const type = typeof inner;
    base = `[${type === 'bigint' ? 'BigInt' : type[0].toUpperCase() + type.slice(1)}: ${primitive(inner, ctx)}]`;
    if (keys.length === 0) return base;
  } else if (v instanceof WeakMap || v instanceof WeakSet) {
    return `${shownName} { <items unknown> }`;
  } else if (v instanceof WeakRef) {
    return `WeakRef { <ref> }`;
  } else if (v instanceof Promise) {
    braces[0] = `${name} {`;
    if (tag === 'Promise') tag = '';
    if (keys.length === 0) return `${name} {}`;
  } else if (brand(v) === 'Arguments') {
    braces[0] = '[Arguments] {';
  } else {
    if (name !== 'Object' || tag) braces[0] = `${prefix('Object', '')}{`;
    if (keys.length === 0) return `${braces[0]}}`;
  }

  if (level > DEPTH) {
    const short = isArray(v) ? 'Array' : (name ?? `${brand(v)}: null prototype`);
    return `[${tag ? `${short} [${tag}]` : short}]`;
  }
  ctx.seen.push(v);
  ctx.deepest = level;
  let output;
  try {
    output = items();
    for (const k of keys) output.push(property(v, k, ctx, level + 1, false));
  } finally {
    ctx.seen.pop();
  }
  const index = ctx.circular.get(v);
  if (index !== undefined) {
    if (base) base = `<ref *${index}> ${base}`;
    else braces[0] = `<ref *${index}> ${braces[0]}`;
  }
  return join(ctx, output, base, braces, level, array);
}

function is(getter, v) { try { getter.call(v); return true; } catch { return false; } }

/** A value as text; whatever it is, this does not throw. */
export function inspect(v) {
  try {
    return value(v, {seen: [], circular: new Map(), indent: 0, level: 0, deepest: 0}, 0);
  } catch (error) {
    return `[cannot be shown: ${titleOf(error)}]`;
  }
}

/** console.log's arguments as one text, with %s %d %i %f %j %o %O %c in the first. */
export function format(args) {
  let text = '', at = 0;
  if (typeof args[0] === 'string') {
    at = 1;
    if (args.length === 1) return args[0];
    text = args[0].replace(/%[sdifjoOc%]/g, mark => {
      if (mark === '%%') return '%';
      if (at >= args.length) return mark;
      const a = args[at++];
      switch (mark[1]) {
      case 's':
        if (typeof a === 'bigint') return `${a}n`;
        if (typeof a === 'object' && a !== null) {
          const own = !(a instanceof Error) && Object.hasOwn(a, 'toString');
          return own ? String(a) : inspect(a);
        }
        return typeof a === 'symbol' ? a.toString() : Object.is(a, -0) ? '-0' : String(a);
      case 'd': return typeof a === 'bigint' ? `${a}n` : typeof a === 'symbol' ? 'NaN' : primitive(Number(a), {});
      case 'i': return typeof a === 'bigint' ? `${a}n` : typeof a === 'symbol' ? 'NaN' : primitive(parseInt(a), {});
      case 'f': return typeof a === 'symbol' ? 'NaN' : primitive(parseFloat(a), {});
      case 'j': try { return JSON.stringify(a) ?? 'undefined'; } catch { return '[Circular]'; }
      case 'c': return '';
      default: return inspect(a);
      }
    });
  }
  for (; at < args.length; at++)
    text += `${at ? ' ' : ''}${typeof args[at] === 'string' ? args[at] : inspect(args[at])}`;
  return text;
}
