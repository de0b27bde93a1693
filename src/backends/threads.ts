/** How many threads a backend uses where nobody says. */
import { availableParallelism } from 'node:os';

/** The processors that this process may use. */
export function availableThreads(): number {
  return availableParallelism();
}
