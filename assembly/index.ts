// The exports of the module: each kernel of src/kernels.ts once per element type. A call says what is in the record
// that it points to.
import { Call, workspaceBytes } from './call';
import { resultsOfRecords } from './exact/results';
import { exactBytes, exactWalk } from './exact/walk';
import { finishExactPieces, finishPieces, reducePiece, walk, walkExactly } from './kernels';
import {
  BACKWARD,
  FORWARD,
  GRADIENT_INPUT,
  GRADIENT_SUMS,
  NO_ACTIVATION,
  NORMALIZE,
  ROUND,
  STATISTICS,
  WIDEN,
} from './kinds';
import { serve } from './pool';

export { serve, workspaceBytes };

/** The workspace of the exact kernels. */
export function exactWorkspaceBytes(call: Call): f64 {
  return workspaceBytes(call) + exactBytes(call);
}

/** Tensors that the sums of a backward read: dy and x, and with an activation the residual. */
function summed(call: Call): usize {
  return call.activation != NO_ACTIVATION && call.residual != 0 ? 3 : 2;
}
/** Tensors that a forward touches. */
function forwardTensors(call: Call): usize {
  return call.residual == 0 ? 2 : 3;
}
/** Tensors that a backward touches. */
function backwardTensors(call: Call): usize {
  return summed(call) + (call.dresidual == 0 ? 1 : 2);
}

export function statistics_f32(call: Call): void {
  walk(call, 4, STATISTICS, 0, 1);
}
export function statistics_f64(call: Call): void {
  walk(call, 8, STATISTICS, 1, 1);
}

export function normalize_f32(call: Call): void {
  walk(call, 4, NORMALIZE, 0, forwardTensors(call));
}
export function normalize_f64(call: Call): void {
  walk(call, 8, NORMALIZE, 0, forwardTensors(call));
}

export function forward_f32(call: Call): void {
  walk(call, 4, FORWARD, 1, forwardTensors(call));
}
export function forward_f64(call: Call): void {
  walk(call, 8, FORWARD, 1, forwardTensors(call));
}

export function gradientSums_f32(call: Call): void {
  walk(call, 4, GRADIENT_SUMS, 0, summed(call));
}
export function gradientSums_f64(call: Call): void {
  walk(call, 8, GRADIENT_SUMS, 0, summed(call));
}

export function gradientInput_f32(call: Call): void {
  walk(call, 4, GRADIENT_INPUT, 0, backwardTensors(call));
}
export function gradientInput_f64(call: Call): void {
  walk(call, 8, GRADIENT_INPUT, 0, backwardTensors(call));
}

export function backward_f32(call: Call): void {
  walk(call, 4, BACKWARD, summed(call), backwardTensors(call));
}
export function backward_f64(call: Call): void {
  walk(call, 8, BACKWARD, summed(call), backwardTensors(call));
}

/** Six bytes for each element, as of three tensors of 16 bits. */
export function widen_f32(call: Call): void {
  walk(call, 4, WIDEN, 0, 3);
}
export function round_f32(call: Call): void {
  walk(call, 4, ROUND, 0, 3);
}

export function exactSums_f32(call: Call): void {
  exactWalk(call);
}
export function exactGradientSums_f32(call: Call): void {
  exactWalk(call);
}
export function exactForward_f32(call: Call): void {
  walkExactly(call, FORWARD, 1, forwardTensors(call));
}
export function exactBackward_f32(call: Call): void {
  walkExactly(call, BACKWARD, summed(call), backwardTensors(call));
}
export function exactStatistics(call: Call): void {
  resultsOfRecords(call, call.workspace);
}
export function exactGradients(call: Call): void {
  resultsOfRecords(call, call.workspace);
}

/** For tensors that come in pieces: kinds of sums are those of kinds.ts. */
export function reduce_f32(call: Call, kind: i32): void {
  reducePiece(call, 4, kind);
}
export function reduce_f64(call: Call, kind: i32): void {
  reducePiece(call, 8, kind);
}
export function finish_f32(call: Call, kind: i32): bool {
  return finishPieces(call, 4, kind);
}
export function finishExact_f32(call: Call): void {
  finishExactPieces(call);
}
export function finish_f64(call: Call, kind: i32): bool {
  return finishPieces(call, 8, kind);
}
