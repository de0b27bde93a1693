/** TensorFlow.js with both batch normalizations. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tfl from '@tensorflow/tfjs-layers';
import { type BatchNormalizationConfig, batchNormalization } from 'batchnorm/tfjs';

export { tf, tfl };

export type HostName = 'wasm' | 'cpu';

/** Whose layer it is. */
export const LAYERS = ['tf.layers', 'batchnorm/tfjs'] as const;
export type LayerName = (typeof LAYERS)[number];

export function makeNorm(layer: LayerName, config?: BatchNormalizationConfig): tfl.layers.Layer {
  return layer === 'tf.layers' ? tfl.layers.batchNormalization(config) : batchNormalization(config);
}

export async function use(host: HostName): Promise<void> {
  tf.env().set('PROD', true);
  if (tf.getBackend() !== host) await tf.setBackend(host);
}
