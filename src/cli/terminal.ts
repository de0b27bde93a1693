/** The table in the terminal, and whether there are colours. */
import type { Summary } from './report/summary.js';

/** On a terminal, unless NO_COLOR asks for none (no-color.org: not empty). */
export function hasColours(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'];
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
