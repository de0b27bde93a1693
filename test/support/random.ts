/** A seeded generator in integer arithmetic: the same numbers in any engine, and in C++ (see digests.ts). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  }

  /** xorshift32 (Marsaglia, Xorshift RNGs, 2003). */
  uint32(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }

  /** 0 ≤ integer < below */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** 0 ≤ number < 1 */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Mean 0, variance 1, bell-shaped between ±3.5: the sum of four uniform numbers. */
  normal(): number {
    const sum = this.uniform() + this.uniform() + this.uniform() + this.uniform();
    return (sum - 2) * Math.sqrt(3);
  }
}

/** All random data of a run derive from it. Failures name it; the environment variable BATCHNORM_SEED sets another. */
export const SEED = Number(process.env['BATCHNORM_SEED'] ?? 1);

/** A generator of its own for each title, so that a test makes the same data whether it runs alone or among others. */
export function randomFor(title: string): Random {
  let hash = SEED;
  for (const character of title) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return new Random(hash);
}
