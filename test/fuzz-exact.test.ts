/** Exact sums of made-up tensors have the same bits everywhere; `npm run fuzz` takes other seeds. */
import * as assert from 'uvu/assert';
import type { Kernels } from '#dist/kernels.js';
import { type Contender, contendersHere } from './support/exact-contenders.js';
import { caseOf, differenceIn } from './support/exact-fuzz.js';
import { SEED } from './support/random.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';
import { flipBit } from './support/tensors.js';

const CASES = 80;

const { present, absent } = await contendersHere();
const test = suiteOf('exact sums of made-up tensors');

test('are the same by every backend, instruction set and number of threads', () => {
  assert.ok(present.length >= 2, 'only the reference is here');
  for (let k = 0; k < CASES; k++) assert.is(differenceIn(caseOf(SEED + k), present), null);
});

test('one wrong bit is found, and named with its seed', () => {
  const [{ kernels }] = present;
  const wrong: Kernels = {
    ...kernels,
    exact: {
      ...kernels.exact,
      exactForward: (y, x, residual, affine, activation, records, view) => {
        kernels.exact.exactForward(y, x, residual, affine, activation, records, view);
        flipBit(affine.variance, view.c - 1, 0);
      },
    },
  };
  const seed = seedOfFloats();
  const found = differenceIn(caseOf(seed), [present[0], { name: 'wrong', kernels: wrong } satisfies Contender]);
  assert.match(found!, /^wrong: variance\[\d+\] is .*, but .* by reference; /);
  assert.match(found!, new RegExp(`again: npm run fuzz -- --seed=${seed} --cases=1$`));
});

/** A case of float32 whose values are finite: NaN has no wrong bits. */
function seedOfFloats(): number {
  for (let seed = 1; ; seed++) {
    const { dtype, x } = caseOf(seed);
    if (dtype === 'float32' && x.every(Number.isFinite)) return seed;
  }
}

for (const { name, reason } of absent) skipAloud(`exact sums of made-up tensors: ${name}`, reason);
