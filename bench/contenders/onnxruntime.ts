/**
 * onnxruntime-node: channels first only; the operator BatchNormalization, for inference and with training_mode. It
 * has no backward. Installed apart, in bench/peers, by `npm run bench:peers`.
 */
import { createRequire } from 'node:module';
import type { Contender, Opened } from '../contender.js';
import { EPSILON, type Problem } from '../problem.js';
import { makeModel, outputNames } from './onnx-model.js';
import type { Way } from './ours.js';

/** The part of onnxruntime-node that is used; its types are not installed with this package. */
interface Tensor {
  readonly data: Float32Array;
}
interface Session {
  run(feeds: Record<string, Tensor>, fetches?: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}
interface Runtime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
}

/** Seen from dist-bench/contenders. */
const PEERS = new URL('../../bench/peers/package.json', import.meta.url);

/** @throws where it is not installed */
export function loadOnnxRuntime(threads: number, way: Way): Contender {
  const require = createRequire(PEERS);
  const runtime = require('onnxruntime-node') as Runtime;
  const { version } = require('onnxruntime-node/package.json') as { version: string };
  return {
    peer: 'ort-node',
    variant: way === 'reuse' ? 'out' : 'alloc',
    threads,
    scales: true,
    ours: false,
    dtype: 'float32',
    version,
    open: async (problem, operation) => {
      if (problem.layout === 'nhwc' || (operation !== 'fwd-train' && operation !== 'inference')) return null;
      return open(runtime, problem, operation === 'fwd-train', threads, way);
    },
  };
}

async function open(runtime: Runtime, problem: Problem, training: boolean, threads: number, way: Way): Promise<Opened> {
  const { x, dims, gamma, beta, mean, variance, out, view } = problem;
  const parameters = {
    scale: gamma,
    bias: beta,
    mean: Float32Array.from(mean),
    variance: Float32Array.from(variance),
  };
  const model = makeModel({ dims, training, epsilon: EPSILON, parameters });
  const session = await runtime.InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
  const feeds = { x: new runtime.Tensor('float32', x, dims) };
  const statistic = () => new runtime.Tensor('float32', new Float32Array(view.c), [view.c]);
  const target = (name: string) => (name === 'y' ? new runtime.Tensor('float32', out.y, dims) : statistic());
  const fetches = Object.fromEntries(outputNames(training).map((name) => [name, target(name)]));
  let last: Record<string, Tensor> = {};
  return {
    call: async () => {
      last = way === 'reuse' ? await session.run(feeds, fetches) : await session.run(feeds);
    },
    isAsync: true,
    outputs: async () => ({ y: last['y'].data }),
    close: () => session.release(),
  };
}
