// Data-parallel training on the handwritten digits of this package: mpirun -n 4 node digits-mpi.js
// Every rank has its share of each batch; loss and accuracy are those of one process with the whole batch.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { sumRanks } from 'batchnorm';
import { MpiReducer } from 'batchnorm/mpi';
import { batchNormalization } from 'batchnorm/tfjs';

const [BATCH, STEPS, RATE, TRAINING] = [64, 100, 0.1, 1500];
const reducer = new MpiReducer();
const { rank, size } = reducer;

tf.enableProdMode();
await tf.setBackend('wasm');
const digits = readDigits();
const model = sequential({
  layers: [
    layers.dense({ units: 32, useBias: false, inputShape: [64], kernelInitializer: seeded(1) }),
    batchNormalization({ momentum: 0.9, synchronize: reducer }),
    layers.reLU(),
    layers.dense({ units: 10, kernelInitializer: seeded(2) }),
  ],
});
const variables = model.trainableWeights.map((weight) => weight.read());
const optimizer = tf.train.momentum(RATE, 0.9);

for (let step = 1; step <= STEPS; step++) {
  const loss = tf.tidy(() => trainStep(step));
  if (rank === 0 && (step === 1 || step % 10 === 0)) console.log(`step ${step}: loss ${loss.toFixed(6)}`);
}
if (rank === 0) console.log(`accuracy ${tf.tidy(accuracy).toFixed(4)}`);

/** The loss of the batch, over all ranks. */
function trainStep(step) {
  // This rank's share: every size-th sample of the batch, which is the same on all ranks.
  const samples = Array.from({ length: BATCH }, (_, i) => ((step - 1) * BATCH + i) % TRAINING);
  const share = samples.filter((_, i) => i % size === rank);
  const { x, labels } = take(share);
  // Divided by the whole batch, so that sums over ranks are its loss and its gradients.
  const lossOf = () => tf.div(tf.sum(crossEntropy(labels, model.apply(x, { training: true }))), BATCH);
  const { value, grads } = tf.variableGrads(lossOf, variables);
  const own = [value, ...Object.values(grads)].map((tensor) => tensor.dataSync());
  const [loss, ...gradients] = sumRanks(reducer, own); // one exchange for all weights
  const shaped = Object.entries(grads).map(([name, { shape }], i) => [
    name,
    tf.tensor(Float32Array.from(gradients[i]), shape),
  ]);
  optimizer.applyGradients(Object.fromEntries(shaped));
  return loss[0];
}

function accuracy() {
  const { x, labels } = take(Array.from({ length: digits.labels.length - TRAINING }, (_, i) => TRAINING + i));
  const found = tf.argMax(model.apply(x, { training: false }), 1);
  return tf.mean(tf.equal(found, tf.argMax(labels, 1))).dataSync()[0];
}

function crossEntropy(labels, scores) {
  return tf.sub(tf.logSumExp(scores, 1), tf.sum(tf.mul(labels, scores), 1));
}

function take(samples) {
  const pixels = Float32Array.from(samples.flatMap((sample) => digits.pixels[sample]));
  const labels = tf.tensor1d(
    samples.map((sample) => digits.labels[sample]),
    'int32',
  );
  return { x: tf.tensor(pixels, [samples.length, 64]), labels: tf.cast(tf.oneHot(labels, 10), 'float32') };
}

function seeded(seed) {
  return { className: 'GlorotUniform', config: { seed } };
}

/** Rows of 64 pixels from 0 to 16, and the digit. */
function readDigits() {
  const folder = createRequire(import.meta.url)
    .resolve('batchnorm/package.json')
    .replace('package.json', 'data/digits/');
  const rows = gunzipSync(readFileSync(`${folder}digits.csv.gz`))
    .toString()
    .trim()
    .split('\n')
    .map((row) => row.split(',').map(Number));
  return { pixels: rows.map((row) => row.slice(0, 64).map((pixel) => pixel / 16)), labels: rows.map((row) => row[64]) };
}
