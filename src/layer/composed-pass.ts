/**
 * The pass of a layer with variants: the same kernels, one after the other, with statistics and gradient sums in hand
 * between them. Where no variant changes them, the bits are those of the plain pass.
 */
import { kernelActivation } from '../arguments/activation.js';
import { wrongKind } from '../arguments/messages.js';
import { isRevoked, isSame, isUsable, newTensor } from '../arguments/typed-arrays.js';
import { refuseSingleGroup } from '../arguments/validate.js';
import { kernels } from '../backends/select.js';
import { type MomentArrays, mergeMoments, newMoments } from '../channels/moment-arrays.js';
import { refuseNonFinite } from '../channels/non-finite.js';
import type { GradientSums, KernelActivation } from '../kernels.js';
import {
  type Group,
  type Grouping,
  gather,
  groupRows,
  groupSamples,
  scatter,
  wholeBatch,
} from '../passes/ghost-groups.js';
import { clearSingleValues, residualGradient } from '../passes/gradients.js';
import { gradientInput, measureInRange, normalize } from '../passes/range.js';
import { type Measure, measureOf, weightedGradientInput } from '../passes/weighted.js';
import type { Synchronization } from '../ranks/synchronize.js';
import type { Tensor } from '../types.js';
import type { LayerArrays } from './arrays.js';
import type { Pass, Scope, Targets } from './pass.js';
import { addParameterGradients, countOf, differentiateApart, type Part, rowsOf, slice, sumsOf } from './pass-parts.js';
import { renormalize, renormedSums } from './renorm.js';
import type { KeptInput } from './saved.js';
import type { Settings } from './settings.js';

const FORWARD = 'BatchNorm.forward';
const BACKWARD = 'BatchNorm.backward';

interface Kept<T extends Tensor> {
  readonly parts: readonly Part<T>[];
  readonly order: readonly number[] | null;
}

export class ComposedPass<T extends Tensor> implements Pass<T> {
  readonly #own: LayerArrays<T>;
  readonly #settings: Settings;
  readonly #activation: KernelActivation;
  readonly #ranks: Synchronization | null;
  #kept: Kept<T> = { parts: [], order: null };

  constructor(own: LayerArrays<T>, settings: Settings, ranks: Synchronization | null) {
    this.#own = own;
    this.#settings = settings;
    this.#activation = kernelActivation(settings.activation);
    this.#ranks = ranks;
  }

  forward(y: T, residual: T | null, input: KeptInput<T>, scope: Scope): MomentArrays | null {
    const { view, batchStatistics } = input;
    const measured = batchStatistics || scope.track;
    const grouping = measured ? this.#group(input, scope.samples) : wholeBatch(view);
    const { order } = grouping;
    const x = this.#inOrder(input.x, order);
    const batches = measured ? this.#measure(x, grouping) : null;
    const parts = this.#parts(grouping, batchStatistics ? batches : null, scope);
    const added = residual && this.#inOrder(residual, order);
    this.#checkStill(FORWARD, { x: input.x, residual, out: y });
    // Of several groups one may find no memory when another is written already.
    const place = order !== null ? x : scope.given && parts.length > 1 ? newTensor<T>(this.#own.kind, y.length) : y;
    this.#normalize(place, x, added, parts);
    if (order !== null) scatter(y, x, order);
    else if (place !== y) y.set(place);
    this.#kept = { parts, order };
    return batches && merged(batches);
  }

  #group({ view, selection }: KeptInput<T>, samples: number): Grouping {
    const sizes = selection?.groups ?? null;
    const weights = selection?.weights ?? null;
    if (sizes !== null) return groupRows(view, sizes, weights);
    return weights === null ? groupSamples(this.#settings, samples, view) : groupRows(view, [view.n], weights);
  }

  /** The statistics of each group. @throws where they are refused */
  #measure(x: T, { groups }: Grouping): MomentArrays[] {
    const { onNonFinite, singleValue } = this.#settings;
    const own = groups.map((group) => statisticsOf(x, group));
    const ranks = this.#ranks;
    const batches = ranks === null ? own : own.map((part) => ranks.moments(FORWARD, part));
    const isSingle = (group: Group, batch: MomentArrays) =>
      ranks === null
        ? group.start < group.end && rowsOf(group) === 1
        : batch.count[0] === 1 && !batch.variance.some((value) => value > 0);
    const single = singleValue === 'throw' ? groups.findIndex((group, i) => isSingle(group, batches[i])) : -1;
    if (single >= 0) refuseSingleGroup(FORWARD, single, groups.length, ranks !== null);
    if (onNonFinite === 'throw') refuseNonFinite(FORWARD, 'x', batches.filter(hasValues));
    return batches;
  }

  /** The groups with what they are normalised by: statistics of their own, or the running ones where there are none. */
  #parts({ groups }: Grouping, batches: readonly MomentArrays[] | null, { rMax, dMax }: Scope): Part<T>[] {
    const { runningMean, runningVariance, renorm } = this.#own;
    const { epsilon } = this.#settings;
    const gamma = (this.#own.gamma?.slice() ?? null) as T | null;
    const beta = (this.#own.beta?.slice() ?? null) as T | null;
    return groups.map(({ start, end, view, weights }, i) => {
      if (batches === null) {
        const given = { mean: runningMean.slice(), variance: runningVariance.slice(), gamma, beta, epsilon };
        return { start, end, view, weights, affine: given, count: 0, renormed: null };
      }
      const batch = renorm === null && this.#ranks === null ? batches[i] : representable(batches[i]);
      const { mean, variance, count } = batch;
      const renormed = renorm && renormalize(batch, renorm, { ...this.#settings.renorm!, rMax, dMax }, epsilon);
      const affine = renormed
        ? { mean: renormed.mean, variance: renormed.variance, gamma, beta, epsilon: 0 }
        : { mean, variance, gamma, beta, epsilon };
      return { start, end, view, weights, affine, count: count[0], renormed };
    });
  }

  #normalize(y: T, x: T, residual: T | null, parts: readonly Part<T>[]): void {
    for (const part of parts) {
      if (part.start === part.end) continue;
      const { affine, view } = part;
      normalize(
        this.#measureOf(part),
        slice(y, part),
        slice(x, part),
        residual && slice(residual, part),
        affine,
        this.#activation,
        view,
      );
    }
  }

  backward(dy: T, input: KeptInput<T>, targets: Targets<T>): { dx: T; dresidual: T | null } {
    const { kind } = this.#own;
    const { order } = this.#kept;
    const { activation } = this.#settings;
    const dx = targets.out ?? newTensor<T>(kind, dy.length);
    const dresidual = input.hasResidual ? residualGradient(kind, dy, activation, targets.outResidual, dx) : null;
    const untouched = dresidual !== null && activation === 'none' && isSame(dresidual, dy);
    const place = untouched ? null : dresidual;
    const given = targets.out !== undefined || targets.outResidual !== undefined;
    if (order === null && (this.#kept.parts.length === 1 || !given)) {
      this.#differentiate(dx, place, dy, input.x, input, targets);
      return { dx, dresidual };
    }
    if (order === null) {
      // Of several groups one may find no memory when another is written already.
      const whole = newTensor<T>(kind, dy.length);
      const g = place && newTensor<T>(kind, dy.length);
      this.#differentiate(whole, g, dy, input.x, input, targets);
      if (g !== null) place!.set(g);
      dx.set(whole);
      return { dx, dresidual };
    }
    const ordered = gather(kind, dy, order);
    const g = place && newTensor<T>(kind, dy.length);
    this.#differentiate(ordered, g, ordered, gather(kind, input.x, order), input, targets);
    if (g !== null) scatter(place!, g, order);
    scatter(dx, ordered, order);
    return { dx, dresidual };
  }

  /** Of tensors whose groups lie together. */
  #differentiate(dx: T, dresidual: T | null, dy: T, x: T, input: KeptInput<T>, targets: Targets<T>): void {
    const { parts, order } = this.#kept;
    const code = this.#activation;
    const { batchStatistics } = input;
    const residual = input.residual && this.#inOrder(input.residual, order);
    const isWide = this.#own.kind === 'Float64Array';
    if (isWide && batchStatistics && parts.every((part) => part.start === part.end || this.#measureOf(part) !== null)) {
      differentiateApart(dx, dresidual, dy, x, residual, parts, code, targets);
      return;
    }
    const wanted = batchStatistics || targets.learn;
    const sums = wanted ? parts.map((part) => sumsOf(this.#measureOf(part), dy, x, residual, part, code)) : [];
    const summed = targets.learn && this.#ranks?.summed === true;
    const all = batchStatistics || summed ? this.#completed(sums) : sums;
    this.#checkStill(BACKWARD, { dy, x, residual, out: dx, outResidual: dresidual });
    parts.forEach((part, i) => {
      const { start, end, affine, view, weights, count, renormed } = part;
      if (start === end) return;
      const whole = batchStatistics ? all[i] : null;
      const given = whole && renormed !== null ? renormedSums(renormed, whole) : whole;
      const to = slice(dx, part);
      const toResidual = dresidual && slice(dresidual, part);
      const [from, by, added] = [slice(x, part), slice(dy, part), residual && slice(residual, part)];
      gradientInput(this.#measureOf(part), to, from, affine, given, view, (inRange, scaled, theirs) => {
        if (theirs !== null && weights !== null) {
          weightedGradientInput(to, toResidual, by, inRange, added, scaled, code, theirs, count, weights.each, view);
        } else {
          kernels().gradientInput(to, toResidual, by, inRange, added, scaled, code, theirs, count, view);
        }
      });
      if (rowsOf(part) === 1 && countOf(part) === count) clearSingleValues(to);
    });
    // Last, since memory may run out before: dgamma and dbeta of the layer are not for this call to lose.
    if (wanted) {
      const isEmpty = (part: Part<T>) => (summed ? batchStatistics && part.count === 0 : part.start === part.end);
      addParameterGradients(targets, parts, summed ? all : sums, isEmpty);
    }
  }

  /** How the statistics of a part come from its x; null where they come from elsewhere, too. */
  #measureOf(part: Part<T>): Measure | null {
    return part.count > 0 && part.renormed === null && this.#ranks === null ? measureOf(part) : null;
  }

  /** The sums over everything that shared the statistics. */
  #completed(sums: readonly GradientSums[]): readonly GradientSums[] {
    const ranks = this.#ranks;
    return ranks === null ? sums : sums.map((own) => ranks.sums(BACKWARD, own));
  }

  /** What other ranks are asked by may have run anything: tensors may be gone that were there when they were checked. */
  #checkStill(call: string, tensors: Readonly<Record<string, T | null>>): void {
    if (this.#ranks === null) return;
    for (const [name, tensor] of Object.entries(tensors)) {
      if (tensor === null || (tensor.length > 0 && !isRevoked(tensor))) continue;
      if (tensor.length === 0 && isUsable(tensor)) continue;
      throw wrongKind(call, name, 'to be left alone while ranks exchange', tensor);
    }
  }

  #inOrder(tensor: T, order: readonly number[] | null): T {
    return order === null ? tensor : gather(this.#own.kind, tensor, order);
  }
}

function statisticsOf(x: Tensor, group: Group): MomentArrays {
  const { view, start, end } = group;
  if (start === end) return newMoments(view.c);
  const [mean, variance] = [new Float64Array(view.c), new Float64Array(view.c)];
  measureInRange(measureOf(group), mean, variance, slice(x, group), view);
  return { count: new Float64Array(view.c).fill(countOf(group)), mean, variance };
}

/** A variance that float64 can't hold, and that no one tensor can give, is not known: y is NaN, and not beta. */
function representable(batch: MomentArrays): MomentArrays {
  return { ...batch, variance: batch.variance.map((value) => (value === Infinity ? NaN : value)) };
}

/** Those of the batch; null where it has no value. */
function merged(batches: readonly MomentArrays[]): MomentArrays | null {
  const [first, ...others] = batches;
  const whole = others.length === 0 ? first : newMoments(first.mean.length);
  if (others.length > 0) for (const batch of batches) mergeMoments(whole, batch);
  return hasValues(whole) ? whole : null;
}

function hasValues({ count }: MomentArrays): boolean {
  return count.length > 0 && count[0] > 0;
}
