/** The ONNX backend tests of BatchNormalization, in the folder that the environment variable BATCHNORM_CONFORMANCE names. */
import { join } from 'node:path';
import { BatchNorm, forwardInference } from 'batchnorm';
import * as assert from 'uvu/assert';
import { allUnderTest } from './support/backends.js';
import { type OnnxCase, type OnnxTensor, readOnnxCases } from './support/onnx.js';
import { skipAloud } from './support/runner.js';
import { suiteFor } from './support/suite.js';

/** As the ONNX runner compares float32: |error| ≤ 1e-7 + 1e-3·|expected|, but a hundred times as strict. */
const RELATIVE = 1e-5;
const ABSOLUTE = 1e-6;

const folder = process.env['BATCHNORM_CONFORMANCE'];
if (folder) {
  const cases = readOnnxCases(join(folder, 'onnx'));
  for (const backend of allUnderTest()) {
    const test = suiteFor(backend, 'conformance');
    test('there are cases', () => assert.ok(cases.length > 0));
    for (const each of cases) test(each.title, () => check(each));
  }
} else {
  skipAloud('conformance', 'BATCHNORM_CONFORMANCE names no folder of ONNX vectors');
}

function check({ operator, attributes, inputs, outputs }: OnnxCase): void {
  assert.is(operator, 'BatchNormalization');
  const training = attributes.get('training_mode') === 1;
  assert.is(outputs.length, training ? 3 : 1);
  const epsilon = attributes.get('epsilon') ?? 1e-5;
  const [x, gamma, beta, mean, variance] = inputs;
  const actual = training
    ? train(inputs, epsilon, attributes.get('momentum') ?? 0.9)
    : [
        forwardInference(x.data, x.shape, {
          ...{ gamma: gamma.data, beta: beta.data },
          ...{ mean: mean.data, variance: variance.data, epsilon },
        }),
      ];
  for (const [index, { data }] of outputs.entries()) close(actual[index], data, `output ${index}`);
}

/** y, running mean, running variance: ONNX calls the decay momentum, and averages the population variance. */
function train([x, gamma, beta, mean, variance]: OnnxTensor[], epsilon: number, decay: number): ArrayLike<number>[] {
  const layer = new BatchNorm(gamma.data.length, { epsilon, decay, varianceEstimator: 'biased' });
  layer.gamma!.set(gamma.data);
  layer.beta!.set(beta.data);
  layer.runningMean.set(mean.data);
  layer.runningVariance.set(variance.data);
  return [layer.forward(x.data, x.shape), layer.runningMean, layer.runningVariance];
}

function close(actual: ArrayLike<number>, expected: Float32Array, what: string): void {
  assert.is(actual.length, expected.length);
  for (const [k, value] of expected.entries()) {
    const error = Math.abs(actual[k] - value);
    if (!(error <= ABSOLUTE + RELATIVE * Math.abs(value))) {
      assert.unreachable(`${what}[${k}] is ${actual[k]}, not ${value}`);
    }
  }
}
