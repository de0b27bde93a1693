/** The kernels for float32 and float64, of which those of a backend tell one from the other by their arrays. */
import { load } from '../backends/reference.js';
import { kernels } from '../backends/select.js';
import type { Tensor } from '../types.js';
import { normalizeInSitu } from './chosen.js';
import { clearSingleValues, computeGradients } from './differentiate.js';
import { exactForward, exactGradientSums, exactMoments } from './exact.js';
import { groupedGradientInput } from './grouped-gradient.js';
import { measureChosen, measureOf } from './measure.js';
import type { PartKernels } from './part-kernels.js';
import type { PassKernels } from './pass.js';
import type { PlainKernels } from './plain-kernels.js';
import { forward, gradientInput, gradientSums, measureInRange, normalize, statistics } from './range.js';
import { weightedGradientInput } from './weighted-gradient.js';

const PLAIN: PlainKernels<Tensor> = {
  forward(y, x, residual, affine, activation, view, records) {
    if (records === null) forward(y, x, residual, affine, activation, view);
    else exactForward(y, x, residual, affine, activation, view, records);
  },
  normalize(y, x, residual, affine, activation, view) {
    kernels().normalize(y, x, residual, affine, activation, view);
  },
  statistics,
  exactMoments: (x, view) => exactMoments(x as Float32Array, view),
  gradients: computeGradients,
};

const PARTS: PartKernels<Tensor> = {
  statistics(mean, variance, x, part) {
    measureInRange(measureOf(part), mean, variance, x, part.view);
  },
  chosenStatistics(mean, variance, x, selection) {
    measureChosen(selection)(mean, variance, x);
  },
  exactMoments: (x, view) => exactMoments(x as Float32Array, view),
  normalize,
  normalizeInSitu(y, x, residual, affine, activation, view, selection) {
    normalizeInSitu(kernels(), load, y, x, residual, affine, activation, view, selection);
  },
  gradientSums(measure, dy, x, residual, affine, activation, view, summation) {
    if (summation === 'exact') return exactGradientSums(dy, x, residual, affine, activation, view);
    const sums = { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
    gradientSums(measure, sums, dy, x, residual, affine, activation, view);
    return sums;
  },
  gradientInput(measure, dx, dresidual, dy, x, residual, affine, activation, sums, count, weights, view) {
    gradientInput(measure, dx, x, affine, sums, view, (from, by, given) => {
      if (given !== null && weights !== null) {
        weightedGradientInput(dx, dresidual, dy, from, residual, by, activation, given, count, weights.each, view);
      } else {
        kernels().gradientInput(dx, dresidual, dy, from, residual, by, activation, given, count, view);
      }
    });
  },
  groupedInput(dx, dresidual, dy, x, residual, affine, activation, share, count, weights, view) {
    const each = weights?.each ?? null;
    groupedGradientInput(dx, dresidual, dy, x, residual, affine, activation, share, count, each, view);
  },
  clearSingleValues,
};

export const FLOATS: PassKernels<Tensor> = { plain: PLAIN, parts: PARTS };
