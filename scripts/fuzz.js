/**
 * Kernels on made-up tensors, by every backend, instruction set and number of threads of this machine, seed by seed:
 * --seconds=60 (the default), or --cases=1 from --seed=N on, which else is another one each time. The first difference
 * ends it, with the seed of its case.
 */
import { parseArgs } from 'node:util';
import { contendersHere } from '../dist-test/support/contenders.js';
import { differenceOf } from '../dist-test/support/fuzz.js';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string' }, cases: { type: 'string' } },
});
const seed = numberOf('seed', Date.now() % 2 ** 31);
const cases = numberOf('cases', Number.POSITIVE_INFINITY);
const seconds = numberOf('seconds', values.cases === undefined ? 60 : Number.POSITIVE_INFINITY);

const { present, absent } = await contendersHere();
for (const { name, reason } of absent) console.log(`skipped: ${name}: ${reason}`);
console.log(`from seed ${seed} on: ${present.map(({ name }) => name).join('; ')}`);

const end = Date.now() + 1000 * seconds;
let done = 0;
let found = null;
while (found === null && done < cases && Date.now() < end) {
  found = differenceOf(seed + done, present);
  done++;
}
console.log(found ?? `${done} cases: the same bits`);
process.exitCode = found === null ? 0 : 1;

function numberOf(name, otherwise) {
  const number = Number(values[name] ?? otherwise);
  if (!(number >= 0)) throw new RangeError(`--${name}: expected a number of at least 0, got ${values[name]}`);
  return number;
}
