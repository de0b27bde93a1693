/** Every public call that computes, each with arguments of its own, for tests that let memory run out in the middle. */
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
  ...layer('renorm', { renorm: {} }),
  ...kept('renorm', { renorm: {} }),
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
  const state = () => [made.state(), x, dy];
  return {
    call: made.call,
    state,
    end: () => (isAllocated ? tensors.forEach((tensor) => void release(tensor)) : undefined),
  };
}
