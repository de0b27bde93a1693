/** Whole passes with exact sums, of the kernels for their parts: for backends that have no kernel for all of one. */
import { type ExactKernels, type Kernels, RECORD } from '../kernels.js';
import { reciprocalDeviation } from '../reference/coefficients.js';

export type ExactPasses = Pick<ExactKernels, 'exactForward' | 'exactBackward'>;
type Parts = Omit<ExactKernels, keyof ExactPasses>;

/** More channels than so many are not kept memory for: this is two megabytes. */
const MOST_KEPT = 8192;
let kept: Float64Array | null = null;

/**
 * Records of no data yet, for a call that reads them before the next one asks for some. Their memory is kept, since
 * 280 bytes of fresh pages for each channel take longer than the sums of small planes.
 */
function passingRecords(channels: number): Float64Array {
  const numbers = channels * RECORD.numbers;
  if (channels > MOST_KEPT) return new Float64Array(numbers);
  if (kept === null || kept.length < numbers) kept = new Float64Array(numbers);
  return kept.subarray(0, numbers).fill(0);
}

/** Outputs per channel are written last: memory may run out between kernels, and the caller has what was there. */
export function exactPasses(exact: Parts, maps: Pick<Kernels, 'normalize' | 'gradientInput'>): ExactPasses {
  return {
    exactForward(y, x, residual, affine, activation, records, view) {
      const { gamma, beta, epsilon } = affine;
      const own = records?.fill(0) ?? passingRecords(view.c);
      exact.exactSums(own, x, view);
      const [mean, variance] = [affine.mean.slice(), affine.variance.slice()];
      exact.exactStatistics(mean, variance, own, view.n * view.s);
      maps.normalize(y, x, residual, { mean, variance, gamma, beta, epsilon }, activation, view);
      affine.mean.set(mean);
      affine.variance.set(variance);
    },
    exactBackward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) {
      const { mean, variance, epsilon } = affine;
      const records = passingRecords(view.c);
      exact.exactGradientSums(records, dy, x, residual, affine, activation, view);
      const sums = { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
      exact.exactGradients(sums, records, mean);
      const given = batchStatistics ? sums : null;
      maps.gradientInput(dx, dresidual, dy, x, residual, affine, activation, given, view.n * view.s, view);
      for (let ch = 0; ch < view.c; ch++) {
        dgamma[ch] = sums.sumDyDeviation[ch] * reciprocalDeviation(variance[ch], epsilon);
        dbeta[ch] = sums.sumDy[ch];
      }
    },
  };
}
