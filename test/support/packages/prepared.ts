/**
 * What the tests of packages share, made once in a process: the tools, the registry with the tarball, the user's
 * modules.
 */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { targetOfProcess } from '#dist/backends/native/target.js';
import { isRequired } from '../backends.js';
import { compileConsumers, type Report, ROOT, report } from '../install.js';
import { skipAloud } from '../runner.js';
import { suiteOf } from '../suite.js';
import { packOnce } from './packed.js';
import { newFolder, newPlace, type Place, write } from './place.js';
import { type Packed, serve } from './registry.js';
import { runWell } from './rows.js';
import { installTools, type Tools } from './tools.js';

type Files = Readonly<Record<string, string>>;

export interface Prepared {
  readonly tools: Tools;
  /** The tarball of this package, and what its package.json says. */
  readonly packed: Packed;
  readonly registry: string;
  /** The folder of the user's compiled modules: esm.mjs, cjs.cjs, and the probe. */
  readonly modules: string;
  /** What they print where all is well. */
  readonly expected: Report;
  /**
   * A place of one's own in which npm has installed the package, with those modules in the folder `compiled`, and
   * files.
   */
  installed(name: string, files?: Files): Promise<Place>;
}

let preparing: Promise<Prepared | null> | undefined;

/** Null where the tools cannot be had: that is said aloud, or fails where BATCHNORM_REQUIRE names `packages`. */
export function prepared(): Promise<Prepared | null> {
  preparing ??= prepare();
  return preparing;
}

async function prepare(): Promise<Prepared | null> {
  const tools = installTools();
  if (typeof tools !== 'function') {
    if (isRequired('packages')) suiteOf('packages: required')('are there', () => assert.unreachable(tools.reason));
    else skipAloud('packages', tools.reason);
    return null;
  }
  const packed = packOnce(newFolder('packed'));
  const registry = await serve([packed]);
  const modules = compileConsumers(newConsumer());
  const { bits } = report(join(ROOT, 'dist-test'), modules, 'esm.mjs');
  const expected = { backend: 'native', origin: `prebuilt ${targetOfProcess()}`, reason: null, bits };
  let installing: Promise<Place> | undefined;
  const installed = async (name: string, files: Files = {}): Promise<Place> => {
    installing ??= installByNpm(tools, registry);
    const place = newPlace(name, { node: nodeOf(tools), registry });
    cpSync((await installing).folder, place.folder, { recursive: true });
    cpSync(modules, join(place.folder, 'compiled'), { recursive: true });
    write(place.folder, files);
    return place;
  };
  return { tools, packed, registry, modules, expected, installed };
}

/** A folder in which 'batchnorm' means this clone. */
function newConsumer(): string {
  const folder = newFolder('consumer');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'batchnorm'), 'junction');
  return folder;
}

async function installByNpm(tools: Tools, registry: string): Promise<Place> {
  const place = newPlace('installed', { node: nodeOf(tools), registry });
  const npm = [nodeOf(tools), tools('npm-12', 'bin', 'npm-cli.js')];
  await runWell([...npm, 'install', 'batchnorm'], place.folder, place.env);
  return place;
}

function nodeOf(tools: Tools): string {
  return tools('node-24', 'bin', 'node');
}
