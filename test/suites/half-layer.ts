/**
 * Layers of 16 bits: whatever their settings, they give what a layer of float32 gives for the widened tensors, rounded
 * once where tensors are written (docs/numerics.md, section 11); parameters, gradients of these and statistics to the
 * bit.
 */
import {
  BatchNorm,
  type BatchNormOptions,
  fromBfloat16,
  fromFloat16,
  type HalfDtype,
  type NormalizeWith,
  type Reducer,
  toBfloat16,
  toFloat16,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { LAYER_CASES, type LayerCase, layerData } from '../support/layer-cases.js';
import { ranksOf } from '../support/ranks.js';
import { suiteFor } from '../support/suite.js';
import { firstDifference, numbersOf, tensorOf } from '../support/tensors.js';

const DTYPES: readonly HalfDtype[] = ['float16', 'bfloat16'];
const ROUND = { float16: toFloat16, bfloat16: toBfloat16 };
const WIDEN = { float16: fromFloat16, bfloat16: fromBfloat16 };

/** Two layers of the same settings, and the tensors of one call for each of them. */
interface Twins {
  readonly dtype: HalfDtype;
  readonly sample: LayerCase;
  readonly half: BatchNorm<Uint16Array>;
  readonly wide: BatchNorm;
}

type Options = Omit<BatchNormOptions<'float32'>, 'dtype'>;

function twins(sample: LayerCase, dtype: HalfDtype, options: Options): Twins {
  const settings = { axis: sample.axis, epsilon: 1e-3, ...options };
  const half = new BatchNorm<Uint16Array>(sample.c, { ...settings, dtype });
  const wide = new BatchNorm(sample.c, { ...settings, dtype: 'float32' });
  for (const bn of [half, wide]) {
    bn.gamma?.forEach((_, ch, gamma) => {
      gamma[ch] = 1.5 - ch;
    });
    bn.beta?.forEach((_, ch, beta) => {
      beta[ch] = 0.25 * ch;
    });
  }
  return { dtype, sample, half, wide };
}

function sameTensor(dtype: HalfDtype, own: Uint16Array | null, wide: Float32Array | null, what: string): void {
  assert.is(own === null, wide === null, what);
  if (own === null || wide === null) return;
  const expected = ROUND[dtype](wide);
  const k = firstDifference(WIDEN[dtype](own), WIDEN[dtype](expected));
  assert.is(k, -1, `${what}[${k}] is ${WIDEN[dtype](own)[k]}, not ${WIDEN[dtype](expected)[k]}`);
}

/** What a step has beside x and dy. */
interface Step {
  readonly mask?: readonly number[] | undefined;
  readonly residual?: boolean;
  /** Where y goes: a new array, or over x or the residual. */
  readonly over?: 'x' | 'residual';
  /** Where gradients go: new arrays, or dx over dy, or dresidual over dy. */
  readonly back?: 'dx' | 'dresidual';
  readonly accumulate?: boolean;
  readonly recorded?: boolean;
}

/** One forward and, where x is still there, one backward of both, which have to agree in everything. */
function step({ dtype, sample, half, wide }: Twins, title: string, given: Step = {}): void {
  const { shape } = sample;
  const data = layerData(title, sample, 'float32');
  const halves = (tensor: typeof data.x) => tensorOf(dtype, tensor) as Uint16Array;
  const of = { x: halves(data.x), dy: halves(data.dy), residual: halves(data.residual) };
  const widened = (bits: Uint16Array) => numbersOf(dtype, bits) as Float32Array;
  const by = { x: widened(of.x), dy: widened(of.dy), residual: widened(of.residual) };
  const { mask, residual = false, over, back, accumulate = false } = given;
  const forward = <T extends Float32Array | Uint16Array>(bn: BatchNorm<T>, from: Record<'x' | 'residual', T>) => {
    const options = { mask, residual: residual ? from.residual : undefined, out: over && from[over] };
    if (given.recorded) return bn.record(from.x, shape, options);
    return { y: bn.forward(from.x, shape, options), backward: bn.backward.bind(bn), dresidual: null };
  };
  const [own, other] = [forward(half, of), forward(wide, by)];
  if (over !== undefined) assert.is(own.y, of[over]);
  sameTensor(dtype, own.y, other.y, 'y');
  same(half, wide);
  if (over === 'x' && mask === undefined) return;
  const gradient = <T extends Float32Array | Uint16Array>(use: { backward: BatchNorm<T>['backward'] }, dy: T) =>
    use.backward(dy, { accumulate, ...(back && { [back === 'dx' ? 'out' : 'outResidual']: dy }) });
  const [dx, expected] = [gradient<Uint16Array>(own, of.dy), gradient<Float32Array>(other, by.dy)];
  if (back === 'dx') assert.is(dx, of.dy);
  sameTensor(dtype, dx, expected, 'dx');
  const [dresidual, wanted] = given.recorded
    ? [own.dresidual, other.dresidual]
    : ([half.dresidual, wide.dresidual] as const);
  sameTensor(dtype, dresidual, wanted, 'dresidual');
  assert.is(dresidual === of.dy, wanted === by.dy, 'dresidual is dy itself');
  for (const name of ['dgamma', 'dbeta'] as const) {
    const [actual, expected] = [half[name], wide[name]];
    assert.is(actual === null, expected === null, name);
    if (actual !== null && expected !== null) assert.is(firstDifference(actual, expected), -1, name);
  }
  same(half, wide);
}

/** All that is no tensor is the same, and so is the state but for its dtype. */
function same(half: BatchNorm<Uint16Array>, wide: BatchNorm): void {
  const { dtype, ...own } = half.state();
  const { dtype: _, ...expected } = wide.state();
  assert.is(dtype, half.dtype);
  assert.equal(own, expected);
  assert.equal(half.batchMoments?.toJSON(), wide.batchMoments?.toJSON());
}

const THINNED = (sample: LayerCase) => Array.from({ length: positions(sample) }, (_, k) => (k % 3 === 1 ? 0 : 1));
const WEIGHTED = (sample: LayerCase) => THINNED(sample).map((value, k) => value * (1 + (k % 4) / 2));
const positions = ({ samples, rows, s }: LayerCase) => samples * rows * s;

/** Settings that have ways of their own, by name. */
const SETTINGS: Readonly<Record<string, Options>> = {
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
    for (const [title, one] of Object.entries(steps)) step(pair, `${name}: ${title}`, one);
    for (const bn of [pair.half, pair.wide]) bn.eval();
    for (const title of ['plain', 'a residual', 'a mask', 'recorded'])
      step(pair, `${name}, eval: ${title}`, steps[title]);
    for (const normalizeWith of ['running', 'batch', { sample: 0.25 }] satisfies NormalizeWith[]) {
      for (const bn of [pair.half, pair.wide])
        Object.assign(bn, { normalizeWith, training: normalizeWith !== 'batch' });
      step(pair, `${name}: by ${JSON.stringify(normalizeWith)}`);
    }
  }
}

function synchronised(dtype: HalfDtype, options: Options): void {
  const sample = LAYER_CASES[1];
  ranksOf(3, (reducer: Reducer) => {
    const pair = twins(sample, dtype, { ...options, synchronize: reducer, gradients: 'summed' });
    step(pair, `rank ${reducer.rank}`, { residual: true });
    step(pair, `rank ${reducer.rank}, masked`, { mask: THINNED(sample), residual: true, back: 'dx' });
  });
}

export default (backend: BackendUnderTest): void => {
  const test = suiteFor(backend, 'layers of 16 bits');
  for (const dtype of DTYPES) {
    for (const name of Object.keys(SETTINGS)) {
      test(`${dtype}, ${name}: as float32, rounded`, () => train(dtype, name));
    }

    test(`${dtype}: synchronised`, () => {
      for (const options of [{}, { activation: 'relu', renorm: true }, { summation: 'exact' }] satisfies Options[]) {
        synchronised(dtype, options);
      }
    });
  }
};
