// The order of summation, in numbers: docs/numerics.md, section 2. The same in native/kernels/layout.h and
// assembly/layout.ts.
import { type GradientSumArrays, RECORD, type View } from '../kernels.js';

/** Virtual lanes: partial sums that vectors of any width up to this can hold. */
export const LANES = 16;
/** Values of one channel that are summed into one set of lanes before these are folded. */
export const SEGMENT = 4096;
/** Rows shorter than this are summed as columns: 7×7 planes reach 21 GB/s that way and 13 as rows (AVX2, 12.8 MB). */
export const COLUMNS_BELOW = 64;

/** Rows narrower than this, c·s values, are stacked: a strip of columns would not fill the lanes. */
export const STACKED_BELOW = LANES;

/** Columns: rows whose contribution to a strip is summed at once. Free to choose: it does not change the order. */
export const ROWS_AT_ONCE = 8;
/** Rows: channels whose lanes are kept at once. Free to choose too. */
export const CHANNELS_AT_ONCE = 32;

/** Rows that are looked up together where they lie anywhere. Free to choose. */
export const ROWS_OF_A_BLOCK = 256;

export function asColumns({ s }: View): boolean {
  return s < COLUMNS_BELOW;
}
/** Rows that are groups by themselves, or several of them. */
export function asLongRows({ s }: View): boolean {
  return s > SEGMENT / 2;
}

/** Rows that lie side by side in one row of columns. */
export function stackedRows({ c, s }: Pick<View, 'c' | 's'>): number {
  return c * s < STACKED_BELOW ? LANES : 1;
}

/** Rows of s values that make one group: whole stacks of rows, where these are stacked. */
export function groupRows(view: Pick<View, 'c' | 's'>): number {
  const rows = view.s >= SEGMENT ? 1 : Math.floor(SEGMENT / view.s);
  return rows - (rows % stackedRows(view));
}

/** Memory that the kernels need beside their arguments; a backend keeps one and lets it grow. */
export interface Scratch {
  /** Two sums per channel, [2c]. */
  readonly totals: Float64Array;
  /** Lanes of the strips or channels that are summed at once, and one more set to fold columns in. */
  readonly lanes: Float64Array;
  /** Where rows of a block begin, in tensors of at most 2³¹ elements and in larger ones, and their weights. */
  readonly places: Int32Array;
  readonly farPlaces: Float64Array;
  readonly weights: Float64Array;
  /** Coefficients per channel, [c] each: see coefficients.ts and backward.ts. */
  readonly center: Float64Array;
  readonly scale: Float64Array;
  readonly offset: Float64Array;
  readonly dxSlope: Float64Array;
  readonly dxOffset: Float64Array;
  /** The gradient sums of a backward pass. */
  readonly sums: GradientSumArrays;
  /** The exact sums of a forward or backward pass. */
  readonly records: Float64Array;
}

function laneCount(c: number, s: number): number {
  const strips = s < COLUMNS_BELOW ? Math.ceil((stackedRows({ c, s }) * c * s) / LANES) : CHANNELS_AT_ONCE;
  return 2 * LANES * (strips + 1);
}

export function fits(scratch: Scratch, c: number, s: number): boolean {
  return scratch.center.length >= c && scratch.lanes.length >= laneCount(c, s);
}

export function makeScratch(c: number, s: number): Scratch {
  const perChannel = () => new Float64Array(c);
  return {
    totals: new Float64Array(2 * c),
    lanes: new Float64Array(laneCount(c, s)),
    places: new Int32Array(ROWS_OF_A_BLOCK),
    farPlaces: new Float64Array(ROWS_OF_A_BLOCK),
    weights: new Float64Array(ROWS_OF_A_BLOCK),
    center: perChannel(),
    scale: perChannel(),
    offset: perChannel(),
    dxSlope: perChannel(),
    dxOffset: perChannel(),
    sums: { sumDy: perChannel(), sumDyDeviation: perChannel() },
    records: new Float64Array(RECORD.numbers * c),
  };
}

/** The value rounded to the tensor's type: the fl() of docs/numerics.md. */
export function fl(value: number, float32: boolean): number {
  return float32 ? Math.fround(value) : value;
}
