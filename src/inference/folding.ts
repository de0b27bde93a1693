/** The arithmetic of folding: float64 throughout, rounded once. */
import { wrongValue } from '../arguments/messages.js';
import type { Tensor } from '../types.js';
import type { Evaluated } from './evaluated.js';
import type { WeightPlan } from './weight-layout.js';

/** Batch normalization and the weights beside it. All of it is finite and fits. */
export interface Folding {
  readonly bn: Evaluated;
  readonly plan: WeightPlan;
  readonly into: 'previous' | 'next';
  readonly weights: Tensor;
  readonly bias: Tensor | null;
}

export interface FoldedArrays<T extends Tensor> {
  readonly weights: T;
  readonly bias: T;
  readonly bound: { constant: number; perUnit: number };
}

/**
 * A product of a weight with gamma/√(variance + epsilon) is the outcome of five operations in float64, each exact to
 * 2⁻⁵³; so is each term of a bias. 2⁻⁵⁰ of the absolute values is more than all of these together.
 */
const FLOAT64_ERROR = 2 ** -50;
/** A product below the smallest normal number can lose so much beside. */
const SMALLEST = 2 ** -1074;

/**
 * Writes the new weights and bias, and adds up for every output what it can deviate by.
 *
 * @throws RangeError where a number becomes too large for its type
 */
export function computeFolded<T extends Tensor>(call: string, weights: T, bias: T, folding: Folding): FoldedArrays<T> {
  const { plan, weights: given } = folding;
  const bound = { constant: 0, perUnit: 0 };
  for (let k = 0; k < plan.outputs; k++) {
    let perUnit = 0;
    const first = plan.first(k);
    for (let j = 0; j < plan.offsets.length; j++) {
      const at = first + plan.offsets[j];
      const exact = given[at] * folding.bn.scale[channelOf(folding, k, j)];
      perUnit += store(call, 'weights', weights, at, exact, Math.abs(exact));
    }
    const { value, size } = biasOf(folding, k);
    bound.constant = Math.max(bound.constant, store(call, 'bias', bias, k, value, size));
    // The sum itself is rounded upwards.
    bound.perUnit = Math.max(bound.perUnit, perUnit * (1 + plan.offsets.length * Number.EPSILON));
  }
  return { weights, bias, bound };
}

/** Rounds a number to the array's type; how far what is there can be from the number that is meant. */
function store(call: string, name: string, to: Tensor, at: number, value: number, size: number): number {
  to[at] = value;
  const stored = to[at];
  if (!Number.isFinite(stored)) throw wrongValue(call, `${name}[${at}]`, 'a finite number when folded', stored);
  return Math.abs(stored - value) + size * FLOAT64_ERROR + SMALLEST;
}

/** The channel of batch normalization that multiplies an element of an output. */
function channelOf({ plan, into }: Folding, k: number, j: number): number {
  return into === 'previous' ? k : plan.firstInput(k) + plan.steps[j];
}

/** The new bias of an output, and the sum of the absolute values that it is made of, once for each addition. */
function biasOf({ bn, plan, into, weights, bias }: Folding, k: number): { value: number; size: number } {
  const before = bias === null ? 0 : bias[k];
  const { mean, scale, beta } = bn;
  if (into === 'previous') {
    const value = (before - mean[k]) * scale[k] + beta[k];
    return { value, size: (Math.abs(before) + Math.abs(mean[k])) * Math.abs(scale[k]) + Math.abs(beta[k]) };
  }
  let [value, size] = [before, Math.abs(before)];
  const first = plan.first(k);
  for (let j = 0; j < plan.offsets.length; j++) {
    const weight = weights[first + plan.offsets[j]];
    const i = plan.firstInput(k) + plan.steps[j];
    value += weight * (beta[i] - mean[i] * scale[i]);
    size += Math.abs(weight) * (Math.abs(beta[i]) + Math.abs(mean[i] * scale[i]));
  }
  return { value, size: size * (1 + plan.offsets.length / 8) };
}

/** The largest difference between what the folded weights make of inputs and what the two layers made of them. */
export function measureFolded(folded: FoldedArrays<Tensor>, folding: Folding, inputs: Tensor): number {
  const { bn, plan, into, weights, bias } = folding;
  const each = plan.offsets.length;
  let largest = 0;
  for (let row = 0; row < inputs.length; row += each) {
    for (let k = 0; k < plan.outputs; k++) {
      let [before, after] = [bias === null ? 0 : bias[k], folded.bias[k]];
      const first = plan.first(k);
      for (let j = 0; j < each; j++) {
        const at = first + plan.offsets[j];
        const x = inputs[row + j];
        before += weights[at] * (into === 'next' ? normalized(bn, channelOf(folding, k, j), x) : x);
        after += folded.weights[at] * x;
      }
      const unfolded = into === 'previous' ? normalized(bn, k, before) : before;
      const deviation = Math.abs(after - unfolded);
      // Inputs so large that sums overflow.
      if (Number.isNaN(deviation)) return NaN;
      largest = Math.max(largest, deviation);
    }
  }
  return largest;
}

function normalized({ mean, scale, beta }: Evaluated, ch: number, x: number): number {
  return (x - mean[ch]) * scale[ch] + beta[ch];
}
