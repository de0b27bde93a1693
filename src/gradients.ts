/** The part of a backward pass that the function and the layer share: what is written where, and nothing to check. */
import { kernels } from './backends/select.js';
import { ACTIVATION_CODES, type Affine, type View } from './kernels.js';
import { isSame, newTensor, type TensorKind } from './typed-arrays.js';
import type { Activation, Tensor } from './types.js';

export interface BackwardPass<T extends Tensor> {
  readonly kind: TensorKind;
  readonly view: View;
  readonly dy: T;
  readonly x: T;
  /** Whether the forward had a residual; with activation 'none' its values are not needed. */
  readonly hasResidual: boolean;
  readonly residual: T | null;
  readonly affine: Affine<T>;
  readonly activation: Activation;
  readonly batchStatistics: boolean;
  /** Whether dgamma and dbeta are wanted; they may be written in any case. */
  readonly learn: boolean;
  readonly dgamma: T;
  readonly dbeta: T;
  readonly out: T | undefined;
  readonly outResidual: T | undefined;
}

/** dx and, with a residual, its gradient; dgamma and dbeta are written. */
export function computeGradients<T extends Tensor>(pass: BackwardPass<T>): { dx: T; dresidual: T | null } {
  const { kind, dy, x, affine, activation, view, dgamma, dbeta, out } = pass;
  const dx = out ?? newTensor<T>(kind, x.length);
  const dresidual = pass.hasResidual ? residualGradient(kind, dy, activation, pass.outResidual, dx) : null;
  if (x.length > 0) {
    const residual = activation === 'none' ? null : pass.residual;
    const target = dresidual !== null && activation === 'none' && isSame(dresidual, dy) ? null : dresidual;
    const code = ACTIVATION_CODES[activation];
    if (pass.batchStatistics || pass.learn) {
      kernels().backward(dx, target, dgamma, dbeta, dy, x, residual, affine, code, pass.batchStatistics, view);
    } else {
      kernels().gradientInput(dx, target, dy, x, residual, affine, code, null, 0, view);
    }
    if (pass.batchStatistics && view.n * view.s === 1) clearSingleValues(dx);
  } else {
    dgamma.fill(0);
    dbeta.fill(0);
  }
  return { dx, dresidual };
}

/** Where dresidual goes. Without an activation it is dy, and a copy is needed only where dx takes the place of dy. */
export function residualGradient<T extends Tensor>(
  kind: TensorKind,
  dy: T,
  activation: Activation,
  outResidual: T | undefined,
  dx: T,
): T {
  if (outResidual !== undefined) return outResidual;
  return activation === 'none' && !isSame(dx, dy) ? dy : newTensor<T>(kind, dy.length);
}

/** A single value is its own mean, so y does not depend on it: dx is 0, but for rounding. NaN stays. */
export function clearSingleValues(dx: Tensor): void {
  for (let ch = 0; ch < dx.length; ch++) {
    if (!Number.isNaN(dx[ch])) dx[ch] = 0;
  }
}
