/** Training with exact sums on a batch, or on this rank's part of it: every bit is that of one process. */
import { BatchNorm, GradientSums, Moments, mergeRanks, type Reducer, type Summation } from 'batchnorm';
import { randomFor } from './random.js';

export interface ExactCase {
  readonly channels: number;
  /** 1: [n, c, s]. -1: [n, s, c]. */
  readonly axis: 1 | -1;
  /** Samples of each rank. */
  readonly shares: readonly number[];
  readonly isMasked: boolean;
  readonly summation: Summation;
}

export interface ExactResult {
  /** y and dx of every step, of this rank's samples. */
  readonly own: readonly (readonly Float32Array[])[];
  /** Of all ranks together: statistics of every step, gradient sums of the last one, the layer after it. */
  readonly whole: string;
}

const STEPS = 10;
const POSITIONS = 4;

/** Values of 60 binades and of both signs, zeros, and in the first and the last sample large ones that cancel. */
function drawn(title: string, samples: number, perSample: number): Float32Array {
  const random = randomFor(title);
  const values = Float32Array.from({ length: samples * perSample }, () => {
    if (random.integer(4) === 0) return random.integer(2) === 0 ? 0 : -0;
    return random.normal() * 2 ** (random.integer(60) - 40);
  });
  values.fill(2 ** 70, 0, perSample);
  values.fill(-(2 ** 70), (samples - 1) * perSample);
  return values;
}

/** Without a reducer: one process with the whole batch. */
export function exactTraining(one: ExactCase, reducer?: Reducer): ExactResult {
  const { channels, axis, shares, isMasked, summation } = one;
  const samples = shares.reduce((a, b) => a + b);
  const from = reducer === undefined ? 0 : shares.slice(0, reducer.rank).reduce((a, b) => a + b, 0);
  const to = reducer === undefined ? samples : from + shares[reducer.rank];
  const cut = <T extends Float32Array | Uint8Array>(all: T) =>
    all.slice((from * all.length) / samples, (to * all.length) / samples) as T;
  const shape = axis === 1 ? [to - from, channels, POSITIONS] : [to - from, POSITIONS, channels];
  const bn = new BatchNorm(channels, {
    axis,
    summation,
    activation: 'relu',
    ...(reducer && { synchronize: reducer, gradients: 'summed' }),
  });
  const [own, whole]: [Float32Array[][], unknown[]] = [[], []];
  for (let step = 0; step < STEPS; step++) {
    const [x, dy] = ['x', 'dy'].map((name) => cut(drawn(`${name} ${step}`, samples, channels * POSITIONS)));
    const chosen = randomFor(`mask ${step}`);
    const mask = isMasked
      ? cut(Uint8Array.from({ length: samples * POSITIONS }, () => (chosen.integer(3) === 0 ? 0 : 1)))
      : undefined;
    const y = bn.forward(x, shape, { mask });
    const dx = bn.backward(dy);
    own.push([y, dx]);
    for (const { value, gradient } of bn.parameters()) value.set(value.map((v, ch) => v - 1e-3 * gradient[ch]));
    whole.push(bn.batchMoments);
    if (step === STEPS - 1) whole.push(...mergedParts({ x, dy, shape, axis, mask, summation }, reducer));
  }
  return { own, whole: JSON.stringify([...whole, { ...bn.state(), training: true }]) };
}

interface Part {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly shape: readonly number[];
  readonly axis: 1 | -1;
  readonly mask: Uint8Array | undefined;
  readonly summation: Summation;
}

/** Statistics and gradient sums by the classes instead of the layer. */
function mergedParts({ x, dy, shape, axis, mask, summation }: Part, reducer?: Reducer) {
  const channels = shape.at(axis)!;
  const moments = new Moments(channels, { summation }).add(x, shape, { axis, mask });
  const [whole] = reducer ? mergeRanks(reducer, [moments] as const) : [moments];
  const { mean, variance } = whole;
  const sums = new GradientSums(channels, { summation }).add(dy, x, shape, { axis, mask, mean, variance });
  return [whole, reducer ? mergeRanks(reducer, [sums] as const)[0] : sums];
}

/** Shares of 1, 2, 3, 4 and 7 ranks: even, uneven, none. */
export const EXACT_SHARES = [
  [[12]],
  [
    [6, 6],
    [11, 1],
    [0, 12],
  ],
  [
    [1, 0, 11],
    [5, 4, 3],
  ],
  [
    [3, 3, 3, 3],
    [1, 7, 0, 4],
  ],
  [
    [1, 2, 0, 3, 1, 4, 1],
    [0, 0, 0, 12, 0, 0, 0],
  ],
];

/** A layer whose sums fit into one message, and one whose sums ranks divide among them. */
export function exactCases(shares: readonly (readonly number[])[]): ExactCase[] {
  return shares.flatMap((one) => [
    { channels: 3, axis: 1, shares: one, isMasked: true, summation: 'exact' },
    { channels: 80, axis: -1, shares: one, isMasked: false, summation: 'exact' },
  ]);
}
