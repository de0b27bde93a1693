/**
 * The BatchNormalization cases of the ONNX backend test suite, in the folder that BATCHNORM_CONFORMANCE names:
 * inference, training (population variance in the running statistics), and models that PyTorch exported.
 */
import { join } from 'node:path';
import { BatchNorm, forwardInference } from 'batchnorm';
import * as assert from 'uvu/assert';
import { allUnderTest } from './support/backends.js';
import { type OnnxCase, readOnnxCases } from './support/onnx.js';
import { skipAloud } from './support/runner.js';
import { suiteFor, suiteOf } from './support/suite.js';

const folder = process.env['BATCHNORM_CONFORMANCE'];
/** The tolerance of ONNX' own runner: rtol 1e-3, atol 1e-7. Ours is float32 rounding on values of up to about 4. */
const BOUND = 2e-6;

if (folder === undefined) skipAloud('ONNX conformance', 'BATCHNORM_CONFORMANCE names no folder');
else run(readOnnxCases(join(folder, 'onnx')));

function run(cases: OnnxCase[]): void {
  suiteOf('ONNX conformance')('there are cases of each kind', () => {
    assert.ok(cases.some(({ training }) => training) && cases.some(({ training }) => !training));
  });
  for (const backend of allUnderTest()) {
    const test = suiteFor(backend, 'ONNX conformance');
    for (const onnx of cases) test(onnx.name, () => (onnx.training ? checkTraining(onnx) : checkInference(onnx)));
  }
}

function checkInference({ inputs, outputs, epsilon }: OnnxCase): void {
  const [x, gamma, beta, mean, variance] = inputs;
  const options = { gamma: gamma.data, beta: beta.data, mean: mean.data, variance: variance.data, epsilon };
  checkClose(forwardInference(x.data, x.shape, options), outputs[0].data);
}

function checkTraining({ inputs, outputs, epsilon, decay }: OnnxCase): void {
  const [x, gamma, beta, mean, variance] = inputs;
  const layer = new BatchNorm(gamma.data.length, { epsilon, decay, varianceEstimator: 'biased' });
  layer.gamma!.set(gamma.data);
  layer.beta!.set(beta.data);
  layer.runningMean.set(mean.data);
  layer.runningVariance.set(variance.data);
  checkClose(layer.forward(x.data, x.shape), outputs[0].data);
  checkClose(layer.runningMean, outputs[1].data);
  checkClose(layer.runningVariance, outputs[2].data);
}

function checkClose(actual: Float32Array | Float64Array, expected: Float32Array): void {
  assert.is(actual.length, expected.length);
  for (let k = 0; k < expected.length; k++) {
    const error = Math.abs(actual[k] - expected[k]);
    assert.ok(error <= BOUND, `element ${k}: ${actual[k]} instead of ${expected[k]}`);
  }
}
