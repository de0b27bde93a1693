// A call that fails late leaves everything as it was: kernels that find no memory, reducers that throw, batches that
// are refused.

import {
  BatchNorm,
  type BatchNormOptions,
  backward,
  forwardInference,
  forwardTraining,
  GradientSums,
  Moments,
  type Reducer,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import { kernels } from '#dist/backends/select.js';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';

const SHAPE = [4, 2];
const X = Float32Array.of(1, 2, 3, 4, 5, 7, -2, 8);
const Z = Float32Array.of(3, 1, -4, 4, 0, 9, 2, 6);
const DY = Float32Array.of(1, 0, 2, 0, -1, 3, 1, 2);
const MASK = [1, 0, 1, 1];
const WEIGHTS = [1, 0, 2, 0.5];
const GIVEN = { mean: Float64Array.of(3, 4), variance: Float64Array.of(2, 3) };
const CANARY = 7.25;

type KernelName = 'statistics' | 'normalize' | 'forward' | 'gradientSums' | 'gradientInput' | 'backward';
const KERNELS: KernelName[] = ['statistics', 'normalize', 'forward', 'gradientSums', 'gradientInput', 'backward'];

/** Runs with kernels of which the n-th that is called finds no memory. @returns whether one did not */
function withShortage(n: number, run: () => unknown): boolean {
  const own = kernels() as unknown as Record<KernelName, (...args: never[]) => void>;
  const originals = KERNELS.map((name) => [name, own[name]] as const);
  let calls = 0;
  for (const [name, original] of originals) {
    own[name] = (...args) => {
      if (++calls === n) throw new RangeError('no memory');
      original(...args);
    };
  }
  try {
    run();
  } catch (error) {
    if (error instanceof RangeError && error.message === 'no memory') return true;
    throw error;
  } finally {
    for (const [name, original] of originals) own[name] = original;
  }
  return false;
}

/** A layer that has been forward and backward, and is about to fail. */
class Fixture {
  readonly bn: BatchNorm;
  readonly residual = Z.slice();
  readonly out = new Float32Array(8).fill(CANARY);
  readonly outResidual = new Float32Array(8).fill(CANARY);
  readonly x = X.slice();
  readonly #again: boolean;

  constructor(options: BatchNormOptions<'float32'>, again: boolean) {
    this.#again = again;
    this.bn = new BatchNorm(2, { activation: 'relu', singleValue: 'allow', ...options });
    this.bn.forward(this.x, SHAPE, { residual: this.residual });
    if (again) this.bn.backward(DY);
    // What was kept is not this any more.
    this.bn.gamma?.fill(100);
    this.bn.beta?.fill(-3);
    this.bn.updateRate = 0.5;
  }

  /** Everything that can be seen. */
  seen(): unknown {
    const { bn, out, outResidual, x, residual } = this;
    const { dgamma, dbeta, dresidual, batchMoments, nonFiniteChannels } = bn;
    const shown = [bn.state(), dgamma, dbeta, dresidual, batchMoments?.toJSON(), nonFiniteChannels];
    return structuredClone([shown, out, outResidual, x, residual, this.#again]);
  }

  /** What a backward makes of what was kept. */
  after(): unknown {
    const { bn } = this;
    return structuredClone([bn.backward(DY), bn.dgamma, bn.dbeta, bn.dresidual, bn.commit(), bn.state()]);
  }
}

const LAYERS: Record<string, BatchNormOptions<'float32'>> = {
  plain: {},
  'onNonFinite throw': { onNonFinite: 'throw' },
  'ghost batches': { ghostBatchSize: 2 },
  'interleaved ghost batches': { ghostBatchSize: 2, grouping: 'interleaved' },
  renorm: { renorm: true },
  synchronized: { synchronize: { rank: 0, size: 1, exchange: (values) => [values.slice()] }, gradients: 'summed' },
};

const USES: Record<string, (fixture: Fixture) => unknown> = {
  'a forward': ({ bn, out }) => bn.forward(Z, SHAPE, { out }),
  'a forward in place': ({ bn, x }) => bn.forward(x, SHAPE, { out: x }),
  'a forward with a residual': ({ bn, out }) => bn.forward(Z, SHAPE, { out, residual: X }),
  'a forward in evaluation': ({ bn, out }) => bn.eval().forward(Z, SHAPE, { out }),
  'a forward of frozen statistics': ({ bn, out }) => {
    bn.normalizeWith = 'running';
    bn.forward(Z, SHAPE, { out });
  },
  'a forward with a mask': ({ bn, out }) => bn.forward(Z, SHAPE, { out, mask: MASK }),
  'a forward with weights': ({ bn, out }) => bn.forward(Z, SHAPE, { out, mask: WEIGHTS }),
  'a backward': ({ bn, out, outResidual }) => bn.backward(DY, { out, outResidual }),
};

/** What it does to the layer, and is not undone by an error. */
function settle(title: string, bn: BatchNorm): void {
  if (title === 'a forward in evaluation') bn.eval();
  if (title === 'a forward of frozen statistics') bn.normalizeWith = 'running';
}

export default function atomic(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'atomic');

  for (const [name, options] of Object.entries(LAYERS)) {
    for (const [title, use] of Object.entries(USES)) {
      for (const again of [false, true]) {
        test(`${name}${again ? ', after a backward' : ''}: ${title} without memory`, () => {
          for (let n = 1, failed = true; failed; n++) {
            const fixture = new Fixture(options, again);
            const control = new Fixture(options, again);
            settle(title, fixture.bn);
            settle(title, control.bn);
            const before = fixture.seen();
            failed = withShortage(n, () => use(fixture));
            if (!failed) {
              assert.ok(n > 1, 'nothing failed');
              continue;
            }
            assert.equal(fixture.seen(), before, `kernel ${n}`);
            assert.equal(fixture.after(), control.after(), `kernel ${n}`);
          }
        });
      }
    }
  }

  const outputs = () => ({
    out: new Float32Array(8).fill(CANARY),
    outMean: new Float64Array(2).fill(CANARY),
    outVariance: new Float64Array(2).fill(CANARY),
  });
  const gradients = () => ({
    out: new Float32Array(8).fill(CANARY),
    outResidual: new Float32Array(8).fill(CANARY),
    outGamma: new Float32Array(2).fill(CANARY),
    outBeta: new Float32Array(2).fill(CANARY),
  });
  const parts = { moments: new Moments(2).add(X, SHAPE), sums: new GradientSums(2).add(DY, X, SHAPE, GIVEN) };
  for (const [kind, mask] of Object.entries({ all: undefined, mask: MASK, weights: WEIGHTS })) {
    const functions: Record<string, () => [object, () => unknown]> = {
      forwardTraining: () => {
        const to = outputs();
        return [to, () => forwardTraining(X, SHAPE, { ...to, mask })];
      },
      forwardInference: () => {
        const { out } = outputs();
        return [{ out }, () => forwardInference(X, SHAPE, { ...GIVEN, out, mask })];
      },
      backward: () => {
        const to = gradients();
        return [to, () => backward(DY, X, SHAPE, { ...GIVEN, ...to, residual: Z, activation: 'relu', mask })];
      },
      // What a mask has chosen of float32 is measured without a kernel, which would have no memory.
      ...(mask === undefined ? { 'Moments.add': () => [parts, () => parts.moments.add(X, SHAPE)] } : {}),
      'GradientSums.add': () => [parts, () => parts.sums.add(DY, X, SHAPE, { ...GIVEN, mask })],
    };
    for (const [title, make] of Object.entries(functions)) {
      test(`${title} of ${kind} without memory`, () => {
        for (let n = 1, failed = true; failed; n++) {
          const [seen, call] = make();
          const before = JSON.stringify(seen, arraysToo);
          failed = withShortage(n, call);
          if (failed) assert.is(JSON.stringify(seen, arraysToo), before, `kernel ${n}`);
          else assert.ok(n > 1, 'nothing failed');
        }
      });
    }
  }

  test('a reducer that throws, or answers nonsense', () => {
    const reducer: Reducer & { answer: (values: Float64Array) => unknown } = {
      rank: 0,
      size: 1,
      answer: (values) => [values.slice()],
      exchange: (values) => reducer.answer(values) as Float64Array[],
    };
    const steps: (number | undefined)[] = [];
    const recording: Reducer = {
      ...reducer,
      exchange: (values, tag) => {
        steps.push(tag?.step);
        return reducer.exchange(values);
      },
    };
    const bad = [
      () => {
        throw new Error('rank 1 did not come');
      },
      () => [[1, 2]],
      () => null,
      (values: Float64Array) => [values.map(() => NaN)],
    ];
    for (const answer of bad) {
      for (const title of ['a forward', 'a forward in place', 'a forward with a mask', 'a backward']) {
        // A backward takes sums of NaN as data.
        if (title === 'a backward' && answer === bad[3]) continue;
        const fixture = new Fixture({ synchronize: recording }, false);
        const control = new Fixture({ synchronize: reducer }, false);
        const before = fixture.seen();
        const good = reducer.answer;
        reducer.answer = answer;
        assert.throws(() => USES[title](fixture));
        reducer.answer = good;
        assert.equal(fixture.seen(), before, title);
        assert.equal(fixture.after(), control.after(), title);
        const [last, one] = [steps.at(-1), 1];
        assert.is(last, one, 'an exchange that failed is no step');
      }
    }
  });

  test('a tensor that goes while ranks exchange', () => {
    for (const name of ['x', 'out'] as const) {
      const tensors = { x: X.slice(), out: new Float32Array(8) };
      const synchronize: Reducer = {
        rank: 0,
        size: 1,
        exchange: (values) => {
          structuredClone(tensors[name].buffer, { transfer: [tensors[name].buffer] });
          return [values];
        },
      };
      const bn = new BatchNorm(2, { synchronize });
      const wanted = new RegExp(`"${name}" expected to be left alone while ranks exchange, got .* detached`);
      assert.throws(() => bn.forward(tensors.x, SHAPE, { out: tensors.out }), wanted);
    }
  });

  test('a batch that onNonFinite refuses', () => {
    const fixture = new Fixture({ onNonFinite: 'throw' }, true);
    const control = new Fixture({ onNonFinite: 'throw' }, true);
    const before = fixture.seen();
    const bad = Z.slice().fill(NaN, 2, 3);
    assert.throws(() => fixture.bn.forward(bad, SHAPE, { out: fixture.out }), /NaN/);
    assert.equal(fixture.seen(), before);
    assert.equal(fixture.after(), control.after());
  });
}

function arraysToo(_: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value;
}
