/** Programs in processes of their own. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Runs a file of Node.js with these arguments, on the same terminal, and ends as it ends. */
export async function runFile(file: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; this one waits for what the other makes of it.
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
