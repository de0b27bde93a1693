/** The packages that single commands need. They are optional peers: the library itself installs without them. */
import { packageManager } from '../backends/native/advice.js';
import { packageRoot } from '../backends/package-root.js';
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
  const manager = packageManager(packageRoot() ?? '');
  if (manager === 'deno') return `deno add ${packages.map((name) => `npm:${name}`).join(' ')}`;
  return `${manager} ${manager === 'npm' ? 'install' : 'add'} ${packages.join(' ')}`;
}

/** Those that do not resolve, without loading the others. */
export function missingPeers(command: CommandWithPeers): string[] {
  return PEERS[command].filter((name) => {
    try {
      import.meta.resolve(name);
      return false;
    } catch {
      return true; // by one code or another: Yarn Plug'n'Play has its own
    }
  });
}
