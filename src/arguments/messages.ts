/**
 * The words of errors: `batchnorm: forwardTraining: "gamma" expected ..., got ...`. They are made only when a call
 * fails.
 */
import { isReleased, isUsable, kindOf } from './typed-arrays.js';

/** The wrong kind of thing. `call` is the public function, as the user wrote it. */
export function wrongKind(call: string, name: string, wanted: string, got: unknown): TypeError {
  return new TypeError(expected(call, name, wanted, describe(got)));
}

/** The right kind, with a wrong size or value. */
export function wrongValue(call: string, name: string, wanted: string, got: unknown): RangeError {
  return new RangeError(expected(call, name, wanted, describe(got)));
}

export function expected(call: string, name: string, wanted: string, got: string): string {
  return `batchnorm: ${call}: "${name}" expected ${wanted}, got ${got}`;
}

/**
 * Every method and property reaches private fields, which a Proxy (what Vue makes of data) does not have: each says so.
 */
export function refuseProxies(name: string, prototype: object, isOwn: (value: object) => boolean): void {
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (key === 'constructor') continue;
    for (const part of ['value', 'get', 'set'] as const) {
      const own = property[part];
      if (typeof own === 'function') property[part] = guarded(own, `${name}.${key}`, isOwn);
    }
    Object.defineProperty(prototype, key, property);
  }
}

function guarded(own: (...given: unknown[]) => unknown, call: string, isOwn: (value: object) => boolean) {
  const guard = function (this: object, ...given: unknown[]): unknown {
    if (typeof this !== 'object' || !isOwn(this)) throw notItself(call, this);
    return own.apply(this, given);
  };
  return Object.defineProperties(guard, { name: { value: own.name }, length: { value: own.length } });
}

function notItself(call: string, object: unknown): TypeError {
  const rule = '"this" expected to be called on the object itself';
  const isObject = typeof object === 'object' && object !== null;
  const advice = "a Proxy of it; keep it out of reactive data, as by Vue's toRaw or markRaw";
  return new TypeError(`batchnorm: ${call}: ${rule}, got ${isObject ? advice : describe(object)}`);
}

/** Makes `console.log` of Node.js show the class of an object and these fields. Nothing is imported for it. */
export function showAs(name: string, prototype: object, parts: (shown: never) => object): void {
  Object.defineProperty(prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value(this: never, _depth: number, options: object, inspect: (value: unknown, options: object) => string) {
      return `${name} ${inspect(parts(this), options)}`;
    },
    configurable: true,
    writable: true,
  });
}

/** A value in a few words: -0, "text", Array of length 3, Float32Array of length 6. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case 'bigint':
      return `${value}n`;
    case 'object':
      return value === null ? 'null' : describeObject(value);
    case 'function':
      return 'a function';
    default:
      return String(value);
  }
}

function describeObject(value: object): string {
  const kind = kindOf(value);
  if (kind !== undefined) return describeArray(kind, value as Uint8Array);
  if (Array.isArray(value)) return `Array of length ${value.length}`;
  return `an object (${Object.prototype.toString.call(value).slice(8, -1)})`;
}

function describeArray(kind: string, array: Uint8Array): string {
  if (isReleased(array)) return `a released ${kind}`;
  // A detached buffer still says that it is resizable, but has no room to grow.
  const buffer: ArrayBufferLike & { readonly resizable?: boolean; readonly maxByteLength?: number } = array.buffer;
  const resizable = buffer.resizable === true && buffer.maxByteLength !== 0;
  if (isUsable(array)) return `${kind} of length ${array.length}${resizable ? ' over a resizable buffer' : ''}`;
  return `${kind} ${resizable ? 'outside its buffer, which has shrunk' : 'whose buffer is detached'}`;
}

/** A shape, or any short list of numbers. */
export function list(values: ArrayLike<unknown>): string {
  return `[${Array.from(values, (value) => (typeof value === 'number' ? value : describe(value))).join(', ')}]`;
}

/** 'a', 'b' or 'c' */
export function alternatives(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`);
  return quoted.length < 2 ? quoted.join() : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

/** The known name that was probably meant: a few letters off, or abbreviated. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let least = Math.min(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    const distance = wanted.length > 1 && lower.startsWith(wanted) ? 1 : editDistance(wanted, lower);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions and substitutions between two words: the table of Wagner and Fischer, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(above[j] + 1, row[j - 1] + 1, substituted));
    }
  }
  return row[b.length];
}
