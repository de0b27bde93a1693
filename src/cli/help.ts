/** The text of `--help`. */
import type { Option, Options } from './options.js';

/** Where the output is no terminal, which has its own width. */
const WIDTH = 80;

/** A command as a whole, for its own help. */
export interface Described {
  /** With what comes before it. */
  readonly name: string;
  readonly description: string;
  readonly options: Options;
  readonly examples: readonly string[];
}

export function helpOf({ name, description, options, examples }: Described): string {
  const rows = Object.entries(options).filter(([, row]) => !('hidden' in row));
  const operands = rows.filter(([, { type }]) => type === 'operand');
  const named = rows.filter(([, { type }]) => type !== 'operand').map(([option, row]) => described(option, row));
  const lists = {
    ...(operands.length > 0 && { Arguments: operands.map(([operand, row]): Row => [operand, row.description]) }),
    Options: [...named, HELP],
  };
  const usage = [`${name} [options]`, ...operands.map(([operand]) => `<${operand}>`)].join(' ');
  return sections(usage, description, lists, examples);
}

function described(option: string, row: Option): Row {
  if (row.type === 'flag') return [`--${option}`, `${row.description} (default: false)`];
  const term = `--${option} <${'unit' in row ? row.unit : ''}>`;
  if ('default' in row) return [term, `${row.description} (default: ${row.default})`];
  const choices = 'choices' in row && row.choices ? ` (choices: ${row.choices.join(', ')})` : '';
  return [term, row.description + choices];
}

export type Row = readonly [term: string, description: string];

const HELP: Row = ['-h, --help', 'display help for command'];

/** Help of the whole program. */
export function helpOfAll(name: string, description: string, commands: readonly Row[], examples: readonly string[]) {
  const options: Row[] = [['-V, --version', 'output the version number'], HELP];
  const all: Row[] = [...commands, ['help [command]', 'display help for command']];
  return sections(`${name} [options] [command]`, description, { Options: options, Commands: all }, examples);
}

function sections(
  usage: string,
  description: string,
  lists: Readonly<Record<string, readonly Row[]>>,
  examples: readonly string[],
): string {
  const terms = Object.values(lists).flatMap((rows) => rows.map(([term]) => term.length));
  const column = Math.max(...terms);
  const items = Object.entries(lists).map(([title, rows]) => {
    const lines = rows.map(([term, text]) => wrap(`  ${term.padEnd(column)}  `, text));
    return `${title}:\n${lines.join('\n')}`;
  });
  const shown = `Examples:\n${examples.map((example) => `  ${example}`).join('\n')}`;
  return [`Usage: ${usage}`, wrap('', description), ...items, shown].join('\n\n');
}

/** The text after its beginning, in lines that end between words, under each other. */
function wrap(beginning: string, text: string): string {
  const width = process.stdout.columns || WIDTH;
  const indent = ' '.repeat(beginning.length);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const longer = `${last} ${word}`;
    if (last !== undefined && indent.length + longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return beginning + lines.join(`\n${indent}`);
}
