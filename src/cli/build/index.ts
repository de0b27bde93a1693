/** `batchnorm build`: compiles the addon on this machine, from the sources that came with the package. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from '../../backends/host.js';
import { packageRoot } from '../../backends/package-root.js';
import { Failure } from '../failure.js';
import type { Options, Values } from '../options.js';
import { compile } from './compile.js';
import { install, isCurrent, noteFailure, removeInstalled, stamp } from './installed.js';
import { lock } from './lock.js';
import { findNode, findNodeGyp, headersAtHand } from './node-gyp.js';
import { isClone, MPI, makeWorkshop, NATIVE, type Product } from './products.js';
import { Progress } from './progress.js';

export const BUILD_OPTIONS = {
  mpi: {
    type: 'flag',
    description: 'compile the addon of batchnorm/mpi instead, by mpicc or what MPICC names',
  },
  timeout: {
    type: 'whole number',
    unit: 'seconds',
    description: 'give up then',
    least: 1,
    most: 24 * 3600,
    default: 900,
  },
  /**
   * For `npm ci` in a clone: what fails is said, and does not fail; nothing is done where BATCHNORM_SKIP_NATIVE asks
   * for that, or where the addon is that of the sources.
   */
  optional: { type: 'flag', description: 'for npm ci in a clone: say what fails, and end well', hidden: true },
} as const satisfies Options;

/** @throws Failure with the reason where there is no addon then */
export async function runBuild({ timeout, mpi, optional }: Values<typeof BUILD_OPTIONS>): Promise<void> {
  const root = packageRoot()!;
  const product = mpi ? MPI : NATIVE;
  const milliseconds = timeout * 1000;
  const unlock = lockPackage(root, milliseconds + 60_000);
  try {
    if (optional && isSkipped()) throw new Failure('BATCHNORM_SKIP_NATIVE was set');
    if (optional && isCurrent(root)) return console.log(`batchnorm: ${product.file} is that of these sources`);
    await build(root, product, milliseconds, unlock);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { message } = error;
    if (!mpi && isClone(root)) removeInstalled(root);
    if (!mpi) noteFailure(root, message);
    if (!optional) throw new Failure(`build: ${product.title} was not built: ${message}`);
    console.error(`batchnorm: ${product.title} was not built: ${message}.
batchnorm: WebAssembly will be used instead. backends() gives this reason, and what to do about it.`);
  } finally {
    unlock();
  }
}

function isSkipped(): boolean {
  return /^(1|true|yes)$/i.test(environment('BATCHNORM_SKIP_NATIVE') ?? '');
}

/** @returns what unlocks */
function lockPackage(root: string, milliseconds: number): () => void {
  try {
    mkdirSync(join(root, 'build'), { recursive: true });
    return lock(join(root, 'build', 'lock'), milliseconds);
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const way = root.includes('.zip')
      ? 'it is inside an archive: yarn unplug batchnorm'
      : 'run it as a user who may, before the package gets where it is';
    throw new Failure(`build: ${root} cannot be written (${(cause as Error).message}); ${way}`, { cause });
  }
}

/** In a clone at its place, so that the next build compiles only what has changed; else in a folder that is removed. */
async function build(root: string, product: Product, milliseconds: number, unlock: () => void): Promise<void> {
  if (product === MPI) checkWrapper();
  const inPlace = isClone(root);
  const node = findNode();
  const nodeGyp = findNodeGyp(root, node);
  const workshop = inPlace ? root : makeWorkshop(root);
  const cleanUp = () => {
    if (!inPlace) rmSync(workshop, { recursive: true, force: true, maxRetries: 3 });
    unlock();
  };
  try {
    const temporary = inPlace ? tmpdir() : workshop;
    const progress = new Progress();
    console.error(`batchnorm: building ${product.title}, which takes a minute or more`);
    const args = [
      nodeGyp,
      ...(inPlace && product === NATIVE ? ['configure', 'build'] : ['rebuild']),
      ...headersAtHand(node),
    ];
    const command = { program: node, args, folder: join(workshop, product.folder), temporary, milliseconds };
    const failed = await compile(command, progress, cleanUp);
    if (failed !== null) {
      console.error(failed.said);
      throw new Failure(failed.reason);
    }
    const made = join(workshop, product.file);
    const isas = product === MPI ? [] : check(made);
    if (!inPlace) install(made, join(root, product.file));
    if (product === NATIVE) stamp(root, isas);
    console.log(
      `batchnorm: built ${product.file} in ${progress.seconds} s${isas.length > 0 ? `: ${isas.join(', ')}` : ''}`,
    );
  } finally {
    cleanUp();
  }
}

/** The instruction sets of it that run here. @throws Failure where it is not to be trusted */
function check(file: string): string[] {
  const program = fileURLToPath(new URL('check.js', import.meta.url));
  const { status, stdout, signal } = spawnSync(process.execPath, [program, file], { encoding: 'utf8' });
  if (status === 0) return stdout.trim().split(' ');
  throw new Failure(`it was compiled, but ${stdout.trim() || `opening it ended the process (${signal})`}`);
}

function checkWrapper(): void {
  const wrapper = environment('MPICC') || 'mpicc';
  if (spawnSync(wrapper, ['-show']).error === undefined) return;
  const way = 'Debian and Ubuntu: apt-get install libopenmpi-dev openmpi-bin; MPICC names another wrapper';
  throw new Failure(`${wrapper} was not found. ${way}`);
}
