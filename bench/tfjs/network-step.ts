/** Whole training steps of small networks, of which batch normalization is a part. */
import type { Case, Entry } from './case.js';
import { type LayerName, makeNorm, tf, tfl } from './host.js';

const BLOCKS = 3;
/** Losses of the first steps, with either layer, are as close as this: TensorFlow.js sums in float32. */
const TOLERANCE = 1e-5;

/** By case: those of whoever was opened first. */
const firstLosses = new Map<string, readonly number[]>();

type Build = (layer: LayerName) => tfl.Sequential;

export const cnnStep = networkCase('cnn', 'cpu', '(8, 16, 16, 3), three times conv 8, BN, ReLU', (layer) => {
  const model = tfl.sequential();
  for (let block = 0; block < BLOCKS; block++) {
    model.add(
      tfl.layers.conv2d({
        filters: 8,
        kernelSize: 3,
        padding: 'same',
        useBias: false,
        kernelInitializer: tfl.initializers.heNormal({ seed: block + 1 }),
        ...(block === 0 && { batchInputShape: [8, 16, 16, 3] }),
      }),
    );
    model.add(makeNorm(layer));
    model.add(tfl.layers.reLU());
  }
  model.add(tfl.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }));
  return withClasses(model);
});

export const denseStep = networkCase('dense', 'wasm', '(1024, 256), three times dense 256, BN, ReLU', (layer) => {
  const model = tfl.sequential();
  for (let block = 0; block < BLOCKS; block++) {
    model.add(
      tfl.layers.dense({
        units: 256,
        useBias: false,
        kernelInitializer: tfl.initializers.heNormal({ seed: block + 1 }),
        ...(block === 0 && { batchInputShape: [1024, 256] }),
      }),
    );
    model.add(makeNorm(layer));
    model.add(tfl.layers.reLU());
  }
  return withClasses(model);
});

function withClasses(model: tfl.Sequential): tfl.Sequential {
  model.add(
    tfl.layers.dense({
      units: 10,
      activation: 'softmax',
      kernelInitializer: tfl.initializers.glorotUniform({ seed: BLOCKS + 1 }),
    }),
  );
  return model;
}

function networkCase(name: string, host: Case['hosts'][number], what: string, build: Build): Case {
  return { name, title: `training step: ${what}`, hosts: [host], open: (layer) => open(name, build(layer)) };
}

function open(name: string, model: tfl.Sequential): Entry {
  model.compile({ optimizer: tf.train.sgd(0.05), loss: 'categoricalCrossentropy' });
  const [samples] = model.inputs[0].shape as number[];
  const x = tf.randomNormal(model.inputs[0].shape as number[], 0, 1, 'float32', 1);
  const labels = tf.range(0, samples, 1, 'int32');
  const y = tf.oneHot(tf.mod(labels, tf.scalar(10, 'int32')) as tf.Tensor1D, 10);
  const losses: number[] = [];
  return {
    isAsync: true,
    call: async () => {
      losses.push((await model.trainOnBatch(x, y)) as number);
    },
    check: () => {
      const expected = firstLosses.get(name) ?? [...losses];
      firstLosses.set(name, expected);
      const wrong = expected.findIndex((loss, step) => !(Math.abs(losses[step] - loss) <= TOLERANCE * loss));
      return wrong < 0 ? null : `the loss of step ${wrong + 1} is ${losses[wrong]}, expected ${expected[wrong]}`;
    },
    close: () => {
      tf.dispose([x, labels, y]);
      model.dispose();
    },
  };
}
