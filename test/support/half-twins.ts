/**
 * Two layers of the same settings, one of 16 bits and one of float32: what the one gives is what the other gives for
 * the widened tensors, rounded once where tensors are written (docs/numerics.md, section 11); parameters, gradients of
 * these and statistics to the bit.
 */
import {
  BatchNorm,
  type BatchNormOptions,
  fromBfloat16,
  fromFloat16,
  type HalfDtype,
  toBfloat16,
  toFloat16,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import { firstDifference } from './tensors.js';

export const HALF_DTYPES: readonly HalfDtype[] = ['float16', 'bfloat16'];
const ROUND = { float16: toFloat16, bfloat16: toBfloat16 };
const WIDEN = { float16: fromFloat16, bfloat16: fromBfloat16 };

/** What a step needs to know of a batch. */
export interface LayerSample {
  readonly shape: readonly number[];
  readonly axis: number;
  readonly c: number;
}

/** The tensors of a step, as bits. */
export type Halves = Readonly<Record<'x' | 'dy' | 'residual', Uint16Array>>;

/** Two layers of the same settings, and the tensors of one call for each of them. */
export interface Twins {
  readonly dtype: HalfDtype;
  readonly sample: LayerSample;
  readonly half: BatchNorm<Uint16Array>;
  readonly wide: BatchNorm;
}

export type TwinOptions = Omit<BatchNormOptions<'float32'>, 'dtype'>;

export function twins(sample: LayerSample, dtype: HalfDtype, options: TwinOptions): Twins {
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
export interface Step {
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
export function step({ dtype, sample, half, wide }: Twins, of: Halves, given: Step = {}): void {
  const { shape } = sample;
  const by = { x: WIDEN[dtype](of.x), dy: WIDEN[dtype](of.dy), residual: WIDEN[dtype](of.residual) };
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
