/** The statistics of the parts of a batch, and those of all of it. */

import type { ArrayKind, TensorKind } from '../arguments/typed-arrays.js';
import { type MomentArrays, mergeMoments, newMoments } from '../channels/moment-arrays.js';
import type { View } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import { type Arrangement, countOf, type Part, slice } from './arrange.js';
import { type ExactMoments, exactMoments, isExact, mergeExact, noExactMoments, type Summation } from './exact.js';
import { measureChosen, measureOf } from './measure.js';
import type { PartKernels } from './part-kernels.js';
import { measureInRange } from './range.js';
import type { Selection } from './selection.js';

/**
 * @param kind of x
 * @param inSitu what a mask has chosen of x, as one part, where x is not in the order of the arrangement
 */
export function statisticsOfParts<T extends AnyTensor>(
  by: PartKernels<T>,
  kind: ArrayKind,
  x: T,
  { parts }: Arrangement,
  inSitu: Selection | null,
  summation: Summation,
): MomentArrays[] {
  return parts.map((part) => {
    const { c } = part.view;
    if (summation === 'exact') {
      const own = inSitu === null ? slice(x, part) : inSitu.gather(kind, x);
      return own.length === 0 ? noExactMoments(c) : by.exactMoments(own, part.view);
    }
    if (part.start === part.end) return newMoments(c);
    const batch = momentsOf(part);
    if (inSitu === null) by.statistics(batch.mean, batch.variance, slice(x, part), part);
    else by.chosenStatistics(batch.mean, batch.variance, x, inSitu);
    return batch;
  });
}

/** Of what a mask has chosen of x, as one part. */
export function chosenStatistics(
  kind: TensorKind,
  x: Tensor,
  selection: Selection,
  summation: Summation,
): MomentArrays {
  const { view, weights } = selection;
  if (summation === 'exact') return exactMomentsOf(selection.gather(kind, x), view);
  if (view.n === 0) return newMoments(view.c);
  const batch = momentsOf({ start: 0, end: view.n * view.c, view, weights });
  if (kind === 'Float32Array') measureChosen(selection)(batch.mean, batch.variance, x);
  else measureInRange(measureOf(selection), batch.mean, batch.variance, selection.gather(kind, x), view);
  return batch;
}

/** Of float32, which may be empty. */
function exactMomentsOf(x: Tensor, view: View): MomentArrays {
  return x.length === 0 ? noExactMoments(view.c) : exactMoments(x as Float32Array, view);
}

function momentsOf(part: Part): MomentArrays {
  const { c } = part.view;
  return {
    count: new Float64Array(c).fill(countOf(part)),
    mean: new Float64Array(c),
    variance: new Float64Array(c),
  };
}

/** Of all parts together; null where they have no value. */
export function mergedMoments(batches: readonly MomentArrays[]): MomentArrays | null {
  const [first, ...others] = batches;
  let whole = first;
  if (batches.every(isExact)) {
    whole = others.reduce((all, batch) => mergeExact(all as ExactMoments, batch as ExactMoments), first);
  } else if (others.length > 0) {
    whole = newMoments(first.mean.length);
    for (const batch of batches) mergeMoments(whole, batch);
  }
  return hasValues(whole) ? whole : null;
}

export function hasValues({ count }: MomentArrays): boolean {
  return count.length > 0 && count[0] > 0;
}
