// The benchmark by types of elements: what has 16 bits is checked by bounds of its own, and held against float32.
import * as assert from 'uvu/assert';
import { loadOurs } from '../dist-bench/contenders/ours.js';
import { check, OURS } from '../dist-bench/oracle.js';
import { makeProblem, spoil } from '../dist-bench/problem.js';
import { comparedTypes, makeRow } from '../dist-bench/row.js';
import { DTYPES, OPERATIONS, WHOLE_OPERATIONS } from '../dist-bench/shapes.js';
import { summarize } from '../dist-bench/summary.js';
import { formatTables, headOf, rowsOf } from '../dist-bench/table.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('benchmark: types of elements');

for (const dtype of DTYPES) {
  const own = makeProblem('F', 'nc', dtype);
  for (const summation of ['ordered', 'exact'] as const) {
    test(`ours does every operation of ${dtype} by ${summation} sums, as the oracle has it`, async () => {
      for (const way of ['reuse', 'alloc', 'layer'] as const) {
        const contender = await loadOurs('reference', 1, way, summation, dtype);
        assert.is(contender.variant.includes(' exact'), summation === 'exact');
        assert.is(contender.variant.endsWith(` ${dtype}`), dtype !== 'float32');
        for (const operation of way === 'reuse' ? OPERATIONS : WHOLE_OPERATIONS) {
          const opened = await contender.open(own, operation);
          spoil(own);
          opened!.call();
          const outputs = await opened!.outputs();
          assert.is(check(outputs, own, OURS[dtype]), null, `${way} ${operation}`);
          assert.ok(Object.keys(outputs).length > 0, operation);
        }
      }
    });
  }

  test(`results of ${dtype} that lie further off than rounding takes them are found`, async () => {
    const opened = await (await loadOurs('reference', 1, 'reuse', 'ordered', dtype)).open(own, 'step');
    opened!.call();
    const outputs = await opened!.outputs();
    const off = { float32: 2 ** -19, float16: 2 ** -9, bfloat16: 2 ** -6 }[dtype];
    for (const name of ['y', 'dx'] as const) {
      const wrong = outputs[name]!.slice();
      const largest = wrong.reduce((at, value, k) => (Math.abs(value) > Math.abs(wrong[at]) ? k : at), 0);
      wrong[largest] *= 1 + off;
      assert.match(check({ [name]: wrong }, own, OURS[dtype]) ?? 'nothing', `${name}[${largest}]`);
    }
  });
}

/** Both widths, by one backend. */
const WIDTHS = comparedTypes(
  DTYPES.map((dtype, i) => {
    const who = {
      peer: 'batchnorm-native',
      variant: ['avx2', 'avx2 float16', 'avx2 bfloat16'][i],
      threads: 1,
      version: '1',
    };
    return makeRow(who, makeProblem('F', 'nc', dtype), 'fwd-train', 1, { samples: [(4 - i) / 1e3], calls: 1 });
  }),
);

test('16 bits are held against float32 of the same backend, and have cases of their own', () => {
  assert.equal(
    WIDTHS.map(({ dtype, over_float32, bytes }) => [dtype, over_float32, bytes]),
    [
      [undefined, undefined, 51200],
      ['float16', 1.333, 25600],
      ['bfloat16', 2, 25600],
    ],
  );
  const cases = summarize(WIDTHS);
  assert.is(headOf(cases).at(-1), 'over float32');
  assert.equal(
    cases.map((one) => rowsOf(one, headOf(cases)).map((row) => [row[0], row.at(-1)])),
    [[['F nc', '–']], [['F nc float16', '1.3 ×']], [['F nc bfloat16', '2.0 ×']]],
  );
  assert.match(formatTables(cases, false), /avx2 bfloat16 +1 thread +2\.0 × as fast as float32/);
  assert.not.match(headOf(cases.slice(0, 1)).join(), 'over float32');
});
