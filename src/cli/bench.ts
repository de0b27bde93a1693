/** `batchnorm bench`: the benchmark is a program of its own, which ships beside the library as dist-bench. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Failure } from './failure.js';
import { printKeptHelp, requireNeeds } from './needs.js';

/** From dist/cli. */
const PROGRAM = fileURLToPath(new URL('../../dist-bench/index.js', import.meta.url));

/** Runs it with these options, and ends as it ends. */
export async function runBench(options: readonly string[]): Promise<void> {
  if (printKeptHelp('bench', options)) return;
  requireNeeds('bench');
  if (!existsSync(PROGRAM)) throw new Failure('bench: the benchmark is not built; npm run bench builds it and runs it');
  const child = spawn(process.execPath, [PROGRAM, ...options], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; this one waits for what the benchmark makes of it.
  const wait = () => {};
  process.on('SIGINT', wait);
  const pass = () => child.kill('SIGTERM');
  process.on('SIGTERM', pass);
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
  process.off('SIGINT', wait).off('SIGTERM', pass);
}
