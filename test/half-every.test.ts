/**
 * Inference of every number of 16 bits, of every backend and instruction set: the float32 operations of
 * docs/numerics.md, section 4, and one rounding. Scales of one bit more than a number has make results half-way.
 */
import { forwardInference, fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from 'batchnorm';
import * as assert from 'uvu/assert';
import { allUnderTest } from './support/backends.js';
import { suiteOf } from './support/suite.js';

const COUNT = 2 ** 16;
const FORMATS = {
  float16: { widen: fromFloat16, round: toFloat16, half: 2 ** -11, least: 2 ** -10 },
  bfloat16: { widen: fromBfloat16, round: toBfloat16, half: 2 ** -8, least: 2 ** -120 },
} as const;

/** Shapes of c channels of all numbers: planes, and channels last: few of them, an odd number, an even one. */
const LAYOUTS = [
  { c: 3, channelsLast: false },
  { c: 3, channelsLast: true },
  { c: 37, channelsLast: true },
  { c: 70, channelsLast: true },
] as const;

for (const dtype of ['float16', 'bfloat16'] as const) {
  const { widen, round, half, least } = FORMATS[dtype];
  const scales = [1, 1 + half, -1 - 3 * half, least * (1 + half), 1 / least];
  const offsets = [0, -1, half];

  /** x, y and the y of relu; computed here, by single numbers. */
  const cases = LAYOUTS.map(({ c, channelsLast }) => {
    const rows = Math.ceil(COUNT / (channelsLast ? c : 1));
    const x = new Uint16Array(rows * c);
    const z = new Float32Array(x.length);
    const gamma = Float32Array.from({ length: c }, (_, ch) => scales[ch % scales.length]);
    const beta = Float32Array.from({ length: c }, (_, ch) => offsets[ch % offsets.length]);
    for (let k = 0; k < x.length; k++) {
      x[k] = k % COUNT;
      const ch = channelsLast ? k % c : Math.floor(k / rows);
      z[k] = Math.fround(widen(x.subarray(k, k + 1))[0] * gamma[ch]) + beta[ch];
    }
    const shape = channelsLast ? [rows, c] : [1, c, rows];
    return { shape, x, gamma, beta, y: round(z), rectified: round(z.map((value) => (value <= 0 ? 0 : value))) };
  });

  for (const backend of allUnderTest()) {
    const test = suiteOf(`${backend.name}/${backend.isa}: ${dtype}: inference of every number`);
    for (const { shape, x, gamma, beta, y, rectified } of cases) {
      const c = gamma.length;
      const options = {
        dtype,
        gamma,
        beta,
        epsilon: 0,
        mean: new Float64Array(c),
        variance: new Float64Array(c).fill(1),
      };
      for (const [activation, expected] of [
        ['none', y],
        ['relu', rectified],
      ] as const) {
        test(`[${shape}], ${activation}`, () => {
          backend.use();
          const actual = forwardInference(x, shape, { ...options, activation });
          const wrong = actual.findIndex((bits, k) => bits !== expected[k] && !areNaN(bits, expected[k]));
          assert.is(wrong, -1, `${x[wrong]} became ${actual[wrong]}, not ${expected[wrong]}`);
        });
      }
    }
  }

  /** Any NaN is as good as any other one. */
  function areNaN(...bits: number[]): boolean {
    return widen(Uint16Array.from(bits)).every(Number.isNaN);
  }
}
