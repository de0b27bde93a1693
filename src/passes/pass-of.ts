/** The pass of a layer, by the type of its tensors. */
import { isHalf } from '../arguments/validate.js';
import type { AnyDtype, AnyTensor, HalfTensor, Tensor } from '../types.js';
import { FLOATS } from './float-kernels.js';
import { halfKernels } from './half.js';
import { halfParts } from './half-parts.js';
import { Pass } from './pass.js';
import type { Parameters, PassSettings } from './request.js';

/** @typeParam T tensors of this dtype */
export function passOf<T extends AnyTensor>(dtype: AnyDtype, own: Parameters, settings: PassSettings): Pass<T> {
  const pass: Pass<HalfTensor> | Pass<Tensor> = isHalf(dtype)
    ? new Pass<HalfTensor>(own, settings, { plain: halfKernels(dtype), parts: halfParts(dtype) })
    : new Pass<Tensor>(own, settings, FLOATS);
  return pass as Pass<AnyTensor> as Pass<T>;
}
