/** float32 data that are hard to sum. */
import type { Random } from './random.js';

type Make = (random: Random, k: number, ch: number) => number;

const LEAST = 2 ** -149;
const GREATEST = (2 - 2 ** -23) * 2 ** 127;
const sign = (random: Random) => (random.integer(2) === 0 ? 1 : -1);
/** Any bits of a significand. */
const odd = (random: Random) => 1 + random.integer(2 ** 23) * 2 ** -23;
const pick = (random: Random, values: readonly number[]) => values[random.integer(values.length)];

/** exp of a normal number with a deviation of `sigma`: σ = 3 reaches over some 60 binades where squares are counted. */
const logNormal =
  (sigma: number): Make =>
  (random) =>
    sign(random) * Math.exp(sigma * random.normal());

/** Exponents in a span: the windows of bins are tried at their ends, and one beyond. */
const span =
  (binades: number, from = -30): Make =>
  (random, k) =>
    sign(random) * odd(random) * 2 ** (from + (k < 2 ? binades * k : random.integer(binades + 1)));

/** One class for each number. */
function each(numbers: readonly number[], of: string, make: (number: number) => Make): Record<string, Make> {
  return Object.fromEntries(numbers.map((number) => [`${number} ${of}`, make(number)]));
}

/**
 * Values of one sign that are as large as they can be, which fill a bin most, and one that is so many binades below.
 */
const full =
  (binades: number): Make =>
  (_, k) =>
    k % 509 === 3 ? (1 + 2 ** -23) * 2 ** (60 - binades) : (2 - 2 ** -23) * 2 ** 60;

const FINITE: Record<string, Make> = {
  normal: (random) => random.normal(),
  'relu of normal': (random) => Math.max(0, random.normal()),
  'mean 1e6': (random, _, ch) => 1e6 * (ch % 2 === 0 ? 1 : -1) + random.normal(),
  constant: (_, __, ch) => [0.1, -1e8, 1 / 3, 1e-30, GREATEST, LEAST, -0, -GREATEST][ch % 8],
  zeros: (random) => sign(random) * 0,
  'zeros and few others': (random) => (random.integer(9) === 0 ? random.normal() : -0),
  subnormals: (random) => sign(random) * random.integer(2 ** 23) * LEAST,
  'around the least normal': (random) => sign(random) * odd(random) * 2 ** (-128 + random.integer(4)),
  '1e38 and 1e-38': (random) => sign(random) * pick(random, [1e38, 1e-38, 3e38, 3e-39]) * odd(random),
  'greatest and least': (random) => sign(random) * pick(random, [GREATEST, LEAST, 2 ** 127, 2 ** -126]),
  'all greatest': () => GREATEST,
  'cancelling pairs': (random, k) =>
    (k % 2 === 0 ? 1 : -1) * (1 + (k >> 1)) * 2 ** 20 * (k % 37 === 0 ? odd(random) : 1),
  'one huge among tiny': (random, k) => (k === 3 ? 1e30 : random.normal() * 1e-20),
  'one tiny among huge': (random, k) => (k === 3 ? 1e-30 : random.normal() * 1e20),
  'log-normal 1': logNormal(1),
  'log-normal 3': logNormal(3),
  'log-normal 12': logNormal(12),
  'all exponents': (random) => sign(random) * odd(random) * 2 ** (random.integer(276) - 149),
  ...each([0, 18, 19, 20, 21, 22, 25, 26, 27, 28, 39, 40, 41, 42, 43, 62, 84, 90, 107, 108, 120], 'binades', span),
  ...each(
    [18, 19, 20, 21, 26, 27, 28, 41, 42, 43, 62, 63, 64, 65, 84, 106, 107, 108, 109, 130],
    'binades below full',
    full,
  ),
  '20 binades, high': span(20, 107),
  '20 binades, low': span(20, -149),
  'a window that moves': (random, k) => random.normal() * 2 ** (((k >> 9) % 16) * 15 - 120),
  'ends of a significand': (random) =>
    sign(random) * pick(random, [1, 2 - 2 ** -23, 1 + 2 ** -23, 1 + 2 ** -12, 2 - 2 ** -12]),
};

const sometimes =
  (values: readonly number[], oneIn: number): Make =>
  (random, _, ch) =>
    ch % 3 !== 2 && random.integer(oneIn) === 0 ? pick(random, values) : random.normal();

const NOT_FINITE: Record<string, Make> = {
  'Infinity at times': sometimes([Infinity], 20),
  '−Infinity at times': sometimes([-Infinity], 20),
  'both infinities': sometimes([Infinity, -Infinity], 4),
  'NaN at times': sometimes([Number.NaN], 20),
  'Infinity, −Infinity, NaN, zeros': sometimes([Infinity, -Infinity, Number.NaN, 0, -0, GREATEST], 3),
};

export const EXACT_DATA: Record<string, Make> = { ...FINITE, ...NOT_FINITE };

/** A tensor (n, c, s) of one class; element k of a channel counts from 0. */
export function exactData(
  name: string,
  { n, c, s }: { n: number; c: number; s: number },
  random: Random,
): Float32Array {
  const make = EXACT_DATA[name];
  const x = new Float32Array(n * c * s);
  for (let k = 0; k < x.length; k++) {
    const row = Math.floor(k / s);
    x[k] = make(random, Math.floor(row / c) * s + (k % s), row % c);
  }
  return x;
}
