// Several channel axes side by side: the tensor seen with their dimensions as one, to the bit.
import {
  BatchNorm,
  backward,
  type ChannelAxis,
  doubleBackward,
  forwardInference,
  forwardTraining,
  GradientSums,
  inspect,
  Moments,
  populationStatistics,
  type Tensor,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { same } from '../support/close.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { wrong } from './bad-calls/table.js';

/** Of five dimensions, and what they come to with one channel axis. */
const CASES: readonly { axis: ChannelAxis; shape: number[]; at: number }[] = [
  { axis: [1, 2], shape: [2, 12, 5, 2], at: 1 },
  { axis: [2, 1], shape: [2, 12, 5, 2], at: 1 },
  { axis: [-2, -1], shape: [2, 3, 4, 10], at: 3 },
  { axis: [1, -3, -2], shape: [2, 60, 2], at: 1 },
  { axis: [2], shape: [2, 3, 4, 5, 2], at: 2 },
  { axis: [0, 1], shape: [6, 4, 5, 2], at: 0 },
];
const SHAPE = [2, 3, 4, 5, 2];
const LENGTH = 240;

function draw(title: string, length: number): Float32Array {
  const random = randomFor(`axes ${title}`);
  return Float32Array.from({ length }, () => random.normal());
}

export default function axes(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'channel axes');
  const [x, dy, ddx] = ['x', 'dy', 'ddx'].map((title) => draw(title, LENGTH));

  for (const { axis, shape, at } of CASES) {
    const c = shape[at];
    const [gamma, beta] = [draw('gamma', c), draw('beta', c)];
    const ways = [
      { shape: SHAPE, axis },
      { shape, axis: at },
    ];
    const compare = (run: (way: { shape: number[]; axis: ChannelAxis }) => Record<string, Tensor>) => {
      const [several, one] = ways.map(run);
      for (const name of Object.keys(one)) same(several[name], one[name], name);
    };

    test(`[${axis}]: functions`, () => {
      compare(({ shape, axis }) => {
        const { y, mean, variance } = forwardTraining<Tensor>(x, shape, { axis, gamma, beta });
        const given = { axis, gamma, mean, variance };
        const { dx, dgamma, dbeta } = backward<Tensor>(dy, x, shape, given);
        const second = doubleBackward<Tensor>(dy, x, shape, { ...given, ddx });
        const sums = new GradientSums(c).add(dy, x, shape, { axis, mean, variance });
        const inferred = forwardInference<Tensor>(x, shape, { ...given, beta });
        return { y, dx, dgamma, dbeta, inferred, ddy: second.ddy, sumDy: sums.sumDy };
      });
    });

    test(`[${axis}]: statistics`, async () => {
      for (const way of ways) way.axis satisfies ChannelAxis;
      const [several, one] = await Promise.all(
        ways.map(({ shape, axis }) => populationStatistics([{ x, shape }], { axis })),
      );
      same(several.variance, one.variance, 'population');
      compare(({ shape, axis }) => ({ variance: new Moments(c).add(x, shape, { axis }).variance }));
    });

    test(`[${axis}]: the layer, with masks and in groups`, () => {
      const mask = Array.from({ length: LENGTH / c }, (_, i) => (i % 3 === 0 ? 0 : 1));
      for (const options of [{}, { groups: 2 }, ...(at === 0 ? [] : [{ ghostBatchSize: 1 }])]) {
        if ('groups' in options && c % 2 === 1) continue;
        for (const given of [{}, { mask }]) {
          compare(({ shape, axis }) => {
            const bn = new BatchNorm(c, { axis, singleValue: 'allow', ...options });
            const y = bn.forward(x, shape, given);
            const dx = bn.backward(dy);
            const copy = BatchNorm.fromState(JSON.parse(JSON.stringify(bn))).eval();
            return { y, dx, dgamma: bn.dgamma!, evaluated: copy.forward(x, shape) };
          });
        }
      }
      const [several, one] = ways.map(({ shape, axis }) => {
        const bn = new BatchNorm(c, { axis });
        return inspect(bn, { x, shape }).findings;
      });
      assert.equal(several, one);
    });
  }

  test('a layer has its own copy', () => {
    const axis = [1, 2];
    const bn = new BatchNorm(12, { axis });
    axis[0] = 0;
    assert.equal(bn.axis, [1, 2]);
    assert.throws(() => (bn.axis as number[]).push(3), TypeError);
    assert.equal(bn.clone().axis, [1, 2]);
  });

  test('what are no such axes', () => {
    const call = (axis: unknown) => () => forwardTraining(x, SHAPE, { axis: wrong(axis) });
    assert.throws(
      call([1, 3]),
      /forwardTraining: "axis" expected neighbouring axes, such as \[1, 2\], got \[1, 3\]; trans/,
    );
    assert.throws(call([1, 1]), /"axis" expected neighbouring axes, such as \[1, 2\], got \[1, 1\]/);
    assert.throws(call([4, 5]), /"axis" expected integers from -5 to 4 \(rank 5\), got \[4, 5\]/);
    assert.throws(call([-6, -5]), /"axis" expected integers from -5 to 4 \(rank 5\), got \[-6, -5\]/);
    assert.throws(call([]), /"axis" expected at least one axis, got Array of length 0/);
    assert.throws(call([1, '2']), /"axis\[1\]" expected an integer, got "2"/);
    assert.throws(call([1, 1.5]), /"axis\[1\]" expected an integer, got 1\.5/);
    assert.throws(call({}), /"axis" expected an integer, got an object/);
    assert.throws(call(null), /"axis" expected an integer, got null/);
    assert.throws(
      () => new BatchNorm(2, { axis: [0, 1], ghostBatchSize: 2 }),
      /"axis" expected another axis than that of/,
    );
    assert.throws(
      () => new BatchNorm(2, { axis: wrong([1, 'two']) }),
      /BatchNorm: "axis\[1\]" expected an integer, got/,
    );
  });
}
