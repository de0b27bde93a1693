/** A file that is either written whole or not at all. */
import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from './failure.js';

/** @throws Failure, before anything is computed, where a file could not be written there afterwards. */
export function checkWritable(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Failure(`--out ${path}: expected the name of a file, found a folder`);
  }
  const folder = dirname(path);
  try {
    if (!statSync(folder).isDirectory()) throw new Error('it is not a folder');
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new Failure(`--out ${path}: cannot write into the folder ${folder} (${(cause as Error).message})`, { cause });
  }
}

/** Writes beside the file first and renames: nobody ever sees half of it. */
export function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new Failure(`${path}: cannot be written (${(cause as Error).message})`, { cause });
  }
}
