// Bad calls: class and text of each error are the same on every backend, and outputs and state are untouched.
import { allocate } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';
import { doubleBackwardCalls } from './bad-calls/double-backward.js';
import { forwardCalls } from './bad-calls/forward.js';
import { layerCalls } from './bad-calls/layer.js';
import { memoryCalls } from './bad-calls/memory.js';
import { momentsCalls } from './bad-calls/moments.js';
import { overlapCalls } from './bad-calls/overlap.js';
import { settingsCalls } from './bad-calls/settings.js';
import { statisticsCalls } from './bad-calls/statistics.js';
import { type BadCall, Fixture } from './bad-calls/table.js';
import { variantsCalls } from './bad-calls/variants.js';

const TABLE: readonly BadCall[] = [
  ...forwardCalls,
  ...doubleBackwardCalls,
  ...layerCalls,
  ...memoryCalls,
  ...momentsCalls,
  ...overlapCalls,
  ...settingsCalls,
  ...statisticsCalls,
  ...variantsCalls,
];

export default function errors(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'errors');
  TABLE.forEach(([title, call, type, text], i) => {
    test(`${i + 1}: ${title}`, () => {
      const fixture = new Fixture();
      const before = fixture.snapshot();
      let thrown: unknown;
      try {
        call(fixture);
      } catch (error) {
        thrown = error;
      }
      assert.instance(thrown, Error, 'nothing was thrown');
      assert.is((thrown as Error).message, `batchnorm: ${text}`);
      assert.is((thrown as Error).constructor, type);
      assert.equal(fixture.snapshot(), before);
    });
  });

  // Each backend says what it knows of its limit.
  for (const [dtype, kind] of [
    ['float32', 'Float32Array'],
    ['float64', 'Float64Array'],
  ] as const) {
    for (const length of [1e12, Number.MAX_SAFE_INTEGER]) {
      test(`allocate ${length} of ${dtype}`, () => {
        const most = `(at most \\d+|no more) elements of a ${kind}`;
        const wanted = new RegExp(`^batchnorm: allocate: "length" expected ${most}.*, got ${length} \\(`);
        assert.throws(
          () => allocate(length, dtype as 'float32'),
          (error: Error) => error instanceof RangeError && wanted.test(error.message),
        );
      });
    }
  }

  test('a layer goes on after an error as if it had not been', () => {
    const fixture = new Fixture();
    const other = new Fixture();
    assert.throws(() => fixture.bn.forward(fixture.x, [2, 4]));
    assert.equal(fixture.bn.backward(fixture.dy), other.bn.backward(other.dy));
    assert.equal(fixture.bn.forward(fixture.x, [2, 3]), other.bn.forward(other.x, [2, 3]));
  });
}
