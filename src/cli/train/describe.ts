/** Words for what computes, and where. */
import { availableParallelism, cpus, release, type } from 'node:os';
import type { BackendInfo } from '../../index.js';

export function describeBackend({ name, isa, threads }: BackendInfo): string {
  return `batchnorm, backend ${name} (${isa}, ${threads === 1 ? '1 thread' : `${threads} threads`})`;
}

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() || process.arch;
  return `${model}, ${availableParallelism()} processors, ${type()} ${release()} (${process.arch}), Node.js ${process.version}`;
}
