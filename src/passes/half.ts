/**
 * Passes over tensors of 16 bits: by kernels of their own where all of a tensor takes part; what a mask has chosen is
 * widened, goes the way of float32, and is rounded at the end, which docs/numerics.md, section 11, says is the same.
 */
import { kernelActivation } from '../arguments/activation.js';
import { bitsOf, isSame, newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import type { Affine, HalfDtype, HalfKernels, KernelActivation, View } from '../kernels.js';
import { isNaNHalf } from '../reference/half.js';
import type { AnyTensor, HalfTensor } from '../types.js';
import type { Arrangement } from './arrange.js';
import { forwardChosen } from './chosen.js';
import { arrangedGradients, type BackwardPass, type Places, writeParameterGradients } from './differentiate.js';
import { addExactHalf, noExactMoments, type Summation } from './exact.js';
import type { PlainKernels } from './plain-kernels.js';
import type { Selection } from './selection.js';

type Bits = Uint16Array;

/** A forward of tensors of 16 bits, all of it checked. */
export interface HalfForward {
  readonly dtype: HalfDtype;
  readonly y: Bits;
  readonly x: Bits;
  readonly residual: Bits | null;
  readonly affine: Affine<Float32Array>;
  readonly activation: KernelActivation;
  readonly view: View;
  readonly selection: Selection | null;
  /** How the statistics are summed that go to `affine`; null where those in `affine` are given. */
  readonly summation: Summation | null;
  /** Where exact sums go, if anybody wants them. */
  readonly records?: Float64Array | null;
}

/** y ← of x. y may be x or residual. */
export function forwardHalf(pass: HalfForward): void {
  const { dtype, y, x, residual, affine, activation, view, selection, summation, records = null } = pass;
  const table = kernels()[dtype];
  if (selection !== null) {
    const place = newTensor<Float32Array>('Float32Array', x.length);
    const inputs = [widened(table, x), residual && widened(table, residual)] as const;
    const batch = summation !== null;
    forwardChosen('Float32Array', place, ...inputs, affine, activation, view, selection, batch, summation ?? 'ordered');
    if (x.length > 0) table.round(y, place);
  } else if (x.length === 0) {
    if (summation !== null) for (const numbers of [affine.mean, affine.variance]) numbers.fill(NaN);
  } else if (summation === 'exact') {
    table.exact.exactForward(y, x, residual, affine, activation, records, view);
  } else if (summation === 'ordered') {
    table.forward(y, x, residual, affine, activation, view);
  } else {
    table.normalize(y, x, residual, affine, activation, view);
  }
}

/**
 * All gradients of tensors of 16 bits; `pass` is as for float32, but for its tensors. dx or dresidual may be dy.
 * Without an activation dresidual is dy itself where that stays as it is.
 */
export function halfGradients<T extends AnyTensor>(
  dtype: HalfDtype,
  pass: BackwardPass<T>,
  arrangement: Arrangement | null,
): Places<T> {
  const { kind, dy, x, activation, hasResidual, out, outResidual } = pass;
  const dx = out ?? newTensor<T>(kind, x.length);
  const isDy = activation === 'none' && arrangement === null;
  const place = () => outResidual ?? (isDy && !isSame(dx, dy) ? dy : newTensor<T>(kind, x.length));
  const dresidual = hasResidual ? place() : null;
  const isThere = isDy && dresidual !== null && isSame(dresidual, dy);
  const bits = {
    dx: bitsOf(dx),
    dresidual: dresidual === null || isThere ? null : bitsOf(dresidual),
    dy: bitsOf(dy),
    x: bitsOf(x),
    residual: pass.residual && bitsOf(pass.residual),
  };
  if (arrangement === null) backwardPlain(dtype, pass, bits);
  else backwardChosen(kernels()[dtype], pass, bits, arrangement);
  return { dx, dresidual };
}

interface GradientBits {
  readonly dx: Bits;
  /** null where nobody wants it, or it is dy. */
  readonly dresidual: Bits | null;
  readonly dy: Bits;
  readonly x: Bits;
  readonly residual: Bits | null;
}

/** All of a tensor takes part. */
function backwardPlain(dtype: HalfDtype, pass: BackwardPass<AnyTensor>, bits: GradientBits): void {
  const { batchStatistics, view, sums } = pass;
  const affine = pass.affine as Affine<Float32Array>;
  const [dgamma, dbeta] = [pass.dgamma, pass.dbeta] as [Float32Array, Float32Array];
  const { dx, dresidual, dy, x } = bits;
  const table = kernels()[dtype];
  const code = kernelActivation(pass.activation);
  const residual = code === 0 ? null : bits.residual;
  if (x.length > 0 && sums === null) {
    const backward = pass.summation === 'exact' ? table.exact.exactBackward : table.backward;
    backward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, code, batchStatistics, view);
  } else if (x.length > 0 && sums !== null) {
    const given = batchStatistics ? sums : null;
    table.gradientInput(dx, dresidual, dy, x, residual, affine, code, given, sums.count, view);
  }
  const count = sums === null ? view.n * view.s : sums.count;
  if (sums !== null) writeParameterGradients(dgamma, dbeta, sums, affine);
  else if (count === 0) for (const numbers of [dgamma, dbeta]) numbers.fill(0);
  // A single value is its own mean: what kernels leave is rounding.
  if (batchStatistics && count === 1) dx.set(dx.map((half) => (isNaNHalf(half, dtype) ? half : 0)));
}

/** What a mask has chosen: by way of float32. */
function backwardChosen(
  table: HalfKernels,
  pass: BackwardPass<AnyTensor>,
  bits: GradientBits,
  arrangement: Arrangement,
): void {
  const { dx, dresidual } = arrangedGradients<Float32Array>(arrangement, {
    ...pass,
    kind: 'Float32Array',
    dy: widened(table, bits.dy),
    x: widened(table, bits.x),
    residual: bits.residual && widened(table, bits.residual),
    out: undefined,
    outResidual: undefined,
  });
  if (dx.length === 0) return;
  if (bits.dresidual !== null && dresidual !== null) table.round(bits.dresidual, dresidual);
  table.round(bits.dx, dx);
}

/** Numbers of 16 bits as a tensor of float32. */
export function asFloat32(dtype: HalfDtype, tensor: ArrayBufferView): Float32Array {
  return widened(kernels()[dtype], bitsOf(tensor));
}

export function widened(table: HalfKernels, bits: Bits): Float32Array {
  const to = newTensor<Float32Array>('Float32Array', bits.length);
  if (bits.length > 0) table.widen(to, bits);
  return to;
}

/** The kernels of a plain pass over such tensors. */
export function halfKernels(dtype: HalfDtype): PlainKernels<HalfTensor> {
  const run = (
    summation: Summation | null,
    y: HalfTensor,
    x: HalfTensor,
    residual: HalfTensor | null,
    affine: Affine,
    activation: KernelActivation,
    view: View,
    records: Float64Array | null = null,
  ) => {
    const bits = { y: bitsOf(y), x: bitsOf(x), residual: residual && bitsOf(residual) };
    const numbers = affine as Affine<Float32Array>;
    forwardHalf({ dtype, ...bits, affine: numbers, activation, view, selection: null, summation, records });
  };
  return {
    forward: (y, x, residual, affine, activation, view, records) =>
      run(records === null ? 'ordered' : 'exact', y, x, residual, affine, activation, view, records),
    normalize: (y, x, residual, affine, activation, view) => run(null, y, x, residual, affine, activation, view),
    statistics: (mean, variance, x, view) => kernels()[dtype].statistics(mean, variance, bitsOf(x), view),
    exactMoments: (x, view) => addExactHalf(noExactMoments(view.c), dtype, bitsOf(x), view),
    gradients: (pass) => halfGradients(dtype, pass, null),
  };
}
