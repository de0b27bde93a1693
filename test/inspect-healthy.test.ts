// False alarms of inspect, on networks that have learnt the digits: there are to be none.
import { inspect } from 'batchnorm';
import * as assert from 'uvu/assert';
import { trainDigits } from './support/digits-net.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('inspect: healthy networks');

for (const [batch, learningRate] of [
  [16, 0.1],
  [32, 0.3],
  [60, 0.3],
  [128, 1],
] as const) {
  test(`batches of ${batch}, learning rate ${learningRate}`, () => {
    const steps = 200;
    const net = trainDigits({ batch, steps, learningRate, seed: 4 });
    assert.ok(net.accuracy() > 0.85, `${net.accuracy()}`);
    for (const part of ['train', 'test'] as const) {
      const { text, findings } = inspect(net.layers, { inputs: net.inputs(part), steps });
      assert.equal(findings, [], text);
    }
  });
}

test('the same network with a fault is told from the healthy one', () => {
  const steps = 200;
  const { layers, inputs } = trainDigits({ batch: 60, steps, learningRate: 0.3, seed: 4, layers: { decay: 0.999 } });
  const kinds = inspect(layers, { inputs: inputs('train'), steps }).findings.map(({ kind }) => kind);
  for (const kind of ['start-values', 'shift', 'output-gap'] as const) assert.ok(kinds.includes(kind), kind);
});
