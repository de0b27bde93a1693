/** How many threads a backend uses where nobody says. docs/threads.md explains and measures it. */
import { type CpuQuota, cpuQuota, type ReadText } from './cgroups.js';
import { builtin } from './host.js';

/** The default number of threads, and the limits that it follows from. */
export interface ThreadBudget {
  readonly threads: number;
  /** The processors that the system lets this process run on. */
  readonly processors: number;
  /** The least limit of processor time, where there is one: control groups of Linux, thus containers. */
  readonly quota?: CpuQuota;
}

/** The number of threads by default: that of the processors, but not more than the quota pays for. */
export function availableThreads(): number {
  return threadBudget().threads;
}

export function threadBudget(): ThreadBudget {
  const os = builtin<typeof import('node:os')>('node:os');
  const processors = os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
  return budgetOf(processors, os?.platform() === 'linux' ? cpuQuota(readText) : undefined);
}

/**
 * Quotas are rounded up, as Java and Go do: with a quota of 1.5, two threads make 28 % more calls than one
 * (docs/threads.md). Below one processor there is one thread.
 */
export function budgetOf(processors: number, quota: CpuQuota | undefined): ThreadBudget {
  if (quota === undefined) return { threads: processors, processors };
  return { threads: Math.max(1, Math.min(processors, Math.ceil(quota.processors))), processors, quota };
}

const readText: ReadText = (path) => {
  try {
    return builtin<typeof import('node:fs')>('node:fs')?.readFileSync(path, 'utf8');
  } catch {
    return undefined; // absent, or not ours to read
  }
};
