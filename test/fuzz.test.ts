/** Kernels give the same bits of made-up tensors everywhere; `npm run fuzz` takes other seeds. */
import type { Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { ExactTensorKernels, Kernels, TensorKernels } from '#dist/kernels.js';
import { contendersHere } from './support/contenders.js';
import { differenceOf } from './support/fuzz.js';
import { SEED } from './support/random.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const CASES = 80;

const { present, absent } = await contendersHere();
const [reference] = present;
const test = suiteOf('made-up tensors');

test('have the same bits by every backend, instruction set and number of threads', () => {
  assert.ok(present.length >= 2, 'only the reference is here');
  for (let k = 0; k < CASES; k++) assert.is(differenceOf(SEED + k, present), null);
});

for (const [kind, first, output] of [
  ['exact sums', 0, 'sums'],
  ['kernels', 1, 'statistics: mean'],
] as const) {
  test(`a wrong number among those of ${kind} is found, and named with its seed`, () => {
    const wrong = { name: 'wrong', kernels: withErrors(reference.kernels) };
    const found = differenceOf(first, [reference, wrong]);
    const place = `${output}\\[\\d+\\] is .*, but .* by reference; `;
    assert.match(found ?? '', new RegExp(`^wrong: ${place}.*; again: .*npm run fuzz -- --seed=${first} --cases=1$`));
  });
}

/** With tensors of any type, the mean of the last channel is lost, and one of its exact counts is one too many. */
function withErrors(kernels: Kernels): Kernels {
  const { exact, float16, bfloat16 } = kernels;
  return {
    ...kernels,
    ...lost(kernels),
    exact: { ...exact, ...miscounted(exact) },
    float16: { ...float16, ...lost(float16), exact: { ...float16.exact, ...miscounted(float16.exact) } },
    bfloat16: { ...bfloat16, ...lost(bfloat16), exact: { ...bfloat16.exact, ...miscounted(bfloat16.exact) } },
  };
}

function lost<X, P extends Tensor>(table: TensorKernels<X, P>): Pick<TensorKernels<X, P>, 'statistics'> {
  return {
    statistics: (mean, variance, x, view) => {
      table.statistics(mean, variance, x, view);
      mean[view.c - 1] = 1234;
    },
  };
}

function miscounted<X>(table: ExactTensorKernels<X>): Pick<ExactTensorKernels<X>, 'exactSums'> {
  return {
    exactSums: (records, x, view) => {
      table.exactSums(records, x, view);
      records[records.length - 1]++;
    },
  };
}

for (const { name, reason } of absent) skipAloud(`made-up tensors: ${name}`, reason);
