/** All kernels on made-up tensors of any type: a seed is a case, and every contender has the same bits of it. */
import { callAll, VARIANTS } from './calls.js';
import type { Contender } from './contenders.js';
import { DATA, inputsOf } from './data.js';
import { madeUpView, pick } from './made-up.js';
import { Random } from './random.js';
import { firstDifference, KERNEL_DTYPES } from './tensors.js';

/** null where all have the bits of the first; or who differs, where, in which case. */
export function differenceOfKernels(seed: number, contenders: readonly Contender[]): string | null {
  const random = new Random(seed);
  const view = madeUpView(random, 16);
  const inputs = inputsOf(pick(random, Object.keys(DATA)), pick(random, KERNEL_DTYPES), view);
  const variant = pick(random, VARIANTS);
  const offset = random.integer(16);
  const where = `${inputs.title}, ${JSON.stringify(variant)}, offset ${offset}`;
  const [first, ...others] = contenders;
  const { outputs: expected } = callAll(first.kernels, inputs, variant, offset);
  for (const { name, kernels } of others) {
    const { outputs, violation } = callAll(kernels, inputs, variant, offset);
    if (violation !== null) return `${name}: ${violation}; ${where}`;
    for (const [output, values] of outputs) {
      const own = expected.get(output)!;
      const k = firstDifference(values, own);
      if (k !== -1) return `${name}: ${output}[${k}] is ${values[k]}, but ${own[k]} by ${first.name}; ${where}`;
    }
  }
  return null;
}
