// One call on its way through its tensors, as plan.ts has it: which thread sums what, and which writes what.
import { activateRows } from './activation';
import { EIGHT, inputBfloat16, isDirect, normalizeBfloat16 } from './bfloat16';
import { Call, CENTER, COLUMNS_AT_ONCE, STRIP } from './call';
import { broadcastCoefficients } from './coefficients';
import { inputBentColumns, inputBentRow, inputColumns, inputRow } from './gradient-input';
import { round, widen } from './half';
import { GRADIENT_INPUT, MAP_SHIFT, NO_ACTIVATION, NORMALIZE, No, RELU, ROUND, THREE_LINES, WIDEN, Yes } from './kinds';
import { divideUp, groupsOf, LANES, minOf, segmentsOf, stackedRows } from './layout';
import { normalizeColumns, normalizeRow } from './normalize';
import { isShared, PARTS_A_THREAD } from './plan';
import { parallel } from './pool';
import { reduceGroups } from './reduce';
import { readStrip, writeStrip } from './strips';

/** Elementwise passes over rows shorter than this run across channels. Free to choose. */
const SPREAD_BELOW: usize = 16;
/** Across channels: bytes that are written in order, before those in front of them. Free to choose. */
const BYTES_AT_ONCE: usize = 262144;

/** totals[ch], totals[c + ch] ← the two sums of each channel of the tile. */
export function reduceTile(call: Call, kind: i32, first: usize, last: usize, thread: usize): void {
  const totals = call.totals;
  const c = call.c;
  if (!call.accumulate) {
    memory.fill(totals + (first << 3), 0, (last - first) << 3);
    memory.fill(totals + ((c + first) << 3), 0, (last - first) << 3);
  }
  if (!isShared(call)) {
    reduceGroups(call, kind, totals, 0, 0, groupsOf(call.n, call.c, call.s), first, last, thread);
    return;
  }

  parallel(call, kind, call.outer * call.blocks * call.chunks);
  let from = call.partials;
  for (let g: usize = 0; g < groupsOf(call.n, call.c, call.s); ++g) {
    for (let to = totals; to < totals + (c << 4); to += 8, from += 8) {
      store<f64>(to, load<f64>(to) + load<f64>(from));
    }
  }
}

/**
 * The partial sums of one unit: `outer` groups or rows, each in `blocks` of channels, each row in `chunks` of segments.
 */
export function sumUnit(call: Call, kind: i32, unit: usize, thread: usize): void {
  const c = call.c;
  const chunks = call.chunks;
  const segments = segmentsOf(call.s);
  const outer = unit / (call.blocks * chunks);
  const block = (unit / chunks) % call.blocks;
  const firstGroup = outer * segments + (segments * (unit % chunks)) / chunks;
  const lastGroup = outer * segments + (segments * ((unit % chunks) + 1)) / chunks;
  const first = (c * block) / call.blocks;
  const last = (c * (block + 1)) / call.blocks;
  for (let g = firstGroup; g < lastGroup; ++g) {
    const to = call.partials + ((g * 2 * c) << 3);
    memory.fill(to + (first << 3), 0, (last - first) << 3);
    memory.fill(to + ((c + first) << 3), 0, (last - first) << 3);
  }
  reduceGroups(call, kind, call.partials, c << 4, firstGroup, lastGroup, first, last, thread);
}

/** Writes the elements of the tile. What was read last comes first: it is still in the caches. */
export function mapTile(call: Call, map: i32, first: usize, last: usize, thread: usize): void {
  if (isShared(call)) parallel(call, map << MAP_SHIFT, call.threads * PARTS_A_THREAD);
  else if (call.s < SPREAD_BELOW) mapAcross(call, map, 0, call.n, first, last, thread);
  else
    for (let i = call.n; i > 0; --i) {
      mapAlong(call, map, ((i - 1) * call.c + first) * call.s, ((i - 1) * call.c + last) * call.s, thread);
    }
}

/** Units of an elementwise pass that threads share out: stacks of rows across channels, or cache lines along rows. */
function mapUnits(call: Call): usize {
  return call.s < SPREAD_BELOW
    ? divideUp(call.n, stackedRows(call.c, call.s))
    : divideUp(call.n * call.c * call.s, LANES);
}

/** Part number `part` of an elementwise pass that threads share: the last elements come first, still in the caches. */
export function mapPart(call: Call, map: i32, part: usize, thread: usize): void {
  const parts = call.threads * PARTS_A_THREAD;
  const share = parts - 1 - part;
  const units = mapUnits(call);
  mapRange(call, map, (units * share) / parts, (units * (share + 1)) / parts, thread);
}

function mapRange(call: Call, map: i32, first: usize, last: usize, thread: usize): void {
  if (map == WIDEN || map == ROUND) convert(call, map, first * LANES, minOf(last * LANES, call.s));
  else if (call.s < SPREAD_BELOW) {
    const stacked = stackedRows(call.c, call.s);
    mapAcross(call, map, first * stacked, minOf(last * stacked, call.n), 0, call.c, thread);
  } else mapAlong(call, map, first * LANES, minOf(last * LANES, call.n * call.c * call.s), thread);
}

/** The output ← x, of another type; the view is one row. */
export function convertTensor(call: Call, map: i32): void {
  if (isShared(call)) parallel(call, map << MAP_SHIFT, call.threads * PARTS_A_THREAD);
  else convert(call, map, 0, call.s);
}

/** Elements k .. end of it. */
function convert(call: Call, map: i32, k: usize, end: usize): void {
  if (map == WIDEN) widen(call.half, call.output + (k << 2), call.x + (k << 1), end - k);
  else round(call.half, call.output + (k << 1), call.x + (k << 2), end - k);
}

/** Elements k .. end, which lie along the rows of channels. */
function mapAlong(call: Call, map: i32, k: usize, end: usize, thread: usize): void {
  if (call.half == 0) {
    mapRows(call, map, k, end, 0);
    return;
  }
  if (ASC_FEATURE_SIMD && isDirect(call, map) && call.s % EIGHT == 0) {
    mapDirectRows(call, map, k, end);
    return;
  }
  const reads = readsResidual(call, map);
  for (let length: usize = 0; k < end; k += length) {
    length = minOf(STRIP, end - k);
    const strip = readStrip(call, thread, k, length, 1, length, map == GRADIENT_INPUT, reads);
    mapRows(strip, map, k, k + length, k);
    writeStrip(call, thread, k, length, 1, length);
  }
}

/** Elements k .. end of bfloat16, in rows of whole vectors. */
function mapDirectRows(call: Call, map: i32, k: usize, end: usize): void {
  const s = call.s;
  for (let length: usize = 0; k < end; k += length) {
    length = minOf(s - (k % s), end - k);
    mapDirect<Yes>(call, map, k, length, call.coefficient(CENTER) + (((k / s) % call.c) << 2), call.coefficientBytes);
  }
}

/** Whether a pass wants the residual, if there is one. */
function readsResidual(call: Call, map: i32): bool {
  return map == NORMALIZE || call.activation != NO_ACTIVATION;
}

/** Elements k .. end, where the one that the tensors of the record begin with has number `origin`. */
function mapRows(call: Call, map: i32, k: usize, end: usize, origin: usize): void {
  const s = call.s;
  let ch = (k / s) % call.c;
  let length = s - (k % s);
  for (; k < end; k += length, length = s, ch = ch + 1 == call.c ? 0 : ch + 1) {
    length = minOf(length, end - k);
    if (call.width == 4) mapRow<f32>(call, map, k - origin, ch, length);
    else mapRow<f64>(call, map, k - origin, ch, length);
  }
}

function mapRow<T>(call: Call, map: i32, k: usize, ch: usize, length: usize): void {
  if (map == GRADIENT_INPUT) {
    if (call.activation == NO_ACTIVATION) inputRow<T, No>(call, k, ch, length);
    else if (call.activation == RELU) inputRow<T, Yes>(call, k, ch, length);
    else inputBentRow<T>(call, k, ch, length);
  } else if (call.residual == 0) {
    if (call.activation != RELU) normalizeRow<T, No, No>(call, k, ch, length);
    else normalizeRow<T, No, Yes>(call, k, ch, length);
  } else if (call.activation != RELU) normalizeRow<T, Yes, No>(call, k, ch, length);
  else normalizeRow<T, Yes, Yes>(call, k, ch, length);
  if (map == NORMALIZE && call.activation == THREE_LINES) activateRows<T>(call, k, length, 1, 0);
}

/** Rows firstRow .. lastRow of these channels (or whole stacks of rows), across them. */
function mapAcross(
  call: Call,
  map: i32,
  firstRow: usize,
  lastRow: usize,
  first: usize,
  last: usize,
  thread: usize,
): void {
  const s = call.s;
  const stacked = stackedRows(call.c, call.s);
  const stride = stacked * call.c * s;
  // A row of channels finds its coefficients where they are.
  const inPlace = s == 1 && stacked == 1;
  const step = inPlace ? last - first : COLUMNS_AT_ONCE / (s * stacked);
  const atOnce: usize = 4 * divideUp(BYTES_AT_ONCE / 4 / call.width, stride);
  for (let block = first; block < last; block += step) {
    const end = minOf(block + step, last);
    const width = (end - block) * s;
    if (!inPlace) broadcastCoefficients(call, block, end, thread, map == GRADIENT_INPUT && call.batch ? 5 : 3);
    const center = inPlace ? call.coefficient(CENTER) + block * call.width : call.columns(thread, CENTER);
    const apart = inPlace ? call.coefficientBytes : call.columnBytes;
    const rest = (lastRow - firstRow) % stacked;
    const whole = (lastRow - firstRow - rest) / stacked;
    const start = (firstRow * call.c + block) * s;
    mapStacks(call, map, start + whole * stride, rest * width, 1, stride, center, apart, thread);
    for (let i = whole; i > 0; ) {
      const count = minOf(atOnce, i);
      i -= count;
      mapStacks(call, map, start + i * stride, stacked * width, count, stride, center, apart, thread);
    }
  }
}

function mapStacks(
  call: Call,
  map: i32,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
  thread: usize,
): void {
  if (ASC_FEATURE_SIMD && isDirect(call, map)) {
    for (let r: usize = 0; r < count; ++r) mapDirect<No>(call, map, k + r * stride, width, center, apart);
  } else if (call.half != 0) mapStrips(call, map, k, width, count, stride, center, apart, thread);
  else if (call.width == 4) mapColumns<f32>(call, map, k, width, count, stride, center, apart);
  else mapColumns<f64>(call, map, k, width, count, stride, center, apart);
}

/** A row of columns of bfloat16, or a piece of a row of one channel. */
function mapDirect<ALONG>(call: Call, map: i32, k: usize, width: usize, center: usize, apart: usize): void {
  if (map == GRADIENT_INPUT) inputBfloat16<ALONG>(call, k, width, center, apart);
  else normalizeBfloat16<ALONG>(call, k, width, center, apart);
}

/** Some columns, then some rows of them, at a time. */
function mapStrips(
  call: Call,
  map: i32,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
  thread: usize,
): void {
  const reads = readsResidual(call, map);
  for (let j: usize = 0; j < width; j += STRIP) {
    const columns = minOf(STRIP, width - j);
    const atOnce = STRIP / columns;
    for (let r: usize = 0; r < count; r += atOnce) {
      const rows = minOf(atOnce, count - r);
      const start = k + r * stride + j;
      const strip = readStrip(call, thread, start, columns, rows, stride, map == GRADIENT_INPUT, reads);
      mapColumns<f32>(strip, map, 0, columns, rows, columns, center + (j << 2), apart);
      writeStrip(call, thread, start, columns, rows, stride);
    }
  }
}

function mapColumns<T>(
  call: Call,
  map: i32,
  k: usize,
  width: usize,
  count: usize,
  stride: usize,
  center: usize,
  apart: usize,
): void {
  if (map == GRADIENT_INPUT) {
    if (call.activation == NO_ACTIVATION) inputColumns<T, No>(call, k, width, count, stride, center, apart);
    else if (call.activation == RELU) inputColumns<T, Yes>(call, k, width, count, stride, center, apart);
    else inputBentColumns<T>(call, k, width, count, stride, center, apart);
  } else if (call.residual == 0) {
    if (call.activation != RELU) normalizeColumns<T, No, No>(call, k, width, count, stride, center, apart);
    else normalizeColumns<T, No, Yes>(call, k, width, count, stride, center, apart);
  } else if (call.activation != RELU) normalizeColumns<T, Yes, No>(call, k, width, count, stride, center, apart);
  else normalizeColumns<T, Yes, Yes>(call, k, width, count, stride, center, apart);
  if (map == NORMALIZE && call.activation == THREE_LINES) activateRows<T>(call, k, width, count, stride);
}
