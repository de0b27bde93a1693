import { expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, readOptions } from '../arguments/options.js';
import { BatchNorm } from '../layer/constructor.js';
import { SETTING_NAMES } from '../layer/settings.js';
import type { BatchNormState } from '../layer/state.js';
import type { AnyTensor, DtypeOf, Tensor } from '../types.js';
import { stateOf } from './layer-state.js';

/** Options of {@link averageOf}, all of them optional. */
export interface AverageOptions {
  /** Weight of each layer: as many finite numbers ≥ 0 as layers, not all 0. Default: all count alike. */
  weights?: readonly number[] | undefined;
}

const CALL = 'averageOf';
const OPTIONS = /* @__PURE__ */ nameSet('weights');

/**
 * The average of one layer at several times or of several runs, as stochastic weight averaging (SWA, arXiv 1803.05407)
 * has it:
 *
 *     gamma = Σ w[k]·gamma[k]/Σ w[k]    and so beta, the running mean and the running variance
 *
 * in float64, parameters rounded once to the layer's type. `averageOf([average, layer], { weights: [n, 1] })` takes in
 * one more.
 *
 * The average of the running statistics is a start and no more: with averaged weights in the layers before, the network
 * has other activations, with a mean and variance of their own. Once all parameters are averaged, estimate these from
 * data: `bn.setStatistics(await populationStatistics(batches))`, layer by layer from the input on.
 *
 * @param layers at least one, of the same channels and settings (`updateRate` may differ); they stay as they are
 * @param options `weights`; see {@link AverageOptions}
 * @returns a layer with the settings, switches and counts of the last one; not synchronised
 * @throws TypeError, RangeError where there is no layer or something else, settings differ, or weights are of no use
 * @example
 * import { averageOf, BatchNorm } from 'batchnorm';
 * const [early, late] = [new BatchNorm(1), new BatchNorm(1)];
 * early.gamma?.fill(1);
 * late.gamma?.fill(2);
 * console.log(averageOf([early, late]).gamma?.[0]); // → 1.5
 * console.log(averageOf([early, late], { weights: [3, 1] }).gamma?.[0]); // → 1.25
 */
export function averageOf<T extends AnyTensor>(
  layers: readonly BatchNorm<T>[],
  options: AverageOptions = NO_OPTIONS,
): BatchNorm<T> {
  const { weights } = readOptions(CALL, options, OPTIONS);
  if (!Array.isArray(layers)) throw wrongKind(CALL, 'layers', 'an array of BatchNorm', layers);
  if (layers.length === 0) throw wrongValue(CALL, 'layers', 'at least one layer', layers);
  const states = layers.map((layer, k) => stateOf(CALL, `layers[${k}]`, layer));
  for (const [k, state] of states.entries()) checkSame(states[0], state, k);
  const shares = readShares(weights, layers.length);
  const average = BatchNorm.fromState<T>(states.at(-1) as BatchNormState<DtypeOf<T>>);
  for (const name of ARRAYS)
    average[name]?.set(
      weighted(
        layers.map((layer) => layer[name]),
        shares,
      ),
    );
  return average;
}

const ARRAYS = ['gamma', 'beta', 'runningMean', 'runningVariance', 'renormMean', 'renormDeviation'] as const;

function checkSame(first: BatchNormState, state: BatchNormState, k: number): void {
  for (const name of ['channels', ...SETTING_NAMES] as const) {
    const [wanted, got] = [first, state].map((each) => JSON.stringify(each[name]));
    if (wanted === got || name === 'updateRate') continue;
    throw new RangeError(expected(CALL, `layers[${k}].${name}`, `${wanted}, as layers[0] has`, `${got}`));
  }
}

/** They add up to 1. */
function readShares(weights: readonly number[] | undefined, layers: number): number[] {
  if (weights === undefined) return Array<number>(layers).fill(1 / layers);
  if (!Array.isArray(weights)) throw wrongKind(CALL, 'weights', 'an array of numbers', weights);
  if (weights.length !== layers) throw wrongValue(CALL, 'weights', `${layers} numbers, one for each layer`, weights);
  for (const [k, weight] of weights.entries()) {
    if (typeof weight !== 'number') throw wrongKind(CALL, `weights[${k}]`, 'a finite number >= 0', weight);
    if (!(weight >= 0 && weight < Infinity)) throw wrongValue(CALL, `weights[${k}]`, 'a finite number >= 0', weight);
  }
  const largest = Math.max(...weights);
  if (largest === 0) throw new RangeError(expected(CALL, 'weights', 'at least one weight above 0', list(weights)));
  const scaled = weights.map((weight: number) => weight / largest);
  const sum = scaled.reduce((total, weight) => total + weight, 0);
  return scaled.map((weight) => weight / sum);
}

/** Differences from one of them, so that equal numbers average to the same one. Layers that count 0 have no say. */
function weighted(arrays: readonly Tensor[], shares: readonly number[]): Float64Array {
  const counting = arrays.map((array, k) => ({ array, share: shares[k] })).filter(({ share }) => share > 0);
  return Float64Array.from(counting[0].array, (start, ch) => {
    let sum = start;
    for (const { array, share } of counting) if (array[ch] !== start) sum += share * (array[ch] - start);
    return sum;
  });
}
