/** All kernels on made-up tensors of any type: a seed is a case, and every contender has the same bits of it. */
import type { Kernels, RowSums, View } from '#dist/kernels.js';
import { callAll, VARIANTS } from './calls.js';
import type { Contender } from './contenders.js';
import { DATA, inputsOf, type KernelInputs } from './data.js';
import { madeUpView, oneIn, pick } from './made-up.js';
import { Random } from './random.js';
import { firstDifference, KERNEL_DTYPES, tableOf } from './tensors.js';

/** null where all have the bits of the first; or who differs, where, in which case. */
export function differenceOfKernels(seed: number, contenders: readonly Contender[]): string | null {
  const random = new Random(seed);
  const view = madeUpView(random, 16);
  const inputs = inputsOf(pick(random, Object.keys(DATA)), pick(random, KERNEL_DTYPES), view);
  const variant = pick(random, VARIANTS);
  const offset = random.integer(16);
  const where = `${inputs.title}, ${JSON.stringify(variant)}, offset ${offset}`;
  const chosen = chosenRows(random, view);
  const call = ({ kernels }: Contender) => {
    const { outputs, violation } = callAll(kernels, inputs, variant, offset);
    // WebAssembly has those of the reference.
    if (kernels.name === 'wasm') return { violation, outputs };
    const { first, second } = rowSumsOf(kernels, inputs, chosen);
    return { violation, outputs: new Map([...outputs, ['rowSums: first', first], ['rowSums: second', second]]) };
  };
  const [first, ...others] = contenders;
  const { outputs: expected } = call(first);
  for (const contender of others) {
    const { outputs, violation } = call(contender);
    const { name } = contender;
    if (violation !== null) return `${name}: ${violation}; ${where}`;
    for (const [output, values] of outputs) {
      const own = expected.get(output)!;
      const k = firstDifference(values, own);
      if (k !== -1) return `${name}: ${output}[${k}] is ${values[k]}, but ${own[k]} by ${first.name}; ${where}`;
    }
  }
  return null;
}

/** What `rowSums` is given beside the tensor. */
interface Chosen {
  readonly positions: Int32Array | null;
  readonly weights: Float64Array | null;
  readonly center: Float64Array | null;
}

/** Some rows, in order, or all; by weights or not. */
function chosenRows(random: Random, { n, c, s }: View): Chosen {
  const all = Array.from({ length: n * s }, (_, position) => position);
  const some = all.filter(() => oneIn(random, 2));
  const positions = some.length === 0 || oneIn(random, 4) ? null : Int32Array.from(some);
  const count = positions?.length ?? all.length;
  const numbers = (length: number) => Float64Array.from({ length }, () => random.uniform());
  return {
    positions,
    weights: oneIn(random, 2) ? numbers(count) : null,
    center: oneIn(random, 3) ? null : numbers(c),
  };
}

function rowSumsOf(
  kernels: Kernels,
  { dtype, x, view }: KernelInputs,
  { positions, weights, center }: Chosen,
): RowSums {
  const sums = { first: new Float64Array(view.c), second: new Float64Array(view.c) };
  tableOf(kernels, dtype).rowSums(sums, x, positions, weights, center, view);
  return sums;
}
