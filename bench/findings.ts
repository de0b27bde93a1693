/** Everything that a run finds out; what is written as JSON. */
import type { Row } from './row.js';

export interface Findings {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly rows: Row[];
  /** Cases that are left out, and why. */
  readonly notes: string[];
  /** Contenders that compute something else, processes that ended. */
  readonly failures: string[];
}
