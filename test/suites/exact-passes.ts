/** Whole passes by exact sums have the bits of their parts: sums, what comes of them, and outputs. */
import { leakyRelu } from 'batchnorm';
import * as assert from 'uvu/assert';
import { kernelActivation } from '#dist/arguments/activation.js';
import { type Affine, type KernelActivation, RECORD, type View } from '#dist/kernels.js';
import type { BackendUnderTest } from '../support/backends.js';
import { EXACT_DATA, exactData } from '../support/exact-data.js';
import { type Random, randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { firstDifference } from '../support/tensors.js';

const VIEWS: readonly View[] = [
  { n: 1, c: 1, s: 1 },
  { n: 37, c: 33, s: 1 },
  { n: 9, c: 8, s: 49 },
  { n: 2, c: 5, s: 300 },
];
const ACTIVATIONS: readonly KernelActivation[] = [0, 1, kernelActivation(leakyRelu(0.1))];

interface Case {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly residual: Float32Array | null;
  readonly affine: Affine<Float32Array>;
  readonly view: View;
}

function caseOf(name: string, view: View, random: Random): Case {
  const doubles = () => new Float64Array(view.c).fill(NaN);
  const floats = () => Float32Array.from({ length: view.c }, () => random.normal());
  const affine = { mean: doubles(), variance: doubles(), gamma: floats(), beta: floats(), epsilon: 1e-5 };
  const [x, dy] = [exactData(name, view, random), exactData(name, view, random)];
  return { x, dy, residual: random.integer(2) === 0 ? null : exactData('normal', view, random), affine, view };
}

function same(actual: Float32Array | Float64Array, expected: Float32Array | Float64Array, what: string): void {
  const k = firstDifference(actual, expected);
  assert.is(k, -1, `${what}[${k}] is ${actual[k]}, not ${expected[k]}`);
}

export default function exactPasses(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'exact passes');

  function checkForward({ x, residual, affine, view }: Case, activation: KernelActivation): void {
    const { exact, normalize } = backend.kernels();
    const [records, sums] = [0.5, 0].map((value) => new Float64Array(RECORD.numbers * view.c).fill(value));
    const [mean, variance] = [affine.mean.slice(), affine.variance.slice()];
    const [y, expected, other] = [x.slice(), x.slice(), x.slice()];
    exact.exactSums(sums, x, view);
    exact.exactStatistics(mean, variance, sums, view.n * view.s);
    normalize(expected, x, residual, { ...affine, mean, variance }, activation, view);
    exact.exactForward(y, x, residual, affine, activation, records, view);
    same(records, sums, 'records');
    same(affine.mean, mean, 'mean');
    same(affine.variance, variance, 'variance');
    same(y, expected, 'y');
    exact.exactForward(other, other, residual, affine, activation, null, view);
    same(other, expected, 'y over x');
  }

  function checkBackward({ x, dy, residual, affine, view }: Case, activation: KernelActivation): void {
    const { exact, gradientInput } = backend.kernels();
    const records = new Float64Array(RECORD.numbers * view.c);
    const sums = { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
    exact.exactGradientSums(records, dy, x, residual, affine, activation, view);
    exact.exactGradients(sums, records, affine.mean);
    const rstd = affine.variance.map((variance) =>
      variance + affine.epsilon === 0 ? 0 : 1 / Math.sqrt(variance + 1e-5),
    );
    for (const batch of [true, false]) {
      const [dx, dresidual, expected, g] = [dy.slice(), dy.slice(), dy.slice(), dy.slice()];
      const [dgamma, dbeta] = [new Float32Array(view.c), new Float32Array(view.c)];
      const given = batch ? sums : null;
      gradientInput(expected, g, dy, x, residual, affine, activation, given, view.n * view.s, view);
      exact.exactBackward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch, view);
      same(dx, expected, 'dx');
      same(dresidual, g, 'dresidual');
      same(
        dgamma,
        Float32Array.from(sums.sumDyDeviation, (sum, ch) => sum * rstd[ch]),
        'dgamma',
      );
      same(dbeta, Float32Array.from(sums.sumDy), 'dbeta');
    }
  }

  for (const name of Object.keys(EXACT_DATA)) {
    test(`have the bits of their parts: ${name}`, () => {
      for (const view of VIEWS) {
        const one = caseOf(name, view, randomFor(`passes, ${name}, ${view.s}`));
        for (const activation of ACTIVATIONS) {
          checkForward(one, activation);
          checkBackward(one, activation);
        }
      }
    });
  }
}
