/** The table in the terminal, and whether there are colours. */
import type { Summary } from '../report/summary.js';

/** On a terminal, unless NO_COLOR asks for none (no-color.org: not empty). */
export function hasColours(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'];
}

/** Lines that end between words where a terminal would end them within one. What is no terminal gets one line. */
export function wrap(text: string, columns = process.stdout.columns || Infinity, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}

export async function formatTable({ head, accuracy, other }: Summary): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const colour = hasColours();
  const table = new Table({
    head: [...head],
    colAligns: ['left', 'right', 'right'],
    style: { head: colour ? ['bold'] : [], border: colour ? ['grey'] : [], compact: true },
  });
  table.push(...accuracy.map((row) => [...row]), ...other.map((row) => [...row]));
  return table.toString();
}
