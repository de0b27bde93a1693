/** The exact sums by integers of any size: docs/numerics.md, section 10. No line is shared with the library. */
import { type GradientSumArrays, RECORD, type View } from '#dist/kernels.js';
import { indices } from './oracle.js';

/** numerator·2^exponent/denominator */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly exponent: number;
}

const word = new DataView(new ArrayBuffer(8));

/** A float32 in units of 2⁻¹⁴⁹. */
function unitsOf(value: number): bigint {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  const field = (bits >>> 23) & 255;
  const fraction = BigInt(bits & 0x7fffff);
  const magnitude = field === 0 ? fraction : (fraction | 0x800000n) << BigInt(field - 1);
  return bits >>> 31 === 1 ? -magnitude : magnitude;
}

/** A finite float64 in units of 2⁻¹⁰⁷⁴. */
function unitsOfDouble(value: number): bigint {
  word.setFloat64(0, value);
  const bits = word.getBigUint64(0);
  const field = (bits >> 52n) & 2047n;
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = field === 0n ? fraction : (fraction | 0x10000000000000n) << (field - 1n);
  return bits >> 63n === 1n ? -magnitude : magnitude;
}

/** One sum of a channel. */
export class ExactSum {
  units = 0n;
  /** Of +Infinity, −Infinity and NaN. */
  readonly counts = [0, 0, 0];

  add(term: number, units: () => bigint): void {
    if (Number.isNaN(term)) this.counts[2]++;
    else if (term === Infinity) this.counts[0]++;
    else if (term === -Infinity) this.counts[1]++;
    else this.units += units();
  }

  get isFinite(): boolean {
    return this.counts.every((count) => count === 0);
  }

  /** What the terms that are not finite come to. */
  get odd(): number {
    const [up, down, none] = this.counts;
    return none > 0 || (up > 0 && down > 0) ? Number.NaN : up > 0 ? Infinity : -Infinity;
  }
}

export type ExactPair = readonly [first: ExactSum, second: ExactSum];

/** Σ p and Σ p·q of each channel; p and q are float32. */
export function exactPairs(p: Float32Array, q: (k: number, ch: number) => number, view: View): ExactPair[] {
  return Array.from({ length: view.c }, (_, ch) => {
    const pair: ExactPair = [new ExactSum(), new ExactSum()];
    for (const k of indices(view, ch)) {
      const factor = q(k, ch);
      pair[0].add(p[k], () => unitsOf(p[k]));
      pair[1].add(p[k] * factor, () => unitsOf(p[k]) * unitsOf(factor));
    }
    return pair;
  });
}

/** Records as `RECORD` says. */
export function recordsOf(pairs: readonly ExactPair[]): Float64Array {
  const records = new Float64Array(RECORD.numbers * pairs.length);
  pairs.forEach((pair, ch) => {
    [RECORD.first, RECORD.second].forEach(({ at, limbs, counts }, i) => {
      const { units, counts: odd } = pair[i];
      for (let k = 0; k < limbs; k++) {
        const limb = units >> BigInt(32 * k);
        records[ch * RECORD.numbers + at + k] = Number(k < limbs - 1 ? BigInt.asUintN(32, limb) : limb);
      }
      records.set(odd, ch * RECORD.numbers + counts);
    });
  });
  return records;
}

/** The integers of records again. */
export function pairsOf(records: Float64Array): ExactPair[] {
  return Array.from({ length: records.length / RECORD.numbers }, (_, ch) => {
    const own = records.subarray(ch * RECORD.numbers, (ch + 1) * RECORD.numbers);
    return [sumAt(own, RECORD.first), sumAt(own, RECORD.second)] as const;
  });
}

function sumAt(own: Float64Array, { at, limbs, counts }: { at: number; limbs: number; counts: number }): ExactSum {
  const sum = new ExactSum();
  for (let k = 0; k < limbs; k++) sum.units += BigInt(own[at + k]) << BigInt(32 * k);
  for (let k = 0; k < 3; k++) sum.counts[k] = own[counts + k];
  return sum;
}

/** Records of both together. */
export function together(a: Float64Array, b: Float64Array): Float64Array {
  const others = pairsOf(b);
  const pairs = pairsOf(a);
  pairs.forEach((pair, ch) => {
    pair.forEach((sum, i) => {
      sum.units += others[ch][i].units;
      for (let k = 0; k < 3; k++) sum.counts[k] += others[ch][i].counts[k];
    });
  });
  return recordsOf(pairs);
}

const abs = (value: bigint) => (value < 0n ? -value : value);

/**
 * Why a number is not the nearest to a rational, or null where it is: the distance is at most half of that to either
 * neighbour, and where it is just that, the last bit is 0. Zero is +0.
 */
export function whyNotNearest(value: number, { numerator, denominator, exponent }: Rational): string | null {
  if (!Number.isFinite(value)) return `${value} is not finite`;
  if (numerator === 0n) return Object.is(value, 0) ? null : `${value} is not +0`;
  if (Object.is(value, -0)) return 'it is −0';
  // Everything times denominator·2^down·2¹⁰⁷⁴.
  const down = BigInt(Math.max(0, -exponent - 1074));
  const up = BigInt(Math.max(0, exponent + 1074));
  const scaled = (number: number) => (unitsOfDouble(number) * denominator) << down;
  const exact = numerator << up;
  const distance = abs(scaled(value) - exact);
  const neighbour = exact > scaled(value) ? next(value) : -next(-value);
  const gap = abs(scaled(neighbour) - scaled(value));
  if (2n * distance < gap || (2n * distance === gap && isLastBitZero(value))) return null;
  return `${value} is not the nearest, ${neighbour} is nearer`;
}

function isLastBitZero(value: number): boolean {
  word.setFloat64(0, value);
  return word.getUint32(4) % 2 === 0;
}

/** The next larger float64. */
function next(value: number): number {
  if (value === 0) return 2 ** -1074;
  word.setFloat64(0, value);
  word.setBigInt64(0, word.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return word.getFloat64(0);
}

/** Why mean and variance of a channel are not S/m and (m·Q − S²)/m², rounded once; null where they are. */
export function whyNotStatistics(mean: number, variance: number, [s, q]: ExactPair, count: number): string | null {
  if (!s.isFinite || count === 0) {
    const expected = count === 0 ? Number.NaN : s.odd;
    return Object.is(mean, expected) && Number.isNaN(variance) ? null : `${mean}, ${variance}: not ${expected}, NaN`;
  }
  const m = BigInt(count);
  const ofMean = whyNotNearest(mean, { numerator: s.units, denominator: m, exponent: -149 });
  if (ofMean !== null) return `mean: ${ofMean}`;
  const numerator = m * q.units - s.units * s.units;
  const ofVariance = whyNotNearest(variance, { numerator, denominator: m * m, exponent: -298 });
  return ofVariance === null ? null : `variance: ${ofVariance}`;
}

/** Why the sums of a channel are not G and H − (mean − fl(mean))·G, rounded once; null where they are. */
export function whyNotGradients(sums: GradientSumArrays, ch: number, [g, h]: ExactPair, mean: number): string | null {
  const sumDy = sums.sumDy[ch];
  const deviation = sums.sumDyDeviation[ch];
  if (g.isFinite) {
    const why = whyNotNearest(sumDy, { numerator: g.units, denominator: 1n, exponent: -149 });
    if (why !== null) return `sumDy: ${why}`;
  } else if (!Object.is(sumDy, g.odd)) return `sumDy: ${sumDy} is not ${g.odd}`;
  const rest = mean - Math.fround(mean);
  if (g.isFinite && h.isFinite && Number.isFinite(rest)) {
    // 2⁻¹²²³ = 2⁻¹⁰⁷⁴·2⁻¹⁴⁹
    const numerator = (h.units << BigInt(1223 - 298)) - unitsOfDouble(rest) * g.units;
    const why = whyNotNearest(deviation, { numerator, denominator: 1n, exponent: -1223 });
    return why === null ? null : `sumDyDeviation: ${why}`;
  }
  const expected = (h.isFinite ? ofUnits(h.units) : h.odd) - rest * sumDy;
  return Object.is(deviation, expected) ? null : `sumDyDeviation: ${deviation} is not ${expected}`;
}

/** units·2⁻²⁹⁸, rounded once: Number(bigint) rounds to nearest, and nothing above the least unit is subnormal. */
function ofUnits(units: bigint): number {
  return Number(units) * 2 ** -298;
}
