/** The products of `batchnorm build`, and the files that they are built from. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { OWN } from '../../backends/native/files.js';

export interface Product {
  readonly title: string;
  /** Folder of its binding.gyp, from the package's folder. */
  readonly folder: string;
  /** The addon, from there. */
  readonly file: string;
}

export const NATIVE: Product = { title: 'the native addon', folder: '.', file: OWN.addon };
export const MPI: Product = {
  title: 'the addon for MPI',
  folder: join('native', 'mpi'),
  file: 'native/mpi/build/Release/batchnorm_mpi.node',
};

/** In a clone binding.gyp lies at the root. What is packed has a copy elsewhere: package managers look there. */
export function isClone(root: string): boolean {
  return existsSync(join(root, 'binding.gyp'));
}

/** A temporary folder with all that is compiled, laid out like the package. */
export function makeWorkshop(root: string): string {
  const workshop = temporaryFolder(root);
  const isMade = (path: string) => path.split(sep).includes('build');
  cpSync(join(root, 'native'), join(workshop, 'native'), {
    recursive: true,
    filter: (path) => !isMade(path.slice(root.length)),
  });
  cpSync(gypOf(root), join(workshop, 'binding.gyp'));
  // gyp asks scripts for flags. They are ES modules, which Node.js does not find out by itself before 20.19.
  writeFileSync(join(workshop, 'package.json'), '{ "type": "module" }\n');
  cpSync(join(root, 'dist', 'node-addon-api'), join(workshop, 'node_modules', 'node-addon-api'), { recursive: true });
  return workshop;
}

function temporaryFolder(root: string): string {
  try {
    return mkdtempSync(join(tmpdir(), 'batchnorm-build-'));
  } catch {
    return mkdtempSync(join(root, 'build', 'temporary-')); // there is no folder for what is temporary
  }
}

function gypOf(root: string): string {
  return isClone(root) ? join(root, 'binding.gyp') : join(root, 'dist', 'binding.gyp');
}

/** The hash of all that the native addon is compiled from, and for. */
export function hashOfSources(root: string): string {
  const folder = join(root, 'native');
  const isSource = (name: string) => /\.(cc|h|gypi)$/.test(name) && !/^(mpi|driver)\b/.test(name);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isSource);
  const files = [gypOf(root), ...names.sort().map((name) => join(folder, name))];
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex');
}
