/** Words for what computes, and where. */
import { availableParallelism, cpus, release, type } from 'node:os';
import type { BackendInfo } from 'batchnorm';
import type { Ranks } from './ranks.js';

export function describeBackend({ name, isa, threads }: BackendInfo, ranks: Ranks): string {
  const over = ranks.reducer ? `, over ${ranks.size === 1 ? '1 rank' : `${ranks.size} ranks`} (${ranks.library})` : '';
  return `batchnorm, backend ${name} (${isa}, ${threads === 1 ? '1 thread' : `${threads} threads`})${over}`;
}

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() || process.arch;
  const processors = availableParallelism();
  const count = processors === 1 ? '1 processor' : `${processors} processors`;
  return `${model}, ${count}, ${type()} ${release()} (${process.arch}), Node.js ${process.version}`;
}
