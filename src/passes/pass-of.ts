/** The pass of a layer, by the type of its tensors. */
import { isHalf } from '../arguments/validate.js';
import type { AnyDtype, AnyTensor, Tensor } from '../types.js';
import { floatKernels } from './float-kernels.js';
import { HalfPass } from './half-pass.js';
import { Pass } from './pass.js';
import type { LayerPass, Parameters, PassSettings } from './request.js';

/** @typeParam T tensors of this dtype */
export function passOf<T extends AnyTensor>(dtype: AnyDtype, own: Parameters, settings: PassSettings): LayerPass<T> {
  const pass = isHalf(dtype) ? new HalfPass(dtype, own, settings) : new Pass(own, settings, floatKernels<Tensor>());
  return pass as LayerPass<AnyTensor> as LayerPass<T>;
}
