/** The order in which jobs are done. */
import type { Job } from '../runs/settings.js';

/**
 * Jobs with few steps first: whoever interrupts early has many runs that are whole, and nothing is kept of a run that
 * is not. The long ones at the end are equally long, so that no worker waits for another one for more than one run.
 */
export function shortFirst(jobs: readonly Job[]): Job[] {
  return [...jobs].sort((a, b) => a.steps - b.steps);
}
