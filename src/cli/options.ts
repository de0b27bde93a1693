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
  /** What help calls the number. */
  readonly unit: string;
  readonly description: string;
  readonly least: number;
  readonly most: number;
  readonly default: number;
}

export type Options = Readonly<Record<string, Flag | WholeNumber>>;
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Flag ? boolean : number };

/** A command line that cannot be understood. */
export class Misuse extends Error {
  override name = 'Misuse';
}

/**
 * The values of the options of `command`.
 * @throws Misuse
 */
export function readOptions<O extends Options>(command: string, options: O, args: readonly string[]): Values<O> {
  const types = Object.entries(options).map(([name, { type }]) => [
    name,
    { type: type === 'flag' ? ('boolean' as const) : ('string' as const) },
  ]);
  // Not strict: the errors of parseArgs name neither the command nor what was wanted.
  const { tokens, positionals } = parseArgs({
    ...{ args: [...args], options: Object.fromEntries(types) },
    ...{ strict: false, allowPositionals: true, tokens: true },
  });
  if (positionals.length > 0) {
    throw new Misuse(`too many arguments for '${command}'. Expected 0 arguments but got ${positionals.length}.`);
  }
  const values = Object.entries(options).map(([name, row]) => [name, row.type === 'flag' ? false : row.default]);
  const found: Record<string, boolean | number> = Object.fromEntries(values);
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const row = Object.hasOwn(options, name) ? options[name] : undefined;
    if (row?.type === 'whole number') found[name] = wholeNumber(`${rawName} <${row.unit}>`, row, value);
    else if (row === undefined || inlineValue) {
      throw new Misuse(`unknown option '${rawName}${row && inlineValue ? `=${value}` : ''}'`);
    } else found[name] = true;
  }
  return found as Values<O>;
}

function wholeNumber(title: string, { least, most }: WholeNumber, text: string | undefined): number {
  if (text === undefined) throw new Misuse(`option '${title}' argument missing`);
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Misuse(
    `option '${title}' argument '${text}' is invalid. Expected a whole number from ${least} to ${most}.`,
  );
}
