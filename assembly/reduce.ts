// Two sums per channel in the order that docs/numerics.md, section 2, defines. The three walks differ only in how they
// reach the elements; a kind says what is summed.
import { gradientTerm } from './backward';
import { Call, COLUMNS_AT_ONCE, STRIP } from './call';
import { broadcastCoefficients } from './coefficients';
import { Bent, CENTRED, GATED, GRADIENT, No, SUMS, tensorsOf, Yes } from './kinds';
import {
  asColumns,
  asLongRows,
  broadcast,
  divideUp,
  groupRows,
  LANES,
  laneAt,
  minOf,
  PAIR_BYTES,
  SEGMENT,
  segmentsOf,
  stackedRows,
} from './layout';
import { centredSums, sums } from './stats';
import { readStrip } from './strips';

/**
 * Columns: rows whose contribution to a strip is summed at once. Free to choose: it does not change the order. Rows
 * that lie a page or more apart fall into the same few places of the first cache: no more of them than it has ways.
 */
const NEAR_ROWS_AT_ONCE: usize = 8;
const FAR_LINES_AT_ONCE: usize = 8;
const PAGE_BYTES: usize = 4096;
/** Tensors up to this are near anyway: all their rows at once. */
const SMALL_BYTES: usize = 65536;
/** Rows: blocks of 16 that pass while a part of the lanes stays in registers. Free to choose. */
const BLOCKS_AT_ONCE: usize = 64;
/** Rows: channels whose lanes are kept at once. Free to choose too, up to COLUMNS_AT_ONCE / LANES. */
const CHANNELS_AT_ONCE: usize = 32;

/**
 * Adds to `lanes` (first totals, then second sums) the terms of `count` strips of `width` elements: strip r is
 * x[position + r·stride ...]. Its parameters are those of channel `ch`, or if `perColumn` those of columns.
 */
function addStrip(
  call: Call,
  kind: i32,
  lanes: usize,
  position: usize,
  ch: usize,
  perColumn: bool,
  width: usize,
  count: usize,
  stride: usize,
  thread: usize,
): void {
  if (call.half != 0) {
    const strip = readStrip(call, thread, position, width, count, stride, kind >= GRADIENT, kind >= GATED);
    stripOf<f32>(strip, kind, lanes, 0, ch, perColumn, width, count, width, thread);
  } else if (call.width == 4) stripOf<f32>(call, kind, lanes, position, ch, perColumn, width, count, stride, thread);
  else stripOf<f64>(call, kind, lanes, position, ch, perColumn, width, count, stride, thread);
}

function stripOf<T>(
  call: Call,
  kind: i32,
  lanes: usize,
  position: usize,
  ch: usize,
  perColumn: bool,
  width: usize,
  count: usize,
  stride: usize,
  thread: usize,
): void {
  if (kind == SUMS) sums<T>(call, lanes, position, width, count, stride);
  else if (kind == CENTRED) centredSums<T>(call, lanes, position, ch, perColumn, width, count, stride, thread);
  else if (kind == GRADIENT) gradientTerm<T, No>(call, lanes, position, ch, perColumn, width, count, stride, thread);
  else if (kind == GATED) gradientTerm<T, Yes>(call, lanes, position, ch, perColumn, width, count, stride, thread);
  else gradientTerm<T, Bent>(call, lanes, position, ch, perColumn, width, count, stride, thread);
}

/** Adds one row (or segment) of a channel to its lanes: lane = index mod 16. */
function addRow(call: Call, kind: i32, lanes: usize, position: usize, ch: usize, length: usize, thread: usize): void {
  if (call.half != 0) {
    addHalfRow(call, kind, lanes, position, ch, length, thread);
    return;
  }
  const whole = length / LANES;
  for (let block: usize = 0; block < whole; block += BLOCKS_AT_ONCE) {
    const count = minOf(BLOCKS_AT_ONCE, whole - block);
    addStrip(call, kind, lanes, position + block * LANES, ch, false, LANES, count, LANES, thread);
  }
  const rest = length % LANES;
  if (rest > 0) addStrip(call, kind, lanes, position + whole * LANES, ch, false, rest, 1, LANES, thread);
}

/** addRow where elements have 16 bits: a strip has whole blocks. */
function addHalfRow(
  call: Call,
  kind: i32,
  lanes: usize,
  position: usize,
  ch: usize,
  length: usize,
  thread: usize,
): void {
  for (let j: usize = 0; j < length; j += STRIP) {
    const count = minOf(STRIP, length - j);
    const strip = readStrip(call, thread, position + j, count, 1, count, kind >= GRADIENT, kind >= GATED);
    addRow(strip, kind, lanes, 0, ch, count, thread);
  }
}

function lane(lanes: usize, j: usize): f64 {
  return load<f64>(lanes + (j << 3));
}

function quarter(lanes: usize, j: usize): f64 {
  return lane(lanes, j) + lane(lanes, j + 8) + (lane(lanes, j + 4) + lane(lanes, j + 12));
}

/** 16 lanes to one sum: halves are added until one is left. */
function foldLanes(lanes: usize): f64 {
  return quarter(lanes, 0) + quarter(lanes, 2) + (quarter(lanes, 1) + quarter(lanes, 3));
}

function increase(pointer: usize, by: f64): void {
  store<f64>(pointer, load<f64>(pointer) + by);
}

/** Adds the fold of a pair of lanes to the totals of a channel. */
function fold(totals: usize, ch: usize, c: usize, lanes: usize): void {
  increase(totals + (ch << 3), foldLanes(lanes));
  increase(totals + ((c + ch) << 3), foldLanes(lanes + PAIR_BYTES / 2));
}

/** The columns of a channel are added to 16 lanes in turn, in order; then the lanes are folded. */
function foldColumns(call: Call, totals: usize, first: usize, last: usize, lanes: usize, spare: usize): void {
  const s = call.s;
  const row = (last - first) * s;
  const columns = stackedRows(call.c, call.s) * row;
  for (let ch = first; ch < last; ++ch) {
    memory.fill(spare, 0, PAIR_BYTES);
    let to: usize = 0;
    for (let start = (ch - first) * s; start < columns; start += row) {
      for (let column = start; column < start + s; ++column) {
        const from = laneAt(lanes, column);
        increase(spare + (to << 3), load<f64>(from));
        increase(spare + (to << 3) + PAIR_BYTES / 2, load<f64>(from + PAIR_BYTES / 2));
        to = (to + 1) % LANES;
      }
    }
    fold(totals, ch, call.c, spare);
  }
}

/** Where s is 1, a column is a channel, whose fold is that column: lanes are totals. */
function foldSingles(call: Call, totals: usize, first: usize, last: usize, lanes: usize): void {
  for (let ch = first; ch < last; ++ch) {
    const from = laneAt(lanes, ch - first);
    increase(totals + (ch << 3), load<f64>(from));
    increase(totals + ((call.c + ch) << 3), load<f64>(from + PAIR_BYTES / 2));
  }
}

/** Columns: one lane for each column of a group of rows, or of 16 rows where these are stacked. */
function reduceColumns(
  call: Call,
  kind: i32,
  totals: usize,
  totalsStride: usize,
  firstGroup: usize,
  lastGroup: usize,
  first: usize,
  last: usize,
  thread: usize,
): void {
  const s = call.s;
  const stacked = stackedRows(call.c, call.s);
  const stride = stacked * call.c * s;
  const spare = call.lanes(thread);
  const lanes = spare + PAIR_BYTES;
  const step = (COLUMNS_AT_ONCE - LANES) / (s * stacked);
  for (let block = first; block < last; block += step) {
    const end = minOf(block + step, last);
    const row = (end - block) * s;
    const columns = stacked * row;
    const rowsAtOnce = rowsOfStrip(call, kind, columns, stride);
    broadcastParameters(call, kind, block, end, thread);
    for (let g = firstGroup; g < lastGroup; ++g) {
      const start = g * groupRows(call.c, call.s);
      const rows = minOf(groupRows(call.c, call.s), call.n - start);
      const whole = rows / stacked;
      const position = (start * call.c + block) * s;
      memory.fill(lanes, 0, divideUp(columns, LANES) * PAIR_BYTES);
      for (let i: usize = 0; i < whole; i += rowsAtOnce) {
        const count = minOf(rowsAtOnce, whole - i);
        addStrip(call, kind, lanes, position + i * stride, 0, true, columns, count, stride, thread);
      }
      const rest = (rows % stacked) * row;
      if (rest > 0) addStrip(call, kind, lanes, position + whole * stride, 0, true, rest, 1, stride, thread);
      if (s == 1 && stacked == 1) foldSingles(call, totals + g * totalsStride, block, end, lanes);
      else foldColumns(call, totals + g * totalsStride, block, end, lanes, spare);
    }
  }
}

/** Rows of these columns that are summed at once. */
function rowsOfStrip(call: Call, kind: i32, columns: usize, stride: usize): usize {
  const isSmall = call.n * call.c * call.s * call.width <= SMALL_BYTES;
  if (call.half != 0) return STRIP / columns;
  if (isSmall) return call.n;
  return stride * call.width >= PAGE_BYTES ? FAR_LINES_AT_ONCE / tensorsOf(kind) : NEAR_ROWS_AT_ONCE;
}

/** Copies the parameters of these channels to where columns find theirs. */
function broadcastParameters(call: Call, kind: i32, first: usize, last: usize, thread: usize): void {
  if (kind == CENTRED) {
    broadcast(call.columns(thread, 0), call.mean, sizeof<f64>(), call.c, call.s, first, last);
  } else if (kind != SUMS) broadcastCoefficients(call, first, last, thread, kind == GRADIENT ? 1 : 3);
}

/** Rows that share a group: the lanes of a block of channels stay while the rows pass, so memory is walked in order. */
function reduceShortRows(
  call: Call,
  kind: i32,
  totals: usize,
  totalsStride: usize,
  firstGroup: usize,
  lastGroup: usize,
  first: usize,
  last: usize,
  thread: usize,
): void {
  const c = call.c;
  const s = call.s;
  const lanes = call.lanes(thread);
  for (let block = first; block < last; block += CHANNELS_AT_ONCE) {
    const count = minOf(CHANNELS_AT_ONCE, last - block);
    for (let g = firstGroup; g < lastGroup; ++g) {
      const end = minOf((g + 1) * groupRows(call.c, call.s), call.n);
      memory.fill(lanes, 0, count * PAIR_BYTES);
      for (let i = g * groupRows(call.c, call.s); i < end; ++i) {
        for (let b: usize = 0; b < count; ++b) {
          addRow(call, kind, lanes + b * PAIR_BYTES, (i * c + block + b) * s, block + b, s, thread);
        }
      }
      for (let b: usize = 0; b < count; ++b) fold(totals + g * totalsStride, block + b, c, lanes + b * PAIR_BYTES);
    }
  }
}

/** Rows that are groups by themselves, cut into segments where they are long; whole rows, or segments of one row. */
function reduceLongRows(
  call: Call,
  kind: i32,
  totals: usize,
  totalsStride: usize,
  firstGroup: usize,
  lastGroup: usize,
  first: usize,
  last: usize,
  thread: usize,
): void {
  const segments = segmentsOf(call.s);
  const lanes = call.lanes(thread);
  const s = call.s;
  let next: usize = 0;
  for (let start = firstGroup; start < lastGroup; start = next) {
    const i = start / segments;
    next = minOf((i + 1) * segments, lastGroup);
    for (let ch = first; ch < last; ++ch) {
      for (let g = start; g < next; ++g) {
        const j = (g - i * segments) * SEGMENT;
        memory.fill(lanes, 0, PAIR_BYTES);
        addRow(call, kind, lanes, (i * call.c + ch) * s + j, ch, minOf(SEGMENT, s - j), thread);
        fold(totals + g * totalsStride, ch, call.c, lanes);
      }
    }
  }
}

/**
 * Adds the two sums of groups firstGroup .. lastGroup of channels first .. last to totals[ch] and totals[c + ch], those
 * of group g to the ones `stride` bytes times g further on.
 */
export function reduceGroups(
  call: Call,
  kind: i32,
  totals: usize,
  stride: usize,
  firstGroup: usize,
  lastGroup: usize,
  first: usize,
  last: usize,
  thread: usize,
): void {
  if (asColumns(call.s)) reduceColumns(call, kind, totals, stride, firstGroup, lastGroup, first, last, thread);
  else if (asLongRows(call.s)) reduceLongRows(call, kind, totals, stride, firstGroup, lastGroup, first, last, thread);
  else reduceShortRows(call, kind, totals, stride, firstGroup, lastGroup, first, last, thread);
}
