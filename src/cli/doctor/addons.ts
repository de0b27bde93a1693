/** The files of the native addon, and whether they are what they were when they were made. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { findFiles } from '../../backends/native/files.js';

export interface InspectedAddon {
  /** From the package's folder. */
  readonly path: string;
  readonly origin: string;
  readonly sha256: string;
  /** null where nothing was written down: node-gyp alone has built it in a clone. */
  readonly isAsMade: boolean | null;
}

/** @param root - the package's folder; there are no files in a bundle */
export function inspectAddons(root: string | undefined): { files: InspectedAddon[]; absent: string[] } {
  if (root === undefined) return { files: [], absent: [] };
  const { files, reasons } = findFiles(root);
  const inspected = files.map(({ path, origin, made }) => {
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    const isAsMade = made === undefined ? null : sha256 === made.sha256;
    return { path: relative(root, path), origin, sha256, isAsMade };
  });
  return { files: inspected, absent: reasons.map(({ message }) => message) };
}
