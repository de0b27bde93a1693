/**
 * However the native kernels walk, the bits are those of the reference: at 1, 2, 3, 4 and 7 threads, by tiles of every
 * width and by rows, through the caches and past them. Real sizes would take tensors of many megabytes to reach every
 * way; here the caches are made small instead.
 */
import * as assert from 'uvu/assert';
import { loadWith, type Resources } from '#dist/backends/native.js';
import type { Kernels } from '#dist/kernels.js';
import { allUnderTest, underTest } from './support/backends.js';
import { callAll, VARIANTS, type Variant } from './support/calls.js';
import { inputsOf, type KernelInputs } from './support/data.js';
import { skipAloud } from './support/runner.js';
import { SHAPES, type Shape } from './support/shapes.js';
import { suiteOf } from './support/suite.js';
import { firstDifference, KERNEL_DTYPES } from './support/tensors.js';

const HUGE = 2 ** 40;
const DATA_CLASSES = ['normal', 'mean 2^10 std'];

const WALKS: readonly Resources[] = [1, 2, 3, 4, 7].flatMap((threads) =>
  [1, 600, 9000, HUGE].flatMap((tileBytes) =>
    [1, HUGE].flatMap((sharedBytes) =>
      [1, HUGE].map((streamBytes) => ({ threads, threadBytes: 1, tileBytes, sharedBytes, streamBytes })),
    ),
  ),
);

/** Wide enough for tiles of some channels, and for several units of rows a thread. */
const WIDE: readonly Shape[] = [
  { n: 9, c: 700, s: 1, offset: 1 },
  { n: 4100, c: 48, s: 1, offset: 0 },
  { n: 40, c: 66, s: 49, offset: 3 },
  { n: 9, c: 300, s: 7, offset: 2 },
  { n: 23, c: 70, s: 196, offset: 1 },
  { n: 3, c: 40, s: 300, offset: 4 },
  { n: 2, c: 9, s: 5000, offset: 0 },
  { n: 1, c: 3, s: 40000, offset: 5 },
  { n: 5000, c: 3, s: 1, offset: 2 },
  { n: 1, c: 1, s: 70000, offset: 0 },
];

const native = underTest('native');
if (Array.isArray(native)) {
  const [reference] = allUnderTest();
  for (const { isa } of native) {
    const loaded = WALKS.map((resources) => loadWith(isa, resources));
    const test = suiteOf(`native/${isa}: walks`);
    [...SHAPES, ...WIDE].forEach((shape, row) => {
      test(`n ${shape.n}, c ${shape.c}, s ${shape.s}`, () => {
        KERNEL_DTYPES.forEach((dtype, which) => {
          DATA_CLASSES.forEach((dataClass, column) => {
            const inputs = inputsOf(dataClass, dtype, shape);
            const turn = row + 3 * column + 5 * which;
            const variant = VARIANTS[turn % VARIANTS.length];
            const expected = callAll(reference!.kernels(), inputs, variant, shape.offset).outputs;
            // 80 walks, in steps that are coprime to them, so that every shape meets other ones; the wide ones meet
            // all.
            const count = WIDE.includes(shape) && which + column === 0 ? WALKS.length : 3;
            for (let k = 0; k < count; k++) {
              const at = (turn * 37 + k * 27) % WALKS.length;
              agree(loaded[at], WALKS[at], variant, expected, inputs, shape.offset);
            }
          });
        });
      });
    });
  }
} else {
  skipAloud('native walks', native.reason);
}

function agree(
  kernels: Kernels,
  walk: Resources,
  variant: Variant,
  expected: ReturnType<typeof callAll>['outputs'],
  inputs: KernelInputs,
  offset: number,
): void {
  const actual = callAll(kernels, inputs, variant, offset);
  const where = () => `${inputs.title}, ${JSON.stringify(variant)}, ${JSON.stringify(walk)}`;
  assert.is(actual.violation, null, `${actual.violation}: ${where()}`);
  for (const [name, array] of expected) {
    const k = firstDifference(actual.outputs.get(name)!, array);
    if (k !== -1) assert.unreachable(`${name}[${k}] is ${actual.outputs.get(name)![k]}, not ${array[k]}: ${where()}`);
  }
}
