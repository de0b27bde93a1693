/** What TensorFlow.js' own layer does wrong, or not at all, held to the oracle. */
import type * as tf from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import type { View } from '#dist/kernels.js';
import { backward, normalize, statistics } from '../../support/oracle.js';
import {
  type Config,
  close,
  gradients,
  type HostName,
  OUR_ERROR,
  ours,
  pair,
  random,
  randomize,
  suiteOn,
  theirs,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

const EPSILON = 1e-3;

/** A shape, the axis of its channels, and the shape as kernels see it. */
const CASES: [shape: number[], axis: number, view: View][] = [
  [[4, 3, 6], 1, { n: 4, c: 3, s: 6 }],
  [[4, 3, 5, 6], 1, { n: 4, c: 3, s: 30 }],
  [[4, 5, 3, 6], 2, { n: 20, c: 3, s: 6 }],
  [[2, 3, 2, 4, 5], -1, { n: 48, c: 5, s: 1 }],
  [[2, 3, 2, 4, 5], 1, { n: 2, c: 3, s: 40 }],
  [[2, 3, 2, 2, 2, 3], -1, { n: 48, c: 3, s: 1 }],
  [[2, 3, 2, 2, 2, 3], 1, { n: 2, c: 3, s: 24 }],
];
const WITHOUT: Config[] = [{ scale: false }, { center: false }, { scale: false, center: false }];

export default function repairs(host: HostName): void {
  const test = suiteOn(host, 'repairs');

  for (const [shape, axis, view] of CASES) {
    test(`[${shape}] with the channels on axis ${axis}: training and inference`, () => {
      checkAgainstOracle({ axis }, shape, view);
    });
  }

  for (const config of WITHOUT) {
    test(`trains with ${JSON.stringify(config)}`, () => {
      checkAgainstOracle(config, [16, 3], { n: 16, c: 3, s: 1 });
      checkAgainstOracle({ ...config, axis: 1 }, [4, 3, 2, 2], { n: 4, c: 3, s: 4 });
    });
  }

  test('a mean far from 0 costs nothing', () => {
    const x = random([64, 2], 1, 1000, 0.01);
    const layer = ours({ epsilon: 1e-5 });
    const view = { n: 64, c: 2, s: 1 };
    const rest = { gamma: null, beta: null, residual: null, relu: false, epsilon: 1e-5 };
    close([values(train(layer, x))], [normalize(values(x), statistics(values(x), view), rest, view)], ['y'], OUR_ERROR);
  });

  test('the original is as wrong as the documentation says', () => {
    const failing: [Config, number[], RegExp][] = [
      [{ axis: 1 }, [4, 3, 5, 6], /must match|broadcast/],
      [{ scale: false }, [16, 3], /undefined/],
      [{ center: false }, [16, 3], /undefined/],
      // Its own words: what it lacks is what this layer repairs.
      [{}, [2, 3, 2, 4, 5], /not implemented for array of rank 5/],
    ];
    for (const [config, shape, message] of failing) {
      assert.throws(() => gradients(theirs(config), random(shape, 1), random(shape, 2)), message);
    }
    const [right, wrong] = pair({ axis: 1 }, [4, 3, 5, 6]).map((layer) =>
      values(train(layer, random([4, 3, 5, 6], 1))),
    );
    assert.ok(wrong!.some((value, i) => Math.abs(value - right![i]) > 0.5));
  });
}

/** Training, with the moving statistics after it, and inference by these. */
function checkAgainstOracle(config: Config, shape: number[], view: View): void {
  const layer = ours({ ...config, epsilon: EPSILON, momentum: 0.75 });
  layer.build([null, ...shape.slice(1)]);
  randomize(layer);
  const before = named(layer);
  const [x, dy] = [random(shape, 1), random(shape, 2)];
  const parameters = { gamma: before['gamma'] ?? null, beta: before['beta'] ?? null };
  const rest = { ...parameters, residual: null, relu: false, epsilon: EPSILON };

  const batch = statistics(values(x), view);
  const { dx, dgamma, dbeta } = backward(values(dy), values(x), batch, rest, view);
  const learnt = [...(parameters.gamma ? [dgamma] : []), ...(parameters.beta ? [dbeta] : [])];
  const expected = [normalize(values(x), batch, rest, view), dx, ...learnt];
  const names = ['y', 'dx', 'dgamma', 'dbeta'].slice(0, expected.length);
  const actual = gradients(layer, x, dy);
  close(actual, expected, names, OUR_ERROR);

  const { moving_mean: mean, moving_variance: variance } = named(layer);
  const follow = (old: number[], values: number[]) => old.map((value, ch) => 0.75 * value + 0.25 * values[ch]);
  const followed = [follow(before['moving_mean'], batch.mean), follow(before['moving_variance'], batch.variance)];
  close([mean!, variance!], followed, ['moving_mean', 'moving_variance'], OUR_ERROR);
  const y = values(layer.apply(x) as tf.Tensor);
  close([y], [normalize(values(x), { mean: mean!, variance: variance! }, rest, view)], ['inference'], OUR_ERROR);
}

function named(layer: ReturnType<typeof ours>): Record<string, number[]> {
  const names = layer.weights.map(({ originalName }) => originalName.split('/').at(-1)!);
  return Object.fromEntries(weights(layer).map((value, i) => [names[i], value]));
}
