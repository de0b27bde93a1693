// The exact sums of a call: docs/numerics.md, section 10. What is exact may be walked in any way, so all layouts come
// to runs of values of one channel, of which group.ts makes the sums: long rows as they lie, all others by way of a
// tile.
import { gradient, gradientVector } from '../activation';
import { Call, CENTER, OFFSET, SCALE } from '../call';
import { preActivation, preActivationVector } from '../coefficients';
import { widen } from '../half';
import { Bent, NO_ACTIVATION, No, RELU, Yes } from '../kinds';
import { gather } from '../strips';
import { BINS_BYTES } from './bins';
import { addColumns, COLUMNS, closeColumn, LANES_BYTES, openColumn, ROWS } from './columns';
import { addGroup, GROUP } from './group';
import { carry, RECORD_BYTES } from './limbs';
import { RESULTS_BYTES, resultOf } from './results';
import { saveMagnitudes } from './seen';
import { CHANNELS, fill, RUN_BYTES, TILE_BYTES, turnColumn, VALUES } from './tile';
import { WINDOW_BYTES, Window } from './window';

/** Rows from this length on need no tile. */
export const LONG: usize = VALUES;
/** Groups come in vectors of so many values, the last one filled up with zeros. */
const STEP: usize = 8;
/** Values of each channel between carries: see addShifted. */
const BETWEEN_CARRIES: usize = 1 << 24;

/** The memory that a thread keeps for itself. */
const GROUP_BYTES: usize = (GROUP << 2) + 64;
const RESULTS: usize = COLUMNS * WINDOW_BYTES;
const LANES: usize = RESULTS + RESULTS_BYTES;
const BINS: usize = LANES + LANES_BYTES;
const G: usize = BINS + BINS_BYTES;
const D: usize = G + GROUP_BYTES;
const X: usize = D + GROUP_BYTES;
const DY: usize = X + TILE_BYTES;
const RESIDUAL: usize = DY + TILE_BYTES;
/** Rows of 16 bits as float32, on their way to a tile or to columns. */
const WIDE: usize = RESIDUAL + TILE_BYTES;
const WIDE_BYTES: usize = ((ROWS * COLUMNS) << 2) + 64;
export const OWN_BYTES: usize = WIDE + WIDE_BYTES;

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
  memory.fill(own, 0, BINS + BINS_BYTES);
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
      else sumTiles(call, records, first, width, start, end, own, own);
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

/** The window of a channel of the tile. */
function windowOf(own: usize, channel: usize): Window {
  return changetype<Window>(own + channel * WINDOW_BYTES);
}

function sumLongRows(call: Call, records: usize, part: Part, ch: usize, start: usize, end: usize, own: usize): void {
  const record = records + ch * RECORD_BYTES;
  for (let i = start; i < end; ++i) {
    const row = (i * call.c + ch) * call.s;
    for (let j = part.left; j < part.right; j += GROUP) {
      const count = min(GROUP, part.right - j);
      const whole = call.half == 0 ? count & ~(STEP - 1) : 0;
      const x = call.x + ((row + j) << 2);
      const distance = (row + j) << 2;
      const residual = hasResidual(call) ? call.residual + distance : 0;
      if (whole > 0) addRun(call, record, ch, x, call.dy + distance, residual, whole, own, own);
      if (whole < count) addCopy(call, record, ch, row + j + whole, count - whole, own);
    }
  }
}

/** Whether the residual takes part. */
function hasResidual(call: Call): bool {
  return call.residual != 0 && call.activation != NO_ACTIVATION;
}

/** Values that fill no vector, or are not float32. */
function addCopy(call: Call, record: usize, ch: usize, k: usize, count: usize, own: usize): void {
  copyRun(call, own + X, call.x, k, count);
  blank(own + X, count);
  if (call.dy != 0) copyRun(call, own + DY, call.dy, k, count);
  if (hasResidual(call)) copyRun(call, own + RESIDUAL, call.residual, k, count);
  addRun(call, record, ch, own + X, own + DY, hasResidual(call) ? own + RESIDUAL : 0, count, own, own);
}

/** float32 ← values of a tensor, from element k on. */
function copyRun(call: Call, to: usize, tensor: usize, k: usize, count: usize): void {
  if (call.half == 0) memory.copy(to, tensor + (k << 2), count << 2);
  else widen(call.half, to, tensor + (k << 1), count);
}

/** Rows of channels: as they lie where windows are known and squares are wanted, else by way of tiles. */
function sumColumns(
  call: Call,
  records: usize,
  first: usize,
  width: usize,
  start: usize,
  end: usize,
  own: usize,
): void {
  for (let i = start; i < end; ) {
    if (ASC_FEATURE_SIMD && call.dy == 0 && areOpen(own, width)) {
      const rows = min(ROWS, end - i);
      sumSquares(call, records, first, width, i, rows, own);
      i += rows;
      continue;
    }
    const rows = min(VALUES, end - i);
    for (let b: usize = 0; b < width; b += CHANNELS) {
      sumTiles(call, records, first + b, min(CHANNELS, width - b), i, i + rows, own + b * WINDOW_BYTES, own);
    }
    i += rows;
  }
}

function areOpen(own: usize, width: usize): bool {
  for (let b: usize = 0; b < width; ++b) if (!windowOf(own, b).isOpen) return false;
  return true;
}

function sumSquares(call: Call, records: usize, first: usize, width: usize, row: usize, rows: usize, own: usize): void {
  const isHalf = call.half != 0;
  const stride = (isHalf ? width : call.c) << 2;
  const x = isHalf ? own + WIDE : call.x + row * stride + (first << 2);
  if (isHalf) gather(call, x, call.x, row * call.c + first, width, rows, call.c);
  for (let b: usize = 0; b < width; ++b) openColumn(windowOf(own, b), own + LANES, b);
  addColumns(own + LANES, x, stride, width, rows);
  for (let b: usize = 0; b < width; ++b) {
    const window = windowOf(own, b);
    if (closeColumn(window, own + LANES, b)) continue;
    turnColumn(own + X, x + (b << 2), rows, stride);
    blank(own + X, rows);
    const ch = first + b;
    addRun(call, records + ch * RECORD_BYTES, ch, own + X, 0, 0, rows, changetype<usize>(window), own);
  }
}

/** `windows` are those of the channels. */
function sumTiles(
  call: Call,
  records: usize,
  first: usize,
  width: usize,
  start: usize,
  end: usize,
  windows: usize,
  own: usize,
): void {
  const s = call.s;
  const rowsAtOnce = VALUES / s;
  const wantsResidual = hasResidual(call);
  for (let i = start; i < end; i += rowsAtOnce) {
    const rows = min(rowsAtOnce, end - i);
    const k = (i * call.c + first) * s;
    const count = rows * s;
    fillTile(call, own + X, call.x, k, width, rows, own);
    if (call.dy != 0) fillTile(call, own + DY, call.dy, k, width, rows, own);
    if (wantsResidual) fillTile(call, own + RESIDUAL, call.residual, k, width, rows, own);
    for (let b: usize = 0; b < width; ++b) {
      const run = own + b * RUN_BYTES;
      const ch = first + b;
      const record = records + ch * RECORD_BYTES;
      const residual = wantsResidual ? run + RESIDUAL : 0;
      if (b > 0) changetype<Window>(windows + b * WINDOW_BYTES).openAs(changetype<Window>(windows));
      if (call.dy == 0) blank(run + X, count);
      addRun(call, record, ch, run + X, run + DY, residual, count, windows + b * WINDOW_BYTES, own);
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

/** Zeros from the last value to the end of its vector. */
function blank(values: usize, count: usize): void {
  for (; count % STEP > 0; ++count) store<f32>(values + (count << 2), 0);
}

/** Adds values of one channel. They may be read, but do not count, up to the next multiple of STEP. */
function addRun(
  call: Call,
  record: usize,
  ch: usize,
  x: usize,
  dy: usize,
  residual: usize,
  count: usize,
  at: usize,
  own: usize,
): void {
  const window = changetype<Window>(at);
  const whole = (count + STEP - 1) & ~(STEP - 1);
  if (call.dy == 0) {
    addGroup(window, record, x, x, whole, own + BINS);
    return;
  }
  // Values that fill no vector are in a tile, and may be followed by zeros there.
  let g = dy;
  if (call.activation == NO_ACTIVATION) pass<No>(call, ch, x, dy, residual, whole, window, own);
  else {
    g = own + G;
    if (call.activation == RELU) pass<Yes>(call, ch, x, dy, residual, whole, window, own);
    else pass<Bent>(call, ch, x, dy, residual, whole, window, own);
  }
  if (count < whole) {
    blank(g, count);
    blank(own + D, count);
    window.lookAtQ(own + D, whole);
  }
  addGroup(window, record, g, own + D, whole, own + BINS);
}

/** d of values of one channel, at which the window looks, and g where there is an activation. */
function pass<ACTIVATION>(
  call: Call,
  ch: usize,
  x: usize,
  dy: usize,
  residual: usize,
  count: usize,
  window: Window,
  own: usize,
): void {
  const gated = sizeof<ACTIVATION>() > 1;
  const center = load<f32>(call.coefficient(CENTER) + (ch << 2));
  const scale = load<f32>(call.coefficient(SCALE) + (ch << 2));
  const offset = load<f32>(call.coefficient(OFFSET) + (ch << 2));
  const bytes = count << 2;
  let k: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const centers = f32x4.splat(center);
    const scales = f32x4.splat(scale);
    const offsets = f32x4.splat(offset);
    const ones = i32x4.splat(-1);
    let mosts = i32x4.splat(0);
    let leasts = ones;
    for (; k < bytes; k += 16) {
      const d = f32x4.sub(v128.load(x + k), centers);
      v128.store(own + D + k, d);
      const magnitudes = i32x4.shl(d, 1);
      mosts = i32x4.max_u(mosts, magnitudes);
      leasts = i32x4.min_u(leasts, i32x4.add(magnitudes, ones));
      if (gated) {
        const z = preActivationVector<f32>(d, scales, offsets, residual == 0 ? 0 : residual + k);
        v128.store(own + G + k, gradientVector<f32, ACTIVATION>(v128.load(dy + k), z, call.lines));
      }
    }
    saveMagnitudes(changetype<usize>(window) + 8, mosts, leasts);
    return;
  }
  for (; k < bytes; k += 4) {
    const d = load<f32>(x + k) - center;
    store<f32>(own + D + k, d);
    if (gated) {
      const z = preActivation<f32>(d, scale, offset, residual == 0 ? 0 : residual + k);
      store<f32>(own + G + k, gradient<f32, ACTIVATION>(load<f32>(dy + k), z, call.lines));
    }
  }
  window.lookAtQ(own + D, count);
}
