import { expected, wrongValue } from '../arguments/messages.js';
import { namesOf, readOptions } from '../arguments/options.js';
import { newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import { checkArray, checkBoolean, checkChoice, checkOverlap, checkTensor } from '../arguments/validate.js';
import type { Tensor } from '../types.js';
import { checkFinite, type LayerToFold, readEvaluated, type StatisticsToFold } from './evaluated.js';
import { computeFolded, measureFolded } from './folding.js';
import { planWeights, type WeightLayout, type WeightPlan } from './weight-layout.js';

/**
 * Options of {@link fold}: the dense layer or convolution that batch normalization is folded into (`weights`, `shape`
 * and `layout` are needed), and arrays for the result.
 */
export interface FoldOptions<T extends Tensor> {
  /** Weights of the dense layer or convolution, of the shape `shape`; all finite. */
  weights: T;
  /** Dimensions of the weights, in the order of `layout`. */
  shape: readonly number[];
  /** The meaning of the dimensions, one letter each; see {@link WeightLayout}. */
  layout: WeightLayout;
  /** Bias of the dense layer or convolution, [outputs], of the type of `weights`. Default none, which counts as 0. */
  bias?: T | null | undefined;
  /** Number of groups of the convolution. Default 1. */
  groups?: number | undefined;
  /**
   * Where the dense layer or convolution is: 'previous' (default), before the batch normalization, with nothing
   * between; or 'next', right after it.
   */
  into?: 'previous' | 'next' | undefined;
  /**
   * 'none' says that the convolution pads with no zeros, which `into: 'next'` needs: padding comes after batch
   * normalization, so that a zero of it would have to become another number. Of no meaning for 'previous' and dense
   * layers.
   */
  padding?: 'none' | undefined;
  /**
   * Whether the caller applies the layer's activation after the folded weights. Default false: a layer with an
   * activation is refused.
   */
  dropActivation?: boolean | undefined;
  /**
   * Inputs to measure the deviation on, [any number, elements of one output]: for a dense layer its inputs; for a
   * convolution patches, in the order of the weights' axes without that of the outputs. All outputs of all groups see
   * each of them.
   */
  inputs?: Tensor | undefined;
  /**
   * Array that the new weights are written to, of the length of `weights`. It may be `weights` itself. Default a new
   * array.
   */
  out?: T | undefined;
  /** Array that the new bias is written to, [outputs]. It may be `bias` itself. Default a new array. */
  outBias?: T | undefined;
}

/** Result of {@link fold}: weights and bias that include the batch normalization. */
export interface Folded<T extends Tensor> {
  /** The new weights, of the shape and type of the weights given. */
  weights: T;
  /** [outputs] */
  bias: T;
  /**
   * How far rounding of the new weights and bias can move any output y, for inputs with |x| ≤ X:
   * |y folded − y unfolded| ≤ constant + perUnit·X, both y without rounding of their own sums.
   */
  bound: { constant: number; perUnit: number };
  /** The largest |y folded − y unfolded| on `inputs`, both summed in float64. null without. */
  measured: number | null;
}

const CALL = 'fold';
const OPTIONS = /* @__PURE__ */ namesOf<FoldOptions<Tensor>>({
  weights: 1,
  shape: 1,
  layout: 1,
  bias: 1,
  groups: 1,
  into: 1,
  padding: 1,
  dropActivation: 1,
  inputs: 1,
  out: 1,
  outBias: 1,
});

/**
 * Folds batch normalization, as it is in evaluation, into the dense layer or convolution beside it, which then does
 * both. With a = gamma/√(variance + epsilon) for each channel (where 1/√0 counts as 0):
 *
 *     into 'previous'    W'[k, …] = W[k, …]·a[k]    b'[k] = (b[k] − mean[k])·a[k] + beta[k]
 *     into 'next'        W'[k, i, …] = W[k, i, …]·a[i]    b'[k] = b[k] + Σ W[k, i, …]·(beta[i] − mean[i]·a[i])
 *
 * for outputs k and inputs i, in float64 and rounded once, to the type of the weights. A layer is folded as `eval()`
 * would run it, whatever mode it is in. The folded layer is not bit for bit what the two were: `bound` says how far it
 * can be from it.
 *
 * @param layer a `BatchNorm`, or { mean, variance, gamma, beta, epsilon } from anywhere
 * @param options `weights`, `shape` and `layout` are needed; see {@link FoldOptions}
 * @returns new weights and bias, and how much they deviate; see {@link Folded}
 * @throws TypeError where something is of the wrong kind, a layer has an activation that would be lost, or an option
 *   has an unknown name
 * @throws RangeError where shapes, channels or groups do not fit; where a statistic, a parameter, a weight, or what
 *   they become, is not finite; for 'next' across a transposed convolution, or one that may pad; outputs are untouched
 * @example
 * import { fold } from 'batchnorm';
 * const bn = { mean: [1, 2], variance: [4, 9], gamma: [2, 3], beta: [0, 1], epsilon: 0 }; // or a BatchNorm
 * const weights = Float32Array.of(1, 2, 3, 4); // two outputs of two inputs each, as in PyTorch
 * const folded = fold(bn, { weights, shape: [2, 2], layout: 'OI' });
 * console.log([...folded.weights], [...folded.bias]); // → [ 1, 2, 3, 4 ] [ -1, -1 ]
 */
export function fold<T extends Tensor>(layer: LayerToFold | StatisticsToFold, options: FoldOptions<T>): Folded<T> {
  const given = readOptions(CALL, options, OPTIONS, 'an object with weights, shape and layout');
  const { weights, bias = null, into = 'previous', dropActivation = false, inputs, out, outBias } = given;
  checkChoice(CALL, 'into', into, ['previous', 'next']);
  checkBoolean(CALL, 'dropActivation', dropActivation);
  const bn = readEvaluated(CALL, layer, into, dropActivation);
  const plan = planWeights(CALL, given.shape, given.layout, given.groups);
  const kind = checkArrays(given, plan);
  checkPlace(plan, into, given.padding, bn.channels);

  const folding = { bn, plan, into, weights, bias };
  const result = computeFolded(CALL, newTensor<T>(kind, weights.length), newTensor<T>(kind, plan.outputs), folding);
  const measured = inputs === undefined ? null : measureFolded(result, folding, inputs);
  out?.set(result.weights);
  outBias?.set(result.bias);
  return { weights: out ?? result.weights, bias: outBias ?? result.bias, bound: result.bound, measured };
}

const IN_PLACE = { out: ['weights'], outBias: ['bias'] };

function checkArrays<T extends Tensor>(given: FoldOptions<T>, plan: WeightPlan): TensorKind {
  const { weights, shape, bias, inputs, out, outBias } = given;
  const { outputs, offsets } = plan;
  const kind = checkTensor(CALL, 'weights', weights, shape, { n: 1, c: 1, s: outputs * offsets.length });
  if (bias !== undefined && bias !== null) checkArray(CALL, 'bias', bias, kind, outputs, 'outputs');
  if (out !== undefined) checkArray(CALL, 'out', out, kind, weights.length, shape);
  if (outBias !== undefined) checkArray(CALL, 'outBias', outBias, kind, outputs, 'outputs');
  checkOverlap(CALL, { out, outBias }, { weights, bias, inputs }, IN_PLACE);
  checkFinite(CALL, 'weights', weights);
  if (bias) checkFinite(CALL, 'bias', bias);
  if (inputs !== undefined) checkInputs(inputs, offsets.length);
  return kind;
}

function checkInputs(inputs: Tensor, each: number): void {
  checkTensor(CALL, 'inputs', inputs, [inputs?.length], { n: 1, c: 1, s: inputs?.length });
  checkFinite(CALL, 'inputs', inputs);
  if (inputs.length % each !== 0) {
    throw wrongValue(CALL, 'inputs', `a multiple of ${each} numbers (the elements of one output)`, inputs);
  }
}

function checkPlace(plan: WeightPlan, into: 'previous' | 'next', padding: unknown, channels: number): void {
  const [what, count] = into === 'previous' ? ['outputs', plan.outputs] : ['inputs', plan.inputs];
  if (count !== channels) {
    const got = `${count} ${what} of the weights`;
    throw new RangeError(expected(CALL, 'layer', `as many channels (it has ${channels}) as the weights' ${what}`, got));
  }
  if (padding !== undefined && padding !== 'none') throw wrongValue(CALL, 'padding', "'none'", padding);
  if (into === 'previous' || plan.kind === 'dense') return;
  if (plan.kind === 'transposed') {
    const why = 'whose outputs at the edge, or between strides, are made of fewer elements';
    throw new RangeError(expected(CALL, 'into', "'previous' for a transposed convolution", `'next', ${why}`));
  }
  if (padding === undefined) {
    const advice = "; pass padding: 'none' where the convolution has none";
    throw new RangeError(expected(CALL, 'padding', "'none' with into: 'next'", 'undefined') + advice);
  }
}
