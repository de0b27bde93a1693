/** Gradients of several parts, or of parts whose statistics a variant has changed: kernel by kernel. */
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { GradientSumArrays, KernelActivation } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import { countOf, rowsOf, slice } from './arrange.js';
import { clearSingleValues } from './differentiate.js';
import { newRecords, type Summation, sumsOfRecords } from './exact.js';
import { groupedSums, shareOfStatistics } from './groups.js';
import { type Measure, measureOf } from './measure.js';
import type { PartKernels } from './part-kernels.js';
import { backward } from './range.js';
import type { NormalizedPart } from './saved.js';
import type { Variant } from './variant.js';

/** Tensors in the order of the parts. */
export interface PartsBackward<T extends AnyTensor> {
  /** The public function, for errors. */
  readonly call: string;
  readonly kernels: PartKernels<T>;
  /** May be dy. */
  readonly dx: T;
  readonly dresidual: T | null;
  readonly dy: T;
  readonly x: T;
  readonly residual: T | null;
  readonly parts: readonly NormalizedPart[];
  readonly variants: readonly Variant[];
  readonly summation: Summation;
  readonly activation: KernelActivation;
  readonly batchStatistics: boolean;
  readonly learn: boolean;
  readonly dgamma: Tensor;
  readonly dbeta: Tensor;
  /** Called when the sums are known, before anything is written. */
  readonly beforeWriting: () => void;
}

export function differentiateParts<T extends AnyTensor>(call: PartsBackward<T>): void {
  const { x, parts, variants, batchStatistics, learn } = call;
  const follows = (part: NormalizedPart) => part.start === part.end || measureOfPart(part, variants) !== null;
  if (x.BYTES_PER_ELEMENT === 8 && batchStatistics && parts.every(follows)) {
    differentiateApart(call as PartsBackward<AnyTensor> as PartsBackward<Tensor>);
    return;
  }
  const wanted = batchStatistics || learn;
  const sums = wanted ? parts.map((part) => sumsOf(call, part)) : [];
  const summed = learn && variants.some((variant) => variant.summed);
  const all = batchStatistics || summed ? completed(call.call, sums, variants) : sums;
  call.beforeWriting();
  parts.forEach((part, i) => {
    if (part.start < part.end) writePart(call, part, batchStatistics ? all[i] : null);
  });
  // Last, since memory may run out before: dgamma and dbeta of the layer are not for this call to lose.
  if (!wanted) return;
  const isEmpty = (part: NormalizedPart) => (summed ? batchStatistics && part.count === 0 : part.start === part.end);
  writeParameterGradients(call, summed ? all : sums, isEmpty);
}

/** How the statistics of a part follow from its x; null where they are given, corrected, shared or of groups. */
export function measureOfPart(part: NormalizedPart, variants: readonly Variant[]): Measure | null {
  const own = part.count > 0 && part.corrected === null && part.groups === null;
  return own && !variants.some((variant) => variant.shared) ? measureOf(part) : null;
}

/** The sums over everything that shared the statistics. */
function completed(
  call: string,
  sums: readonly GradientSumArrays[],
  variants: readonly Variant[],
): readonly GradientSumArrays[] {
  return variants.reduce((all, variant) => variant.sums(call, all), sums);
}

function sumsOf<T extends AnyTensor>(call: PartsBackward<T>, part: NormalizedPart): GradientSumArrays {
  const { view, affine } = part;
  if (part.start === part.end) {
    if (call.summation === 'exact') return sumsOfRecords(newRecords(view.c), affine.mean);
    return { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
  }
  const [dy, x, residual] = [slice(call.dy, part), slice(call.x, part), call.residual && slice(call.residual, part)];
  const measure = measureOfPart(part, call.variants);
  return call.kernels.gradientSums(measure, dy, x, residual, affine, call.activation, view, call.summation);
}

function writePart<T extends AnyTensor>(
  call: PartsBackward<T>,
  part: NormalizedPart,
  whole: GradientSumArrays | null,
): void {
  const { affine, view, weights, count, corrected } = part;
  const { activation } = call;
  const [dx, dresidual] = [slice(call.dx, part), call.dresidual && slice(call.dresidual, part)];
  const [dy, residual] = [slice(call.dy, part), call.residual && slice(call.residual, part)];
  const x = slice(call.x, part);
  const by = call.kernels;
  if (whole !== null && part.groups !== null) {
    const together = groupedSums(whole, affine.gamma, part.groups);
    const share = shareOfStatistics(affine, corrected?.sums(together) ?? together);
    by.groupedInput(dx, dresidual, dy, x, residual, affine, activation, share, count, weights, view);
    return;
  }
  const given = whole && corrected !== null ? corrected.sums(whole) : whole;
  const measure = measureOfPart(part, call.variants);
  by.gradientInput(measure, dx, dresidual, dy, x, residual, affine, activation, given, count, weights, view);
  if (rowsOf(part) === 1 && countOf(part) === count) by.clearSingleValues(dx);
}

/** Where no part shares its statistics: dgamma and dbeta are those of the parts, added in order, in float64. */
function differentiateApart(call: PartsBackward<Tensor>): void {
  const { parts, activation } = call;
  const [ofGamma, ofBeta] = [call.dgamma, call.dbeta].map(({ length }) => new Float64Array(length));
  parts.forEach((part, i) => {
    if (part.start === part.end) return;
    const { view, weights, affine } = part;
    const [dgamma, dbeta] = [ofGamma, ofBeta].map(({ length }) => new Float64Array(length));
    const dx = slice(call.dx, part);
    backward({
      dx,
      dresidual: call.dresidual && slice(call.dresidual, part),
      dgamma,
      dbeta,
      dy: slice(call.dy, part),
      x: slice(call.x, part),
      residual: call.residual && slice(call.residual, part),
      affine,
      activation,
      batch: true,
      weights,
      view,
    });
    if (rowsOf(part) === 1 && countOf(part) === part.count) clearSingleValues(dx);
    for (let ch = 0; ch < dgamma.length; ch++) {
      ofGamma[ch] = i === 0 ? dgamma[ch] : ofGamma[ch] + dgamma[ch];
      ofBeta[ch] = i === 0 ? dbeta[ch] : ofBeta[ch] + dbeta[ch];
    }
  });
  call.dgamma.set(ofGamma);
  call.dbeta.set(ofBeta);
}

/** dbeta = Σ g, dgamma = Σ g·x̂, where x̂ is what gamma multiplied; over the parts in order, in float64. */
function writeParameterGradients<T extends AnyTensor>(
  { dgamma, dbeta, parts }: PartsBackward<T>,
  sums: readonly GradientSumArrays[],
  isEmpty: (part: NormalizedPart) => boolean,
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
