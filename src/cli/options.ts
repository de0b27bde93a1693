/** The options of a command: a row for each, from which the values and their types, the errors and the help follow. */
import { parseArgs } from 'node:util';

/** An option without a value: true where it is given. */
export interface Flag {
  readonly type: 'flag';
  readonly description: string;
  /** Help does not name it. */
  readonly hidden?: true;
}

/** An option that takes a whole number. */
export interface WholeNumber {
  readonly type: 'whole number';
  /** Name of the number in the help. */
  readonly unit: string;
  readonly description: string;
  readonly least: number;
  readonly most: number;
  readonly default: number;
}

/** An option that takes a text, and has to be given where it has no default. */
export interface Text {
  readonly type: 'text';
  /** Name of the text in the help. */
  readonly unit: string;
  readonly description: string;
  /** The texts that it takes; any where they are not said. */
  readonly choices?: readonly string[];
  readonly default?: string;
}

/** An argument that is given by its place, not by a name, and is required; its row names it in the help. */
export interface Operand {
  readonly type: 'operand';
  readonly description: string;
}

export type Option = Flag | WholeNumber | Text | Operand;
export type Options = Readonly<Record<string, Option>>;
export type Values<O extends Options> = { readonly [Name in keyof O]: Value<O[Name]> };
type Value<Row extends Option> = Row extends Flag
  ? boolean
  : Row extends WholeNumber
    ? number
    : Row extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : string;

/** A command line that cannot be understood. */
export class Misuse extends Error {
  override name = 'Misuse';
}

/**
 * The values of the options of `command`.
 * @throws Misuse
 */
export function readOptions<O extends Options>(command: string, options: O, args: readonly string[]): Values<O> {
  const named = Object.entries(options).filter(([, { type }]) => type !== 'operand');
  const types = named.map(([name, { type }]) => [
    name,
    { type: type === 'flag' ? ('boolean' as const) : ('string' as const) },
  ]);
  // Not strict: the errors of parseArgs name neither the command nor what was wanted.
  const { tokens, positionals } = parseArgs({
    ...{ args: [...args], options: Object.fromEntries(types) },
    ...{ strict: false, allowPositionals: true, tokens: true },
  });
  const found: Record<string, boolean | number | string> = {
    ...defaults(options),
    ...operands(command, options, positionals),
  };
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const row = named.find(([known]) => known === name)?.[1];
    if (row?.type === 'whole number') found[name] = wholeNumber(`${rawName} <${row.unit}>`, row, value);
    else if (row?.type === 'text') found[name] = text(`${rawName} <${row.unit}>`, row, value);
    else if (row === undefined || inlineValue) {
      throw new Misuse(`unknown option '${rawName}${row && inlineValue ? `=${value}` : ''}'`);
    } else found[name] = true;
  }
  for (const [name, row] of named) {
    if (row.type !== 'text' || name in found) continue;
    throw new Misuse(`required option '--${name} <${row.unit}>' not specified`);
  }
  return found as Values<O>;
}

function defaults(options: Options): Record<string, boolean | number | string> {
  const values = Object.entries(options).flatMap(([name, row]): [string, boolean | number | string][] => {
    if (row.type === 'flag') return [[name, false]];
    return 'default' in row && row.default !== undefined ? [[name, row.default]] : [];
  });
  return Object.fromEntries(values);
}

function operands(command: string, options: Options, given: readonly string[]): Record<string, string> {
  const names = Object.keys(options).filter((name) => options[name].type === 'operand');
  if (given.length > names.length) {
    const wanted = `${names.length} argument${names.length === 1 ? '' : 's'}`;
    throw new Misuse(`too many arguments for '${command}'. Expected ${wanted} but got ${given.length}.`);
  }
  const missing = names[given.length];
  if (missing !== undefined) throw new Misuse(`missing required argument '${missing}'`);
  return Object.fromEntries(names.map((name, i) => [name, given[i]]));
}

function text(title: string, { choices }: Text, given: string | undefined): string {
  if (given === undefined) throw new Misuse(`option '${title}' argument missing`);
  if (choices === undefined || choices.includes(given)) return given;
  throw new Misuse(`option '${title}' argument '${given}' is invalid. Allowed choices are ${choices.join(', ')}.`);
}

function wholeNumber(title: string, { least, most }: WholeNumber, text: string | undefined): number {
  if (text === undefined) throw new Misuse(`option '${title}' argument missing`);
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Misuse(
    `option '${title}' argument '${text}' is invalid. Expected a whole number from ${least} to ${most}.`,
  );
}
