/** The results of a build in the package: the addon, a stamp that describes it, or why there is none. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { OWN, type Stamp } from '../../backends/native/files.js';
import { hashOfSources } from './products.js';

/** Copies, then renames: nobody ever opens half of it. */
export function install(made: string, file: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(made, temporary);
  try {
    renameSync(temporary, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
    renameSync(file, `${file}.${Date.now()}.old`); // Windows lets nobody replace what is loaded, but move it away
    renameSync(temporary, file);
  }
}

export function stamp(root: string, isas: readonly string[]): void {
  const bytes = readFileSync(join(root, OWN.addon));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const content: Stamp = {
    version,
    date: new Date().toISOString().slice(0, 10),
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sources: hashOfSources(root),
    isas,
  };
  writeFileSync(join(root, OWN.stamp), `${JSON.stringify(content, null, 2)}\n`);
  rmSync(join(root, OWN.failure), { force: true });
}

/** Whether the addon is there, as it was made from the sources of now. */
export function isCurrent(root: string): boolean {
  try {
    const { bytes, sources } = JSON.parse(readFileSync(join(root, OWN.stamp), 'utf8')) as Stamp;
    return statSync(join(root, OWN.addon)).size === bytes && sources === hashOfSources(root);
  } catch {
    return false;
  }
}

/** An addon that an earlier build has left would speak for one that failed. */
export function removeInstalled(root: string): void {
  for (const file of [OWN.addon, OWN.stamp, OWN.failure]) rmSync(join(root, file), { force: true });
}

/** For `backends()`. */
export function noteFailure(root: string, reason: string): void {
  writeFileSync(join(root, OWN.failure), `${reason}\n`);
}
