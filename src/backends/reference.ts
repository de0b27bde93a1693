/** The kernels in plain JavaScript: they run everywhere, and read as the definition. */
import type { Kernels } from '../kernels.js';
import { backward, gradientInput, gradientSums } from '../reference/backward.js';
import { exactGradientSums, exactGradients, exactStatistics, exactSums } from '../reference/exact.js';
import { exactBackward, exactForward } from '../reference/exact-fused.js';
import { withHalfKernels } from '../reference/half-kernels.js';
import { fits, makeScratch, type Scratch } from '../reference/layout.js';
import { forward, normalize } from '../reference/normalize.js';
import { rowSums } from '../reference/row-sums.js';
import { statistics } from '../reference/stats.js';

export function isas(): string[] {
  return ['javascript'];
}

export function load(): Kernels {
  let kept: Scratch = makeScratch(0, 1);
  const scratch = (c: number, s: number): Scratch => {
    if (!fits(kept, c, s)) kept = makeScratch(c, s);
    return kept;
  };
  return withHalfKernels({
    name: 'reference',
    isa: 'javascript',
    threads: 1,
    memory: null,
    statistics: (mean, variance, x, view) => statistics(mean, variance, x, view, scratch(view.c, view.s)),
    rowSums: (sums, x, positions, weights, center, view) =>
      rowSums(sums, x, positions, weights, center, view, scratch(view.c, 1)),
    normalize: (y, x, residual, affine, activation, view) =>
      normalize(y, x, residual, affine, activation, view, scratch(view.c, view.s)),
    forward: (y, x, residual, affine, activation, view) =>
      forward(y, x, residual, affine, activation, view, scratch(view.c, view.s)),
    gradientSums: (sums, dy, x, residual, affine, activation, view) =>
      gradientSums(sums, dy, x, residual, affine, activation, view, scratch(view.c, view.s)),
    gradientInput: (dx, dresidual, dy, x, residual, affine, activation, sums, count, view) => {
      const own = scratch(view.c, view.s);
      gradientInput(dx, dresidual, dy, x, residual, affine, activation, sums, count, view, own);
    },
    backward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) => {
      const own = scratch(view.c, view.s);
      backward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view, own);
    },
    exact: {
      exactSums,
      exactGradientSums: (records, dy, x, residual, affine, activation, view) => {
        exactGradientSums(records, dy, x, residual, affine, activation, view, scratch(view.c, view.s));
      },
      exactStatistics,
      exactGradients,
      exactForward: (y, x, residual, affine, activation, records, view) => {
        exactForward(y, x, residual, affine, activation, records, view, scratch(view.c, view.s));
      },
      exactBackward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) => {
        const own = scratch(view.c, view.s);
        exactBackward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view, own);
      },
    },
  });
}
