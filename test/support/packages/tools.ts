/**
 * The package managers, runtimes and tools of test/tools, whose lock file pins their versions and hashes: installed once, in a folder
 * of the user's cache that is named after the lock file, so that later runs need neither network nor time.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { npm, ROOT } from '../install.js';

const TABLE = join(ROOT, 'test', 'tools');
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'batchnorm');

export type Tools = (...path: string[]) => string;

/** Where a file of an installed tool is; or why there are none. */
export function installTools(): Tools | { readonly reason: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `test/tools has programs for linux-x64, this is ${process.platform}-${process.arch}` };
  }
  const lock = readFileSync(join(TABLE, 'package-lock.json'));
  const folder = join(CACHE, `tools-${createHash('sha256').update(lock).digest('hex').slice(0, 16)}`);
  try {
    if (!existsSync(folder)) installInto(folder);
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
  return (...path) => join(folder, 'node_modules', ...path);
}

/** By a rename at the end: a folder of that name is whole, whatever stopped an earlier run. */
function installInto(folder: string): void {
  console.log(`installing test/tools in ${folder}`);
  mkdirSync(CACHE, { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  try {
    cpSync(TABLE, unfinished, { recursive: true });
    npm(unfinished, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
