/**
 * The kernels of a pass part by part over tensors of 16 bits. Gradients of weights and of groups of channels take two
 * steps, and the first one must not be rounded: they go by way of float32.
 */
import { bitsOf } from '../arguments/typed-arrays.js';
import { load } from '../backends/reference.js';
import { kernels } from '../backends/select.js';
import type { Affine, HalfDtype } from '../kernels.js';
import { isNaNHalf, widen } from '../reference/half.js';
import type { HalfTensor } from '../types.js';
import { normalizeInSitu } from './chosen.js';
import { addExactHalf, newRecords, noExactMoments, sumsOfRecords } from './exact.js';
import { groupedGradientInput } from './grouped-gradient.js';
import { inChunks } from './half-chunks.js';
import { plainStatistics, type WeightedRows, weightedStatistics } from './measure.js';
import type { PartKernels } from './part-kernels.js';
import { weightedGradientInput } from './weighted-gradient.js';

const optional = (tensor: HalfTensor | null) => tensor && bitsOf(tensor);
const narrow = (affine: Affine) => affine as Affine<Float32Array>;

export function halfParts(dtype: HalfDtype): PartKernels<HalfTensor> {
  const table = () => kernels()[dtype];
  const weighted = (mean: Float64Array, variance: Float64Array, bits: Uint16Array, rows: WeightedRows) => {
    const number = new Float32Array(1);
    weightedStatistics(table(), mean, variance, bits, rows, (place) => {
      widen(number, bits.subarray(place, place + 1), dtype);
      return number[0];
    });
  };
  return {
    statistics(mean, variance, x, { view, weights }) {
      if (weights === null) table().statistics(mean, variance, bitsOf(x), view);
      else weighted(mean, variance, bitsOf(x), { view, positions: null, weights });
    },
    chosenStatistics(mean, variance, x, { positions, whole, weights }) {
      if (weights === null) plainStatistics(table(), mean, variance, bitsOf(x), positions, whole);
      else weighted(mean, variance, bitsOf(x), { view: whole, positions, weights });
    },
    exactMoments: (x, view) => addExactHalf(noExactMoments(view.c), dtype, bitsOf(x), view),
    normalize: (_, y, x, residual, affine, activation, view) =>
      table().normalize(bitsOf(y), bitsOf(x), optional(residual), narrow(affine), activation, view),
    normalizeInSitu(y, x, residual, affine, activation, view, selection) {
      const tensors = [bitsOf(y), bitsOf(x), optional(residual)] as const;
      normalizeInSitu(table(), () => load()[dtype], ...tensors, narrow(affine), activation, view, selection);
    },
    gradientSums(_, dy, x, residual, affine, activation, view, summation) {
      const inputs = [bitsOf(dy), bitsOf(x), optional(residual), narrow(affine), activation] as const;
      if (summation === 'exact') {
        const records = newRecords(view.c);
        table().exact.exactGradientSums(records, ...inputs, view);
        return sumsOfRecords(records, affine.mean);
      }
      const sums = { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
      table().gradientSums(sums, ...inputs, view);
      return sums;
    },
    gradientInput(_, dx, dresidual, dy, x, residual, affine, activation, sums, count, weights, view) {
      const tensors = [bitsOf(dx), optional(dresidual), bitsOf(dy), bitsOf(x), optional(residual)] as const;
      if (sums === null || weights === null) {
        table().gradientInput(...tensors, narrow(affine), activation, sums, count, view);
        return;
      }
      inChunks(table(), ...tensors, view, ({ dx, dresidual, dy, x, residual, first, last, view }) => {
        const own = weights.each.subarray(first, last);
        weightedGradientInput(dx, dresidual, dy, x, residual, affine, activation, sums, count, own, view);
      });
    },
    groupedInput(dx, dresidual, dy, x, residual, affine, activation, share, count, weights, view) {
      const tensors = [bitsOf(dx), optional(dresidual), bitsOf(dy), bitsOf(x), optional(residual)] as const;
      inChunks(table(), ...tensors, view, ({ dx, dresidual, dy, x, residual, first, last, view }) => {
        const own = weights?.each.subarray(first, last) ?? null;
        groupedGradientInput(dx, dresidual, dy, x, residual, affine, activation, share, count, own, view);
      });
    },
    clearSingleValues(dx) {
      const bits = bitsOf(dx);
      for (let k = 0; k < bits.length; k++) if (!isNaNHalf(bits[k], dtype)) bits[k] = 0;
    },
  };
}
