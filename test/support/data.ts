/** Classes of data: what a kernel may meet, pleasant and not. */
import type { Tensor } from 'batchnorm';
import type { View } from '#dist/kernels.js';
import { type Random, randomFor } from './random.js';
import { type Dtype, zeros } from './tensors.js';

interface Place {
  random: Random;
  /** Channel. */
  ch: number;
  /** Index in the tensor. */
  k: number;
  /** The least positive number of the type. */
  least: number;
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
  'largest numbers': ({ random, least }) => random.normal() * (least === 2 ** -149 ? 2 ** 127 : 2 ** 1023),
} satisfies Record<string, Element>;

export const DATA: Record<string, Element> = { ...PLAIN, ...WILD };

function fill(dtype: Dtype, { n, c, s }: View, random: Random, element: Element): Tensor {
  const array = zeros(dtype, n * c * s);
  const place: Place = { random, ch: 0, k: 0, least: dtype === 'float32' ? 2 ** -149 : 2 ** -1074 };
  for (let i = 0; i < n; i++) {
    for (place.ch = 0; place.ch < c; place.ch++) {
      for (let j = 0; j < s; j++, place.k++) array[place.k] = element(place);
    }
  }
  return array;
}

/** Everything that a kernel reads. */
export interface Inputs {
  readonly title: string;
  readonly view: View;
  readonly dtype: Dtype;
  readonly x: Tensor;
  readonly dy: Tensor;
  readonly residual: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly epsilon: number;
}

const GAMMAS = [1, -0.5, 2, 0, 1.5, -0, 0.01];
const BETAS = [0, 1, -0, -2, 0.125];

/** x of the class; dy and residual of the class too where it is wild, else normal. */
export function inputsOf(dataClass: string, dtype: Dtype, view: View, epsilon = 1e-5): Inputs {
  const title = `${dataClass}, ${dtype}, (${view.n}, ${view.c}, ${view.s})`;
  const random = randomFor(title);
  const other = dataClass in WILD ? DATA[dataClass] : normal;
  const perChannel = (values: number[]) => zeros(dtype, view.c).map((_, ch) => values[ch % values.length]);
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
