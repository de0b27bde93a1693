// The exact sums of a call: docs/numerics.md, section 10. What is exact may be walked in any way, so all layouts come
// to runs of values of one channel, of which group.ts makes the sums: long rows as they lie, all others by way of a
// tile.
import { Call, CENTER } from '../call';
import { widen } from '../half';
import { NO_ACTIVATION } from '../kinds';
import { gather } from '../strips';
import { addColumns, addProductColumns, ROWS } from './columns';
import { factors } from './factors';
import { GROUP, GROUP_OF_SQUARES } from './group';
import { COLUMNS, openLane, seeProducts, seeSquares, takeLane } from './lanes';
import { carry, RECORD_BYTES } from './limbs';
import { beginGroup, D, DY, G, groupOf, LANES, RESIDUAL, RESULTS, WIDE, windowOf, X } from './own';
import { resultOf } from './results';
import { CHANNELS, fill, RUN_BYTES, turnColumn, VALUES } from './tile';
import { touch } from './touch';

/** Rows from this length on need no tile. */
export const LONG: usize = VALUES;
/** Rows of channels by which windows are found, before others are added as they lie. */
const OPENING_ROWS: usize = 64;
/** Shorter ones are brought together. */
const LEAST_ROW: usize = 32;
/** Groups come in vectors of so many values, the last one filled up with zeros. */
const STEP: usize = 4;
/** Values of each channel between carries: see addShifted. */
const BETWEEN_CARRIES: usize = 1 << 24;

/** Some rows of some channels, and of long rows some columns. */
@unmanaged
export class Part {
  firstRow: usize;
  lastRow: usize;
  first: usize;
  last: usize;
  left: usize;
  right: usize;
}

/**
 * Adds a part of the tensors of a call to records; or where the part has all values of its channels, begins their
 * records and computes the results. `own` has OWN_BYTES for this thread.
 */
export function sumPart(call: Call, records: usize, part: Part, isAll: bool, own: usize): void {
  memory.fill(own, 0, LANES);
  const step: usize = call.s >= LONG ? 1 : call.s == 1 ? COLUMNS : CHANNELS;
  const rows = max<usize>(1, BETWEEN_CARRIES / (part.right - part.left));
  for (let first = part.first; first < part.last; first += step) {
    const width = min(step, part.last - first);
    for (let b: usize = 0; b < width; ++b) windowOf(own, b).turn();
    if (isAll) memory.fill(records + first * RECORD_BYTES, 0, width * RECORD_BYTES);
    for (let start = part.firstRow; start < part.lastRow; start += rows) {
      const end = min(start + rows, part.lastRow);
      if (call.s >= LONG) sumLongRows(call, records, part, first, start, end, own);
      else if (call.s == 1) sumColumns(call, records, first, width, start, end, own);
      else if (call.half == 0 && call.s >= LEAST_ROW && call.s % STEP == 0)
        sumRows(call, records, first, width, start, end, own);
      else sumTiles(call, records, first, width, start, end, 0, own);
      if (!isAll || end < part.lastRow) {
        for (let b: usize = 0; b < width; ++b) {
          const record = records + (first + b) * RECORD_BYTES;
          windowOf(own, b).pour(record);
          carry(record);
        }
      }
    }
    if (!isAll) continue;
    for (let b: usize = 0; b < width; ++b) {
      resultOf(call, first + b, records + (first + b) * RECORD_BYTES, windowOf(own, b), own + RESULTS);
    }
  }
}

/** Values of a group of rows as they lie. */
function atOnce(call: Call): usize {
  return call.dy == 0 ? GROUP_OF_SQUARES : GROUP;
}

function sumLongRows(call: Call, records: usize, part: Part, ch: usize, start: usize, end: usize, own: usize): void {
  beginGroup(own, 0, records + ch * RECORD_BYTES);
  const step = atOnce(call);
  for (let i = start; i < end; ++i) {
    const row = (i * call.c + ch) * call.s;
    for (let j = part.left; j < part.right; j += step) {
      const count = min(step, part.right - j);
      const whole = call.half == 0 ? count & ~(STEP - 1) : 0;
      if (call.dy == 0) touch(call.x + ((row + j) << 2), whole << 2, 1, 0);
      if (whole > 0) addInPlace(call, ch, row + j, whole, 1, own);
      if (whole < count) addCopy(call, ch, row + j + whole, count - whole, own);
    }
  }
}

/** Adds rows of one channel as they lie, from element k on. Lengths are multiples of STEP. */
function addInPlace(call: Call, ch: usize, k: usize, length: usize, rows: usize, own: usize): void {
  const distance = k << 2;
  const x = call.x + distance;
  const residual = hasResidual(call) ? call.residual + distance : 0;
  const stride = (call.c * call.s) << 2;
  if (call.dy == 0) groupOf(own).addSquares(x, length, rows, stride);
  else addRows(call, ch, x, call.dy + distance, residual, length, rows, stride, own);
}

/** Short rows as they lie. */
function sumRows(call: Call, records: usize, first: usize, width: usize, start: usize, end: usize, own: usize): void {
  const rowsAtOnce = atOnce(call) / call.s;
  for (let i = start; i < end; i += rowsAtOnce) {
    const rows = min(rowsAtOnce, end - i);
    for (let b: usize = 0; b < width; ++b) {
      const ch = first + b;
      beginGroup(own, b, records + ch * RECORD_BYTES);
      addInPlace(call, ch, (i * call.c + ch) * call.s, call.s, rows, own);
    }
  }
}

/** Whether the residual takes part. */
function hasResidual(call: Call): bool {
  return call.residual != 0 && call.activation != NO_ACTIVATION;
}

/** Values that fill no vector, or are not float32. */
function addCopy(call: Call, ch: usize, k: usize, count: usize, own: usize): void {
  copyRun(call, own + X, call.x, k, count);
  if (call.dy != 0) copyRun(call, own + DY, call.dy, k, count);
  const residual = hasResidual(call) ? own + RESIDUAL : 0;
  if (residual != 0) copyRun(call, residual, call.residual, k, count);
  addRun(call, ch, own + X, own + DY, residual, count, own);
}

/** float32 ← values of a tensor, from element k on. */
function copyRun(call: Call, to: usize, tensor: usize, k: usize, count: usize): void {
  if (call.half == 0) memory.copy(to, tensor + (k << 2), count << 2);
  else widen(call.half, to, tensor + (k << 1), count);
}

/** Rows of channels: as they lie where windows are known, else by way of tiles. */
function sumColumns(
  call: Call,
  records: usize,
  first: usize,
  width: usize,
  start: usize,
  end: usize,
  own: usize,
): void {
  // Products of 16 bits, and of an activation, are brought together; so are those of few channels, which would fill a
  // vector in part (3 of them take 1.15 ns a value in tiles, 1.46 in columns), and the last of an odd number of rows.
  const arePlain = call.half == 0 && call.activation == NO_ACTIVATION && width >= 4;
  const mask = call.dy == 0 ? ~(<usize>0) : arePlain ? ~(<usize>1) : 0;
  for (let i = start; i < end; ) {
    let rows = min(ROWS, end - i) & mask;
    if (ASC_FEATURE_SIMD && rows > 0 && areOpen(own, width)) sumInLanes(call, records, first, width, i, rows, own);
    else {
      rows = min(i == start ? OPENING_ROWS : VALUES, end - i);
      for (let b: usize = 0; b < width; b += CHANNELS) {
        sumTiles(call, records, first + b, min(CHANNELS, width - b), i, i + rows, b, own);
      }
    }
    i += rows;
  }
}

/** Whether most windows are open: columns of others are added once more. */
function areOpen(own: usize, width: usize): bool {
  let open: usize = 0;
  for (let b: usize = 0; b < width; ++b) if (windowOf(own, b).isOpen) ++open;
  return open << 2 >= width + (width << 1);
}

function sumInLanes(call: Call, records: usize, first: usize, width: usize, row: usize, rows: usize, own: usize): void {
  const lanes = own + LANES;
  const isHalf = call.half != 0;
  const stride = (isHalf ? width : call.c) << 2;
  const distance = row * stride + (first << 2);
  const x = isHalf ? own + WIDE : call.x + distance;
  const isAlone = call.dy == 0;
  const dy = call.dy + distance;
  if (isHalf) gather(call, x, call.x, row * call.c + first, width, rows, call.c);
  for (let b: usize = 0; b < width; ++b) openLane(windowOf(own, b), lanes, b);
  if (isAlone) addColumns(lanes, x, stride, width, rows);
  else addProductColumns(lanes, dy, x, call.coefficient(CENTER) + (first << 2), stride, width, rows);
  for (let b: usize = 0; b < width; ++b) {
    if (isAlone) seeSquares(windowOf(own, b), lanes, b);
    else seeProducts(windowOf(own, b), lanes, b);
    closeColumn(call, records, first + b, x + (b << 2), dy + (b << 2), stride, rows, b, own);
  }
}

/** Moves a column to its window, or adds it by itself where something does not fit. */
function closeColumn(
  call: Call,
  records: usize,
  ch: usize,
  x: usize,
  dy: usize,
  stride: usize,
  rows: usize,
  column: usize,
  own: usize,
): void {
  const window = windowOf(own, column);
  if (window.isOpen && window.fits()) {
    takeLane(window, own + LANES, column, rows);
    return;
  }
  window.isOpen = false;
  turnColumn(own + X, x, rows, stride);
  if (call.dy != 0) turnColumn(own + DY, dy, rows, stride);
  beginGroup(own, column, records + ch * RECORD_BYTES);
  addRun(call, ch, own + X, own + DY, 0, rows, own);
}

/** The windows are those of the channels from number `column` on. */
function sumTiles(
  call: Call,
  records: usize,
  first: usize,
  width: usize,
  start: usize,
  end: usize,
  column: usize,
  own: usize,
): void {
  const s = call.s;
  const rowsAtOnce = VALUES / s;
  const wantsResidual = hasResidual(call);
  for (let i = start; i < end; i += rowsAtOnce) {
    const rows = min(rowsAtOnce, end - i);
    const k = (i * call.c + first) * s;
    fillTile(call, own + X, call.x, k, width, rows, own);
    if (call.dy != 0) fillTile(call, own + DY, call.dy, k, width, rows, own);
    if (wantsResidual) fillTile(call, own + RESIDUAL, call.residual, k, width, rows, own);
    for (let b: usize = 0; b < width; ++b) {
      const run = own + b * RUN_BYTES;
      const ch = first + b;
      if (b > 0 && call.dy == 0) windowOf(own, column + b).openAs(windowOf(own, column));
      beginGroup(own, column + b, records + ch * RECORD_BYTES);
      addRun(call, ch, run + X, run + DY, wantsResidual ? run + RESIDUAL : 0, rows * s, own);
    }
  }
}

/** Rows of some channels of a tensor, from element k on, to runs. */
function fillTile(call: Call, to: usize, tensor: usize, k: usize, width: usize, rows: usize, own: usize): void {
  if (call.half == 0) {
    fill(to, tensor + (k << 2), width, rows, call.c, call.s);
    return;
  }
  gather(call, own + WIDE, tensor, k, width * call.s, rows, call.c * call.s);
  fill(to, own + WIDE, width, rows, width, call.s);
}

/** Adds values of one channel in a tile, where four more may be written. */
function addRun(call: Call, ch: usize, x: usize, dy: usize, residual: usize, count: usize, own: usize): void {
  const end = count << 2;
  if (call.dy == 0) {
    if (ASC_FEATURE_SIMD) v128.store(x + end, i32x4.splat(0));
    groupOf(own).addSquares(x, count, 1, 0);
    return;
  }
  if (ASC_FEATURE_SIMD) {
    // Products of 0, unless the center is not finite.
    v128.store(x + end, v128.load32_splat(call.coefficient(CENTER) + (ch << 2)));
    v128.store(dy + end, i32x4.splat(0));
    if (residual != 0) v128.store(residual + end, i32x4.splat(0));
  }
  addRows(call, ch, x, dy, residual, count, 1, 0, own);
}

/** Adds products of rows of one channel; where there is an activation, by way of g and d. */
function addRows(
  call: Call,
  ch: usize,
  x: usize,
  dy: usize,
  residual: usize,
  length: usize,
  rows: usize,
  stride: usize,
  own: usize,
): void {
  const group = groupOf(own);
  group.g = dy;
  group.x = x;
  group.center = load<f32>(call.coefficient(CENTER) + (ch << 2));
  group.length = length;
  group.rows = rows;
  group.stride = stride;
  if (call.activation != NO_ACTIVATION) {
    const bytes = ((length + STEP - 1) & ~(STEP - 1)) << 2;
    factors(call, ch, x, dy, residual, bytes, rows, stride, own + D, own + G);
    group.g = own + G;
    group.x = own + D;
    group.center = 0;
    group.stride = bytes;
  }
  group.add();
}
