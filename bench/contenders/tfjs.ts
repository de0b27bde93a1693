/**
 * TensorFlow.js: channels last only. Inference is `batchNorm`; forward in training its Keras layer, called with
 * `training: true`; a step is the gradient of `moments` and `batchNorm`, since there is no backward by itself.
 */
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import type { Contender, Opened } from '../contender.js';
import { EPSILON, type Outputs, type Problem } from '../problem.js';
import { isWhole, type WholeOperation } from '../shapes.js';

type Backend = 'wasm' | 'cpu';

/** Any thread count but 1 is out of reach: TensorFlow.js reports no threads in Node.js. */
export async function loadTfjs(backend: Backend): Promise<Contender> {
  const tf = await import('@tensorflow/tfjs-core');
  const { layers } = await import('@tensorflow/tfjs-layers');
  await (backend === 'wasm' ? import('@tensorflow/tfjs-backend-wasm') : import('@tensorflow/tfjs-backend-cpu'));
  tf.env().set('PROD', true);
  const hasSimd = backend === 'wasm' && (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'));
  const host: Host = { tf, layers, backend };
  return {
    peer: `tfjs-${backend}`,
    variant: backend === 'cpu' ? 'js' : hasSimd ? 'simd' : 'scalar',
    threads: 1,
    scales: false,
    ours: false,
    dtype: 'float32',
    version: tf.version_core,
    open: async (problem, operation) => {
      // D takes several intermediate tensors of its size, and minutes.
      if (problem.layout === 'nchw' || problem.shape === 'D' || operation === 'bwd' || !isWhole(operation)) return null;
      await use(host);
      return open(host, problem, operation);
    },
  };
}

interface Host {
  readonly tf: typeof import('@tensorflow/tfjs-core');
  readonly layers: typeof import('@tensorflow/tfjs-layers').layers;
  readonly backend: Backend;
}

async function use({ tf, backend }: Host): Promise<void> {
  if (tf.getBackend() === backend) return;
  await tf.setBackend(backend);
  await tf.ready();
}

/** Ranks end at 4: (N, D, H, W, C) is taken as (N·D, H, W, C), which is the same for batch normalization. */
function foldedDims(dims: readonly number[]): number[] {
  const [n, d, ...rest] = dims;
  return dims.length === 5 ? [n * d, ...rest] : [...dims];
}

/** A call leaves its results as tensors; those of the call before are given back, as a user would. */
function open(host: Host, problem: Problem, operation: WholeOperation): Opened {
  const { tf } = host;
  const inputs = tensorsOf(host, problem);
  const compute = calls(host, problem, inputs)[operation];
  let last: Tensor[] = [];
  return {
    call: () => {
      for (const tensor of last) tensor.dispose();
      last = tf.tidy(compute);
    },
    isAsync: false,
    prepare: () => use(host),
    outputs: async () => {
      const [first, second, third] = last.map((tensor) => tensor.dataSync() as Float32Array);
      return operation === 'step'
        ? ({ dx: first, dgamma: second, dbeta: third } as Outputs)
        : ({ y: first } as Outputs);
    },
    close: async () => {
      await use(host);
      for (const tensor of [...last, ...Object.values(inputs)]) tensor.dispose();
    },
  };
}

function tensorsOf({ tf }: Host, { x, dy, gamma, beta, mean, variance, dims }: Problem) {
  const folded = foldedDims(dims);
  const channels = (values: Float32Array | Float64Array): Tensor1D => tf.tensor1d(Float32Array.from(values));
  return {
    x: tf.tensor(x, folded),
    dy: tf.tensor(dy, folded),
    gamma: channels(gamma),
    beta: channels(beta),
    mean: channels(mean),
    variance: channels(variance),
  };
}

function calls({ tf, layers }: Host, { view }: Problem, inputs: ReturnType<typeof tensorsOf>) {
  const { x, dy, gamma, beta, mean, variance } = inputs;
  const layer = layers.batchNormalization({ axis: -1, epsilon: EPSILON });
  layer.build(x.shape);
  layer.setWeights([gamma, beta, tf.zeros([view.c]), tf.ones([view.c])]);
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const gradients = tf.grads((a, g, b) => {
    const moments = tf.moments(a!, axes);
    return tf.batchNorm(
      a!,
      moments.mean as Tensor1D,
      moments.variance as Tensor1D,
      b as Tensor1D,
      g as Tensor1D,
      EPSILON,
    );
  });
  return {
    'fwd-train': () => [layer.apply(x, { training: true }) as Tensor],
    inference: () => [tf.batchNorm(x, mean, variance, beta, gamma, EPSILON)],
    step: () => gradients([x, gamma, beta], dy),
    bwd: (): Tensor[] => [],
  } satisfies Record<WholeOperation, () => Tensor[]>;
}
