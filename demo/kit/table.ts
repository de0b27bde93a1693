/** Tables in the terminal. */
import Table from 'cli-table3';

export interface TableOptions {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly aligns: readonly ('left' | 'right')[];
  readonly colours: boolean;
}

export function formatTable({ head, rows, aligns, colours }: TableOptions): string {
  const table = new Table({
    head: [...head],
    colAligns: [...aligns],
    style: { head: colours ? ['bold'] : [], border: colours ? ['grey'] : [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
