// The order of summation, in numbers: docs/numerics.md, section 2. The same in src/reference/layout.ts and
// native/layout.h.

/** Virtual lanes: partial sums that vectors of any width up to this can hold. */
export const LANES: usize = 16;
/** First sums, then second sums; in bytes. */
export const PAIR_BYTES: usize = 2 * LANES * sizeof<f64>();
/** Values of one channel that are summed into one set of lanes before these are folded. */
export const SEGMENT: usize = 4096;
/** Rows shorter than this are summed as columns: 7×7 planes reach 21 GB/s that way and 13 as rows (AVX2, 12.8 MB). */
export const COLUMNS_BELOW: usize = 64;

/** Rows narrower than this, c·s values, are stacked: a strip of columns would not fill the lanes. */
export const STACKED_BELOW: usize = LANES;

/** Columns: rows whose contribution to a strip is summed at once. Free to choose: it does not change the order. */
export const ROWS_AT_ONCE: usize = 8;
/** Rows: channels whose lanes are kept at once. Free to choose too. */
export const CHANNELS_AT_ONCE: usize = 32;
/** Elementwise passes over rows shorter than this run across channels. Free to choose. */
export const SPREAD_BELOW: usize = 16;

export function least(a: usize, b: usize): usize {
  return a < b ? a : b;
}

/** Rows of s values that make one group. */
export function groupRows(s: usize): usize {
  return s >= SEGMENT ? 1 : SEGMENT / s;
}

/** Rows that lie side by side in one row of columns. */
export function stackedRows(c: usize, s: usize): usize {
  return c * s < STACKED_BELOW ? LANES : 1;
}

/** Columns of the rows that are stacked; 0 where rows are not summed as columns. */
export function columnsOf(c: usize, s: usize): usize {
  return s < COLUMNS_BELOW ? stackedRows(c, s) * c * s : 0;
}

/** Strips of 16 columns, or blocks of channels, whose lanes are kept at once. */
export function laneSets(c: usize, s: usize): usize {
  return s < COLUMNS_BELOW ? (columnsOf(c, s) + LANES - 1) / LANES : CHANNELS_AT_ONCE;
}

/** Pointers to the coefficients of y = (x − center)·scale + offset and dx = g·scale − (d·slope + level). */
@unmanaged
export class Coefficients {
  center: usize;
  scale: usize;
  offset: usize;
  slope: usize;
  level: usize;
}

/** What is summed: Σ x and Σ x², Σ (x − mean) and its squares, or Σ g and Σ g·d. */
export const SUMS: i32 = 0;
export const CENTRED: i32 = 1;
export const GRADIENT: i32 = 2;

/** A term and what it reads. AssemblyScript has no closures: the term is a number, and addStrip branches on it. */
@unmanaged
export class Term {
  kind: i32;
  activation: i32;
  x: usize;
  dy: usize;
  residual: usize;
  /** f64, by channel or by column. */
  mean: usize;
  /** Of the tensor's type, by channel or by column. */
  center: usize;
  scale: usize;
  offset: usize;
}

/** What kernels need beside their arguments, laid out in the memory that the caller lends; this table comes first. */
@unmanaged
export class Scratch {
  /** [2c] f64: two sums per channel. */
  totals: usize;
  /** [laneSets + 1] pairs of lanes, the last one to fold columns in. */
  lanes: usize;
  /** [columns] f64: the means spread over columns, where rows are summed as columns. */
  means: usize;
  /** [c] f64 each: the gradient sums of a backward pass. */
  sumDy: usize;
  sumDyDeviation: usize;
  /** [c] each. */
  channels: Coefficients;
  /** [columns] each, where rows are summed as columns. */
  columns: Coefficients;
  /** What is being summed. */
  term: Term;
  /** The end of all this. */
  end: usize;

  /** `bytes`, aligned as the scratch is. */
  private take(bytes: usize): usize {
    const taken = this.end;
    this.end = taken + ((bytes + 63) & ~63);
    return taken;
  }

  private takeCoefficients(length: usize): Coefficients {
    const all = changetype<Coefficients>(this.take(offsetof<Coefficients>()));
    all.center = this.take(length * sizeof<f64>());
    all.scale = this.take(length * sizeof<f64>());
    all.offset = this.take(length * sizeof<f64>());
    all.slope = this.take(length * sizeof<f64>());
    all.level = this.take(length * sizeof<f64>());
    return all;
  }

  static at(memory: usize, c: usize, s: usize): Scratch {
    const scratch = changetype<Scratch>(memory);
    const spread = columnsOf(c, s);
    scratch.end = memory + ((offsetof<Scratch>() + 63) & ~63);
    scratch.totals = scratch.take(2 * c * sizeof<f64>());
    scratch.lanes = scratch.take((laneSets(c, s) + 1) * PAIR_BYTES);
    scratch.means = scratch.take(spread * sizeof<f64>());
    scratch.sumDy = scratch.take(c * sizeof<f64>());
    scratch.sumDyDeviation = scratch.take(c * sizeof<f64>());
    scratch.channels = scratch.takeCoefficients(c);
    scratch.columns = scratch.takeCoefficients(spread);
    scratch.term = changetype<Term>(scratch.take(offsetof<Term>()));
    return scratch;
  }
}

/** What `Scratch.at` takes: 20 arrays and tables, each rounded up to 64 bytes. In float64, where it cannot wrap round. */
export function scratchBytes(c: usize, s: usize): f64 {
  const spread: f64 = s < COLUMNS_BELOW ? <f64>stackedRows(c, s) * <f64>c * <f64>s : 0;
  const sets: f64 = s < COLUMNS_BELOW ? spread / <f64>LANES + 2 : <f64>(CHANNELS_AT_ONCE + 1);
  return (9 * <f64>c + 6 * spread) * sizeof<f64>() + sets * PAIR_BYTES + 3 * 128 + 20 * 64;
}
