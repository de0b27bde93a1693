/** What the tests of packages share, made once in a process: the tools, the registry with the tarball, the user's modules. */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { isRequired } from '../backends.js';
import { compileConsumers, type Report, ROOT, report } from '../install.js';
import { skipAloud } from '../runner.js';
import { suiteOf } from '../suite.js';
import { packAll } from './packed.js';
import { newFolder, newPlace, type Place } from './place.js';
import { serve } from './registry.js';
import { runWell } from './rows.js';
import { installTools, type Tools } from './tools.js';

export interface Prepared {
  readonly tools: Tools;
  readonly registry: string;
  /** The folder of the user's compiled modules: esm.mjs, cjs.cjs, and the probe. */
  readonly modules: string;
  /** What they print where all is well. */
  readonly expected: Report;
  /** A place in which npm has installed the package, with those modules in the folder `compiled`; made when it is first asked for. */
  installed(): Promise<Place>;
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
  const registry = await serve(packAll(newFolder('packed')));
  const modules = compileConsumers(newConsumer());
  const { bits } = report(join(ROOT, 'dist-test'), modules, 'esm.mjs');
  let installing: Promise<Place> | undefined;
  return {
    tools,
    registry,
    modules,
    expected: { backend: 'native', reason: null, bits },
    installed: () => {
      installing ??= install(tools, registry, modules);
      return installing;
    },
  };
}

async function install(tools: Tools, registry: string, modules: string): Promise<Place> {
  const node = tools('node-24', 'bin', 'node');
  const place = newPlace('installed', { node, registry });
  await runWell([node, tools('npm-12', 'bin', 'npm-cli.js'), 'install', 'batchnorm'], place.folder, place.env);
  cpSync(modules, join(place.folder, 'compiled'), { recursive: true });
  return place;
}

/** A folder in which 'batchnorm' means this clone. */
function newConsumer(): string {
  const folder = newFolder('consumer');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'batchnorm'), 'junction');
  return folder;
}
