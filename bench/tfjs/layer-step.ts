/** Forward in training and all gradients of one layer, on the data of the benchmark, checked by its oracle. */
import { check, OURS, PEERS } from '../oracle.js';
import { EPSILON, makeProblem, type Problem } from '../problem.js';
import type { Case, Entry } from './case.js';
import { type LayerName, makeNorm, tf } from './host.js';

let made: Problem | undefined;

export const layerStep: Case = {
  name: 'layer',
  title: 'one layer, (32, 56, 56, 64), forward and gradients',
  hosts: ['wasm', 'cpu'],
  open: (layer) => {
    made ??= makeProblem('A', 'nhwc');
    return open(layer, made);
  },
};

function open(layer: LayerName, problem: Problem): Entry {
  const norm = makeNorm(layer, { epsilon: EPSILON });
  norm.build([null, ...problem.dims.slice(1)]);
  const [gamma, beta] = norm.trainableWeights;
  gamma!.write(tf.tensor1d(problem.gamma));
  beta!.write(tf.tensor1d(problem.beta));
  const x = tf.tensor(problem.x, [...problem.dims]);
  const dy = tf.tensor(problem.dy, [...problem.dims]);
  const inputs = [x, gamma!.read(), beta!.read()];
  let results: tf.Tensor[] = [];
  return {
    isAsync: false,
    call: () => {
      tf.dispose(results);
      const { value, grads } = tf.engine().gradients(() => norm.apply(x, { training: true }) as tf.Tensor, inputs, dy);
      results = [value, ...grads];
    },
    check: () => {
      const [y, dx, dgamma, dbeta] = results.map((tensor) => tensor.dataSync() as Float32Array);
      const outputs = { y: y!, dx: dx!, dgamma: dgamma!, dbeta: dbeta! };
      return check(outputs, problem, layer === 'batchnorm/tfjs' ? OURS.float32 : PEERS);
    },
    close: () => {
      tf.dispose([...results, x, dy]);
      for (const weight of norm.weights) weight.dispose();
    },
  };
}
