/** Gradients by layer in a deep network before its first step. */
import { minibatches } from '../data/dataset.js';
import { batchOf, keepingScale, networkOf, UNITS } from './setting.js';
import type { Trial } from './trial.js';

/** `norm`: √(Σ (∂loss/∂W)²) of each hidden layer, that of the scores left out. */
export const tryGradients: Trial = async (job, data, listen) => {
  const skip = job.variant === 'skipping';
  const network = networkOf(job, data, { activation: 'relu', deviation: keepingScale(UNITS), skip });
  network.differentiate(minibatches(data.train, batchOf(data), job.seed).next().value);
  const norm = network.layers.slice(0, -1).map((layer) => layer.gradientNorm());
  network.dispose();
  await listen(1);
  return { norm };
};
