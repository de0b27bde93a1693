/**
 * The native backend computes the coefficients of inference once for as long as nothing that they depend on changes.
 * Here everything changes, one value at a time, between calls; and more layers take turns than it remembers.
 */
import { backend, forwardInference, useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import { underTest } from './support/backends.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const found = underTest('native');
if (Array.isArray(found)) {
  const test = suiteOf('native: inference');
  for (const Kind of [Float32Array, Float64Array]) {
    test(`sees what is written in place: ${Kind.name}`, () => {
      const x = new Kind(Array.from({ length: 12 }, (_, k) => k / 3 - 2));
      const layer = {
        mean: Float64Array.of(1, 2, 3),
        variance: Float64Array.of(4, 5, 6),
        gamma: Kind.of(7, 8, 9),
        beta: Kind.of(1, 0, -1),
      };
      const seen = new Set<string>();
      const compare = (epsilon: number) => {
        const [native, reference] = (['native', 'reference'] as const).map((name) => {
          useBackend(name);
          assert.is(backend().name, name);
          return forwardInference(x, [4, 3], { ...layer, epsilon });
        });
        assert.equal(native, reference);
        seen.add(String(native));
      };
      compare(1e-5);
      for (const array of Object.values(layer)) {
        for (let ch = 0; ch < 3; ch++) {
          array[ch] += 0.25;
          compare(1e-5);
          compare(1e-5);
        }
      }
      compare(1e-3);
      assert.is(seen.size, 14);
    });
  }

  test('tells absent parameters from present ones', () => {
    const x = Float32Array.of(1, 2, 3, 4);
    const statistics = { mean: Float64Array.of(1, 1), variance: Float64Array.of(1, 1), epsilon: 0 };
    const two = Float32Array.of(2, 2);
    useBackend('native');
    const outputs = [{}, { gamma: two }, { beta: two }, { gamma: two, beta: two }, {}].map((parameters) => [
      ...forwardInference(x, [2, 2], { ...statistics, ...parameters }),
    ]);
    assert.equal(outputs, [
      [0, 1, 2, 3],
      [0, 2, 4, 6],
      [2, 3, 4, 5],
      [2, 4, 6, 8],
      [0, 1, 2, 3],
    ]);
  });

  test('takes more layers than it remembers', () => {
    const c = 20_000;
    const x = new Float32Array(c).fill(3);
    const layers = Array.from({ length: 40 }, (_, k) => ({
      mean: new Float64Array(c).fill(k),
      variance: new Float64Array(c).fill(1),
      epsilon: 0,
    }));
    useBackend('native');
    for (let round = 0; round < 2; round++) {
      layers.forEach((layer, k) => {
        const y = forwardInference(x, [1, c], layer);
        assert.ok(
          y.every((value) => value === 3 - k),
          `layer ${k}`,
        );
      });
    }
  });
} else {
  skipAloud('native inference', found.reason);
}
