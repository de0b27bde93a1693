/** Every public call that computes, each with arguments of its own, for tests that let memory run out in the middle. */
import { createHash } from 'node:crypto';
import {
  allocate,
  BatchNorm,
  type BatchNormOptions,
  backward,
  clip,
  doubleBackward,
  forwardInference,
  forwardTraining,
  GradientSums,
  Moments,
  release,
  toBfloat16,
} from 'batchnorm';

/** A call that is ready: what it gives, and all that it must leave alone where it throws. */
export interface Attempt {
  call(): unknown;
  state(): unknown;
  /** Gives back what was allocated for it. */
  end(): void;
}
export type Make = (x: Float32Array, dy: Float32Array, out: Float32Array) => Pick<Attempt, 'call' | 'state'>;

/** Rows of 64 values, so that sums are shared out by channels, in more parts than there are threads. */
const SHAPE = [10, 8, 64];
const LENGTH = 5120;
const POSITIONS = 640;
const channels = (first: number) => Float64Array.from({ length: 8 }, (_, ch) => first + ch / 4);
const parameters = (first: number) => new Float32Array(channels(first));

function layerOf(x: Float32Array, options: BatchNormOptions<'float32'>): BatchNorm {
  const bn = new BatchNorm(8, options);
  bn.gamma!.set(parameters(2));
  bn.forward(x.slice(), SHAPE);
  bn.backward(x.slice().reverse());
  bn.gamma!.set(parameters(3));
  return bn;
}

function layer(title: string, options: BatchNormOptions<'float32'>, forwardOptions: object = {}): Record<string, Make> {
  const seen = (bn: BatchNorm) => [bn.state(), bn.dgamma, bn.dbeta, bn.dresidual];
  return {
    [`forward ${title}`]: (x, _dy, out) => {
      const bn = layerOf(x, options);
      const call = () => [bn.forward(x, SHAPE, { ...forwardOptions, out }), ...seen(bn)];
      return { call, state: () => seen(bn) };
    },
    [`backward ${title}`]: (x, dy, out) => {
      const bn = layerOf(x, options);
      bn.forward(x, SHAPE, forwardOptions);
      const call = () => [bn.backward(dy, { out }), ...seen(bn)];
      return { call, state: () => seen(bn) };
    },
  };
}

/** The backward of the forward before one that fails. */
function kept(title: string, options: BatchNormOptions<'float32'>, forwardOptions: object = {}): Record<string, Make> {
  return {
    [`what an earlier forward kept, through a forward ${title}`]: (x, dy) => {
      const bn = layerOf(x, options);
      const other = x.map((value) => value * value);
      const call = () => bn.forward(other, SHAPE, forwardOptions).slice();
      const state = () => [bn.backward(dy), bn.dgamma, bn.dbeta];
      return { call, state };
    },
  };
}

const MASK = { mask: Uint8Array.from({ length: POSITIONS }, (_, k) => k % 2) };
const WEIGHTS = { mask: Float32Array.from({ length: POSITIONS }, (_, k) => k % 3) };

/** What lies in tensors that are too large to be compared in words. */
function digestOf(...tensors: readonly ArrayBufferView[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of tensors) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

/** Rows as before, but so many that tensors of 16 bits are differentiated in more pieces than one. */
const MANY = 80;

/** A layer on tensors of 16 bits, with a residual. */
function half(title: string, options: BatchNormOptions<'bfloat16'>, forwardOptions: object = {}): Record<string, Make> {
  const make = (x: Float32Array, dy: Float32Array) => {
    const many = (tensor: Float32Array) =>
      toBfloat16(Float32Array.from({ length: MANY * 512 }, (_, k) => tensor[k % LENGTH]));
    const bn = new BatchNorm(8, { dtype: 'bfloat16', activation: 'relu', ...options });
    const [x16, dy16, out, dresidual] = [many(x), many(dy), many(x), many(x)];
    const shape = [MANY, 8, 64];
    const given = { ...forwardOptions, residual: dy16 };
    const seen = () => [digestOf(x16, dy16, out, dresidual), bn.dgamma?.slice(), bn.dbeta?.slice(), bn.state()];
    return { bn, x16, dy16, out, dresidual, shape, given, seen };
  };
  return {
    [`forward of 16 bits, ${title}`]: (x, dy) => {
      const { bn, x16, out, shape, given, seen } = make(x, dy);
      return { call: () => [digestOf(bn.forward(x16, shape, { ...given, out })), seen()], state: seen };
    },
    [`backward of 16 bits, ${title}`]: (x, dy) => {
      const { bn, x16, dy16, out, dresidual, shape, given, seen } = make(x, dy);
      bn.forward(x16, shape, given);
      return { call: () => [digestOf(bn.backward(dy16, { out, outResidual: dresidual })), seen()], state: seen };
    },
  };
}

/** A mask over tensors so large that they are normalised in more chunks than one. */
function largeMask(x: Float32Array): Pick<Attempt, 'call' | 'state'> {
  const shape = [3, 2, 2 ** 16];
  const large = Float32Array.from({ length: 3 * 2 ** 17 }, (_, k) => x[k % LENGTH]);
  const mask = Uint8Array.from({ length: 3 * 2 ** 16 }, (_, k) => (k % 3 === 0 ? 0 : 1));
  const out = large.slice();
  const bn = new BatchNorm(2);
  const seen = () => [digestOf(large, out), bn.state()];
  return { call: () => [bn.forward(large, shape, { mask, out }).length, seen()], state: seen };
}

const nothing = () => null;

export const CALLS: Record<string, Make> = {
  allocate: () => ({
    call: () => {
      const tensor = allocate(100);
      const zeros = tensor.slice();
      release(tensor);
      return zeros;
    },
    state: nothing,
  }),
  forwardTraining: (x, dy, out) => ({
    call: () => forwardTraining(x, SHAPE, { out, residual: dy, activation: clip(-1, 1), gamma: parameters(1) }),
    state: nothing,
  }),
  forwardInference: (x, _dy, out) => ({
    call: () => forwardInference(x, SHAPE, { mean: channels(0), variance: channels(1), out }),
    state: nothing,
  }),
  backward: (x, dy, out) => ({
    call: () => backward(dy, x, SHAPE, { mean: channels(0), variance: channels(1), out, activation: 'relu' }),
    state: nothing,
  }),
  doubleBackward: (x, dy) => {
    const given = { mean: channels(0), variance: channels(1), activation: 'relu' as const };
    const rest = { ...given, ddgamma: parameters(1), ddbeta: parameters(2) };
    return { call: () => doubleBackward(dy, x, SHAPE, { ...rest, ddx: dy }), state: nothing };
  },
  'forwardTraining with a mask': (x, _dy, out) => ({
    call: () => forwardTraining(x, SHAPE, { out, ...WEIGHTS }),
    state: nothing,
  }),
  'backward with sums': (x, dy, out) => {
    const statistics = { mean: channels(0), variance: channels(1) };
    const sums = new GradientSums(8).add(dy, x, SHAPE, statistics);
    return { call: () => backward(dy, x, SHAPE, { ...statistics, sums, out }), state: () => sums.toJSON() };
  },
  'float64, in place': (x, dy) => ({
    call: () => {
      const [y, dx] = [x, dy].map((tensor) => Float64Array.from(tensor));
      const { mean, variance } = forwardTraining(y, SHAPE, { out: y });
      return [y, backward(dx, Float64Array.from(x), SHAPE, { mean, variance, out: dx })];
    },
    state: nothing,
  }),
  'Moments.add': (x) => {
    const moments = new Moments(8).add(x, SHAPE);
    return { call: () => moments.add(x, SHAPE).toJSON(), state: () => moments.toJSON() };
  },
  'GradientSums.add': (x, dy) => {
    const statistics = { mean: channels(0), variance: channels(1) };
    const sums = new GradientSums(8).add(dy, x, SHAPE, statistics);
    return { call: () => sums.add(dy, x, SHAPE, statistics).toJSON(), state: () => sums.toJSON() };
  },
  ...layer('plain', {}),
  ...kept('plain', {}),
  ...layer('mask', {}, MASK),
  ...kept('mask', {}, MASK),
  ...layer('weights', {}, WEIGHTS),
  ...kept('weights', {}, WEIGHTS),
  ...layer('finite', { activation: 'relu', onNonFinite: 'throw' }),
  ...kept('finite', { activation: 'relu', onNonFinite: 'throw' }),
  ...layer('ghosts', { ghostBatchSize: 4 }),
  ...kept('ghosts', { ghostBatchSize: 4 }),
  ...layer('groups', { groups: 2 }),
  ...layer('groups and weights', { groups: 2 }, WEIGHTS),
  ...layer('renorm', { renorm: {} }),
  ...kept('renorm', { renorm: {} }),
};

/** Calls on tensors that are taken in pieces. */
export const CALLS_IN_PIECES: Record<string, Make> = {
  'forward with a large mask': largeMask,
  ...half('plain', {}),
  ...half('weights', {}, { mask: Float32Array.from({ length: MANY * 64 }, (_, k) => k % 3) }),
  ...half('groups', { groups: 2 }),
  ...half('groups and ghosts', { groups: 2, ghostBatchSize: 40 }),
};

/** The attempt on ordinary arrays, or on tensors that lie in the backend's memory. */
export function attempt(make: Make, isAllocated: boolean): Attempt {
  const tensors = [0, 1, 2].map(() => (isAllocated ? allocate(LENGTH) : new Float32Array(LENGTH)));
  const [x, dy, out] = tensors;
  x.forEach((_, k) => {
    x[k] = ((k * 7919) % 101) / 10;
    dy[k] = ((k * 104729) % 97) / 20 - 2;
  });
  const made = make(x, dy, out);
  const state = () => [made.state(), x, dy, out];
  return {
    call: made.call,
    state,
    end: () => (isAllocated ? tensors.forEach((tensor) => void release(tensor)) : undefined),
  };
}
