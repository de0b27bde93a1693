/**
 * Stands for native.ts in bundles for browsers (package.json, `browser`): what looks for files need not be carried
 * there.
 */
import type { Kernels } from '../kernels.js';
import type { LoadOptions } from './loader.js';

const ABSENCE = 'native: a browser loads no addons.';

export function isas(): string[] {
  throw new Error(ABSENCE);
}

export function load(_options: LoadOptions): Kernels {
  throw new Error(ABSENCE);
}

export function loadWith(): Kernels {
  throw new Error(ABSENCE);
}
