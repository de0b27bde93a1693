/** The door to the demonstration, a program of its own, which ships beside the library as dist-demo. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Failure } from './failure.js';
import { missingNeeds, printKeptHelp } from './needs.js';
import { runApart } from './own-folder.js';

/** From dist/cli. */
const PROGRAM = new URL('../../dist-demo/main.js', import.meta.url);

/** Runs it with these arguments, in this process: only now is it loaded, with the packages that it needs. */
export async function runDemonstration(args: readonly string[]): Promise<void> {
  if (printKeptHelp('train', args)) return;
  if (missingNeeds('train').length > 0) return runApart('train', args.slice(1));
  if (!existsSync(fileURLToPath(PROGRAM))) {
    throw new Failure('train: the demonstration is not built; npm run build:demo builds it');
  }
  const { main } = (await import(PROGRAM.href)) as { main: (args: readonly string[]) => Promise<void> };
  await main(args);
}
