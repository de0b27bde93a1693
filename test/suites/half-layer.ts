/** Layers of 16 bits, whatever their settings, beside layers of float32. */
import type { HalfDtype, NormalizeWith, Reducer, Tensor } from 'batchnorm';
import fc from 'fast-check';
import type { BackendUnderTest } from '../support/backends.js';
import {
  HALF_DTYPES,
  type Halves,
  type Step,
  step,
  type TwinOptions,
  type Twins,
  twins,
} from '../support/half-twins.js';
import { LAYER_CASES, type LayerCase, layerData } from '../support/layer-cases.js';
import { Random, SEED } from '../support/random.js';
import { ranksOf } from '../support/ranks.js';
import { suiteFor } from '../support/suite.js';
import { tensorOf } from '../support/tensors.js';

/** Numbers as they come in training. */
function drawn({ dtype, sample }: Twins, title: string): Halves {
  const { x, dy, residual } = layerData(title, sample, 'float32');
  const bits = (tensor: Tensor) => tensorOf(dtype, tensor) as Uint16Array;
  return { x: bits(x), dy: bits(dy), residual: bits(residual) };
}

const THINNED = (sample: LayerCase) => Array.from({ length: positions(sample) }, (_, k) => (k % 3 === 1 ? 0 : 1));
const WEIGHTED = (sample: LayerCase) => THINNED(sample).map((value, k) => value * (1 + (k % 4) / 2));
const positions = ({ samples, rows, s }: LayerCase) => samples * rows * s;

/** Settings that have ways of their own, by name. */
const SETTINGS: Readonly<Record<string, TwinOptions>> = {
  plain: {},
  'relu, pooled': { activation: 'relu', updateRate: 'pooled' },
  'neither scale nor center': { scale: false, center: false, debias: true },
  'exact sums': { summation: 'exact', activation: 'relu6' },
  'ghost batches': { ghostBatchSize: 3, singleValue: 'allow', activation: 'relu' },
  'ghost batches, interleaved': { ghostBatchSize: 4, grouping: 'interleaved', activation: 'relu' },
  'ghost batches, exact': { ghostBatchSize: 4, grouping: 'interleaved', summation: 'exact' },
  renorm: { renorm: { rMax: 1.5, dMax: 0.5 } },
  groups: { groups: 1, activation: 'relu' },
  'throw at what is not finite': { onNonFinite: 'throw', singleValue: 'allow' },
};

/** Steps that have ways of their own, by name. */
function stepsOf(sample: LayerCase, exact: boolean): Readonly<Record<string, Step>> {
  return {
    plain: {},
    'in place': { over: 'x' },
    'a residual': { residual: true },
    'a residual, dx over dy': { residual: true, back: 'dx' },
    'a residual, dresidual over dy': { residual: true, back: 'dresidual' },
    'a mask': { mask: THINNED(sample), residual: true },
    'a mask, in place': { mask: THINNED(sample), over: 'x', residual: true },
    ...(!exact && { weights: { mask: WEIGHTED(sample), residual: true } }),
    accumulated: { accumulate: true },
    recorded: { recorded: true, residual: true },
    'nobody takes part': { mask: THINNED(sample).fill(0) },
  };
}

function train(dtype: HalfDtype, name: string): void {
  for (const sample of LAYER_CASES) {
    const pair = twins(sample, dtype, SETTINGS[name]);
    const steps = stepsOf(sample, SETTINGS[name].summation === 'exact');
    for (const [title, one] of Object.entries(steps)) step(pair, drawn(pair, `${name}: ${title}`), one);
    for (const bn of [pair.half, pair.wide]) bn.eval();
    for (const title of ['plain', 'a residual', 'a mask', 'recorded'])
      step(pair, drawn(pair, `${name}, eval: ${title}`), steps[title]);
    for (const normalizeWith of ['running', 'batch', { sample: 0.25 }] satisfies NormalizeWith[]) {
      for (const bn of [pair.half, pair.wide])
        Object.assign(bn, { normalizeWith, training: normalizeWith !== 'batch' });
      step(pair, drawn(pair, `${name}: by ${JSON.stringify(normalizeWith)}`));
    }
  }
}

function synchronised(dtype: HalfDtype, options: TwinOptions): void {
  const sample = LAYER_CASES[1];
  ranksOf(3, (reducer: Reducer) => {
    const pair = twins(sample, dtype, { ...options, synchronize: reducer, gradients: 'summed' });
    step(pair, drawn(pair, `rank ${reducer.rank}`), { residual: true });
    step(pair, drawn(pair, `rank ${reducer.rank}, masked`), { mask: THINNED(sample), residual: true, back: 'dx' });
  });
}

/** A layer and two steps of it, with bits of any kind: NaN, infinities and subnormals among them. */
const fuzzed = fc.record({
  dtype: fc.constantFrom(...HALF_DTYPES),
  dims: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 }),
  axis: fc.nat({ max: 2 }),
  options: fc.record(
    {
      activation: fc.constantFrom('none' as const, 'relu' as const, 'relu6' as const),
      scale: fc.boolean(),
      center: fc.boolean(),
      summation: fc.constantFrom('ordered' as const, 'exact' as const),
      updateRate: fc.constantFrom(0.1, 1, 'cumulative' as const, 'pooled' as const),
      renorm: fc.boolean(),
      onNonFinite: fc.constantFrom('propagate' as const, 'skip' as const),
      ghostBatchSize: fc.integer({ min: 1, max: 4 }),
      groups: fc.constantFrom(1),
    },
    { requiredKeys: [] },
  ),
  masked: fc.boolean(),
  residual: fc.boolean(),
  tame: fc.boolean(),
  seed: fc.nat({ max: 2 ** 30 }),
});
type Fuzzed = typeof fuzzed extends fc.Arbitrary<infer T> ? T : never;

function fuzz({ dtype, dims, axis, options, masked, residual, tame, seed }: Fuzzed): void {
  // Ghost batches need the samples on the first axis.
  const at = 1 + (axis % (dims.length - 1));
  const length = dims.reduce((product, size) => product * size, 1);
  const pair = twins({ shape: dims, axis: at, c: dims[at] }, dtype, { singleValue: 'allow', ...options });
  const random = new Random(seed);
  const any = () => Math.floor(random.uniform() * 2 ** 16);
  // Tame ones lie between −2 and 2.
  const bits = () => Uint16Array.from({ length }, () => (tame ? any() & 0xbfff : any()));
  const mask = masked ? Array.from({ length: length / dims[at] }, () => Math.floor(random.uniform() * 2)) : undefined;
  for (const training of [true, false]) {
    for (const bn of [pair.half, pair.wide]) bn.train(training);
    step(pair, { x: bits(), dy: bits(), residual: bits() }, { mask, residual });
  }
}

export default (backend: BackendUnderTest): void => {
  const test = suiteFor(backend, 'layers of 16 bits');
  for (const dtype of HALF_DTYPES) {
    for (const name of Object.keys(SETTINGS)) {
      test(`${dtype}, ${name}: as float32, rounded`, () => train(dtype, name));
    }

    test(`${dtype}: synchronised`, () => {
      for (const options of [
        {},
        { activation: 'relu', renorm: true },
        { summation: 'exact' },
      ] satisfies TwinOptions[]) {
        synchronised(dtype, options);
      }
    });
  }

  test('gradients in two steps, of more samples than are widened at once', () => {
    const sample = { shape: [5001, 4, 2], axis: 1, c: 4 };
    const mask = Array.from({ length: 5001 * 2 }, (_, k) => k % 3);
    for (const options of [{ groups: 2, activation: 'relu' }, {}] satisfies TwinOptions[]) {
      const pair = twins(sample, 'bfloat16', options);
      const of = drawn(pair, 'more than a chunk');
      step(pair, of, { residual: true, mask });
      step(pair, of, { residual: true, back: 'dx' });
    }
  });

  test('any settings, any shapes, any bits', () => {
    fc.assert(fc.property(fuzzed, fuzz), { numRuns: 150, seed: SEED });
  });
};
