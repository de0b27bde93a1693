// Population statistics: of everything, whatever the batches.
import { BatchNorm, Moments, type PopulationBatch, populationStatistics, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { momentsOf } from '../support/variants-oracle.js';

const C = 3;
const SIZES = [7, 1, 12, 0, 4];

function batchesOf(title: string): PopulationBatch[] {
  const random = randomFor(title);
  return SIZES.map((samples, i) => {
    const x = Float64Array.from({ length: samples * C }, () => random.normal() * (1 + i) + 3 * i);
    return { x, shape: [samples, C] };
  });
}

async function* asynchronously<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  for (const item of items) yield await Promise.resolve(item);
}

/** Every channel of all batches behind one another, in float64, as naively as can be. */
function truth(batches: readonly { readonly x: Tensor }[]) {
  const all = Float64Array.from(batches.flatMap(({ x }) => [...x]));
  const ofChannel = (ch: number) => Array.from({ length: all.length / C }, (_, i) => i * C + ch);
  return Array.from({ length: C }, (_, ch) => momentsOf(all, ofChannel(ch)));
}

async function refused(promise: Promise<unknown>, pattern: RegExp, kind: ErrorConstructor): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: Error) => reason,
  );
  assert.instance(error, kind);
  assert.match(error!.message, pattern);
}

export default function population(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'population statistics');

  test('those of the concatenated data, from either kind of iterable', async () => {
    const batches = batchesOf('population');
    const expected = truth(batches);
    const moments = await populationStatistics(batches);
    near(
      moments.mean,
      expected.map(({ mean }) => mean),
      1e-14,
      'mean',
    );
    near(
      moments.variance,
      expected.map(({ variance }) => variance),
      1e-13,
      'variance',
    );
    assert.equal([...moments.count], Array(C).fill(24));
    const other = await populationStatistics(asynchronously(batches));
    for (const name of ['count', 'mean', 'variance'] as const) same(other[name], moments[name], name);
  });

  test('interrupted, saved and resumed: the bits of one go; what it went on from is untouched', async () => {
    const batches = batchesOf('resumed');
    const whole = await populationStatistics(batches);
    for (let stop = 1; stop < batches.length; stop++) {
      const progress: string[] = [];
      const interrupted = populationStatistics(batches, {
        onProgress: async ({ batches: seen, moments }) => {
          progress.push(JSON.stringify(moments));
          if (seen === stop) throw new Error('the lamp went out');
        },
      });
      await refused(interrupted, /the lamp went out/, Error);
      const from = Moments.fromJSON(JSON.parse(progress.at(-1)!));
      const resumed = await populationStatistics(batches.slice(stop), { from });
      assert.is(JSON.stringify(resumed), JSON.stringify(whole));
      assert.is(JSON.stringify(from), progress.at(-1));
    }
  });

  test('a stack of layers, each after those before it: statistics of the concatenated activations', async () => {
    const batches = batchesOf('stack').filter(({ x }) => x.length > 0);
    const options = { dtype: 'float64', varianceEstimator: 'biased', activation: 'relu' } as const;
    const layers = [0, 1].map(() => new BatchNorm<Float64Array>(C, options).eval());
    const inputs = (depth: number) =>
      batches.map(({ x, shape }) => ({
        x: layers.slice(0, depth).reduce((input, layer) => layer.forward(input, shape), x as Float64Array),
        shape,
      }));
    for (const [depth, layer] of layers.entries()) layer.setStatistics(await populationStatistics(inputs(depth)));
    for (const [depth, layer] of layers.entries()) {
      const expected = truth(inputs(depth));
      near(
        layer.runningMean,
        expected.map(({ mean }) => mean),
        1e-13,
        `mean of layer ${depth}`,
      );
      near(
        layer.runningVariance,
        expected.map(({ variance }) => variance),
        1e-13,
        `variance of layer ${depth}`,
      );
    }
  });

  test('masks and axes', async () => {
    const x = Float32Array.of(1, 2, 100, 3, 4, 100);
    const moments = await populationStatistics([{ x, shape: [1, 2, 3], mask: [1, 1, 0] }]);
    assert.equal(
      [[...moments.mean], [...moments.count]],
      [
        [1.5, 3.5],
        [2, 2],
      ],
    );
    const last = await populationStatistics([{ x, shape: [1, 2, 3] }], { axis: -1 });
    assert.equal([...last.mean], [2, 3, 100]);
  });

  test('refuses what makes no sense', async () => {
    const x = Float32Array.of(1, 2);
    await refused(populationStatistics([]), /"batches" expected at least one batch/, RangeError);
    await refused(populationStatistics(1 as never), /"batches" expected an iterable/, TypeError);
    await refused(populationStatistics([1 as never]), /"batches\[0\]" expected \{ x, shape \}, got 1/, TypeError);
    await refused(populationStatistics([], { from: {} as Moments }), /"from" expected Moments/, TypeError);
    await refused(populationStatistics([], { onProgress: 1 as never }), /"onProgress" expected a function/, TypeError);
    const unequal = [
      { x, shape: [1, 2] },
      { x, shape: [2, 1] },
    ];
    await refused(populationStatistics(unequal), /channels|shape/, RangeError);
    await refused(populationStatistics([{ x, shape: [3, 1] }]), /"x" expected/, RangeError);
    assert.is((await populationStatistics([], { from: new Moments(2) })).channels, 2);
  });
}
