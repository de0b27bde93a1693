/**
 * Gradients that have gradients themselves: of a forward with given statistics of any order, since there y is affine
 * in x; of a forward in training of second order, by `doubleBackward`.
 */
import { broadcastTo, customGrad, type GradSaveFunc, reshape, type Tensor } from '@tensorflow/tfjs-core';
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import { doubleBackward, forwardInference, GradientSums } from '../index.js';
import { computeTensors } from './heap.js';
import type { Pass } from './pass.js';

/** What the gradients of a forward were computed from. */
export interface GradientInputs {
  readonly dy: Tensor;
  readonly x: Tensor;
  /** null where the layer has none. */
  readonly gamma: Tensor | null;
}

/** [dx, dgamma, dbeta], which have been computed, as results of operations on dy, x and gamma. */
export function differentiableGradients(
  [dx, dgamma, dbeta]: readonly Tensor[],
  { dy, x, gamma }: GradientInputs,
  pass: Pass,
): Tensor[] {
  const own = gamma === null ? [] : [gamma];
  const given = pass.kind === 'given';
  return [
    given
      ? operation(dx, [dy, ...own], (ddx, [dy, gamma]) => gradientsOfNormalized(ddx, dy, gamma, false, pass))
      : operation(dx, [dy, x, ...own], (ddx, [dy, x, gamma]) => gradientsOfDx(ddx, dy, x, gamma, pass)),
    operation(dgamma, [dy, x], (ddgamma, [dy, x]) =>
      given ? gradientsOfProduct(ddgamma, dy, x, true, pass) : gradientsOfDgamma(ddgamma, dy, x, pass),
    ),
    operation(dbeta, [dy], (ddbeta) => [overChannels(ddbeta, x.shape, pass.axis)]),
  ];
}

type Gradients = (dy: Tensor, inputs: Tensor[]) => Tensor[];

/** A value that has been computed as the result of an operation on these inputs, which it keeps for its gradients. */
function operation(value: Tensor, inputs: readonly Tensor[], gradFunc: Gradients): Tensor {
  return customGrad((...given: (Tensor | GradSaveFunc)[]) => {
    const save = given[given.length - 1] as GradSaveFunc;
    save([...inputs]);
    return { value, gradFunc };
  })(...inputs);
}

/** (x − mean)·rstd·factor, or without the mean x·rstd·factor; no factor counts as 1. */
function normalized(x: Tensor, factor: Tensor | undefined, centred: boolean, pass: Pass): Tensor {
  const { axis, epsilon, variance } = pass;
  const inputs = { x, gamma: factor ?? null };
  const [y] = computeTensors([x.shape], inputs, ([out], { x: values, gamma }) => {
    forwardInference(values, x.shape, { axis, epsilon, mean: center(pass, centred), variance, gamma, out });
  });
  const saved = factor === undefined ? [x] : [x, factor];
  return operation(y, saved, (dy, [x, factor]) => gradientsOfNormalized(dy, x, factor, centred, pass));
}

function gradientsOfNormalized(dy: Tensor, x: Tensor, factor: Tensor | undefined, centred: boolean, pass: Pass) {
  const dx = normalized(dy, factor, false, pass);
  return factor === undefined ? [dx] : [dx, product(dy, x, centred, pass)];
}

/** Σ dy·(x − mean)·rstd of each channel, or without the mean Σ dy·x·rstd. */
function product(dy: Tensor, x: Tensor, centred: boolean, pass: Pass): Tensor {
  const { axis, epsilon, variance, summation } = pass;
  const mean = center(pass, centred);
  const [sums] = computeTensors([[mean.length]], { dy, x }, ([out], given) => {
    const sums = new GradientSums(mean.length, { summation });
    const { sumDyDeviation } = sums.add(given.dy, given.x, x.shape, { axis, mean, variance, epsilon });
    out.set(sumDyDeviation.map((sum, ch) => sum * reciprocalDeviation(variance[ch] + epsilon)));
  });
  return operation(sums, [dy, x], (factor, [dy, x]) => gradientsOfProduct(factor, dy, x, centred, pass));
}

function gradientsOfProduct(factor: Tensor, dy: Tensor, x: Tensor, centred: boolean, pass: Pass): Tensor[] {
  return [normalized(x, factor, centred, pass), normalized(dy, factor, false, pass)];
}

function center({ mean }: Pass, centred: boolean): Float64Array {
  return centred ? mean : new Float64Array(mean.length);
}

/** A number per channel at each of its positions. */
function overChannels(values: Tensor, shape: number[], axis: number): Tensor {
  const at = axis < 0 ? axis + shape.length : axis;
  const along = shape.map((extent, i) => (i === at ? extent : 1));
  return broadcastTo(reshape(values, along), shape as [number]);
}

/** Of dy, x and, where there is one, gamma. */
function gradientsOfDx(ddx: Tensor, dy: Tensor, x: Tensor, gamma: Tensor | undefined, pass: Pass): Tensor[] {
  const computed = gradientsInTraining({ dy, x, gamma: gamma ?? null }, { ddx, ddgamma: null }, pass);
  return gamma === undefined ? computed.slice(0, 2) : computed;
}

/** Of dy and x; dgamma does not depend on gamma. */
function gradientsOfDgamma(ddgamma: Tensor, dy: Tensor, x: Tensor, pass: Pass): Tensor[] {
  return gradientsInTraining({ dy, x, gamma: null }, { ddx: null, ddgamma }, pass).slice(0, 2);
}

/** [ddy, dx, dgamma] */
function gradientsInTraining(
  given: GradientInputs,
  wanted: { readonly ddx: Tensor | null; readonly ddgamma: Tensor | null },
  pass: Pass,
): Tensor[] {
  checkWhole(pass);
  const { axis, epsilon, mean, variance, summation, timed } = pass;
  const { shape } = given.x;
  const results = timed(() =>
    computeTensors([shape, shape, [mean.length]], { ...given, ...wanted }, ([outDy, out, outGamma], arrays) => {
      const { dy, x, gamma, ddx, ddgamma } = arrays;
      const options = { axis, epsilon, mean, variance, summation, gamma, ddx, ddgamma };
      const second = doubleBackward(dy, x, shape, options);
      outDy.set(second.ddy);
      out.set(second.dx);
      outGamma.set(second.dgamma);
    }),
  );
  const inputs = Object.values({ ...given, ...wanted }).filter((input) => input !== null);
  return results.map((result) => operation(result, inputs, refuseThirdOrder));
}

/** @throws where statistics are of another set of values than the one that is differentiated */
function checkWhole({ positions, shared }: Pass): void {
  const several = shared !== undefined && shared.ranks.size > 1;
  if (positions === null && !several) return;
  const why = positions === null ? `"synchronize" and ${shared?.ranks.size} ranks` : 'a mask';
  throw refusal(`gradients of gradients in training expected the statistics of the whole input, got ${why}`);
}

function refuseThirdOrder(): never {
  throw refusal('gradients in training expected orders 1 and 2, got 3; with trainable: false they have any order');
}

function refusal(rule: string): Error {
  return new Error(`batchnorm: batchNormalization: ${rule}`);
}
