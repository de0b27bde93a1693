// The kernels of src/kernels.ts, for some channels at a time, and the way from a phase that threads share to the code
// that runs its parts.
import { finishGradient, inputCoefficients, parameterGradients } from './backward';
import { Call } from './call';
import { coefficients } from './coefficients';
import { resultsOfRecords } from './exact/results';
import { beginExact, EXACT, exactPart, exactTile } from './exact/walk';
import {
  BACKWARD,
  BENT,
  CENTRED,
  FORWARD,
  GATED,
  GRADIENT,
  GRADIENT_INPUT,
  GRADIENT_SUMS,
  MAP_SHIFT,
  NO_ACTIVATION,
  NORMALIZE,
  RELU,
  STATISTICS,
  SUMS,
  TILES,
  WIDEN,
} from './kinds';
import { divideUp, minOf } from './layout';
import { isShared, plan } from './plan';
import { parallel } from './pool';
import { finishCentred, finishSums } from './stats';
import { convertTensor, mapPart, mapTile, reduceTile, sumUnit } from './walk';

/** mean[ch], variance[ch] ← of x, for the channels of a tile. contract: src/kernels.ts, statistics */
export function measure(call: Call, first: usize, last: usize, thread: usize): void {
  if (call.isExact) {
    exactTile(call, first, last, thread);
    return;
  }
  reduceTile(call, SUMS, first, last, thread);
  if (!finishSums(call, first, last)) return;
  reduceTile(call, CENTRED, first, last, thread);
  finishCentred(call, first, last);
}

/** contract: src/kernels.ts, normalize */
function normalizeTile(call: Call, first: usize, last: usize, thread: usize): void {
  coefficients(call, first, last);
  mapTile(call, NORMALIZE, first, last, thread);
}

/** contract: src/kernels.ts, forward */
function forwardTile(call: Call, first: usize, last: usize, thread: usize): void {
  measure(call, first, last, thread);
  normalizeTile(call, first, last, thread);
}

/** contract: src/kernels.ts, gradientSums */
function gradientSumsTile(call: Call, first: usize, last: usize, thread: usize): void {
  const kind = call.activation == NO_ACTIVATION ? GRADIENT : call.activation == RELU ? GATED : BENT;
  coefficients(call, first, last);
  if (call.isExact) {
    exactTile(call, first, last, thread);
    return;
  }
  reduceTile(call, kind, first, last, thread);
  finishGradient(call, first, last);
}

/** contract: src/kernels.ts, gradientInput */
function gradientInputTile(call: Call, first: usize, last: usize, thread: usize): void {
  coefficients(call, first, last);
  writeInput(call, first, last, thread);
}

function writeInput(call: Call, first: usize, last: usize, thread: usize): void {
  if (call.batch) inputCoefficients(call, first, last);
  mapTile(call, GRADIENT_INPUT, first, last, thread);
}

/** contract: src/kernels.ts, backward */
function backwardTile(call: Call, first: usize, last: usize, thread: usize): void {
  gradientSumsTile(call, first, last, thread);
  parameterGradients(call, first, last);
  writeInput(call, first, last, thread);
}

/** The kernel of the call, for the channels of a tile. */
function runTile(call: Call, first: usize, last: usize, thread: usize): void {
  if (call.kernel == STATISTICS) measure(call, first, last, thread);
  else if (call.kernel == NORMALIZE) normalizeTile(call, first, last, thread);
  else if (call.kernel == FORWARD) forwardTile(call, first, last, thread);
  else if (call.kernel == GRADIENT_SUMS) gradientSumsTile(call, first, last, thread);
  else if (call.kernel == GRADIENT_INPUT) gradientInputTile(call, first, last, thread);
  else if (call.kernel >= WIDEN) convertTensor(call, call.kernel);
  else backwardTile(call, first, last, thread);
}

/** One part of a phase, on any thread. */
export function runPart(call: Call, phase: i32, part: usize, thread: usize): void {
  if (phase == EXACT) exactPart(call, part, thread);
  else if (phase == TILES) {
    const first = part * call.tileChannels;
    runTile(call, first, minOf(first + call.tileChannels, call.c), thread);
  } else if (phase >> MAP_SHIFT) mapPart(call, phase >> MAP_SHIFT, part, thread);
  else sumUnit(call, phase, part, thread);
}

/** Calls the kernel for all channels. */
export function walk(call: Call, width: usize, kernel: i32, reread: usize, tensors: usize): void {
  call.isExact = false;
  call.prepare(width);
  run(call, kernel, reread, tensors);
}

/** Calls the kernel with exact sums of float32. */
export function walkExactly(call: Call, kernel: i32, reread: usize, tensors: usize): void {
  call.prepare(4);
  beginExact(call);
  run(call, kernel, reread, tensors);
}

function run(call: Call, kernel: i32, reread: usize, tensors: usize): void {
  call.kernel = kernel;
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

/** Computes from the exact sums of all pieces the statistics or gradients. */
export function finishExactPieces(call: Call): void {
  call.width = 4;
  resultsOfRecords(call, call.workspace);
  if (call.dgamma != 0) parameterGradients(call, 0, call.c);
}

/** Computes from the sums of all pieces the statistics or gradients; whether the centred sums are wanted too. */
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
