/** The exact kernels of a backend, called on guarded copies. */
import * as assert from 'uvu/assert';
import {
  type Affine,
  type ExactKernels,
  type GradientSumArrays,
  type KernelActivation,
  type Kernels,
  RECORD,
  type View,
} from '#dist/kernels.js';
import { type ExactPair, exactPairs } from './exact-oracle.js';
import { Guarded, isHalf, type KernelDtype, tensorOf } from './tensors.js';

/** What `exactGradientSums` reads. */
export interface ExactPass {
  readonly dy: Float32Array;
  readonly x: Float32Array;
  readonly residual: Float32Array | null;
  readonly affine: Affine<Float32Array>;
  readonly activation: KernelActivation;
  readonly view: View;
}

/** The exact kernels for elements of this type, given as float32 and rounded to it. */
export function exactOf(kernels: Kernels, dtype: KernelDtype): ExactKernels {
  if (!isHalf(dtype)) return kernels.exact;
  const half = kernels[dtype].exact;
  let calls = 0;
  /** The numbers of 16 bits of a tensor, from another place on each time. */
  const placed = (values: Float32Array): Uint16Array => {
    const start = calls++ % 5;
    const room = new Uint16Array(values.length + start);
    room.set(tensorOf(dtype, values), start);
    return room.subarray(start);
  };
  return {
    ...kernels.exact,
    exactSums: (records, x, view) => half.exactSums(records, placed(x), view),
    exactGradientSums: (records, dy, x, residual, affine, activation, view) => {
      const own = residual === null ? null : placed(residual);
      half.exactGradientSums(records, placed(dy), placed(x), own, affine, activation, view);
    },
  };
}

export class ExactCalls {
  readonly #kernels: Kernels;
  readonly #exact: ExactKernels;

  constructor(kernels: Kernels, exact: ExactKernels) {
    this.#kernels = kernels;
    this.#exact = exact;
  }

  /** Records of Σ x and Σ x², after those that are given. */
  sums(x: Float32Array, view: View, before?: Float64Array): Float64Array {
    return guarded('exactSums', x.length, (input, output) => {
      const records = opened(output(RECORD.numbers * view.c), before);
      this.#exact.exactSums(records, input(x), view);
      return records;
    });
  }

  /** Records of Σ g and Σ g·d. */
  gradientSums({ dy, x, residual, affine, activation, view }: ExactPass, before?: Float64Array): Float64Array {
    return guarded('exactGradientSums', x.length, (input, output) => {
      const records = opened(output(RECORD.numbers * view.c), before);
      const own = residual === null ? null : input(residual);
      this.#exact.exactGradientSums(records, input(dy), input(x), own, affine, activation, view);
      return records;
    });
  }

  /** The same by integers, with g as `gradientInput` has it. */
  gradientPairs({ dy, x, residual, affine, activation, view }: ExactPass): ExactPair[] {
    const [dx, g] = [new Float32Array(dy.length), new Float32Array(dy.length)];
    this.#kernels.gradientInput(dx, g, dy, x, residual, affine, activation, null, 1, view);
    return exactPairs(g, (k, ch) => Math.fround(x[k] - Math.fround(affine.mean[ch])), view);
  }

  statistics(records: Float64Array, counts: number | Float64Array): { mean: Float64Array; variance: Float64Array } {
    const c = records.length / RECORD.numbers;
    return guarded('exactStatistics', c, (input, output) => {
      const made = { mean: output(c), variance: output(c) };
      this.#exact.exactStatistics(made.mean, made.variance, input(records), counts);
      return made;
    });
  }

  gradients(records: Float64Array, mean: Float64Array): GradientSumArrays {
    return guarded('exactGradients', mean.length, (input, output) => {
      const made = { sumDy: output(mean.length), sumDyDeviation: output(mean.length) };
      this.#exact.exactGradients(made, input(records), input(mean));
      return made;
    });
  }
}

type Input = <T extends Float32Array | Float64Array>(original: T) => T;
type Output = (length: number) => Float64Array;

function guarded<T>(name: string, offset: number, call: (input: Input, output: Output) => T): T {
  const arrays = new Guarded(offset % 5);
  const result = call(
    (original) => arrays.input(original) as typeof original,
    (length) => arrays.output('float64', length) as Float64Array,
  );
  const violation = arrays.violation();
  if (violation !== null) assert.unreachable(`${name}: ${violation}`);
  return result;
}

function opened(records: Float64Array, before?: Float64Array): Float64Array {
  records.fill(0);
  if (before !== undefined) records.set(before);
  return records;
}
