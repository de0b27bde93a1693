// Against the oracle, to the bounds of docs/numerics.md, section 6.
import { type Activation, backward, forwardTraining, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { View } from '#dist/kernels.js';
import type { BackendUnderTest } from '../support/backends.js';
import { additions, statisticsBounds, ulp, unitOf, W } from '../support/bounds.js';
import { type Inputs, inputsOf, PLAIN } from '../support/data.js';
import * as oracle from '../support/oracle.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype } from '../support/tensors.js';

/** In ulps of the largest term of the element. */
const Y_BOUND = 4;
const DX_BOUND = 7.5;

const SHAPES: readonly View[] = [
  { n: 200, c: 6, s: 1 },
  { n: 40, c: 6, s: 9 },
  { n: 2, c: 6, s: 300 },
  { n: 2, c: 6, s: 1 },
];
/** For statistics, more groups and segments. */
const LARGE: readonly View[] = [
  { n: 9000, c: 6, s: 1 },
  { n: 300, c: 6, s: 25 },
  { n: 2, c: 6, s: 5000 },
];

interface Call {
  readonly title: string;
  readonly residual: boolean;
  readonly activation: Activation;
  /** dy from that of the data class and x̂. */
  readonly dy: (dy: number, xHat: number) => number;
}

const CALLS: readonly Call[] = [
  { title: 'plain', residual: false, activation: 'none', dy: (dy) => dy },
  { title: 'relu of a residual', residual: true, activation: 'relu', dy: (dy) => dy },
  { title: 'dy like x', residual: false, activation: 'none', dy: (dy, xHat) => xHat + dy / 16 },
  { title: 'dy far from 0', residual: false, activation: 'none', dy: (dy) => dy + 1000 },
];

export default function accuracy(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'accuracy');
  for (const dataClass of Object.keys(PLAIN)) {
    for (const dtype of DTYPES) {
      test(`statistics, ${dataClass}, ${dtype}`, () => {
        for (const view of [...SHAPES, ...LARGE]) checkStatistics(inputsOf(dataClass, dtype, view));
      });
      for (const call of CALLS) {
        test(`y and gradients, ${call.title}, ${dataClass}, ${dtype}`, () => {
          for (const view of SHAPES) new Check(inputsOf(dataClass, dtype, view), call).all();
        });
      }
    }
  }
}

/** Written so that NaN fails. The oracle computes in float64: against float64 tensors it errs as much as they do. */
function within(actual: number, expected: number, bound: number, dtype: Dtype, what: () => string): void {
  const error = Math.abs(actual - expected);
  const tolerance = dtype === 'float64' ? 2 * bound : bound;
  if (!(error <= tolerance)) assert.unreachable(`${what()}: ${actual} is not ${expected}: ${error} > ${tolerance}`);
}

function checkStatistics({ x, view, dtype, title }: Inputs): void {
  const { mean, variance } = forwardTraining(x, [view.n, view.c, view.s]);
  const expected = oracle.statistics(x, view);
  for (let ch = 0; ch < view.c; ch++) {
    const truth = truthOf(x, expected, view, ch);
    const bounds = statisticsBounds(truth, view);
    const what = (name: string) => () => `${name}[${ch}] of ${title}`;
    within(mean[ch], truth.mean, bounds.mean, dtype, what('mean'));
    within(variance[ch], truth.variance, bounds.variance, dtype, what('variance'));
  }
}

function truthOf(x: Tensor, { mean, variance }: oracle.Statistics, view: View, ch: number) {
  const own = oracle.indices(view, ch);
  const magnitude = oracle.sum(own.map((k) => Math.abs(x[k]))) / own.length;
  return { mean: mean[ch], variance: variance[ch], magnitude };
}

class Check {
  readonly #inputs: Inputs;
  readonly #call: Call;
  readonly #truth: oracle.Statistics;
  readonly #dy: Tensor;

  constructor(inputs: Inputs, call: Call) {
    const { x, dy, view, epsilon } = inputs;
    this.#inputs = inputs;
    this.#call = call;
    this.#truth = oracle.statistics(x, view);
    const xHat = oracle.normalize(
      x,
      this.#truth,
      { gamma: null, beta: null, residual: null, relu: false, epsilon },
      view,
    );
    this.#dy = dy.map((value, k) => call.dy(value, xHat[k]));
  }

  all(): void {
    const { x, gamma, beta, view, epsilon } = this.#inputs;
    const residual = this.#call.residual ? this.#inputs.residual : undefined;
    const { activation } = this.#call;
    const shape = [view.n, view.c, view.s];
    const options = { gamma, beta, residual, epsilon };
    const { y, mean, variance } = forwardTraining<Tensor>(x, shape, { ...options, activation });
    const before = forwardTraining<Tensor>(x, shape, options).y;
    const gradients = backward<Tensor>(this.#dy, x, shape, { ...options, activation, mean, variance });

    const relu = activation === 'relu';
    const expectedY = oracle.normalize(x, this.#truth, { ...options, residual: residual ?? null, relu }, view);
    // Where the activation passes is decided by its input as it was computed.
    const g = this.#dy.map((value, k) => (relu && before[k] <= 0 ? 0 : value));
    const expected = oracle.backward(g, x, this.#truth, { gamma, epsilon }, view);
    for (let ch = 0; ch < view.c; ch++) {
      const channel = this.#channel(g, ch);
      this.#checkY(y, expectedY, channel);
      this.#checkGradients(gradients, expected, g, channel);
    }
  }

  /** What the bounds of one channel refer to. */
  #channel(g: Tensor, ch: number) {
    const { x, gamma, view, epsilon } = this.#inputs;
    const own = oracle.indices(view, ch);
    const truth = truthOf(x, this.#truth, view, ch);
    const errors = statisticsBounds(truth, view);
    const rstd = 1 / Math.sqrt(truth.variance + epsilon);
    const average = (term: (k: number) => number) => oracle.sum(own.map(term)) / own.length;
    const deviation = (k: number) => x[k] - truth.mean;
    return {
      ...{ ch, own, rstd, deviation, meanError: errors.mean },
      a: Math.abs(gamma[ch]) * rstd,
      /** Of rstd, relative. */
      rstdError: errors.variance / (truth.variance + epsilon),
      g: Math.abs(average((k) => g[k])),
      k: rstd ** 2 * Math.abs(average((k) => g[k] * deviation(k))),
      absG: average((k) => Math.abs(g[k])),
      absGDeviation: average((k) => Math.abs(g[k] * deviation(k))),
    };
  }

  #checkY(y: Tensor, expected: Float64Array, { ch, own, a, deviation, meanError, rstdError }: Channel): void {
    const { beta, residual, dtype, title } = this.#inputs;
    for (const k of own) {
      const term = Math.abs(deviation(k)) * a;
      const largest = Math.max(term, Math.abs(beta[ch]));
      const last = this.#call.residual ? ulp(2 * largest + Math.abs(residual[k]), dtype) / 2 : 0;
      const bound = Y_BOUND * ulp(largest, dtype) + last + a * meanError + term * rstdError;
      within(y[k], expected[k], bound, dtype, () => `y[${k}] of ${title}`);
    }
  }

  #checkGradients(
    { dx, dgamma, dbeta }: { dx: Tensor; dgamma: Tensor; dbeta: Tensor },
    expected: oracle.Gradients,
    g: Tensor,
    channel: Channel,
  ): void {
    const { view, dtype, title } = this.#inputs;
    const { ch, own, a, deviation, meanError, rstdError, rstd, absG, absGDeviation } = channel;
    const m = own.length;
    const u = unitOf(dtype);
    const sums = (additions(view) + 3) * W;
    for (const k of own) {
      const slope = Math.abs(deviation(k)) * a;
      const terms = [Math.abs(g[k]) * a, a * channel.g, slope * channel.k];
      // x − mean is rounded to the tensor's type before it enters its sum: u of the absolute terms.
      const ofSums = sums * a * absG + slope * rstd ** 2 * ((u + sums) * absGDeviation + meanError * absG);
      const ofStatistics = a * channel.k * meanError + 3 * rstdError * (terms[0] + terms[1] + terms[2]);
      const bound = DX_BOUND * ulp(Math.max(...terms), dtype) + ofSums + ofStatistics;
      within(dx[k], expected.dx[k], bound, dtype, () => `dx[${k}] of ${title}`);
    }
    // The last term: products of float64 may be subnormal.
    const ofTerms = m * rstd * ((u + sums + rstdError) * absGDeviation + meanError * absG + Number.MIN_VALUE);
    const ofGamma = ulp(expected.dgamma[ch], dtype) / 2 + ofTerms;
    within(dgamma[ch], expected.dgamma[ch], ofGamma, dtype, () => `dgamma[${ch}] of ${title}`);
    const ofBeta = ulp(expected.dbeta[ch], dtype) / 2 + sums * m * absG;
    within(dbeta[ch], expected.dbeta[ch], ofBeta, dtype, () => `dbeta[${ch}] of ${title}`);
  }
}

type Channel = {
  [key in 'ch' | 'rstd' | 'meanError' | 'a' | 'rstdError' | 'g' | 'k' | 'absG' | 'absGDeviation']: number;
} & { own: number[]; deviation: (k: number) => number };
