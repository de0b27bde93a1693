/**
 * Tensors: none is left behind, none is copied on the way, and the results are the same bits by whatever computes them.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as assert from 'uvu/assert';
import { allUnderTest } from '../../support/backends.js';
import { gradients, type HostName, ours, random, randomize, suiteOn, values, weights } from '../../support/tfjs.js';

const STEPS = 1000;

export default function memory(host: HostName): void {
  const test = suiteOn(host, 'memory');

  test(`${STEPS} training steps leave nothing behind`, async () => {
    const model = tfl.sequential({
      layers: [tfl.layers.masking({ inputShape: [3, 4] }), ours(), tfl.layers.flatten(), ours({ scale: false })],
    });
    model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' });
    const [x, y] = [random([8, 3, 4], 1), random([8, 12], 2)];
    const used = [];
    for (let step = 1; step <= STEPS; step++) {
      await model.trainOnBatch(x, y);
      tf.dispose(model.predict(x));
      // The optimiser makes its own variables in the first step.
      if (step === 2 || step === STEPS) used.push({ ...tf.memory() });
    }
    assert.equal(used[1], used[0]);
  });

  test('calls outside of a tidy leave their result only, also where they fail', () => {
    const [layer, x] = [ours(), random([4, 2], 1)];
    layer.build([null, 2]);
    const before = tf.memory().numTensors;
    const y = layer.apply(x, { training: true }) as tf.Tensor;
    assert.is(tf.memory().numTensors, before + 1);
    y.dispose();
    assert.throws(() => layer.apply(x, { training: true, mask: tf.tidy(() => x) }), /"mask" expected/);
    assert.is(tf.memory().numTensors, before);
  });

  test('neither inputs nor results are copied', () => {
    const layer = ours();
    const [x, dy] = [random([64, 8], 1), random([64, 8], 2)];
    layer.build([null, 8]);
    const copied = watchCopies(() => {
      const step = tf.grad((input: tf.Tensor) => layer.apply(input, { training: true }) as tf.Tensor);
      tf.dispose([layer.apply(x) as tf.Tensor, step(x, dy)]);
    });
    if (host === 'wasm') assert.ok(copied.length > 0, 'the watch sees that moving statistics are');
    assert.ok(
      copied.every((length) => length <= 8),
      `arrays of length ${copied}`,
    );
  });

  test('a heap that grows under the call, and tensors of another backend', async () => {
    const other = host === 'cpu' ? 'wasm' : 'cpu';
    const dims = [1024, 1024];
    const expected = values(ours().apply(random(dims, 1), { training: true }) as tf.Tensor);
    const input = await elsewhere(other, host, () => random(dims, 1));
    // Each result takes 4 MB that are not given back.
    for (let i = 0; i < 8; i++) {
      assert.equal(values(ours().apply(input, { training: true }) as tf.Tensor), expected);
    }
  });

  test('every backend of ours gives the same bits', () => {
    const results = allUnderTest().map((backend) => {
      backend.use();
      const layer = ours({ axis: 1 });
      layer.build([null, 3, 4, 5]);
      randomize(layer);
      return [gradients(layer, random([2, 3, 4, 5], 1), random([2, 3, 4, 5], 2)), weights(layer)];
    });
    assert.ok(results.length > 1);
    for (const result of results) assert.equal(result, results[0]);
  });
}

/** Lengths of the arrays that pass between JavaScript and the tensors of the backend in use: where that is a copy. */
function watchCopies(run: () => void): number[] {
  const lengths: number[] = [];
  const backend = tf.backend();
  const isShared = 'data' in backend; // the cpu backend keeps the arrays that it is given, and gives these
  const { readSync, write } = backend;
  backend.readSync = function (this: tf.KernelBackend, ...args) {
    const values = readSync.apply(this, args);
    const again = readSync.apply(this, args);
    if (values !== again || !isShared) lengths.push(values.length);
    return values;
  };
  backend.write = function (this: tf.KernelBackend, values, ...rest) {
    const id = write.call(this, values, ...rest);
    if (values && (!isShared || values !== readSync.call(this, id))) lengths.push(values.length);
    return id;
  };
  try {
    run();
  } finally {
    Object.assign(backend, { readSync, write });
  }
  return lengths;
}

async function elsewhere(there: HostName, here: HostName, make: () => tf.Tensor): Promise<tf.Tensor> {
  await tf.setBackend(there);
  const tensor = make();
  await tf.setBackend(here);
  return tensor;
}
