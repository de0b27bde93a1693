// The types of a layer tell the truth: its arrays are what the compiler says, and what cannot be does not compile.
import { BatchNorm, type BatchNormOptions, type BatchNormState, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import { namesOf } from '#dist/arguments/options.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('types of the layer');
const X = Float64Array.of(1, 2, 3, 5);

/** Of an array that a layer has. */
function is<A extends Tensor | Uint16Array>(array: A | null, kind: new () => A): void {
  if (!(array instanceof kind)) throw new Error(`not of ${kind.name}`);
}

test('dtype decides the type of the tensors', () => {
  is(new BatchNorm(2).gamma, Float32Array);
  is(new BatchNorm(2, { epsilon: 1e-3 }).beta, Float32Array);
  is(new BatchNorm(2, { dtype: 'float32' }).gamma, Float32Array);
  const double = new BatchNorm(2, { dtype: 'float64', activation: 'relu' });
  is(double.gamma, Float64Array);
  is(double.forward(X, [2, 2]), Float64Array);
  is(double.backward(X), Float64Array);
  is(double.dgamma, Float64Array);
  // @ts-expect-error: it is a Float64Array.
  assert.throws(() => is(double.gamma, Float32Array));
  // @ts-expect-error: x is no Float64Array.
  assert.throws(() => double.forward(Float32Array.of(1, 2), [1, 2]), /"x" expected Float64Array/);
});

test('16 bits are in a Uint16Array, and their parameters in a Float32Array', () => {
  const half = new BatchNorm(2, { dtype: 'bfloat16' });
  const x = Uint16Array.of(1, 2, 3, 4);
  is(half.gamma, Float32Array);
  is(half.forward(x, [2, 2], { residual: x }), Uint16Array);
  is(half.backward(x), Uint16Array);
  is(half.dresidual, Uint16Array);
  is(half.dbeta, Float32Array);
  is(half.record(x, [2, 2]).backward(x), Uint16Array);
  is(new BatchNorm<Uint16Array>(2, { dtype: 'float16' }).gamma, Float32Array);
  is(BatchNorm.fromState(half.state()).forward(x, [2, 2]), Uint16Array);
  // @ts-expect-error: a Uint16Array needs a dtype.
  assert.throws(() => new BatchNorm<Uint16Array>(2).forward(x, [2, 2]), /"x" expected Float32Array/);
  // @ts-expect-error: x is no Uint16Array.
  assert.throws(() => half.forward(X, [2, 2]), /"x" expected Uint16Array of length 4/);
  // @ts-expect-error: gamma is no Uint16Array.
  assert.throws(() => is<Uint16Array>(half.gamma, Uint16Array));
});

test('a type that is written out agrees with dtype', () => {
  is(new BatchNorm<Float64Array>(2, { dtype: 'float64', scale: false }).beta, Float64Array);
  // @ts-expect-error: the default of dtype is float32.
  assert.throws(() => is(new BatchNorm<Float64Array>(2).gamma, Float64Array));
  // @ts-expect-error: so it is beside other options.
  assert.throws(() => is(new BatchNorm<Float64Array>(2, { epsilon: 0 }).gamma, Float64Array));
  // @ts-expect-error: another one.
  assert.throws(() => is(new BatchNorm<Float64Array>(2, { dtype: 'float32' }).gamma, Float64Array));
  // @ts-expect-error: another one.
  assert.throws(() => is(new BatchNorm<Float32Array>(2, { dtype: 'float64' }).gamma, Float32Array));
  // @ts-expect-error: no dtype.
  assert.throws(() => new BatchNorm(2, { dtype: 'float8' }), /"dtype" expected/);
  // @ts-expect-error: no option.
  assert.throws(() => new BatchNorm(2, { momentum: 0.1 }), /"momentum" is refused/);
});

test('options and types that are not known to the compiler', () => {
  const some = (options: BatchNormOptions): BatchNorm<Tensor> => new BatchNorm(2, options);
  const single = (options: BatchNormOptions<'float32'>): BatchNorm => new BatchNorm(2, options);
  // @ts-expect-error: it may be of float64.
  const lie = (options: BatchNormOptions): BatchNorm => new BatchNorm(2, options);
  const forward = <T extends Tensor>(bn: BatchNorm<T>, x: T): T => bn.forward(x, [2, 2]);
  is(some({ dtype: 'float64' }).gamma, Float64Array);
  is(single({}).gamma, Float32Array);
  assert.instance(lie({ dtype: 'float64' }).gamma, Float64Array);
  is(forward(new BatchNorm(2, { dtype: 'float64' }), X), Float64Array);
});

test('classes of users extend it', () => {
  class Single extends BatchNorm {
    readonly own: Float32Array | null = this.gamma;
  }
  class Double extends BatchNorm<Float64Array> {
    constructor(channels: number) {
      super(channels, { dtype: 'float64' });
    }
  }
  is(new Single(2).own, Float32Array);
  is(new Double(2).gamma, Float64Array);
  assert.ok(new Double(2) instanceof BatchNorm);
});

test('a state knows its dtype', () => {
  const state = new BatchNorm(2, { dtype: 'float64' }).state();
  is(BatchNorm.fromState(state).gamma, Float64Array);
  // @ts-expect-error: it is of float64.
  assert.throws(() => is<Float32Array>(BatchNorm.fromState(state).gamma, Float32Array));
  const parsed: BatchNormState = JSON.parse(JSON.stringify(state));
  const layer: BatchNorm<Tensor> = BatchNorm.fromState(parsed);
  is(layer.gamma as Float64Array, Float64Array);
  is(BatchNorm.fromState<Float64Array>(parsed).gamma, Float64Array);
  is(BatchNorm.fromState(JSON.parse(JSON.stringify(new BatchNorm(2)))).gamma, Float32Array);
  const { epsilon, gamma }: { epsilon: number; gamma: (number | string)[] | null } = parsed;
  assert.equal([epsilon, gamma], [1e-5, [1, 1]]);
  // @ts-expect-error: no field.
  assert.is(parsed.momentum, undefined);
});

test('names of options are those of their interface', () => {
  interface Options {
    axis?: number | undefined;
    mask: number[];
  }
  assert.equal([...namesOf<Options>({ axis: 1, mask: 1 })], ['axis', 'mask']);
  // @ts-expect-error: one is missing.
  namesOf<Options>({ axis: 1 });
  // @ts-expect-error: one too many.
  namesOf<Options>({ axis: 1, mask: 1, out: 1 });
});
