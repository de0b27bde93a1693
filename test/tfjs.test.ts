/** The layer of `batchnorm/tfjs` on the backends of TensorFlow.js that it can see into. */
import { createRequire } from 'node:module';
import { BatchNormalization } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import conformance from './suites/tfjs/conformance.js';
import layer from './suites/tfjs/layer.js';
import masks from './suites/tfjs/masks.js';
import memory from './suites/tfjs/memory.js';
import registration from './suites/tfjs/register.js';
import repairs from './suites/tfjs/repairs.js';
import { suiteOf } from './support/suite.js';

for (const host of ['cpu', 'wasm'] as const) {
  for (const suite of [layer, conformance, repairs, masks, registration, memory]) suite(host);
}

const test = suiteOf('tfjs');

test('require() gives the same layer as import', () => {
  const required = createRequire(import.meta.url)('batchnorm/tfjs');
  assert.is(required.BatchNormalization, BatchNormalization);
});
