// Data-parallel training by MPI: every rank has its share of each batch, and the network learns as one process would.
//   npx batchnorm build --mpi                      once, where MPI is installed: docs/distributed.md
//   mpirun -n 4 node examples/mpi.js
// The network is one of TensorFlow.js:
//   npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm
import * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, sequential } from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { sumRanks } from 'batchnorm';
import { MpiReducer } from 'batchnorm/mpi';
import { batchNormalization } from 'batchnorm/tfjs';
import { readDigits } from './digits.js';

const [BATCH, STEPS, RATE, TRAINING] = [64, 100, 0.1, 1437];
const reducer = new MpiReducer();
const { rank, size } = reducer;

tf.enableProdMode();
await tf.setBackend('wasm');
const digits = readDigits();
const model = sequential({
  layers: [
    layers.dense({ units: 32, useBias: false, inputShape: [64], kernelInitializer: initial(1) }),
    batchNormalization({ momentum: 0.9, synchronize: reducer }),
    layers.reLU(),
    layers.dense({ units: 10, kernelInitializer: initial(2) }),
  ],
});
const variables = model.trainableWeights.map((weight) => /** @type {tf.Variable} */ (weight.read()));
const optimizer = tf.train.momentum(RATE, 0.9);

for (let step = 1; step <= STEPS; step++) {
  const loss = tf.tidy(() => trainStep(step));
  if (rank === 0 && (step === 1 || step % 10 === 0)) console.log(`step ${step}: loss ${loss.toFixed(6)}`);
}
if (rank === 0) console.log(`accuracy ${tf.tidy(accuracy).toFixed(4)}`);

/** The loss of the batch, over all ranks. */
function trainStep(step = 1) {
  // This rank's share: every size-th sample of the batch, which is the same on all ranks.
  const batch = Array.from({ length: BATCH }, (_, i) => digits[((step - 1) * BATCH + i) % TRAINING]);
  const { x, labels } = tensorsOf(batch.filter((_, i) => i % size === rank));
  const { value, grads } = tf.variableGrads(() => {
    const scores = scoresOf(x, true);
    const losses = tf.sub(tf.logSumExp(scores, 1), tf.sum(tf.mul(labels, scores), 1)); // cross-entropy
    return tf.div(tf.sum(losses), BATCH); // by the whole batch, so that sums over ranks are its loss and gradients
  }, variables);
  const own = [value, ...Object.values(grads)].map((tensor) => Float32Array.from(tensor.dataSync()));
  const [loss, ...gradients] = sumRanks(reducer, own); // one exchange for all weights
  const summed = Object.entries(grads).map(([name, { shape }], i) => {
    return [name, tf.tensor(Float32Array.from(gradients[i]), shape)];
  });
  optimizer.applyGradients(Object.fromEntries(summed));
  return loss[0];
}

function accuracy() {
  const { x, labels } = tensorsOf(digits.slice(TRAINING));
  const right = tf.equal(tf.argMax(scoresOf(x, false), 1), tf.argMax(labels, 1));
  return tf.mean(right).dataSync()[0];
}

/**
 * @param {tf.Tensor} x
 * @param {boolean} training
 */
function scoresOf(x, training) {
  return /** @type {tf.Tensor} */ (model.apply(x, { training }));
}

/** @param {typeof digits} samples */
function tensorsOf(samples) {
  const x = Float32Array.from(samples.flatMap(({ pixels }) => pixels));
  const labels = Int32Array.from(samples, ({ label }) => label);
  return { x: tf.tensor(x, [samples.length, 64]), labels: tf.cast(tf.oneHot(labels, 10), 'float32') };
}

function initial(seed = 0) {
  return initializers.glorotUniform({ seed });
}
