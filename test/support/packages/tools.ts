/**
 * The package managers, runtimes and tools of test/tools, whose lock file pins their versions and hashes, and those of
 * test/tools/emulated, which are for other machines: installed once, each list in a folder of the user's cache that is
 * named after its lock file, so that later runs need neither network nor time.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { npm, ROOT } from '../install.js';

const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'batchnorm');

/** Node.js for systems that this one emulates. */
export const EMULATED = 'test/tools/emulated';

export type Tools = (...path: string[]) => string;

/** Where a file of an installed tool is; or why there are none. */
export function installTools(list = 'test/tools'): Tools | { readonly reason: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `${list} is for linux-x64, this is ${process.platform}-${process.arch}` };
  }
  const lock = readFileSync(join(ROOT, list, 'package-lock.json'));
  const folder = join(CACHE, `tools-${createHash('sha256').update(lock).digest('hex').slice(0, 16)}`);
  try {
    if (!existsSync(folder)) installInto(folder, list);
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
  return (...path) => join(folder, 'node_modules', ...path);
}

/** By a rename at the end: a folder of that name is whole, whatever stopped an earlier run. */
function installInto(folder: string, list: string): void {
  console.log(`installing ${list} in ${folder}`);
  mkdirSync(CACHE, { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  try {
    for (const name of ['package.json', 'package-lock.json']) cpSync(join(ROOT, list, name), join(unfinished, name));
    const force = list === EMULATED ? ['--force'] : []; // whatever the processor
    npm(unfinished, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...force]);
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
