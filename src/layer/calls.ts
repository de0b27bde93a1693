/** The options of a layer's forward and backward, and their checks. */

import { isFirst } from '../arguments/axis.js';
import { expected, list, wrongKind } from '../arguments/messages.js';
import { namesOf, readOptions } from '../arguments/options.js';
import type { ArrayKind } from '../arguments/typed-arrays.js';
import {
  checkArray,
  checkBoolean,
  checkChannels,
  checkHalf,
  checkOverlap,
  checkVariance,
  isHalf,
  readView,
  refuseOrphan,
  refuseSingleValue,
} from '../arguments/validate.js';
import type { View } from '../kernels.js';
import { type Arrangement, arrange } from '../passes/arrange.js';
import { checkExact } from '../passes/exact.js';
import { type Mask, readMask } from '../passes/mask.js';
import type { Saved } from '../passes/saved.js';
import type { AnyTensor, Tensor } from '../types.js';
import type { LayerArrays } from './arrays.js';
import { SAMPLES } from './mixture.js';
import { type RenormLimits, readLimits } from './renorm.js';
import { groupsOf, type Settings } from './settings.js';
import type { Switches } from './switches.js';

/** Options of {@link BatchNorm.forward} and {@link BatchNorm.record}, all of them optional. */
export interface BatchNormForwardOptions<T extends AnyTensor> extends RenormLimits {
  /**
   * Array that y is written to, of the length of x. It may be x itself (then there is no backward) or the residual
   * (then there is none with an activation), and may not overlap anything else. Default a new array.
   */
  out?: T | undefined;
  /** A tensor of the shape of x that is added before the activation: y = activation(bn(x) + residual). Default none. */
  residual?: T | undefined;
  /**
   * Which positions take part: 0 or 1 (false or true), or a weight > 0, for each position, [shape without the channel
   * axis]. A position with 0 is no part of the batch, whatever lies there (NaN too): y, dx and dresidual are 0 there. A
   * position with a weight counts in the statistics as that many values. A batch without a position that takes part
   * updates nothing. Default: all positions.
   */
  mask?: Mask | undefined;
  /**
   * Whether this batch goes into the running statistics at once. If false, they stay as they are until
   * {@link BatchNorm.commit} takes the batch in. Default true. It matters only where they would be updated at all: in
   * training, with `updateStatistics`.
   */
  update?: boolean | undefined;
}

/** Options of {@link BatchNorm.backward} and {@link RecordedForward.backward}, all of them optional. */
export interface BatchNormBackwardOptions<T extends AnyTensor> {
  /**
   * Array that dx is written to, of the length of x. It may be dy itself, and may not overlap anything else. Default a
   * new array.
   */
  out?: T | undefined;
  /**
   * Array that dresidual is written to, of the length of x; only if the forward had a residual. It may be dy itself if
   * `out` is not. Default a new array; without an activation dy itself, unless `out` is dy.
   */
  outResidual?: T | undefined;
  /**
   * Whether dgamma and dbeta of this backward are added to those of the layer, where null counts as 0: for a layer that
   * is used several times in a step, or for micro-batches. Default false: they replace those of the layer.
   */
  accumulate?: boolean | undefined;
}

const FORWARD_OPTIONS = /* @__PURE__ */ namesOf<BatchNormForwardOptions<Tensor>>({
  out: 1,
  residual: 1,
  mask: 1,
  update: 1,
  rMax: 1,
  dMax: 1,
});
const FORWARD_IN_PLACE = { out: ['x', 'residual'] };
const BACKWARD_OPTIONS = /* @__PURE__ */ namesOf<BatchNormBackwardOptions<Tensor>>({
  out: 1,
  outResidual: 1,
  accumulate: 1,
});
const BACKWARD_IN_PLACE = { out: ['dy'], outResidual: ['dy'] };

/** Which statistics a forward needs. */
export interface Needed {
  /** Normalise by those of the batch. */
  readonly batch: boolean;
  /** Take those of the batch into the running ones. */
  readonly track: boolean;
  /** Weight of those of each sample, where they are mixed with the running ones; else 0. */
  readonly sample: number;
}

export function neededStatistics({ training, normalizeWith, updateStatistics }: Switches): Needed {
  const track = training && updateStatistics;
  if (typeof normalizeWith === 'object') return { batch: training, track, sample: training ? 0 : normalizeWith.sample };
  return { batch: normalizeWith === 'mode' ? training : normalizeWith === 'batch', track, sample: 0 };
}

export function readForwardOptions<T extends AnyTensor>(
  call: string,
  options: BatchNormForwardOptions<T>,
): BatchNormForwardOptions<T> {
  return readOptions(call, options, FORWARD_OPTIONS);
}

export function checkForward<T extends AnyTensor>(
  call: string,
  own: LayerArrays<T>,
  settings: Settings,
  synchronized: boolean,
  { batch, track, sample }: Needed,
  x: T,
  given: readonly number[],
  { out, residual, update, mask }: BatchNormForwardOptions<T>,
): { kind: ArrayKind; view: View; arrangement: Arrangement | null } {
  const { axis, singleValue, ghostBatchSize, summation } = settings;
  if (update !== undefined) checkBoolean(call, 'update', update);
  const reason = sample > 0 ? 'normalizeWith' : 'ghostBatchSize';
  const cut = sample > 0 || ghostBatchSize !== null;
  // What cuts the batch looks at it again.
  const shape = cut && Array.isArray(given) ? Array.from(given) : given;
  const view = readView(call, shape, axis);
  const { c } = view;
  checkChannels(call, own.channels, shape, view);
  const chosen = readMask(call, mask, shape, view);
  const kind = readKind(call, settings, own, x, shape, view);
  if (summation === 'exact') checkExact(call, x, chosen);
  if (residual !== undefined) checkArray(call, 'residual', residual, kind, x.length, shape);
  own.check(call);
  if (track) own.checkRunning(call);
  else if (!batch) checkVariance(call, 'runningVariance', own.runningVariance);
  if (out !== undefined) {
    checkArray(call, 'out', out, kind, x.length, shape);
    checkOverlap(call, { out }, { x, residual }, FORWARD_IN_PLACE);
    own.checkOutput(call, 'out', out);
  }
  if (cut && isFirst(axis, shape.length)) {
    const wanted = `an axis of samples before that of the channels, for ${reason}`;
    throw new RangeError(expected(call, 'shape', wanted, list(shape)));
  }
  const { n, s } = chosen?.view ?? view;
  const isAlone = groupsOf(settings, c) === null;
  const single = n * s === 1 && c > 0 && !synchronized && ghostBatchSize === null && isAlone;
  if (single && (batch || track) && singleValue === 'throw') {
    refuseSingleValue(call, shape, 'normalise by the running statistics with eval()', chosen !== null);
  }
  const whole = batch || track ? settings : null;
  return { kind, view, arrangement: arrange(view, chosen, sample > 0 ? SAMPLES : whole, shape[0]) };
}

/** The kind of x, which all tensors of a call share: that of the parameters, or one of those of 16 bits. */
function readKind<T extends AnyTensor>(
  call: string,
  { dtype }: Settings,
  { kind }: LayerArrays<T>,
  x: T,
  shape: readonly number[],
  view: View,
): ArrayKind {
  if (isHalf(dtype)) return checkHalf(call, x, dtype, shape, view);
  checkArray(call, 'x', x, kind, view.n * view.c * view.s, shape);
  return kind;
}

/** The limits of batch renormalization in this call; a layer without it has none to set. */
export function checkLimits(
  call: string,
  settings: Settings,
  { rMax, dMax }: RenormLimits,
): { rMax: number; dMax: number } {
  if (settings.renorm !== null) return readLimits(call, { rMax, dMax }, settings.renorm);
  if (rMax !== undefined) throw wrongKind(call, 'rMax', 'nothing without renorm', rMax);
  if (dMax !== undefined) throw wrongKind(call, 'dMax', 'nothing without renorm', dMax);
  return NO_LIMITS;
}

const NO_LIMITS = { rMax: Infinity, dMax: Infinity };

export function readBackwardOptions<T extends AnyTensor>(
  call: string,
  options: BatchNormBackwardOptions<T>,
): BatchNormBackwardOptions<T> {
  return readOptions(call, options, BACKWARD_OPTIONS);
}

export function checkBackward<T extends AnyTensor>(
  call: string,
  own: LayerArrays<T>,
  dy: T,
  { kind, x, residual, view, hasResidual }: Saved<T>,
  { out, outResidual, accumulate }: BatchNormBackwardOptions<T>,
): void {
  if (accumulate !== undefined) checkBoolean(call, 'accumulate', accumulate);
  const length = view.n * view.c * view.s;
  checkArray(call, 'dy', dy, kind, length, 'as x');
  if (out !== undefined) checkArray(call, 'out', out, kind, length, 'as x');
  if (outResidual !== undefined) {
    if (!hasResidual) refuseOrphan(call, 'a residual in the forward', outResidual);
    checkArray(call, 'outResidual', outResidual, kind, length, 'as x');
  }
  checkOverlap(call, { out, outResidual }, { dy, x, residual }, BACKWARD_IN_PLACE);
  if (out !== undefined) own.checkOutput(call, 'out', out);
  if (outResidual !== undefined) own.checkOutput(call, 'outResidual', outResidual);
  own.checkInput(call, 'dy', dy);
  own.checkInput(call, 'x', x);
  if (residual !== null) own.checkInput(call, 'residual', residual);
}
