/** The layer of `batchnorm/tfjs` on the backends of TensorFlow.js that it can see into. */
import { createRequire } from 'node:module';
import { ThreadReducer } from 'batchnorm';
import { BatchNormalization } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import axes from './suites/tfjs/axes.js';
import config from './suites/tfjs/config.js';
import conformance from './suites/tfjs/conformance.js';
import fold from './suites/tfjs/fold.js';
import foldNets from './suites/tfjs/fold-nets.js';
import layer from './suites/tfjs/layer.js';
import masks from './suites/tfjs/masks.js';
import memory from './suites/tfjs/memory.js';
import mixture from './suites/tfjs/mixture.js';
import registration from './suites/tfjs/register.js';
import repairs from './suites/tfjs/repairs.js';
import secondOrder from './suites/tfjs/second-order.js';
import summation from './suites/tfjs/summation.js';
import { type TfjsCase, tfjsStep } from './support/mpi-tfjs.js';
import { suiteOf } from './support/suite.js';
import { close, OUR_ERROR } from './support/tfjs.js';

for (const host of ['cpu', 'wasm'] as const) {
  const suites = [
    layer,
    axes,
    config,
    conformance,
    repairs,
    masks,
    mixture,
    registration,
    memory,
    fold,
    foldNets,
    summation,
    secondOrder,
  ];
  for (const suite of suites) suite(host);
}

const test = suiteOf('tfjs');

test('require() gives the same layer as import', () => {
  const required = createRequire(import.meta.url)('batchnorm/tfjs');
  assert.is(required.BatchNormalization, BatchNormalization);
});

test('a ThreadReducer for so many channels serves layers of as many', async () => {
  for (const mask of ['no', 'random'] as const) {
    const one: TfjsCase = { host: 'cpu', shape: [12, 8], axis: -1, shares: [12], mask, gradients: 'local' };
    const [expected, actual] = [
      await tfjsStep(one),
      await tfjsStep(one, new ThreadReducer(ThreadReducer.memory(1, 8), 0)),
    ];
    for (const name of ['y', 'dx', 'dgamma', 'dbeta'] as const)
      close([actual[name]], [expected[name]], [name], OUR_ERROR);
    close(actual.moving, expected.moving, ['moving_mean', 'moving_variance'], OUR_ERROR);
  }
});
