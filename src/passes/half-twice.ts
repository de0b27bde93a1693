/** Gradients of gradients of 16 bits: by way of float32, rounded once, where they are written. */
import { bitsOf, newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import type { HalfDtype } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import { type DoubleBackwardPass, type DoubleGradients, doubleGradients } from './differentiate-twice.js';
import { asFloat32 } from './half.js';
import type { Selection } from './selection.js';

/** `pass` has tensors of this dtype, and numbers per channel in float32. */
export function halfDoubleGradients<T extends AnyTensor>(
  dtype: HalfDtype,
  pass: DoubleBackwardPass<T>,
  selection: Selection | null,
): DoubleGradients<T> {
  const { kind, dy, x, residual, ddx, ddresidual } = pass;
  const wide = (tensor: T | null) => tensor && asFloat32(dtype, tensor);
  const { dx, ddy, dgamma } = doubleGradients<Tensor>(
    {
      ...pass,
      kind: 'Float32Array',
      dy: asFloat32(dtype, dy),
      x: asFloat32(dtype, x),
      residual: wide(residual),
      ddx: wide(ddx),
      ddresidual: wide(ddresidual),
    },
    selection,
  );
  const rounded = (from: Tensor): T => {
    const to = newTensor<T>(kind, from.length);
    if (from.length > 0) kernels()[dtype].round(bitsOf(to), from as Float32Array);
    return to;
  };
  return { dx: rounded(dx), ddy: rounded(ddy), dgamma };
}
