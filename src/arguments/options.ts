/** Options that operations have in common, and how options are read. */
import type { ChannelAxis } from './axis.js';
import { nearest, wrongKind, wrongValue } from './messages.js';

/** Options of every function and layer that normalises. */
export interface Common {
  /**
   * The channel axis of `shape`; negative counts from the end. Default 1 (NC…, as PyTorch); −1 is channels last (N…C).
   * Or several neighbouring ones, whose dimensions together are the channels: [1, 2].
   */
  axis?: ChannelAxis | undefined;
  /**
   * epsilon, a number ≥ 0 that is added to the variance. With 0, 1/√0 counts as 0, so that a constant channel gives
   * beta. Default 1e-5 (PyTorch, flax, ONNX; Keras has 1e-3, the paper names none).
   */
  epsilon?: number | undefined;
}

export const DEFAULT_EPSILON = 1e-5;

type Names = ReadonlySet<string>;

/** No options at all, and none that `Object.prototype` has. */
export const NO_OPTIONS = /* @__PURE__ */ Object.freeze(Object.create(null)) as Record<string, never>;

export function nameSet(names: string): Names {
  return new Set(names.split(' '));
}

/** Every name that options of this type have, and no other: the compiler counts them. */
export function namesOf<O extends object>(names: { readonly [Name in keyof Required<O>]: 1 }): Names {
  return new Set(Object.keys(names));
}

/**
 * What was given, each option read once, so that nothing of the user's (getters, a Proxy) runs after it: checks and
 * kernels see the same values. Only own properties count, so that what a program puts on `Object.prototype` is no
 * option.
 *
 * @param wanted says, in the error for what is no object, which options there have to be
 * @throws TypeError where it is no object, or has a name that is not known
 */
export function readOptions<O extends object>(call: string, options: O, known: Names, wanted = 'an object'): O {
  return options === NO_OPTIONS ? options : readNames(call, 'options', options, known, wanted);
}

/** Reads any plain data as {@link readOptions} reads options. */
export function readNames<O extends object>(call: string, what: string, data: O, known: Names, wanted?: string): O {
  const own = readOwn(call, what, data, wanted);
  checkNames(call, what, own, known);
  return own;
}

/** Reads plain data whose names are yet to be checked. */
export function readOwn<O extends object>(call: string, what: string, data: O, wanted = 'an object'): O {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || ArrayBuffer.isView(data)) {
    throw wrongKind(call, what, wanted, data);
  }
  // The spread comes first, and the prototype after it: V8 copies such objects four times as fast.
  return { ...data, __proto__: null };
}

/** @param own what {@link readOwn} returned */
export function checkNames(call: string, what: string, own: object, known: Names): void {
  for (const name in own) {
    if (!known.has(name)) throw unknownName(call, what, name, (own as Record<string, unknown>)[name], known);
  }
}

/**
 * Plain data that was written earlier: of this format, with every field, and no other. The format comes first, since
 * data of another one have other fields, of which nothing need be said.
 */
export function readFields(
  call: string,
  name: string,
  data: { readonly format?: unknown },
  format: string,
  fields: Names,
): Readonly<Record<string, unknown>> {
  if (data.format === undefined) throw new TypeError(`batchnorm: ${call}: "${name}" lacks "format"`);
  if (data.format !== format) throw wrongValue(call, 'format', `'${format}'`, data.format);
  const known: Readonly<Record<string, unknown>> = readNames(call, name, data, fields);
  const missing = [...fields].filter((field) => known[field] === undefined);
  if (missing.length > 0) throw new TypeError(`batchnorm: ${call}: "${name}" lacks "${missing.join('", "')}"`);
  return known;
}

function unknownName(call: string, what: string, name: string, value: unknown, known: Names): TypeError {
  if (name === 'momentum') return new TypeError(`batchnorm: ${call}: ${momentumAdvice(value, known)}`);
  const meant = nearest(name, known);
  const advice = meant === undefined ? `known are ${[...known].join(', ')}` : `did you mean "${meant}"?`;
  return new TypeError(`batchnorm: ${call}: "${what}" has no "${name}"; ${advice}`);
}

function momentumAdvice(value: unknown, known: Names): string {
  if (!known.has('updateRate')) {
    return (
      '"momentum" belongs to running statistics, and this function keeps none; ' +
      'see updateRate and decay of BatchNorm'
    );
  }
  const usable = typeof value === 'number' && value >= 0 && value <= 1;
  const rate = usable ? value : 0.1;
  const complement = Number((1 - rate).toPrecision(15));
  return (
    '"momentum" is refused, because the word has two opposite meanings. ' +
    `momentum ${rate} of PyTorch is updateRate: ${rate} (running = (1 - updateRate)*running + updateRate*batch); ` +
    `momentum ${rate} of Keras, TensorFlow, flax and ONNX is decay: ${rate} (decay = 1 - updateRate, ` +
    `so updateRate: ${complement})`
  );
}
