/** How many threads a backend uses where nobody says. */
import { builtin } from './host.js';

/** The processors that this process may use. */
export function availableThreads(): number {
  const os = builtin<typeof import('node:os')>('node:os');
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}
