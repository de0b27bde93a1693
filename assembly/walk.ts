// One call on its way through its tensors, as plan.ts has it: which thread sums what, and which writes what.
import { activateRows } from './activation';
import {
  backwardTile,
  finishGradient,
  gradientInputTile,
  gradientSumsTile,
  inputBentColumns,
  inputBentRow,
  inputColumns,
  inputRow,
  parameterGradients,
} from './backward';
import { Call, CENTER, COLUMNS_AT_ONCE, RELU } from './call';
import { coefficients, spreadCoefficients } from './coefficients';
import { CENTRED, GRADIENT, No, SUMS, Yes } from './kinds';
import { divideUp, groupsOf, LANES, least, segmentsOf, stackedRows } from './layout';
import { forwardTile, normalizeColumns, normalizeRow, normalizeTile } from './normalize';
import { isShared, PARTS_A_THREAD, plan } from './plan';
import { parallel } from './pool';
import { reduceGroups } from './reduce';
import { finishCentred, finishSums, measure } from './stats';

/** The kernels of src/kernels.ts. */
export const STATISTICS: i32 = 0;
export const FORWARD: i32 = 2;
export const GRADIENT_SUMS: i32 = 3;
export const GRADIENT_INPUT: i32 = 4;
export const BACKWARD: i32 = 5;
/** Kernels that are one elementwise pass, and the second passes of others. */
export const NORMALIZE: i32 = 1;
export const INPUT: i32 = GRADIENT_INPUT;

/** What the parts of a phase are: tiles, units of groups whose sums are wanted, or shares of what is to be written. */
const TILES: i32 = 0;
const WRITE_NORMALIZED: i32 = NORMALIZE << 4;
const WRITE_INPUT: i32 = INPUT << 4;

/** Elementwise passes over rows shorter than this run across channels. Free to choose. */
const SPREAD_BELOW: usize = 16;
/** Across channels: bytes that are written in order, before those in front of them. Free to choose. */
const BYTES_AT_ONCE: usize = 262144;

/** Calls the kernel for all channels. */
export function walk(call: Call, width: usize, kernel: i32, reread: usize, tensors: usize): void {
  call.kernel = kernel;
  call.prepare(width);
  if (kernel == BACKWARD) {
    call.sumDy = call.ownSumDy;
    call.sumDyDeviation = call.ownSumDyDeviation;
  }
  plan(call, reread, tensors);
  if (isShared(call)) runTile(call, 0, call.c, 0);
  else parallel(call, TILES, divideUp(call.c, call.tileChannels));
}

/** Adds to the totals the sums of a piece of tensors, or begins with them. */
export function reducePiece(call: Call, width: usize, kind: i32): void {
  call.prepare(width);
  plan(call, 0, kind == SUMS || kind == CENTRED ? 1 : kind == GRADIENT ? 2 : 3);
  if (kind >= GRADIENT) coefficients(call, 0, call.c);
  reduceTile(call, kind, 0, call.c, 0);
}

/** What follows from the sums of all pieces; whether the centred sums are wanted too. */
export function finishPieces(call: Call, width: usize, kind: i32): bool {
  call.width = width;
  if (kind == SUMS) return finishSums(call, 0, call.c);
  if (kind == CENTRED) finishCentred(call, 0, call.c);
  else {
    finishGradient(call, 0, call.c);
    if (call.dgamma != 0) parameterGradients(call, 0, call.c);
  }
  return false;
}

function runTile(call: Call, first: usize, last: usize, thread: usize): void {
  if (call.kernel == STATISTICS) measure(call, first, last, thread);
  else if (call.kernel == NORMALIZE) normalizeTile(call, first, last, thread);
  else if (call.kernel == FORWARD) forwardTile(call, first, last, thread);
  else if (call.kernel == GRADIENT_SUMS) gradientSumsTile(call, first, last, thread);
  else if (call.kernel == GRADIENT_INPUT) gradientInputTile(call, first, last, thread);
  else backwardTile(call, first, last, thread);
}

/** One part of a phase, on any thread. */
export function runPart(call: Call, phase: i32, part: usize, thread: usize): void {
  if (phase == TILES) {
    const first = part * call.tileChannels;
    runTile(call, first, least(first + call.tileChannels, call.c), thread);
  } else if (phase == WRITE_NORMALIZED || phase == WRITE_INPUT) {
    const share = call.threads * PARTS_A_THREAD - 1 - part;
    const units = mapUnits(call);
    const all = call.threads * PARTS_A_THREAD;
    mapRange(call, phase >> 4, (units * share) / all, (units * (share + 1)) / all, thread);
  } else sumUnit(call, phase, part, thread);
}

/** totals[ch], totals[c + ch] ← the two sums of each channel of the tile. */
export function reduceTile(call: Call, kind: i32, first: usize, last: usize, thread: usize): void {
  const totals = call.totals;
  const c = call.c;
  if (!call.goingOn) {
    memory.fill(totals + (first << 3), 0, (last - first) << 3);
    memory.fill(totals + ((c + first) << 3), 0, (last - first) << 3);
  }
  if (!isShared(call)) {
    reduceGroups(call, kind, totals, 0, 0, groupsOf(call), first, last, thread);
    return;
  }

  parallel(call, kind, call.outer * call.blocks * call.chunks);
  let from = call.partials;
  for (let g: usize = 0; g < groupsOf(call); ++g) {
    for (let to = totals; to < totals + (c << 4); to += 8, from += 8) {
      store<f64>(to, load<f64>(to) + load<f64>(from));
    }
  }
}

/** The partial sums of one unit: `outer` groups or rows, each in `blocks` of channels, each row in `chunks` of segments. */
function sumUnit(call: Call, kind: i32, unit: usize, thread: usize): void {
  const c = call.c;
  const chunks = call.chunks;
  const segments = segmentsOf(call);
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
  if (isShared(call)) parallel(call, map << 4, call.threads * PARTS_A_THREAD);
  else if (call.s < SPREAD_BELOW) mapAcross(call, map, 0, call.n, first, last, thread);
  else
    for (let i = call.n; i > 0; --i) {
      mapAlong(call, map, ((i - 1) * call.c + first) * call.s, ((i - 1) * call.c + last) * call.s);
    }
}

/** What threads may share out of an elementwise pass: stacks of rows across channels, or cache lines along rows. */
function mapUnits(call: Call): usize {
  return call.s < SPREAD_BELOW ? divideUp(call.n, stackedRows(call)) : divideUp(call.n * call.c * call.s, LANES);
}

function mapRange(call: Call, map: i32, first: usize, last: usize, thread: usize): void {
  if (call.s < SPREAD_BELOW) {
    const stacked = stackedRows(call);
    mapAcross(call, map, first * stacked, least(last * stacked, call.n), 0, call.c, thread);
  } else mapAlong(call, map, first * LANES, least(last * LANES, call.n * call.c * call.s));
}

/** Elements k .. end, which lie along the rows of channels. */
function mapAlong(call: Call, map: i32, k: usize, end: usize): void {
  const s = call.s;
  let ch = (k / s) % call.c;
  let length = s - (k % s);
  for (; k < end; k += length, length = s, ch = ch + 1 == call.c ? 0 : ch + 1) {
    length = least(length, end - k);
    if (call.width == 4) mapRow<f32>(call, map, k, ch, length);
    else mapRow<f64>(call, map, k, ch, length);
  }
}

function mapRow<T>(call: Call, map: i32, k: usize, ch: usize, length: usize): void {
  if (map == INPUT) {
    if (call.activation == 0) inputRow<T, No>(call, k, ch, length);
    else if (call.activation == RELU) inputRow<T, Yes>(call, k, ch, length);
    else inputBentRow<T>(call, k, ch, length);
  } else if (call.residual == 0) {
    if (call.activation != RELU) normalizeRow<T, No, No>(call, k, ch, length);
    else normalizeRow<T, No, Yes>(call, k, ch, length);
  } else if (call.activation != RELU) normalizeRow<T, Yes, No>(call, k, ch, length);
  else normalizeRow<T, Yes, Yes>(call, k, ch, length);
  if (map == NORMALIZE && call.activation > RELU) activateRows<T>(call, k, length, 1, 0);
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
  const stacked = stackedRows(call);
  const stride = stacked * call.c * s;
  // A row of channels finds its coefficients where they are.
  const inPlace = s == 1 && stacked == 1;
  const step = inPlace ? last - first : COLUMNS_AT_ONCE / (s * stacked);
  const atOnce: usize = 4 * divideUp(BYTES_AT_ONCE / 4 / call.width, stride);
  for (let block = first; block < last; block += step) {
    const end = least(block + step, last);
    const width = (end - block) * s;
    if (!inPlace) spreadCoefficients(call, block, end, thread, map == INPUT && call.batch ? 5 : 3);
    const center = inPlace ? call.coefficient(CENTER) + block * call.width : call.columns(thread, CENTER);
    const apart = inPlace ? call.coefficientBytes : call.columnBytes;
    const rest = (lastRow - firstRow) % stacked;
    const whole = (lastRow - firstRow - rest) / stacked;
    const start = (firstRow * call.c + block) * s;
    mapStacks(call, map, start + whole * stride, rest * width, 1, stride, center, apart);
    for (let i = whole; i > 0; ) {
      const count = least(atOnce, i);
      i -= count;
      mapStacks(call, map, start + i * stride, stacked * width, count, stride, center, apart);
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
): void {
  if (call.width == 4) mapColumns<f32>(call, map, k, width, count, stride, center, apart);
  else mapColumns<f64>(call, map, k, width, count, stride, center, apart);
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
  if (map == INPUT) {
    if (call.activation == 0) inputColumns<T, No>(call, k, width, count, stride, center, apart);
    else if (call.activation == RELU) inputColumns<T, Yes>(call, k, width, count, stride, center, apart);
    else inputBentColumns<T>(call, k, width, count, stride, center, apart);
  } else if (call.residual == 0) {
    if (call.activation != RELU) normalizeColumns<T, No, No>(call, k, width, count, stride, center, apart);
    else normalizeColumns<T, No, Yes>(call, k, width, count, stride, center, apart);
  } else if (call.activation != RELU) normalizeColumns<T, Yes, No>(call, k, width, count, stride, center, apart);
  else normalizeColumns<T, Yes, Yes>(call, k, width, count, stride, center, apart);
  if (map == NORMALIZE && call.activation > RELU) activateRows<T>(call, k, width, count, stride);
}
