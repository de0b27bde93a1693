/**
 * The one way from x to y and from dy to dx of a layer: one fused kernel call where there is nothing to arrange and no
 * variant; else statistics, what variants make of them, and the elementwise kernels, part by part. Where no variant
 * changes the numbers per channel, both have the same bits.
 */
import { type Activation, kernelActivation } from '../arguments/activation.js';
import { wrongKind } from '../arguments/messages.js';
import { isRevoked, isSame, isUsable, newTensor } from '../arguments/typed-arrays.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import type { KernelActivation } from '../kernels.js';
import type { AnyTensor } from '../types.js';
import { type Arrangement, slice, wholeBatch } from './arrange.js';
import { isReadInSitu } from './chosen.js';
import { type Places, placesFor, residualGradient, scatterGradients } from './differentiate.js';
import { differentiateParts, measureOfPart } from './differentiate-parts.js';
import type { Summation } from './exact.js';
import { FusedPass } from './fused.js';
import { groupedMoments } from './groups.js';
import type { PartKernels } from './part-kernels.js';
import { mergedMoments, statisticsOfParts } from './part-statistics.js';
import type { PlainKernels } from './plain-kernels.js';
import type { Forwarded, ForwardRequest, GradientOutputs, Parameters, PassSettings } from './request.js';
import { type NormalizedPart, neededResidual, overwrittenBy, type Saved } from './saved.js';
import { Selection } from './selection.js';
import type { Variant } from './variant.js';

/** The kernels for tensors of one type. */
export interface PassKernels<T extends AnyTensor> {
  readonly plain: PlainKernels<T>;
  readonly parts: PartKernels<T>;
}

export class Pass<T extends AnyTensor> {
  readonly #own: Parameters;
  readonly #epsilon: number;
  readonly #activation: Activation;
  readonly #code: KernelActivation;
  readonly #summation: Summation;
  readonly #groups: number | null;
  readonly #fused: FusedPass<T>;
  readonly #parts: PartKernels<T>;

  constructor(own: Parameters, settings: PassSettings, { plain, parts }: PassKernels<T>) {
    const { epsilon, activation } = settings;
    this.#own = own;
    this.#parts = parts;
    this.#fused = new FusedPass<T>(own, settings, plain);
    this.#epsilon = epsilon;
    this.#activation = activation;
    this.#code = kernelActivation(activation);
    this.#summation = settings.summation;
    this.#groups = settings.groups;
  }

  /**
   * y ← of x. What earlier forwards saved stays as it is until the kernels are through, which may find no memory.
   *
   * @param recorded whether what is saved outlives the next forward but one
   */
  forward(request: ForwardRequest<T>, recorded: boolean): Forwarded<T> {
    const { arrangement, variants, batch } = request;
    const isPlain = arrangement === null && variants.length === 0 && !(batch && this.#groups !== null);
    return isPlain ? this.#fused.forward(request, recorded) : this.#unfused(request);
  }

  #unfused(request: ForwardRequest<T>): Forwarded<T> {
    const { call, kind, x, residual, y, view, batch, variants } = request;
    const arrangement = request.arrangement ?? wholeBatch(view);
    const { order } = arrangement;
    const chosen = order instanceof Selection ? order : null;
    const inSitu = arrangement.parts.length === 1 && isReadInSitu(y, x, residual) ? chosen : null;
    const from = inSitu !== null || order === null ? x : order.gather(kind, x);
    const measured = batch || request.track;
    const batches = measured ? this.#measure(request, from, arrangement, inSitu) : null;
    const parts = this.#normalizedParts(arrangement, batch ? batches : null, request);
    checkStill(call, variants, { x, residual, out: y });
    const added = inSitu !== null || order === null ? residual : residual && order.gather(kind, residual);
    this.#write(request, from, added, parts, inSitu);
    const gathered = chosen !== null && inSitu === null;
    const needed = neededResidual(gathered ? added : residual, this.#activation);
    const saved: Saved<T> = {
      kind,
      x: gathered ? from : x,
      hasResidual: residual !== null,
      residual: needed,
      view,
      batchStatistics: batch,
      arrangement,
      gathered,
      overwritten: gathered ? null : overwrittenBy(y, x, needed),
      affine: null,
      parts,
      variants,
    };
    return { saved, statistics: batches && mergedMoments(batches) };
  }

  /** The statistics of each part, and what variants make of them. @throws where they are refused */
  #measure(
    { call, kind, variants }: ForwardRequest<T>,
    x: T,
    arrangement: Arrangement,
    inSitu: Selection | null,
  ): readonly MomentArrays[] {
    const own: readonly MomentArrays[] = statisticsOfParts(this.#parts, kind, x, arrangement, inSitu, this.#summation);
    return variants.reduce((all, variant) => variant.statistics(call, all, arrangement.parts), own);
  }

  /** Parts with what they are normalised by: statistics of the batch, or the running ones where there are none. */
  #normalizedParts(
    { parts }: Arrangement,
    batches: readonly MomentArrays[] | null,
    { limits, variants }: ForwardRequest<T>,
  ): NormalizedPart[] {
    const { runningMean, runningVariance } = this.#own;
    const epsilon = this.#epsilon;
    const gamma = this.#own.gamma?.slice() ?? null;
    const beta = this.#own.beta?.slice() ?? null;
    const correcting = variants.find((variant) => variant.corrects);
    // Whether a variant gives or corrects statistics that do not follow from x.
    const foreign = variants.some((variant) => variant.shared || variant.corrects);
    return parts.map(({ start, end, view, weights }, i) => {
      const part = { start, end, view, weights };
      if (batches === null) {
        const given = { mean: runningMean.slice(), variance: runningVariance.slice(), gamma, beta, epsilon };
        return { ...part, affine: given, count: 0, corrected: null, groups: null };
      }
      const groups = this.#groups;
      const merged = groupedMoments(batches[i], groups);
      const batch = foreign || groups !== null ? representable(merged) : merged;
      const { mean, variance, count } = batch;
      const corrected = correcting?.correct(batch, epsilon, limits) ?? null;
      const affine = corrected
        ? { mean: corrected.mean, variance: corrected.variance, gamma, beta, epsilon: 0 }
        : { mean, variance, gamma, beta, epsilon };
      return { ...part, affine, count: count[0], corrected, groups };
    });
  }

  /** y ← of what lies in the order of the parts, or of x where it lies. */
  #write(
    { kind, x, residual, y, given, view, arrangement, variants }: ForwardRequest<T>,
    from: T,
    added: T | null,
    parts: readonly NormalizedPart[],
    inSitu: Selection | null,
  ): void {
    if (inSitu !== null) {
      this.#parts.normalizeInSitu(y, x, residual, parts[0].affine, this.#code, view, inSitu);
      return;
    }
    const order = arrangement?.order ?? null;
    // Of several parts one may find no memory when another is written already.
    const apart = order !== null || (given && parts.length > 1);
    const place = apart ? newTensor<T>(kind, from.length) : y;
    for (const part of parts) {
      if (part.start === part.end) continue;
      const measure = measureOfPart(part, variants);
      const [to, by] = [slice(place, part), added && slice(added, part)];
      this.#parts.normalize(measure, to, slice(from, part), by, part.affine, this.#code, part.view);
    }
    if (order !== null) order.scatter(y, place);
    else if (apart) y.set(place);
  }

  backward(call: string, dy: T, saved: Saved<T>, outputs: GradientOutputs<T>): Places<T> {
    if (saved.affine !== null) return this.#fused.backward(dy, saved, saved.affine, outputs);
    const { kind } = saved;
    const order = saved.arrangement?.order ?? null;
    const { out, outResidual } = outputs;
    const { hasResidual } = saved;
    if (order !== null) {
      const places = placesFor({ kind, dy, hasResidual, out, outResidual });
      const inOrder = (tensor: T): T => (saved.gathered ? tensor : order.gather<T>(kind, tensor));
      const [ordered, x] = [order.gather<T>(kind, dy), inOrder(saved.x)];
      const g = hasResidual ? newTensor<T>(kind, ordered.length) : null;
      const residual: T | null =
        saved.residual && (saved.gathered ? saved.residual : order.gather<T>(kind, saved.residual));
      this.#differentiate(call, ordered, g, ordered, x, residual, saved, outputs);
      return scatterGradients(order, { dx: ordered, dresidual: g }, places);
    }
    const dx = out ?? newTensor<T>(kind, dy.length);
    const dresidual = hasResidual ? residualGradient(kind, dy, this.#activation, outResidual, dx) : null;
    const untouched = dresidual !== null && this.#activation === 'none' && isSame(dresidual, dy);
    const place = untouched ? null : dresidual;
    const inOneStep = saved.parts.length === 1 && saved.parts[0].groups === null;
    if (inOneStep || (out === undefined && outResidual === undefined)) {
      this.#differentiate(call, dx, place, dy, saved.x, saved.residual, saved, outputs);
      return { dx, dresidual };
    }
    // Of several parts or steps one may find no memory when another is written already.
    const [whole, g] = [newTensor<T>(kind, dy.length), place && newTensor<T>(kind, dy.length)];
    this.#differentiate(call, whole, g, dy, saved.x, saved.residual, saved, outputs);
    if (g !== null) place!.set(g);
    dx.set(whole);
    return { dx, dresidual };
  }

  /** Of tensors in the order of the parts. */
  #differentiate(
    call: string,
    dx: T,
    dresidual: T | null,
    dy: T,
    x: T,
    residual: T | null,
    { parts, batchStatistics, variants }: Saved<T>,
    { learn, dgamma, dbeta }: GradientOutputs<T>,
  ): void {
    differentiateParts({
      call,
      kernels: this.#parts,
      dx,
      dresidual,
      dy,
      x,
      residual,
      parts,
      variants,
      summation: this.#summation,
      activation: this.#code,
      batchStatistics,
      learn,
      dgamma,
      dbeta,
      beforeWriting: () => checkStill(call, variants, { dy, x, residual, out: dx, outResidual: dresidual }),
    });
  }
}

/**
 * What other ranks are asked by may have run anything: tensors may be gone that were there when they were checked.
 */
function checkStill(
  call: string,
  variants: readonly Variant[],
  tensors: Readonly<Record<string, AnyTensor | null>>,
): void {
  if (!variants.some((variant) => variant.shared)) return;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor === null || (tensor.length > 0 && !isRevoked(tensor))) continue;
    if (tensor.length === 0 && isUsable(tensor)) continue;
    throw wrongKind(call, name, 'to be left alone while ranks exchange', tensor);
  }
}

/** A variance that float64 can't hold, and that no one tensor can give, is not known: y is NaN, and not beta. */
function representable(batch: MomentArrays): MomentArrays {
  return { ...batch, variance: batch.variance.map((value) => (value === Infinity ? NaN : value)) };
}
