/** Classes of data: what a kernel may meet, pleasant and not. */
import type { Tensor } from 'batchnorm';
import type { View } from '#dist/kernels.js';
import { type Random, randomFor } from './random.js';
import { type Dtype, isHalf, type KernelDtype, type KernelTensor, parameterDtype, tensorOf, zeros } from './tensors.js';

interface Place {
  random: Random;
  /** Channel. */
  ch: number;
  /** Index in the tensor. */
  k: number;
  /** The least positive number of the type. */
  least: number;
  /** The exponent of its largest number. */
  most: number;
}

type Element = (place: Place) => number;

/** Normal, with a mean and a deviation of its own in each channel. */
const normal: Element = ({ random, ch }) => random.normal() * (0.5 + (ch % 3)) + (ch % 5) - 2;
const around =
  (mean: number): Element =>
  ({ random, ch }) =>
    mean * (ch % 2 === 0 ? 1 : -1) + random.normal() * (1 + (ch % 4));
const sign = (random: Random) => (random.integer(2) === 0 ? 1 : -1);

/** In the domain of the error bounds (docs/numerics.md, section 6), with an epsilon of 1e-5. */
export const PLAIN = {
  normal,
  uniform: ({ random }) => random.uniform(),
  'mean 1e4': around(1e4),
  'mean 1e6': around(1e6),
  /** Around the threshold of the centred pass, mean² = 2²⁰·variance. */
  'mean 2^10 std': ({ random, ch }) => (1000 + 6 * (ch % 9)) * (1 + (ch % 2)) + random.normal() * (1 + (ch % 2)),
  subnormals: ({ random, least }) => Math.round(random.normal() * 1000) * least,
  outlier: ({ random, k }) => (k === 2 ? 1e10 : random.normal()),
  constant: ({ ch }) => [0.1, -1e8, 1 / 3, 0, 1e-30, 1e30][ch % 6],
} satisfies Record<string, Element>;

/** Beyond it: there only agreement is promised. */
export const WILD = {
  'mean 1e8': around(1e8),
  'sixty decades': ({ random }) => sign(random) * 10 ** (60 * random.uniform() - 30),
  zeros: ({ random }) => [0, -0, 0, -0, 1, -1][random.integer(6)],
  'infinities and NaN': (place) => {
    const odd = place.random.integer(40) === 0;
    if (odd && place.ch % 4 === 1) return Infinity * sign(place.random);
    if (odd && place.ch % 4 === 2) return Number.NaN;
    return normal(place);
  },
  'largest numbers': ({ random, most }) => random.normal() * 2 ** most,
} satisfies Record<string, Element>;

export const DATA: Record<string, Element> = { ...PLAIN, ...WILD };

/** Exponents of the least and of the largest numbers. */
const ENDS: Record<KernelDtype, readonly [least: number, most: number]> = {
  float64: [-1074, 1023],
  float32: [-149, 127],
  bfloat16: [-133, 127],
  float16: [-24, 15],
};

function fill(dtype: KernelDtype, { n, c, s }: View, random: Random, element: Element): KernelTensor {
  const array = zeros(parameterDtype(dtype), n * c * s);
  const [least, most] = ENDS[dtype];
  const place: Place = { random, ch: 0, k: 0, least: 2 ** least, most };
  for (let i = 0; i < n; i++) {
    for (place.ch = 0; place.ch < c; place.ch++) {
      for (let j = 0; j < s; j++, place.k++) array[place.k] = element(place);
    }
  }
  return isHalf(dtype) ? tensorOf(dtype, array) : array;
}

/** Everything that a kernel reads. */
export interface Inputs<T extends KernelTensor = Tensor, D extends KernelDtype = Dtype> {
  readonly title: string;
  readonly view: View;
  readonly dtype: D;
  readonly x: T;
  readonly dy: T;
  readonly residual: T;
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly epsilon: number;
}

/** The same of tensors of any type that kernels take. */
export type KernelInputs = Inputs<KernelTensor, KernelDtype>;

const GAMMAS = [1, -0.5, 2, 0, 1.5, -0, 0.01];
const BETAS = [0, 1, -0, -2, 0.125];

/** x of the class; dy and residual of the class too where it is wild, else normal. */
export function inputsOf(dataClass: string, dtype: Dtype, view: View, epsilon?: number): Inputs;
export function inputsOf(dataClass: string, dtype: KernelDtype, view: View, epsilon?: number): KernelInputs;
export function inputsOf(dataClass: string, dtype: KernelDtype, view: View, epsilon = 1e-5): KernelInputs {
  const title = `${dataClass}, ${dtype}, (${view.n}, ${view.c}, ${view.s})`;
  const random = randomFor(title);
  const other = dataClass in WILD ? DATA[dataClass] : normal;
  const perChannel = (values: number[]) =>
    zeros(parameterDtype(dtype), view.c).map((_, ch) => values[ch % values.length]);
  return {
    title,
    view,
    dtype,
    x: fill(dtype, view, random, DATA[dataClass]),
    dy: fill(dtype, view, random, other),
    residual: fill(dtype, view, random, other),
    gamma: perChannel(GAMMAS),
    beta: perChannel(BETAS),
    epsilon,
  };
}
