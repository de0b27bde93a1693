/** The payload of an exchange: tables of numbers with a column for each channel, and how ranks join them. */
import { mergeMoments } from '../channels/moment-arrays.js';

/**
 * The numbers that a rank gives to an allreduce: a table with a column for each channel and a row for each kind of
 * number, such as mean and variance.
 */
export interface Columns {
  /** Numbers that belong to all columns, such as the count of values per channel: at most two. */
  readonly head: Float64Array;
  /** The rows: at least one, all of the same length. */
  readonly rows: readonly Float64Array[];
}

/**
 * Makes the rows of the whole from the columns of all ranks. The rows may mean something else than those of the ranks,
 * but their number is the same in every call. A join treats each column by itself, so that it may be given a range of
 * columns.
 *
 * @param ranks the columns of all ranks, in order of rank
 * @param start number of the first of these columns in the whole table
 */
export type Join = (ranks: readonly Columns[], start: number) => readonly Float64Array[];

/** One after the other, `stride` numbers apart. */
export function writeRows(to: Float64Array, rows: readonly Float64Array[], stride: number): void {
  rows.forEach((row, i) => {
    to.set(row, i * stride);
  });
}

/** Views of a head and of the rows behind it. */
export function columnsOf(values: Float64Array, head: number, rows: number): Columns {
  const columns = (values.length - head) / rows;
  const rowAt = (_: unknown, i: number) => values.subarray(head + i * columns, head + (i + 1) * columns);
  return { head: values.subarray(0, head), rows: Array.from({ length: rows }, rowAt) };
}

/** Views of the columns from `start` to before `end`. */
export function sliceColumns({ head, rows }: Columns, start: number, end: number): Columns {
  return { head, rows: rows.map((row) => row.subarray(start, end)) };
}

/** Rows of count, mean and variance. Where the count of a rank is none, the joined one says so: {@link isCount}. */
export function joinMoments([first, ...others]: readonly Columns[]): Float64Array[] {
  const [count, mean, variance] = first.rows.map((row) => row.slice());
  for (const { rows } of others)
    mergeMoments({ count, mean, variance }, { count: rows[0], mean: rows[1], variance: rows[2] });
  markWrongCounts(count, [first, ...others]);
  return [count, mean, variance];
}

/** The first row holds counts, which are added; the others nothing. */
export function joinCounts(ranks: readonly Columns[]): Float64Array[] {
  const totals = joinSums(ranks);
  markWrongCounts(totals[0], ranks);
  return totals;
}

/** A number of values, or the sum of their weights. */
export function isCount(count: number): boolean {
  return count >= 0 && count < Infinity;
}

/**
 * Where rank r sent a count that is none, the joined one becomes −1 − r. The rank that joins a column may be the only
 * one that sees what was sent; this way all ranks know, and can refuse it alike, after the exchange that none of them
 * may leave.
 */
function markWrongCounts(joined: Float64Array, ranks: readonly Columns[]): void {
  for (let rank = ranks.length - 1; rank >= 0; rank--) {
    const [counts] = ranks[rank].rows;
    for (let ch = 0; ch < joined.length; ch++) if (!isCount(counts[ch])) joined[ch] = -1 - rank;
  }
}

/** Added row by row. */
export function joinSums(ranks: readonly Columns[]): Float64Array[] {
  const totals = ranks[0].rows.map((row) => new Float64Array(row.length));
  for (const { rows } of ranks) {
    for (const [i, total] of totals.entries()) {
      const row = rows[i];
      for (let k = 0; k < total.length; k++) total[k] += row[k];
    }
  }
  return totals;
}

/** Joins one stretch of columns after the other, each in its own way. */
export function joinStretches(stretches: readonly { readonly columns: number; readonly join: Join }[]): Join {
  return (ranks, start) => {
    const { rows } = ranks[0];
    const end = start + rows[0].length;
    const totals = rows.map((row) => new Float64Array(row.length));
    let first = 0;
    for (const { columns, join } of stretches) {
      const [from, to] = [Math.max(first, start) - start, Math.min(first + columns, end) - start];
      const joined =
        from < to
          ? join(
              ranks.map((rank) => sliceColumns(rank, from, to)),
              start + from,
            )
          : [];
      for (const [i, row] of joined.entries()) totals[i].set(row, from);
      first += columns;
    }
    return totals;
  };
}
