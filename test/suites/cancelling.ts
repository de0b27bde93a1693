// dx where the sums of the gradient cancel: the bound given the sums, and the bound for the whole (docs/numerics.md,
// section 6).
import { backward, forwardTraining, GradientSums, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { additions, statisticsBounds, ulp, W } from '../support/bounds.js';
import * as oracle from '../support/oracle.js';
import { type Random, randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype, zeros } from '../support/tensors.js';

/** In ulps of the largest term: of the terms themselves, and of those with sums of absolute values. */
const GIVEN_SUMS = 7.5;
const WHOLE = 8.5;

const EPSILON = 1e-5;
const BATCHES = 1000;
const VIEW = { n: 8, c: 1, s: 1 };
const SHAPE = [8, 1];

interface Batch {
  readonly dtype: Dtype;
  readonly x: Tensor;
  readonly dy: Tensor;
  readonly gamma: Tensor;
}

/**
 * dy as it comes back through a relu: half of it is 0. In every other batch both of its sums cancel, but for rounding.
 */
function batchOf(dtype: Dtype, random: Random, cancels: boolean): Batch {
  const make = (length: number, value: () => number) => zeros(dtype, length).map(value);
  const mean = 10 ** (4 * random.uniform() - 2);
  const x = make(VIEW.n, () => mean + 4 * random.uniform() - 2);
  const dy = make(VIEW.n, () => (random.integer(2) === 0 ? 0 : 2 * random.uniform() - 1));
  if (cancels) {
    // Three that are not 0: two of them are solved for, from Σ dy = 0 and Σ dy·x = 0.
    dy.fill(0);
    dy[0] = random.uniform();
    dy[1] = (dy[0] * (x[2] - x[0])) / (x[1] - x[2]);
    dy[2] = (dy[0] * (x[1] - x[0])) / (x[2] - x[1]);
  }
  return { dtype, x, dy, gamma: make(1, () => 0.5 + random.uniform()) };
}

const meanOf = (terms: Iterable<number>) => oracle.sum(terms) / VIEW.n;

/** The errors of dx, in ulps of its largest terms: M where the sums are given, M and M′ for the whole. */
function errorsOf({ dtype, x, dy, gamma }: Batch) {
  const { mean, variance } = forwardTraining<Tensor>(x, SHAPE, { epsilon: EPSILON });
  const statistics = { mean, variance, epsilon: EPSILON };
  const sums = new GradientSums(1).add(dy, x, SHAPE, statistics);
  const { dx } = backward<Tensor>(dy, x, SHAPE, { ...statistics, gamma });
  const ofSums = backward<Tensor>(dy, x, SHAPE, { ...statistics, gamma, sums }).dx;

  const truth = oracle.statistics(x, VIEW);
  const exact = oracle.backward(dy, x, truth, { gamma, epsilon: EPSILON }, VIEW).dx;
  const deviation = Array.from(x, (value) => value - truth.mean[0]);
  const rstd = 1 / Math.sqrt(truth.variance[0] + EPSILON);
  const a = gamma[0] * rstd;
  const [absG, absS] = [meanOf(dy.map(Math.abs)), meanOf(deviation.map((d, k) => Math.abs(dy[k] * d)))];
  const [g, s] = [sums.sumDy[0] / VIEW.n, sums.sumDyDeviation[0] / VIEW.n];

  // What errors of mean and variance add.
  const magnitude = meanOf(x.map(Math.abs));
  const bounds = statisticsBounds({ mean: truth.mean[0], variance: truth.variance[0], magnitude }, VIEW, dtype);
  const rho = bounds.variance / (truth.variance[0] + EPSILON);
  const D = additions(VIEW);
  return deviation.map((d, k) => {
    const terms = [dy[k] * a, a * g, a * d * rstd ** 2 * s];
    const absolute = [terms[0], a * absG, a * d * rstd ** 2 * absS];
    const [M, whole] = [terms, absolute].map((all) => Math.max(...all.map(Math.abs)));
    const ofStatistics = bounds.mean * a * rstd ** 2 * (absS + Math.abs(d) * absG) + 2.5 * rho * whole;
    return {
      M,
      whole,
      given: Math.abs(ofSums[k] - (terms[0] - terms[1] - terms[2])),
      error: Math.abs(dx[k] - exact[k]),
      beyond: (2 * D + 3) * W * whole + ofStatistics,
      ofStatistics,
    };
  });
}

/** Written so that NaN fails. The oracle computes in float64: against float64 tensors it errs as much as they do. */
function within(error: number, bound: number, dtype: Dtype, what: string): void {
  const tolerance = dtype === 'float64' ? 2 * bound : bound;
  if (!(error <= tolerance)) assert.unreachable(`${what}: ${error} is more than ${tolerance}`);
}

export default function cancelling(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'sums that cancel');

  for (const dtype of DTYPES) {
    test(`dx of ${dtype}: ${GIVEN_SUMS} ulp given the sums, ${WHOLE} of terms with absolute sums for the whole`, () => {
      const random = randomFor('sums that cancel');
      let worst = 0;
      for (let i = 0; i < BATCHES; i++) {
        for (const { M, whole, given, error, beyond, ofStatistics } of errorsOf(batchOf(dtype, random, i % 2 === 0))) {
          if (whole === 0) continue;
          within(given, GIVEN_SUMS * ulp(M, dtype) + ofStatistics, dtype, `batch ${i}, given its sums`);
          within(error, WHOLE * ulp(whole, dtype) + beyond, dtype, `batch ${i}, the whole`);
          worst = Math.max(worst, error / ulp(M, dtype));
        }
      }
      assert.ok(worst > GIVEN_SUMS, `the sums are given for a reason: the whole is ${worst} ulp of its terms at worst`);
    });
  }
}
