/** `batchnorm bench`: the benchmark is a program of its own, which ships beside the library as dist-bench. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runFile } from './child.js';
import { Failure } from './failure.js';
import { missingNeeds, printKeptHelp } from './needs.js';
import { runApart } from './own-folder.js';

/** From dist/cli. */
const PROGRAM = fileURLToPath(new URL('../../dist-bench/index.js', import.meta.url));

/** Runs it with these options, and ends as it ends. */
export async function runBench(options: readonly string[]): Promise<void> {
  if (printKeptHelp('bench', options)) return;
  if (missingNeeds('bench').length > 0) return runApart('bench', options);
  if (!existsSync(PROGRAM)) throw new Failure('bench: the benchmark is not built; npm run bench builds it and runs it');
  await runFile(PROGRAM, options);
}
