/**
 * The error bounds of docs/numerics.md, section 11, against a float64 oracle: half a unit of 16 bits for the last
 * rounding, beside what float32 is allowed.
 */
import { backward, forwardTraining, fromBfloat16, fromFloat16, type HalfDtype } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { View } from '#dist/kernels.js';
import type { BackendUnderTest } from '../support/backends.js';
import { ulp } from '../support/bounds.js';
import { inputsOf } from '../support/data.js';
import * as oracle from '../support/oracle.js';
import { suiteFor } from '../support/suite.js';

const WIDEN = { float16: fromFloat16, bfloat16: fromBfloat16 };
/** Bits of fraction, and the exponent of the least normal number. */
const FORMATS = { float16: [10, -14], bfloat16: [7, -126] } as const;

/** The spacing of the numbers of 16 bits at t. */
function ulpOfHalf(t: number, dtype: HalfDtype): number {
  const [fraction, least] = FORMATS[dtype];
  return 2 ** (Math.max(t === 0 ? least : Math.floor(Math.log2(Math.abs(t))), least) - fraction);
}

const VIEWS: readonly View[] = [
  { n: 64, c: 5, s: 1 },
  { n: 9, c: 3, s: 49 },
  { n: 2, c: 3, s: 700 },
];

/** Written so that NaN fails. */
const isWithin = (actual: number, expected: number, bound: number) => Math.abs(actual - expected) <= bound;

function within(actual: number, expected: number, bound: number, what: string): void {
  if (!isWithin(actual, expected, bound)) {
    assert.unreachable(`${what}: ${actual} is not ${expected}: ${Math.abs(actual - expected)} > ${bound}`);
  }
}

function check(dtype: HalfDtype, dataClass: string, view: View): void {
  const { x, dy, gamma, beta, epsilon } = inputsOf(dataClass, dtype, view);
  const shape = [view.n, view.c, view.s];
  const [half, gradient] = [x as Uint16Array, dy as Uint16Array];
  const parameters = { gamma: gamma as Float32Array, beta: beta as Float32Array, epsilon };
  const { y, mean, variance } = forwardTraining(half, shape, { ...parameters, dtype });
  const { dx } = backward(gradient, half, shape, { ...parameters, mean, variance, dtype });
  const [ownX, ownDy, ownY, ownDx] = [half, gradient, y, dx].map((tensor) => WIDEN[dtype](tensor));

  const truth = oracle.statistics(ownX, view);
  const expectedY = oracle.normalize(ownX, truth, { ...parameters, residual: null, relu: false }, view);
  const expectedDx = oracle.backward(ownDy, ownX, truth, parameters, view).dx;
  for (let ch = 0; ch < view.c; ch++) {
    const own = oracle.indices(view, ch);
    const rstd = 1 / Math.sqrt(truth.variance[ch] + epsilon);
    const a = Math.abs(gamma[ch]) * rstd;
    const average = (term: (k: number) => number) => oracle.sum(own.map((k) => Math.abs(term(k)))) / own.length;
    const deviation = (k: number) => ownX[k] - truth.mean[ch];
    const meanDy = average((k) => ownDy[k]);
    const meanProduct = average((k) => ownDy[k] * deviation(k));
    for (const k of own) {
      const largest = Math.max(Math.abs(deviation(k) * a), Math.abs(beta[ch]));
      const what = `${dtype}, ${dataClass}, (${shape}), [${k}]`;
      const lost = 5 * ulp(largest, 'float32');
      within(ownY[k], expectedY[k], ulpOfHalf(ownY[k], dtype) / 2 + lost, `y: ${what}`);
      // The sentence of the page: within 0.51 units where nothing cancels.
      if (largest <= 16 * Math.abs(ownY[k]) && largest >= 2 ** FORMATS[dtype][1]) {
        within(ownY[k], expectedY[k], 0.51 * ulpOfHalf(ownY[k], dtype), `y within 0.51: ${what}`);
      }
      const term = a * Math.abs(deviation(k)) * rstd * rstd * meanProduct;
      const largestDx = Math.max(Math.abs(ownDy[k]) * a, a * meanDy, term);
      const bound = ulpOfHalf(ownDx[k], dtype) / 2 + 9 * ulp(largestDx, 'float32');
      within(ownDx[k], expectedDx[k], bound, `dx: ${what}`);
    }
  }
}

export default (backend: BackendUnderTest): void => {
  const test = suiteFor(backend, 'error bounds of 16 bits');
  for (const dtype of ['float16', 'bfloat16'] as const) {
    for (const dataClass of ['normal', 'uniform']) {
      test(`${dtype}, ${dataClass}`, () => {
        for (const view of VIEWS) check(dtype, dataClass, view);
      });
    }
  }
  test('that they can fail: a unit more is too much', () => {
    const unit = ulpOfHalf(1, 'float16');
    assert.is(unit, 2 ** -10);
    assert.ok(isWithin(1 + unit / 2, 1, 0.51 * unit));
    assert.not(isWithin(1 + unit, 1, 0.51 * unit));
    assert.not(isWithin(Number.NaN, 1, 1));
  });
};
