/** Tensors by the names that frameworks give them: a prefix, a separator, and the name of a variable. */
import { alternatives, describe, expected, wrongKind } from '../arguments/messages.js';
import { readOwn } from '../arguments/options.js';
import { checkBoolean } from '../arguments/validate.js';
import { checkTensor, type NamedTensor, type Tensors } from './tensors.js';

/** A tensor, and what it is called in messages. */
export interface Part {
  readonly name: string;
  readonly tensor: NamedTensor;
}

/** The tensors that a layer is made of. */
export interface Parts {
  readonly gamma: Part | null;
  readonly beta: Part | null;
  readonly mean: Part | null;
  readonly variance: Part | null;
}

/** Own entries only, which getters cannot change any more. */
export function readTensors(call: string, name: string, tensors: Tensors): Tensors {
  return readOwn(call, name, tensors);
}

/** Options that are true or false, as far as they are given. */
export function checkSwitches<O extends object>(call: string, given: O, ...names: (keyof O & string)[]): void {
  for (const name of names) if (given[name] !== undefined) checkBoolean(call, name, given[name]);
}

export function readPrefix(call: string, prefix: string | undefined, separator: string): string {
  if (prefix === undefined || prefix === '') return '';
  if (typeof prefix !== 'string') throw wrongKind(call, 'prefix', 'a string', prefix);
  return prefix.endsWith(separator) ? prefix : prefix + separator;
}

/**
 * The tensors whose names begin with the prefix, by what follows it.
 *
 * @param prefix as {@link readPrefix} returned it
 */
export function under(call: string, tensors: Tensors, prefix: string): Map<string, Part> {
  const found = new Map<string, Part>();
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!name.startsWith(prefix)) continue;
    checkTensor(call, name, tensor);
    found.set(name.slice(prefix.length), { name, tensor });
  }
  return found;
}

/** A few of many names, as a message has room for them. */
export function some(names: readonly string[]): string {
  const rest = names.length - 6;
  const shown = (rest > 0 ? names.slice(0, 6) : names).map((name) => describe(name)).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

/** Refuses tensors that no importer has asked for, unless `strict` is false: they may mean another kind of layer. */
export function refuseLeftOver(
  call: string,
  what: string,
  parts: Map<string, Part>,
  used: readonly string[],
  strict: boolean | undefined,
): void {
  if (strict === false) return;
  const left = [...parts].filter(([name]) => !used.includes(name)).map(([, { name }]) => name);
  if (left.length === 0) return;
  throw new TypeError(
    `${expected(call, what, `nothing but ${alternatives(used)}`, `also ${some(left)}`)}; ` +
      'pass the prefix of one layer, or strict: false to leave the rest',
  );
}

/** A tensor that has to be there; `others` are the prefixes of layers that are. */
export function lacks(call: string, what: string, name: string, others: readonly string[], advice = ''): TypeError {
  const found = others.length > 0 ? `; there are batch normalizations at the prefixes ${some(others)}` : '';
  return new TypeError(`batchnorm: ${call}: "${what}" lacks ${describe(name)}${advice}${found}`);
}
