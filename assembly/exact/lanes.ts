// Bins while something is added to them: of columns side by side, and behind these two of a run of one channel. A lane
// has the bins of a window, one kind behind the other, what is needed to add to them (see group.ts), and how far what
// was added reaches.
import { saveMagnitudes } from './seen';
import { TO_BELOW, TO_LOWER, TO_LOWEST, Window } from './window';

/** Channels that lie side by side. */
export const COLUMNS: usize = 64;
/** Where the lanes of a run begin. */
export const RUN: usize = COLUMNS << 3;
const KIND: usize = RUN + 16;
/**
 * Bins of values, then of products; magnitudes as Seen has them, for products of two rows, for squares of one; the
 * anchor of the first bin of values; and of products that of the upper one, alone and with the next one.
 */
export const BELOW: usize = KIND;
export const UPPER: usize = 2 * KIND;
export const LOWER: usize = 3 * KIND;
export const LOWEST: usize = 4 * KIND;
export const MOST_P: usize = 5 * KIND;
export const LEAST_P: usize = 6 * KIND;
export const MOST_Q: usize = 7 * KIND;
export const LEAST_Q: usize = 8 * KIND;
export const VALUES: usize = 9 * KIND;
export const PRODUCTS: usize = 10 * KIND;
export const ANCHORS: usize = 11 * KIND;
export const LANES_BYTES: usize = 12 * KIND;

/** From the anchor of a bin to those of the next ones. */
const BELOW_ANCHOR: i64 = (<i64>TO_BELOW) << 52;
const LOWER_ANCHOR: i64 = (<i64>TO_LOWER) << 52;
const LOWEST_ANCHOR: i64 = (<i64>TO_LOWEST) << 52;
/** The anchor of the bin below, in units of a bin: what it adds to the bits of the anchor of that. */
const NEXT: i64 = (<i64>3) << (51 - TO_LOWER);

/** Bits of the anchor of a bin: 1.5·2⁵² units of 2^unit. */
function anchorOf(unit: i32): i64 {
  return ((<i64>(unit + 1075)) << 52) | ((<i64>1) << 51);
}

/** A column, with nothing in its upper bins: it gets no others. */
export function openLane(window: Window, lanes: usize, column: usize): void {
  const at = lanes + (column << 3);
  const products = anchorOf(window.unitOfProducts);
  store<i64>(at, anchorOf(window.unit));
  store<i64>(at + PRODUCTS, products);
  store<i64>(at + ANCHORS, products + NEXT);
  store<i64>(at + UPPER, 0);
  store<i64>(at + LOWER, 0);
  store<u64>(at + MOST_P, 0);
  store<u64>(at + MOST_Q, 0);
  store<i64>(at + LEAST_P, -1);
  store<i64>(at + LEAST_Q, -1);
}

/** Moves what was added to the upper bins of a column, so many values, to the window. */
export function takeLane(window: Window, lanes: usize, column: usize, count: i64): void {
  const at = lanes + (column << 3);
  const products = anchorOf(window.unitOfProducts);
  ++window.lanes;
  window.first += load<i64>(at) - anchorOf(window.unit);
  window.upper += load<i64>(at + UPPER) - count * products;
  window.lower += load<i64>(at + LOWER) - count * (products - LOWER_ANCHOR);
}

/** Lets the window see what the squares of a column were. */
export function seeSquares(window: Window, lanes: usize, column: usize): void {
  const at = lanes + (column << 2);
  window.mostP = load<u32>(at + MOST_P);
  window.leastP = load<u32>(at + LEAST_P);
  window.copyToQ();
}

/** Lets the window see what the products of a column were: of two rows, each with two columns. */
export function seeProducts(window: Window, lanes: usize, column: usize): void {
  const at = lanes + ((column & ~1) << 3) + ((column & 1) << 2);
  window.mostP = max(load<u32>(at + MOST_P), load<u32>(at + MOST_P + 8));
  window.leastP = min(load<u32>(at + LEAST_P), load<u32>(at + LEAST_P + 8));
  window.mostQ = max(load<u32>(at + MOST_Q), load<u32>(at + MOST_Q + 8));
  window.leastQ = min(load<u32>(at + LEAST_Q), load<u32>(at + LEAST_Q + 8));
}

/** Lets the window see what was in a run. */
export function seeRun(window: Window, lanes: usize, areSquares: bool): void {
  const at = changetype<usize>(window);
  saveMagnitudes(at, v128.load(lanes, MOST_P), v128.load(lanes, LEAST_P));
  if (areSquares) window.copyToQ();
  else saveMagnitudes(at + 8, v128.load(lanes, MOST_Q), v128.load(lanes, LEAST_Q));
}

/** Both lanes of a run, in whole vectors: a load of two halves that were stored apart would have to wait. */
export function openRun(window: Window, lanes: usize): void {
  const values = anchorOf(window.unit);
  const products = anchorOf(window.unitOfProducts);
  const nothing = i64x2.splat(0);
  const all = v128.not(nothing);
  v128.store(lanes, i64x2.splat(values));
  v128.store(lanes, i64x2.splat(values), VALUES);
  v128.store(lanes, i64x2.splat(products), PRODUCTS);
  v128.store(lanes, i64x2.splat(products + NEXT), ANCHORS);
  v128.store(lanes, nothing, BELOW);
  v128.store(lanes, nothing, UPPER);
  v128.store(lanes, nothing, LOWER);
  v128.store(lanes, nothing, LOWEST);
  v128.store(lanes, nothing, MOST_P);
  v128.store(lanes, nothing, MOST_Q);
  v128.store(lanes, all, LEAST_P);
  v128.store(lanes, all, LEAST_Q);
}

/** Moves what was added to a run, so many values, to the window: to the upper bins, or to all. */
export function takeRun(window: Window, lanes: usize, isWide: bool, count: i64): void {
  const values = anchorOf(window.unit);
  const products = anchorOf(window.unitOfProducts);
  window.lanes += 2;
  window.first += both(lanes) - 2 * values;
  window.upper += both(lanes + UPPER) - count * products;
  window.lower += both(lanes + LOWER) - count * (products - LOWER_ANCHOR);
  if (!isWide) return;
  window.first -= count * values;
  window.below += both(lanes + BELOW) - count * (values - BELOW_ANCHOR);
  window.lowest += both(lanes + LOWEST) - count * (products - LOWEST_ANCHOR);
}

/** What is in both lanes of a bin. Whole numbers wrap round, and come back. */
function both(bin: usize): i64 {
  return load<i64>(bin) + load<i64>(bin, 8);
}

/** The sum of an anchor and that of the bin below. */
export function withNext(anchor: v128): v128 {
  return i64x2.add(anchor, i64x2.splat(NEXT));
}

/** The anchor of the bin below. */
export function nextOf(anchor: v128): v128 {
  return i64x2.sub(anchor, i64x2.splat(LOWER_ANCHOR));
}

export function widen(from: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(from));
}
