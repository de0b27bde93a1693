/**
 * The pass of a layer of 16 bits: by kernels of their own where the batch is plain. What variants change, masks choose
 * or ghost batches cut is widened, goes the way of float32, and is rounded once, where it is written: docs/numerics.md,
 * section 11, says that this is the same.
 */
import { bitsOf, isSame, newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import type { AnyTensor, HalfDtype, HalfTensor } from '../types.js';
import { type Places, placesFor, residualGradient } from './differentiate.js';
import { FusedPass } from './fused.js';
import { halfKernels, widened } from './half.js';
import { checkStill, isPlain, Pass } from './pass.js';
import type { Forwarded, ForwardRequest, GradientOutputs, LayerPass, Parameters, PassSettings } from './request.js';
import { neededResidual, overwrittenBy, type Saved } from './saved.js';

export class HalfPass<T extends HalfTensor> implements LayerPass<T> {
  readonly #dtype: HalfDtype;
  readonly #settings: PassSettings;
  readonly #fused: FusedPass<HalfTensor>;
  readonly #wide: Pass<Float32Array>;

  /** @param own whose gamma and beta are float32 */
  constructor(dtype: HalfDtype, own: Parameters, settings: PassSettings) {
    this.#dtype = dtype;
    this.#settings = settings;
    this.#fused = new FusedPass(own, settings, halfKernels(dtype));
    this.#wide = new Pass(own, settings);
  }

  forward(request: ForwardRequest<T>, recorded: boolean): Forwarded<T> {
    const plain = isPlain(request, this.#settings.groups);
    return plain ? (this.#fused.forward(request, recorded) as Forwarded<T>) : this.#widened(request, recorded);
  }

  #widened(request: ForwardRequest<T>, recorded: boolean): Forwarded<T> {
    const { call, kind, x, residual, y, variants } = request;
    const wide = this.#widen(x);
    const added = residual && this.#widen(residual);
    const inputs = { kind: 'Float32Array', x: wide, residual: added, given: false } as const;
    const place = placeOf(request, wide, added);
    const { saved, statistics } = this.#wide.forward({ ...request, ...inputs, y: place }, recorded);
    checkStill(call, variants, { x, residual, out: y });
    this.#round(y, place);
    const needed = neededResidual(residual, this.#settings.activation);
    // Copies in the order of the arrangement stay as they are: float32.
    const own = saved.gathered ? null : { x, residual: needed, overwritten: overwrittenBy(y, x, needed) };
    return { saved: { ...saved, ...own, kind } as Saved<HalfTensor | Float32Array> as Saved<T>, statistics };
  }

  backward(call: string, dy: T, saved: Saved<T>, outputs: GradientOutputs<T>): Places<T> {
    if (saved.affine !== null) return this.#fused.backward(dy, saved, saved.affine, outputs) as Places<T>;
    const { x, residual, gathered, variants } = saved;
    const places = this.#placesOf(dy, saved, outputs);
    // dgamma and dbeta of the layer last: what comes before may be refused.
    const [dgamma, dbeta] = [outputs.dgamma.slice(), outputs.dbeta.slice()];
    const read = (tensor: T) => (gathered ? (tensor as AnyTensor as Float32Array) : this.#widen(tensor));
    const wide = { ...saved, kind: 'Float32Array', x: read(x), residual: residual && read(residual) } as const;
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

/** Where y goes before it is rounded: over x or the residual where the caller wants it there, else to new memory. */
function placeOf<T extends HalfTensor>(
  { x, residual, y }: ForwardRequest<T>,
  wide: Float32Array,
  added: Float32Array | null,
): Float32Array {
  if (isSame(y, x)) return wide;
  if (residual !== null && added !== null && isSame(y, residual)) return added;
  return newTensor<Float32Array>('Float32Array', wide.length);
}
