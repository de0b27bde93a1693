/**
 * The pass of a layer of 16 bits: by kernels of their own, but for the gradient where positions count by weights or
 * groups of channels share statistics, which is written in two steps. There tensors are widened, go the way of float32,
 * and are rounded once, where they are written: docs/numerics.md, section 11, says that this is the same.
 */
import { bitsOf, isSame, newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import type { AnyTensor, HalfDtype, HalfTensor } from '../types.js';
import { type Places, placesFor, residualGradient } from './differentiate.js';
import { floatKernels } from './float-kernels.js';
import { halfKernels, widened } from './half.js';
import { halfParts } from './half-parts.js';
import type { PartKernels } from './part-kernels.js';
import { checkStill, Pass } from './pass.js';
import type { PlainKernels } from './plain-kernels.js';
import type { Forwarded, ForwardRequest, GradientOutputs, LayerPass, Parameters, PassSettings } from './request.js';
import type { Saved } from './saved.js';

export class HalfPass<T extends HalfTensor> implements LayerPass<T> {
  readonly #dtype: HalfDtype;
  readonly #settings: PassSettings;
  readonly #narrow: Pass<T>;
  readonly #wide: Pass<Float32Array>;

  /** @param own whose gamma and beta are float32 */
  constructor(dtype: HalfDtype, own: Parameters, settings: PassSettings) {
    this.#dtype = dtype;
    this.#settings = settings;
    this.#narrow = new Pass<T>(own, settings, {
      plain: halfKernels(dtype) as PlainKernels<AnyTensor> as PlainKernels<T>,
      parts: halfParts(dtype) as PartKernels<AnyTensor> as PartKernels<T>,
    });
    this.#wide = new Pass<Float32Array>(own, settings, floatKernels());
  }

  forward(request: ForwardRequest<T>, recorded: boolean): Forwarded<T> {
    return this.#narrow.forward(request, recorded);
  }

  backward(call: string, dy: T, saved: Saved<T>, outputs: GradientOutputs<T>): Places<T> {
    const { parts, batchStatistics } = saved;
    const isWide = batchStatistics && parts.some(({ weights, groups }) => weights !== null || groups !== null);
    return isWide ? this.#widenedBackward(call, dy, saved, outputs) : this.#narrow.backward(call, dy, saved, outputs);
  }

  #widenedBackward(call: string, dy: T, saved: Saved<T>, outputs: GradientOutputs<T>): Places<T> {
    const { x, residual, variants } = saved;
    const places = this.#placesOf(dy, saved, outputs);
    // dgamma and dbeta of the layer last: what comes before may be refused.
    const [dgamma, dbeta] = [outputs.dgamma.slice(), outputs.dbeta.slice()];
    const inputs = { x: this.#widen(x), residual: residual && this.#widen(residual) };
    const wide = { ...saved, ...inputs, kind: 'Float32Array' } as const;
    const own = { learn: outputs.learn, dgamma, dbeta, out: undefined, outResidual: undefined };
    const by = this.#widen(dy);
    const { dx, dresidual } = this.#wide.backward(call, by, wide, own);
    checkStill(call, variants, { dy, x, residual, out: places.dx, outResidual: places.dresidual });
    const isThere = dresidual === by && isSame(places.dresidual!, dy);
    if (dresidual !== null && !isThere) this.#round(places.dresidual!, dresidual);
    this.#round(places.dx, dx);
    outputs.dgamma.set(dgamma);
    outputs.dbeta.set(dbeta);
    return places;
  }

  /** Memory for gradients. Without an activation and an order dresidual is dy, where that stays as it is. */
  #placesOf(dy: T, { kind, hasResidual, arrangement }: Saved<T>, { out, outResidual }: GradientOutputs<T>): Places<T> {
    if (!hasResidual || (arrangement?.order ?? null) !== null) {
      return placesFor({ kind, dy, hasResidual, out, outResidual });
    }
    const dx = out ?? newTensor<T>(kind, dy.length);
    return { dx, dresidual: residualGradient(kind, dy, this.#settings.activation, outResidual, dx) };
  }

  #widen(tensor: T): Float32Array {
    return widened(kernels()[this.#dtype], bitsOf(tensor));
  }

  #round(to: T, from: Float32Array): void {
    if (to.length > 0) kernels()[this.#dtype].round(bitsOf(to), from);
  }
}
