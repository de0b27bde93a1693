/** Putting this library in the place of TensorFlow.js' own batch normalization, and taking it out again. */
import {
  FusedBatchNorm,
  getKernel,
  type KernelConfig,
  registerKernel,
  type serialization as Serialization,
  serialization,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { inferenceKernel } from './kernel.js';
import { BatchNormalization } from './layer.js';

const BACKENDS = ['cpu', 'wasm'];

type LayerClass = Serialization.SerializableConstructor<Serialization.Serializable>;

/** The kernels that were registered before. */
let replacedClass: LayerClass | null = null;
const replacedKernels = new Map<string, { original: KernelConfig; ours: KernelConfig }>();

/**
 * From now on, models that are *loaded* use {@link BatchNormalization} wherever they say `BatchNormalization`, and
 * TensorFlow.js' cpu and wasm backends, as far as they are imported already, run batch normalization for inference
 * (`tf.batchNorm`, its kernel `FusedBatchNorm`) by this library: channels last and channels first.
 *
 * Models that are there already, or that are built with `tf.layers.batchNormalization` later, gain this kernel only,
 * which also computes y when they train; their statistics and gradients stay those of TensorFlow.js. Build with
 * `batchNormalization` of this module instead. Calling it again takes in backends imported since.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs-core';
 * import '@tensorflow/tfjs-backend-wasm';
 * import { BatchNormalization, register, unregister } from 'batchnorm/tfjs';
 * import { loadLayersModel, sequential, layers } from '@tensorflow/tfjs-layers';
 *
 * await tf.setBackend('wasm');
 * const files = new Map();
 * const model = sequential({ layers: [layers.batchNormalization({ inputShape: [8] })] });
 * await model.save(
 *   tf.io.withSaveHandler(async (artifacts) => {
 *     files.set('model', artifacts);
 *     return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
 *   }),
 * );
 *
 * register();
 * const loaded = await loadLayersModel(tf.io.fromMemory(files.get('model')));
 * console.log(loaded.layers[0] instanceof BatchNormalization); // → true
 * unregister();
 */
export function register(): void {
  const known = registeredClass();
  if (known !== BatchNormalization) {
    replacedClass = known;
    serialization.registerClass(BatchNormalization);
  }
  for (const backend of BACKENDS) {
    const original = getKernel(FusedBatchNorm, backend);
    if (original === undefined || original === replacedKernels.get(backend)?.ours) continue;
    const ours = { ...original, kernelFunc: inferenceKernel(original.kernelFunc) };
    replacedKernels.set(backend, { original, ours });
    swap(ours);
  }
}

/** Restores what {@link register} replaced. Models that were loaded in between keep their layers. */
export function unregister(): void {
  if (replacedClass !== null && registeredClass() === BatchNormalization) serialization.registerClass(replacedClass);
  replacedClass = null;
  for (const [backend, { original, ours }] of replacedKernels) {
    // Someone may have put a kernel of their own there.
    if (getKernel(FusedBatchNorm, backend) === ours) swap(original);
  }
  replacedKernels.clear();
}

function registeredClass(): LayerClass {
  const [known] = serialization.SerializationMap.getMap().classNameMap[BatchNormalization.className];
  return known;
}

/** Taking out first, or TensorFlow.js would warn. */
function swap(kernel: KernelConfig): void {
  unregisterKernel(kernel.kernelName, kernel.backendName);
  registerKernel(kernel);
}
