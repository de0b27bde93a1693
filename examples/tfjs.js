// A network of TensorFlow.js with this library's layers: trained on handwritten digits, then folded for use.
//   npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-cpu
//   node examples/tfjs.js
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu'; // the wasm backend does not differentiate convolutions
import { initializers, layers, sequential } from '@tensorflow/tfjs-layers';
import { batchNormalization, foldModel } from 'batchnorm/tfjs';
import { readDigits } from './digits.js';

tf.enableProdMode(); // no warning that there is a package for Node.js
await tf.setBackend('cpu');
const digits = readDigits();
const [training, test] = [tensorsOf(digits.slice(0, 1437)), tensorsOf(digits.slice(1437))];

const model = sequential({
  layers: [
    layers.conv2d({ ...convolution(8, 1), inputShape: [8, 8, 1] }),
    batchNormalization({ momentum: 0.9, name: 'norm1' }), // was: layers.batchNormalization
    layers.reLU(),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.conv2d(convolution(16, 2)),
    batchNormalization({ momentum: 0.9, name: 'norm2' }),
    layers.reLU(),
    layers.flatten(),
    layers.dense({ units: 10, activation: 'softmax', kernelInitializer: initializers.glorotUniform({ seed: 3 }) }),
  ],
});
model.compile({ optimizer: tf.train.adam(0.01), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
await model.fit(training.x, training.labels, {
  epochs: 3,
  batchSize: 32,
  verbose: 0,
  shuffle: false, // they are in a random order
  callbacks: { onEpochEnd: (epoch, logs) => console.log(`epoch ${epoch + 1}: loss ${logs?.['loss']?.toFixed(4)}`) },
});
console.log(`right of ${test.size}: ${rightOf(model)}`);

// For use, the convolutions take the layers behind them in: the same scores by a smaller model.
const { model: folded, folded: gone } = foldModel(model, { x: test.x });
console.log(`folded ${gone.map(({ layer, into }) => `${layer} into ${into}`).join(', ')}: right ${rightOf(folded)}`);

function convolution(filters = 1, seed = 1) {
  const kernelInitializer = initializers.heNormal({ seed });
  return { filters, kernelSize: 3, useBias: false, kernelInitializer, name: `convolution${seed}` };
}

/** @param {ReturnType<typeof readDigits>} digits */
function tensorsOf(digits) {
  const x = tf.tensor(
    digits.flatMap(({ pixels }) => pixels),
    [digits.length, 8, 8, 1],
  );
  return { size: digits.length, x, labels: tf.tensor1d(digits.map(({ label }) => label)) };
}

/** @param {import('@tensorflow/tfjs-layers').LayersModel} model */
function rightOf(model) {
  return tf.tidy(() => {
    const scores = [model.predict(test.x)].flat()[0];
    return tf.sum(tf.equal(tf.argMax(scores, 1), tf.cast(test.labels, 'int32'))).dataSync()[0];
  });
}
