/**
 * `npm run bench`: validates every backend against the reference, bit by bit, and times those that pass. GB/s counts the
 * bytes that must be moved, however often a kernel moves them.
 */
import { cpus } from 'node:os';
import Benchmark from 'benchmark';
import type { Kernels } from '#dist/kernels.js';
import { Case, contenders, OPERATIONS, type Operation } from './contenders.js';
import { SHAPES } from './shapes.js';

const [reference, ...others] = contenders();
console.log(`${cpus()[0].model}, Node.js ${process.version}; one thread; median of the samples\n`);

for (const shape of SHAPES) {
  const on = new Case(shape);
  const valid = [reference, ...others.filter((kernels) => isValid(kernels, on))];
  for (const operation of OPERATIONS) time(shape.title, operation, on, valid);
}

/** Equal to the reference in y and dx; says so where it is not. */
function isValid(kernels: Kernels, on: Case): boolean {
  const outputs = (of: Kernels) => {
    for (const operation of OPERATIONS) on.run(of, operation);
    return Buffer.concat([new Uint8Array(on.y.buffer), new Uint8Array(on.dx.buffer)]);
  };
  const equal = outputs(kernels).equals(outputs(reference));
  if (!equal) console.log(`left out: ${kernels.name} (${kernels.isa}) differs from the reference`);
  return equal;
}

function time(title: string, operation: Operation, on: Case, valid: readonly Kernels[]): void {
  console.log(`${operation} ${title}`);
  const suite = new Benchmark.Suite();
  for (const kernels of valid) {
    const name = `${kernels.name} (${kernels.isa})`;
    suite.add(name, () => on.run(kernels, operation), { maxTime: 0.5, minSamples: 5 });
  }
  suite.on('cycle', ({ target }: Benchmark.Event) => report(target, on.bytes(operation)));
  suite.run({ async: false });
  console.log();
}

function report({ name, stats }: Benchmark.Target, bytes: number): void {
  const sorted = [...(stats?.sample ?? [])].sort((a, b) => a - b);
  const seconds = sorted[Math.floor(sorted.length / 2)];
  const speed = (bytes / seconds / 1e9).toFixed(1);
  console.log(`  ${name?.padEnd(24)} ${(seconds * 1e3).toFixed(4).padStart(10)} ms ${speed.padStart(7)} GB/s`);
}
