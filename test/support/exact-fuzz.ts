/** Exact sums of made-up tensors: a seed is a case, and every contender has the same bits of it. */
import { clip, leakyRelu } from 'batchnorm';
import { kernelActivation } from '#dist/arguments/activation.js';
import { memoryInUse } from '#dist/backends/wasm/memory.js';
import { type Affine, type KernelActivation, RECORD, type View } from '#dist/kernels.js';
import type { Contender } from './contenders.js';
import { EXACT_DATA, exactData } from './exact-data.js';
import { madeUpView, oneIn, pick } from './made-up.js';
import { Random } from './random.js';
import {
  exactTableOf,
  firstDifference,
  HALF_DTYPES,
  type KernelDtype,
  type KernelTensor,
  numbersOf,
  tensorOf,
  zeros,
} from './tensors.js';

/** What is computed of a seed. */
interface FuzzCase {
  readonly dtype: Exclude<KernelDtype, 'float64'>;
  readonly view: View;
  /** Such as 'normal, at times zeros'. */
  readonly data: readonly string[];
  readonly x: Float32Array;
  /** May be x itself, which is then the same tensor for the kernels. */
  readonly dy: Float32Array;
  readonly residual: Float32Array | null;
  readonly mean: Float64Array;
  readonly gamma: Float32Array | null;
  readonly beta: Float32Array | null;
  readonly activation: KernelActivation;
  readonly batchStatistics: boolean;
  /** Elements from the start of its memory at which a tensor lies. */
  readonly offset: number;
  /** Tensors lie where WebAssembly works without copying. */
  readonly inWasm: boolean;
  /** y takes the place of x, and dx that of dy. */
  readonly inPlace: boolean;
}

const ACTIVATIONS = [0, 0, 1, kernelActivation(leakyRelu(0.25)), kernelActivation(clip(-0.5, 1.5))] as const;
const NAMES = Object.keys(EXACT_DATA);

function caseOf(seed: number): FuzzCase {
  const random = new Random(seed);
  const view = madeUpView(random, 18);
  const [x, gradient, residual] = [0, 1, 2].map(() => madeUp(random, view));
  const isSame = oneIn(random, 6);
  const own = oneIn(random, 3) ? residual : null;
  const numbers = () => (oneIn(random, 3) ? null : Float32Array.from({ length: view.c }, () => random.normal()));
  return {
    dtype: oneIn(random, 3) ? pick(random, HALF_DTYPES) : 'float32',
    view,
    data: [x, ...(isSame ? [] : [gradient]), ...(own ? [own] : [])].map(({ title }) => title),
    x: x.values,
    dy: isSame ? x.values : gradient.values,
    residual: own?.values ?? null,
    mean: Float64Array.from({ length: view.c }, () => pick(random, [0, 0.5, random.normal(), 1e20])),
    gamma: numbers(),
    beta: numbers(),
    activation: pick(random, ACTIVATIONS),
    batchStatistics: !oneIn(random, 4),
    offset: random.integer(5),
    inWasm: oneIn(random, 4),
    inPlace: oneIn(random, 3),
  };
}

/** A class of data by itself, or with values of another class: in pieces, or here and there. */
function madeUp(random: Random, view: View): { values: Float32Array; title: string } {
  const name = pick(random, NAMES);
  const values = exactData(name, view, random);
  if (oneIn(random, 2)) return { values, title: name };
  const other = pick(random, NAMES);
  const others = exactData(other, view, random);
  if (oneIn(random, 2)) {
    const length = 1 + random.integer(values.length);
    for (let k = length; k < values.length; k += 2 * length) {
      values.set(others.subarray(k, k + length), k);
    }
    return { values, title: `${name}, by pieces of ${length} ${other}` };
  }
  for (let k = random.integer(600); k < values.length; k += 1 + random.integer(600)) values[k] = others[k];
  return { values, title: `${name}, at times ${other}` };
}

/** null where all have the bits of the first; or who differs, where, in which case. */
export function differenceOfExact(seed: number, contenders: readonly Contender[]): string | null {
  const one = caseOf(seed);
  const [first, ...others] = contenders;
  const expected = resultsOf(one, first);
  for (const contender of others) {
    const actual = resultsOf(one, contender);
    for (const [name, values] of Object.entries(actual)) {
      const k = firstDifference(values, expected[name]);
      if (k === -1) continue;
      const found = `${name}[${k}] is ${values[k]}, but ${expected[name][k]} by ${first.name}`;
      return `${contender.name}: ${found}; ${describe(one)}`;
    }
  }
  return null;
}

function describe({ x, dy, residual, mean, gamma, beta, ...rest }: FuzzCase): string {
  return JSON.stringify({ ...rest, gamma: gamma !== null, beta: beta !== null, 'dy is x': dy === x });
}

type Results = Record<string, Float64Array>;

/** Of each kernel alone, and of whole passes. */
function resultsOf(one: FuzzCase, { kernels }: Contender): Results {
  const { dtype, view, activation } = one;
  const exact = exactTableOf(kernels, dtype)!;
  using tensors = new Tensors(one);
  const x = tensors.of(one.x);
  const dy = one.dy === one.x ? x : tensors.of(one.dy);
  const residual = one.residual && tensors.of(one.residual);
  const [sums, gradientSums] = [0, 1].map(() => new Float64Array(RECORD.numbers * view.c));
  const affine: Affine<Float32Array> = {
    mean: one.mean,
    variance: new Float64Array(view.c).fill(1.5),
    gamma: one.gamma,
    beta: one.beta,
    epsilon: 1e-5,
  };
  exact.exactSums(sums, x, view);
  exact.exactSums(sums, dy, view);
  exact.exactGradientSums(gradientSums, dy, x, residual, affine, activation, view);
  return { sums, gradientSums, ...passesOf(one, exact, tensors, { x, dy, residual }, affine) };
}

/** The forward finds mean and variance, with which the backward goes on. */
function passesOf(
  { dtype, view, activation, batchStatistics, inPlace, ...one }: FuzzCase,
  exact: NonNullable<ReturnType<typeof exactTableOf>>,
  tensors: Tensors,
  { x, dy, residual }: { x: KernelTensor; dy: KernelTensor; residual: KernelTensor | null },
  given: Affine<Float32Array>,
): Results {
  const affine = { ...given, mean: new Float64Array(view.c), variance: new Float64Array(view.c) };
  const y = tensors.of(one.x);
  const dx = tensors.of(one.dy);
  const dresidual = residual && tensors.of(one.dy);
  const [dgamma, dbeta] = [new Float32Array(view.c), new Float32Array(view.c)];
  const records = inPlace ? new Float64Array(RECORD.numbers * view.c).fill(Number.NaN) : null;
  exact.exactForward(y, inPlace ? y : x, residual, affine, activation, records, view);
  const g = inPlace ? dx : dy;
  exact.exactBackward(dx, dresidual, dgamma, dbeta, g, x, residual, affine, activation, batchStatistics, view);
  const { mean, variance } = affine;
  const written = { y, dx, dresidual: dresidual ?? new Float32Array(0) };
  const wide = Object.entries(written).map(([name, tensor]) => [name, numbersOf(dtype, tensor)] as const);
  const results = { mean, variance, dgamma, dbeta, records: records ?? [], ...Object.fromEntries(wide) };
  return Object.fromEntries(Object.entries(results).map(([name, values]) => [name, Float64Array.from(values)]));
}

/** The tensors of a case as it places them, until they are disposed of. */
class Tensors {
  readonly #case: FuzzCase;
  readonly #made: KernelTensor[] = [];

  constructor(one: FuzzCase) {
    this.#case = one;
  }

  of(numbers: Float32Array): KernelTensor {
    const { dtype, offset, inWasm } = this.#case;
    const values = tensorOf(dtype, numbers);
    const length = values.length + offset;
    const whole = inWasm ? this.#inWasm(length) : zeros(dtype, length);
    whole.set(values, offset);
    return whole.subarray(offset);
  }

  #inWasm(length: number): KernelTensor {
    const kind = this.#case.dtype === 'float32' ? 'Float32Array' : 'Uint16Array';
    const tensor = memoryInUse().allocate(kind, length);
    this.#made.push(tensor);
    return tensor;
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#made) memoryInUse().release(tensor);
  }
}
