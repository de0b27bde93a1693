/** The packages that only training needs. They are optional peers: the library itself installs without them. */
import { Failure } from './failure.js';

const PACKAGES = [
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-layers',
  '@tensorflow/tfjs-backend-wasm',
  '@observablehq/plot',
  'linkedom',
  'cli-progress',
  'cli-table3',
];

/** @throws Failure with the one line that installs what is missing. */
export async function requirePeers(): Promise<void> {
  const missing: string[] = [];
  for (const name of PACKAGES) {
    try {
      await import(name);
    } catch (error) {
      if (!isMissing(error, name)) throw error;
      missing.push(name);
    }
  }
  if (missing.length > 0) {
    throw new Failure(
      `training needs packages that are not installed; this installs them:\n\n  npm install ${missing.join(' ')}\n`,
    );
  }
}

/** The package itself is missing, not something inside it. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`);
}
