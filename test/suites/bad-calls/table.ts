// What a table of bad calls is made of.
import {
  type BackwardOptions,
  BatchNorm,
  backward,
  type DoubleBackwardOptions,
  doubleBackward,
  type ForwardInferenceOptions,
  type ForwardTrainingOptions,
  forwardInference,
  forwardTraining,
  Moments,
} from 'batchnorm';

/** [title, call, class, message without `batchnorm: `] */
export type BadCall = readonly [
  title: string,
  call: (fixture: Fixture) => unknown,
  type: ErrorConstructor | TypeErrorConstructor | RangeErrorConstructor,
  text: string,
];

/** What types forbid and JavaScript allows. */
export function wrong<T>(value: unknown): T {
  return value as T;
}

const CANARY = 7.25;

/** Good arguments (two samples, three channels), and outputs full of canaries that every call is given. */
export class Fixture {
  readonly shape = [2, 3];
  readonly x = Float32Array.of(1, 2, 3, 5, 7, 9);
  readonly dy = Float32Array.of(1, -1, 2, -2, 3, -3);
  readonly mean = Float64Array.of(1, 2, 3);
  readonly variance = Float64Array.of(4, 5, 6);
  readonly out = new Float32Array(6).fill(CANARY);
  readonly outMean = new Float64Array(3).fill(CANARY);
  readonly outVariance = new Float64Array(3).fill(CANARY);
  readonly outGamma = new Float32Array(3).fill(CANARY);
  readonly outBeta = new Float32Array(3).fill(CANARY);
  readonly bn = new BatchNorm(3);
  readonly moments = new Moments(3).add(this.x, this.shape);

  constructor() {
    this.bn.forward(this.x, this.shape);
    this.bn.backward(this.dy);
  }

  /** All that a call that throws must leave alone. */
  snapshot(): unknown {
    const { out, outMean, outVariance, outGamma, outBeta, bn, moments } = this;
    const outputs = [out, outMean, outVariance, outGamma, outBeta].map((output) => [...output]);
    const gradients = [[...bn.dgamma!], [...bn.dbeta!], bn.dresidual];
    return structuredClone([outputs, bn.state(), gradients, moments.toJSON()]);
  }

  train(options: ForwardTrainingOptions<Float32Array> = {}, shape: readonly number[] = this.shape): unknown {
    const { x, out, outMean, outVariance } = this;
    return forwardTraining(x, shape, { out, outMean, outVariance, ...options });
  }

  infer(options: Partial<ForwardInferenceOptions<Float32Array>>): unknown {
    const { x, shape, mean, variance, out } = this;
    return forwardInference(x, shape, { mean, variance, out, ...options });
  }

  back(options: Partial<BackwardOptions<Float32Array>>, dy = this.dy): unknown {
    const { x, shape, mean, variance, out, outGamma, outBeta } = this;
    return backward(dy, x, shape, { mean, variance, out, outGamma, outBeta, ...options });
  }

  backTwice(options: Partial<DoubleBackwardOptions<Float32Array>>, dy = this.dy): unknown {
    const { x, shape, mean, variance } = this;
    return doubleBackward(dy, x, shape, { mean, variance, ddx: x, ...options });
  }
}

/** An array whose buffer has gone to someone else. */
export function detached(length: number): Float32Array {
  const array = new Float32Array(length);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/**
 * A view of `length` elements (undefined: of all there are) at `offset`, whose buffer shrinks from 8 elements to
 * `left`.
 */
export function shrunk(offset: number, length: number | undefined, left: number): Float32Array {
  const buffer = Reflect.construct(ArrayBuffer, [32, { maxByteLength: 32 }]) as ArrayBuffer & {
    resize(n: number): void;
  };
  const array = new Float32Array(buffer, offset * 4, length);
  buffer.resize(left * 4);
  return array;
}
