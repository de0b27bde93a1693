/**
 * Digests of what the kernels compute, so that a change of one bit is noticed, and so that a program in another language
 * (native/driver) can be compared on a machine without Node.js. All of it is integer arithmetic.
 *
 * Random numbers: `Random` of random.ts: state = seed·0x9e3779b1 XOR 0x5bd1e995 in 32 bits (1 where that is 0); each draw:
 * state ^= state << 13; state ^= state >> 17; state ^= state << 5; the draw is the state.
 *
 * One element, of `draw` = one draw and `ch` = its channel; an int32 >> is arithmetic, ldexp is exact:
 *   'plain'   fl(ldexp(int32(draw) >> 8, −20) + ch mod 4)                between −8 and 11
 *   'far'     fl(ldexp(int32(draw) >> 8, −20) + 30000·(1 + ch mod 4))    takes the centred pass in every channel
 *   'wild'    by draw mod 64: 0 NaN, 1 +Inf, 2 −Inf in channels with ch mod 4 = 1 only; 3 +0, 4 −0;
 *             5 ldexp(int32(draw) >> 8, −166), subnormal in float32; else ldexp(int32(draw) >> 8, (draw mod 61) − 40)
 * The sum of 'plain' and 'far' is exact in float64, and is then rounded to the type.
 *
 * Arrays are drawn from one generator, seeded by the case, in this order, each in order of its elements: x of the kind of the
 * case; dy, then residual, 'plain' (of the kind of the case where that is 'wild'); gamma [c], then beta [c], 'plain', where
 * the channel of an element is its index. epsilon = 2⁻¹⁰.
 *
 * Calls: forward(x) to y, mean, variance; then backward by that mean and variance, with batch statistics and again with given
 * ones, each to dx, dresidual, dgamma, dbeta. Where the case is not `full`, gamma, beta and residual are drawn, but null is
 * passed, the activation is none, and there is no dresidual; where it is, the activation is relu.
 *
 * Digest: FNV-1a of 64 bits over the bytes, little-endian, of y, mean, variance, then dx, dresidual (if any), dgamma, dbeta of
 * the one backward, then of the other; every NaN as 0x7fc00000 (float32) or 0x7ff8000000000000 (float64). Printed as 16
 * hexadecimal digits.
 */
import type { Tensor } from 'batchnorm';
import type { Kernels, View } from '#dist/kernels.js';
import { Random } from './random.js';
import { type Dtype, zeros } from './tensors.js';

type Kind = 'plain' | 'far' | 'wild';

export interface DigestCase {
  readonly seed: number;
  readonly kind: Kind;
  readonly full: boolean;
  readonly dtype: Dtype;
  readonly view: View;
}

const EPSILON = 2 ** -10;

/** Columns, columns of several groups, short rows, long rows; each with each type. */
const VIEWS: readonly View[] = [
  { n: 5, c: 7, s: 1 },
  { n: 4200, c: 3, s: 1 },
  { n: 170, c: 5, s: 49 },
  { n: 70, c: 3, s: 64 },
  { n: 3, c: 37, s: 67 },
  { n: 2, c: 2, s: 8209 },
];
const KINDS: readonly Kind[] = ['plain', 'far', 'wild'];

/** Every view with every type; kinds in turn. The seed is the number of the case, from 1; every other case is `full`. */
export const DIGEST_CASES: readonly DigestCase[] = VIEWS.flatMap((view, row) =>
  KINDS.flatMap((kind, column) =>
    (['float32', 'float64'] as const).map((dtype, type) => {
      const seed = 1 + (row * KINDS.length + column) * 2 + type;
      return { seed, kind, full: (row + column) % 2 === 0, dtype, view };
    }),
  ),
);

/** Such as far-full-float32-170x5x49. */
export function nameOf({ kind, full, dtype, view: { n, c, s } }: DigestCase): string {
  return `${kind}-${full ? 'full' : 'bare'}-${dtype}-${n}x${c}x${s}`;
}

function element(kind: Kind, draw: number, ch: number): number {
  const integer = (draw | 0) >> 8;
  if (kind === 'plain') return integer * 2 ** -20 + (ch % 4);
  if (kind === 'far') return integer * 2 ** -20 + 30000 * (1 + (ch % 4));
  const special = draw % 64;
  if (special <= 2 && ch % 4 === 1) return [Number.NaN, Infinity, -Infinity][special];
  if (special === 3) return 0;
  if (special === 4) return -0;
  return special === 5 ? integer * 2 ** -166 : integer * 2 ** ((draw % 61) - 40);
}

function draw(random: Random, kind: Kind, dtype: Dtype, { n, c, s }: View): Tensor {
  return zeros(dtype, n * c * s).map((_, k) => element(kind, random.uint32(), Math.floor(k / s) % c));
}

export function digest(kernels: Kernels, { seed, kind, full, dtype, view }: DigestCase): string {
  const random = new Random(seed);
  const other = kind === 'wild' ? kind : 'plain';
  const channels = { n: 1, c: view.c, s: 1 };
  const x = draw(random, kind, dtype, view);
  const dy = draw(random, other, dtype, view);
  const residual = draw(random, other, dtype, view);
  const gamma = draw(random, 'plain', dtype, channels);
  const beta = draw(random, 'plain', dtype, channels);

  const [mean, variance] = [new Float64Array(view.c), new Float64Array(view.c)];
  const affine = { mean, variance, gamma: full ? gamma : null, beta: full ? beta : null, epsilon: EPSILON };
  const added = full ? residual : null;
  const activation = full ? 1 : 0;
  const y = zeros(dtype, x.length);
  kernels.forward(y, x, added, affine, activation, view);
  const hash = new Fnv1a().add(y).add(mean).add(variance);

  for (const batchStatistics of [true, false]) {
    const dx = zeros(dtype, x.length);
    const dresidual = full ? zeros(dtype, x.length) : null;
    const [dgamma, dbeta] = [zeros(dtype, view.c), zeros(dtype, view.c)];
    kernels.backward(dx, dresidual, dgamma, dbeta, dy, x, added, affine, activation, batchStatistics, view);
    hash.add(dx);
    if (dresidual !== null) hash.add(dresidual);
    hash.add(dgamma).add(dbeta);
  }
  return hash.toString();
}

/** FNV-1a of 64 bits, in two halves: hash = (hash XOR byte)·(2⁴⁰ + 0x1b3), from 0xcbf29ce484222325. */
export class Fnv1a {
  #high = 0xcbf29ce4;
  #low = 0x84222325;

  /** Adds the elements with their NaNs made equal. */
  add(array: Tensor): this {
    const canonical = array.map((value) => (Number.isNaN(value) ? Number.NaN : value));
    return this.addBytes(new Uint8Array(canonical.buffer, canonical.byteOffset, canonical.byteLength));
  }

  addBytes(bytes: Uint8Array): this {
    for (const byte of bytes) {
      const low = (this.#low ^ byte) >>> 0;
      const product = low * 0x1b3;
      this.#high = (Math.imul(this.#high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
      this.#low = product >>> 0;
    }
    return this;
  }

  toString(): string {
    return [this.#high, this.#low].map((half) => half.toString(16).padStart(8, '0')).join('');
  }
}
