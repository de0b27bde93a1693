/** The packages that single commands need. They are optional peers: the library itself installs without them. */
import { Failure } from './failure.js';

const TENSORFLOW = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-wasm'];
const DRAWING = ['@observablehq/plot', 'linkedom', 'cli-progress', 'cli-table3'];

export const PEERS = {
  train: [...TENSORFLOW, ...DRAWING],
  bench: [...TENSORFLOW, '@tensorflow/tfjs-backend-cpu', ...DRAWING, 'benchmark'],
} as const;
export type CommandWithPeers = keyof typeof PEERS;

/** @throws Failure with the one line that installs what is missing. */
export function requirePeers(command: CommandWithPeers): void {
  const missing = missingPeers(command);
  if (missing.length > 0) {
    throw new Failure(
      `${command} needs packages that are not installed; this installs them:\n\n  ${installing(missing)}\n`,
    );
  }
}

export function installing(packages: readonly string[]): string {
  return `npm install ${packages.join(' ')}`;
}

/** Those that do not resolve, without loading the others. */
export function missingPeers(command: CommandWithPeers): string[] {
  return PEERS[command].filter((name) => {
    try {
      import.meta.resolve(name);
      return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
      return true;
    }
  });
}
