/**
 * Forward of what a mask has chosen, as one part: read where it lies where that is possible, else gathered and
 * scattered.
 */
import { isSame, newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import { load } from '../backends/reference.js';
import { kernels } from '../backends/select.js';
import type { Affine, KernelActivation, TensorKernels, View } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import type { Summation } from './exact.js';
import { measureOf } from './measure.js';
import { chosenStatistics } from './part-statistics.js';
import { normalize } from './range.js';
import type { Selection } from './selection.js';

/** Whether x is still there when y is written, and needs no look at its range. */
export function isReadInSitu(y: AnyTensor, x: AnyTensor, residual: AnyTensor | null): boolean {
  return x.BYTES_PER_ELEMENT < 8 && !isSame(y, x) && !(residual !== null && isSame(y, residual));
}

/** Elements that are normalised before what was not chosen among them is cleared, while a cache has them. */
const CHUNK = 2 ** 18;

type Normalizing<X extends Tensor | Uint16Array, P extends Tensor> = Pick<TensorKernels<X, P>, 'normalize'>;

/**
 * y ← of all of x, and +0 wherever nothing was chosen, by the kernels for tensors of this type. If they find no memory
 * when a part of y is written already, those of the reference, which need next to none, write the rest: the same bits.
 */
export function normalizeInSitu<X extends Tensor | Uint16Array, P extends Tensor>(
  table: Normalizing<X, P>,
  reference: () => Normalizing<X, P>,
  y: X,
  x: X,
  residual: X | null,
  affine: Affine<P>,
  activation: KernelActivation,
  { n, c, s }: View,
  selection: Selection,
): void {
  const row = c * s;
  const isEmpty = selection.view.n === 0;
  const step = Math.max(1, Math.floor(CHUNK / row));
  for (let first = 0; first < n; first += step) {
    const last = Math.min(first + step, n);
    const chunk = (tensor: X) => tensor.subarray(first * row, last * row) as X;
    const view = { n: last - first, c, s };
    const call = [chunk(y), chunk(x), residual && chunk(residual), affine, activation, view] as const;
    if (!isEmpty && row > 0) {
      try {
        table.normalize(...call);
      } catch (error) {
        if (first === 0) throw error;
        reference().normalize(...call);
      }
    }
    selection.clear(y, first * s, last * s);
  }
}

/** y ← of what is chosen, by its own statistics if `batch`, which are NaN where nothing is; +0 elsewhere. */
export function forwardChosen<T extends Tensor>(
  kind: TensorKind,
  y: T,
  x: T,
  residual: T | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
  selection: Selection,
  batch: boolean,
  summation: Summation = 'ordered',
): void {
  const own = batch ? { ...affine, ...chosenStatistics(kind, x, selection, summation) } : affine;
  if (isReadInSitu(y, x, residual)) {
    normalizeInSitu(kernels(), load, y, x, residual, own, activation, view, selection);
  } else {
    const chosen = selection.gather(kind, x);
    const added = residual && selection.gather(kind, residual);
    const place = newTensor<T>(kind, chosen.length);
    const measure = batch && summation === 'ordered' ? measureOf(selection) : null;
    if (chosen.length > 0) normalize(measure, place, chosen, added, own, activation, selection.view);
    selection.scatter(y, place);
  }
  if (!batch) return;
  // The caller's outputs last, since memory may run out before.
  affine.mean.set(own.mean);
  affine.variance.set(own.variance);
}
