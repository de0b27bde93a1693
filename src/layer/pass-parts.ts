/** The parts of a batch that a layer with variants normalises each by its own statistics, and their gradients. */

import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { Affine, GradientSums, KernelActivation } from '../kernels.js';
import type { Group } from '../passes/ghost-groups.js';
import { clearSingleValues } from '../passes/gradients.js';
import { backward, gradientSums } from '../passes/range.js';
import type { Measure } from '../passes/weighted.js';
import type { Tensor } from '../types.js';
import type { Targets } from './pass.js';
import type { Renormed } from './renorm.js';

/** A group with the statistics that it was normalised by. */
export interface Part<T extends Tensor> extends Group {
  readonly affine: Affine<T>;
  /** Values per channel behind the statistics, wherever they lie. */
  readonly count: number;
  readonly renormed: Renormed | null;
}

export function slice<T extends Tensor>(tensor: T, { start, end }: Group): T {
  return (start === 0 && end === tensor.length ? tensor : tensor.subarray(start, end)) as T;
}

/** Values per channel. */
export function rowsOf({ view }: Group): number {
  return view.n * view.s;
}

/** The same, each counting as much as its weight. */
export function countOf(group: Group): number {
  return group.weights?.total ?? rowsOf(group);
}

export function sumsOf<T extends Tensor>(
  measure: Measure | null,
  dy: T,
  x: T,
  residual: T | null,
  part: Part<T>,
  code: KernelActivation,
): GradientSums {
  const { view, start, end, affine } = part;
  const sums = { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
  if (start === end) return sums;
  const [by, from, added] = [slice(dy, part), slice(x, part), residual && slice(residual, part)];
  gradientSums(measure, sums, by, from, added, affine, code, view);
  return sums;
}

/** Where no part shares its statistics: dgamma and dbeta are those of the parts, added in order, in float64. */
export function differentiateApart<T extends Tensor>(
  dx: T,
  dresidual: T | null,
  dy: T,
  x: T,
  residual: T | null,
  parts: readonly Part<T>[],
  activation: KernelActivation,
  targets: Targets<T>,
): void {
  const [ofGamma, ofBeta] = [targets.dgamma, targets.dbeta].map(({ length }) => new Float64Array(length));
  parts.forEach((part, i) => {
    if (part.start === part.end) return;
    const { view, weights, affine } = part;
    const [dgamma, dbeta] = [ofGamma, ofBeta].map(({ length }) => new Float64Array(length));
    backward({
      dx: slice(dx, part),
      dresidual: dresidual && slice(dresidual, part),
      dgamma,
      dbeta,
      dy: slice(dy, part),
      x: slice(x, part),
      residual: residual && slice(residual, part),
      affine,
      activation,
      batch: true,
      weights,
      view,
    });
    if (rowsOf(part) === 1 && countOf(part) === part.count) clearSingleValues(slice(dx, part));
    for (let ch = 0; ch < dgamma.length; ch++) {
      ofGamma[ch] = i === 0 ? dgamma[ch] : ofGamma[ch] + dgamma[ch];
      ofBeta[ch] = i === 0 ? dbeta[ch] : ofBeta[ch] + dbeta[ch];
    }
  });
  targets.dgamma.set(ofGamma);
  targets.dbeta.set(ofBeta);
}

/** dbeta = Σ g, dgamma = Σ g·x̂, where x̂ is what gamma multiplied; over the groups in order, in float64. */
export function addParameterGradients<T extends Tensor>(
  { dgamma, dbeta }: Targets<T>,
  parts: readonly Part<T>[],
  sums: readonly GradientSums[],
  isEmpty: (part: Part<T>) => boolean,
): void {
  const empty = parts.map(isEmpty);
  for (let ch = 0; ch < dgamma.length; ch++) {
    let ofGamma = 0;
    let ofBeta = 0;
    for (let i = 0; i < parts.length; i++) {
      const { variance, epsilon } = parts[i].affine;
      const product = sums[i].sumDyDeviation[ch] * (empty[i] ? 0 : reciprocalDeviation(variance[ch] + epsilon));
      ofGamma = i === 0 ? product : ofGamma + product;
      ofBeta = i === 0 ? sums[i].sumDy[ch] : ofBeta + sums[i].sumDy[ch];
    }
    dgamma[ch] = ofGamma;
    dbeta[ch] = ofBeta;
  }
}
