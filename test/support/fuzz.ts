/** Made-up cases, by turns of exact sums alone and of all kernels; `npm run fuzz` goes through them seed by seed. */
import type { Contender } from './contenders.js';
import { differenceOfExact } from './exact-fuzz.js';
import { differenceOfKernels } from './kernels-fuzz.js';
import { SEED } from './random.js';

/** Data of kernels come of both seeds. */
const PREFIX = SEED === 1 ? '' : `BATCHNORM_SEED=${SEED} `;

/** null where all contenders have the bits of the first; or who differs, where, and how to see it again. */
export function differenceOf(seed: number, contenders: readonly Contender[]): string | null {
  const found = seed % 2 === 0 ? differenceOfExact(seed, contenders) : differenceOfKernels(seed, contenders);
  return found && `${found}; again: ${PREFIX}npm run fuzz -- --seed=${seed} --cases=1`;
}
