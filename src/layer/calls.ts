/** The options of a layer's forward and backward, and their checks. */

import { expected, list, wrongKind } from '../arguments/messages.js';
import { nameSet, readOptions } from '../arguments/options.js';
import {
  checkArray,
  checkBoolean,
  checkChannels,
  checkOverlap,
  checkVariance,
  readView,
  refuseOrphan,
  refuseSingleValue,
} from '../arguments/validate.js';
import type { View } from '../kernels.js';
import { ghostNumbers } from '../passes/ghost-groups.js';
import { type Mask, readMask, type Selection } from '../passes/mask.js';
import type { Tensor } from '../types.js';
import type { LayerArrays } from './arrays.js';
import { type RenormLimits, readLimits } from './renorm.js';
import type { KeptInput } from './saved.js';
import type { Settings } from './settings.js';

export interface BatchNormForwardOptions<T extends Tensor> extends RenormLimits {
  /** Where y goes. May be x (then there is no backward) or the residual; no other overlap. Default a new array. */
  out?: T | undefined;
  /** Added before the activation, of the shape of x: y = activation(bn(x) + residual). */
  residual?: T | undefined;
  /**
   * Which positions take part: 0 or 1 (false or true), or a weight > 0, for each, [shape without the channel axis]. What is
   * masked is no part of the batch: not of its statistics and gradients, whatever lies there (NaN too), and y, dx and dresidual
   * are 0 there. Weights count in the statistics, as so many values. A batch of which nothing is left updates nothing. Default: all.
   */
  mask?: Mask | undefined;
  /**
   * false: the running statistics stay as they are, until {@link BatchNorm.commit} takes this batch in. Default true.
   * Only where they would be updated at all: in training, with `updateStatistics`.
   */
  update?: boolean | undefined;
}

export interface BatchNormBackwardOptions<T extends Tensor> {
  /** Where dx goes. May be dy itself; no other overlap. Default a new array. */
  out?: T | undefined;
  /** Where dresidual goes, if the forward had a residual. May be dy itself when `out` is not. */
  outResidual?: T | undefined;
}

const FORWARD = 'BatchNorm.forward';
const FORWARD_OPTIONS = /* @__PURE__ */ nameSet('out residual mask update rMax dMax');
const FORWARD_IN_PLACE = { out: ['x', 'residual'] };
const BACKWARD = 'BatchNorm.backward';
const BACKWARD_OPTIONS = /* @__PURE__ */ nameSet('out outResidual');
const BACKWARD_IN_PLACE = { out: ['dy'], outResidual: ['dy'] };

/** Which statistics a forward needs. */
export interface Statistics {
  /** Normalise by those of the batch. */
  readonly batch: boolean;
  /** Take those of the batch into the running ones. */
  readonly track: boolean;
}

export function readForwardOptions<T extends Tensor>(options: BatchNormForwardOptions<T>): BatchNormForwardOptions<T> {
  return readOptions(FORWARD, options, FORWARD_OPTIONS);
}

export function checkForward<T extends Tensor>(
  own: LayerArrays<T>,
  settings: Settings,
  synchronized: boolean,
  { batch, track }: Statistics,
  x: T,
  given: readonly number[],
  { out, residual, update, mask }: BatchNormForwardOptions<T>,
): { view: View; samples: number; selection: Selection | null } {
  const { axis, singleValue, ghostBatchSize } = settings;
  if (update !== undefined) checkBoolean(FORWARD, 'update', update);
  // Ghost batches look at it again.
  const shape = ghostBatchSize !== null && Array.isArray(given) ? Array.from(given) : given;
  const view = readView(FORWARD, shape, axis);
  const { c } = view;
  checkChannels(FORWARD, own.channels, shape, view);
  const chosen = mask === undefined ? null : readMask(FORWARD, mask, shape, view);
  checkArray(FORWARD, 'x', x, own.kind, view.n * c * view.s, shape);
  if (residual !== undefined) checkArray(FORWARD, 'residual', residual, own.kind, x.length, shape);
  own.check(FORWARD);
  if (track) own.checkRunning(FORWARD);
  else if (!batch) checkVariance(FORWARD, 'runningVariance', own.runningVariance);
  if (out !== undefined) {
    checkArray(FORWARD, 'out', out, own.kind, x.length, shape);
    checkOverlap(FORWARD, { out }, { x, residual }, FORWARD_IN_PLACE);
    own.checkOutput(FORWARD, 'out', out);
  }
  if (ghostBatchSize !== null && axis + shape.length === 0) {
    const wanted = 'an axis of samples before that of the channels, for ghostBatchSize';
    throw new RangeError(expected(FORWARD, 'shape', wanted, list(shape)));
  }
  const ghosts = chosen && ghostNumbers(settings, shape[0]);
  const selection = ghosts === null ? chosen : chosen!.grouped(shape[0], ghosts);
  const { n, s } = selection?.view ?? view;
  const single = n * s === 1 && c > 0 && !synchronized && ghostBatchSize === null;
  if (single && (batch || track) && singleValue === 'throw') {
    refuseSingleValue(FORWARD, shape, 'normalise by the running statistics with eval()', selection !== null);
  }
  return { view, samples: shape[0], selection };
}

/** The limits of batch renormalization in this call; a layer without it has none to set. */
export function checkLimits(settings: Settings, { rMax, dMax }: RenormLimits): { rMax: number; dMax: number } {
  if (settings.renorm !== null) return readLimits(FORWARD, { rMax, dMax }, settings.renorm);
  if (rMax !== undefined) throw wrongKind(FORWARD, 'rMax', 'nothing without renorm', rMax);
  if (dMax !== undefined) throw wrongKind(FORWARD, 'dMax', 'nothing without renorm', dMax);
  return NO_LIMITS;
}

const NO_LIMITS = { rMax: Infinity, dMax: Infinity };

export function readBackwardOptions<T extends Tensor>(
  options: BatchNormBackwardOptions<T>,
): BatchNormBackwardOptions<T> {
  return readOptions(BACKWARD, options, BACKWARD_OPTIONS);
}

export function checkBackward<T extends Tensor>(
  own: LayerArrays<T>,
  dy: T,
  { x, residual, hasResidual, selection }: KeptInput<T>,
  { out, outResidual }: BatchNormBackwardOptions<T>,
): void {
  const length = selection?.length ?? x.length;
  checkArray(BACKWARD, 'dy', dy, own.kind, length, 'as x');
  if (out !== undefined) checkArray(BACKWARD, 'out', out, own.kind, length, 'as x');
  if (outResidual !== undefined) {
    if (!hasResidual) refuseOrphan(BACKWARD, 'a residual in the forward', outResidual);
    checkArray(BACKWARD, 'outResidual', outResidual, own.kind, length, 'as x');
  }
  checkOverlap(BACKWARD, { out, outResidual }, { dy, x, residual }, BACKWARD_IN_PLACE);
  if (out !== undefined) own.checkOutput(BACKWARD, 'out', out);
  if (outResidual !== undefined) own.checkOutput(BACKWARD, 'outResidual', outResidual);
  own.checkInput(BACKWARD, 'dy', dy);
  own.checkInput(BACKWARD, 'x', x);
  if (residual !== null) own.checkInput(BACKWARD, 'residual', residual);
}
