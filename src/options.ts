/** What the operations have in common. */

export interface Common {
  /** The channel axis of `shape`; negative counts from the end. Default 1 (NC…, as PyTorch); −1 is channels last (N…C). */
  axis?: number | undefined;
  /**
   * Added to the variance, ≥ 0. With 0, 1/√0 counts as 0, so that a constant channel gives beta. Default 1e-5 (PyTorch,
   * flax, ONNX; Keras has 1e-3, the paper names none).
   */
  epsilon?: number | undefined;
}

export const DEFAULT_EPSILON = 1e-5;
