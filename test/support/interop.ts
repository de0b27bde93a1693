/** Tensors for the tests of `batchnorm/interop`, and the formula that says what their layers compute. */
import type { NamedTensor, Tensors } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import type { Random } from './random.js';

export function floats(...values: number[]): NamedTensor {
  return { dtype: 'F32', shape: [values.length], data: Float32Array.from(values) };
}

export function doubles(...values: number[]): NamedTensor {
  return { dtype: 'F64', shape: [values.length], data: Float64Array.from(values) };
}

export function scalar(count: number | bigint): NamedTensor {
  return { dtype: 'I64', shape: [], data: BigInt64Array.of(BigInt(count)) };
}

export interface Four {
  gamma: number[];
  beta: number[];
  mean: number[];
  variance: number[];
}

/** float32 values as trained layers have them. */
export function randomFour(random: Random, channels: number): Four {
  const make = (value: () => number) => Array.from({ length: channels }, () => Math.fround(value()));
  return {
    gamma: make(() => 1 + random.normal() / 4),
    beta: make(() => random.normal()),
    mean: make(() => random.normal()),
    variance: make(() => 0.1 + 3 * random.uniform()),
  };
}

/** y = gamma·(x − mean)/√(variance + epsilon) + beta in float64, of x [n, c, s] or, channels last, [n, s, c]. */
export function normalized(
  x: ArrayLike<number>,
  four: Four,
  epsilon: number,
  channelAt: (i: number) => number,
): number[] {
  return Array.from(x, (value, i) => {
    const ch = channelAt(i);
    return (four.gamma[ch] * (value - four.mean[ch])) / Math.sqrt(four.variance[ch] + epsilon) + four.beta[ch];
  });
}

/** As far apart as float32 arithmetic on values of a few units may be. */
export function close(actual: ArrayLike<number>, expected: ArrayLike<number>, bound = 2e-6): void {
  assert.is(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= bound)) assert.unreachable(`element ${i}: ${actual[i]} instead of ${expected[i]}`);
  }
}

/** Same names in the same order, types, shapes and bits. */
export function sameTensors(actual: Tensors, expected: Tensors): void {
  assert.equal(Object.keys(actual), Object.keys(expected));
  for (const [name, { dtype, shape, data }] of Object.entries(expected)) {
    assert.equal({ dtype: actual[name].dtype, shape: actual[name].shape }, { dtype, shape }, name);
    assert.equal(bytes(actual[name].data), bytes(data), name);
  }
}

export function bytes(data: ArrayBufferView): number[] {
  return [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/** The message of what `run` throws, which is an error of one of these classes, in the style of the library. */
export function refusal(run: () => unknown, Class: typeof TypeError | typeof RangeError): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, Class);
    assert.match((error as Error).message, /^batchnorm: \w+(\.\w+)?: /);
    return (error as Error).message;
  }
  return assert.unreachable('it throws nothing') as never;
}
