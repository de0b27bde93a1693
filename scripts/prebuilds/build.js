// `npm run build:prebuilds [-- target…]`: the addon for other machines than this one, into prebuilds/, by compilers of
// Debian and what toolchain/package-lock.json names by its hash.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unitsOf } from './gyp.js';
import { TARGETS } from './targets.js';
import { headersOf, hostLibrary, nodeApiHeaders, systemLibrary } from './toolchain.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const output = join(root, 'prebuilds');
const manifestFile = join(output, 'manifest.json');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const run = promisify(execFile);

/** Builds these targets and writes down what they are; one that cannot be built here throws an error that says why. */
export async function buildPrebuilds(names) {
  const unknown = names.filter((name) => TARGETS[name] === undefined);
  if (unknown.length > 0)
    throw new Error(`there is no target ${unknown.join(', ')}; known are ${Object.keys(TARGETS).join(', ')}`);
  for (const name of names) {
    const started = performance.now();
    await build(name, TARGETS[name]);
    console.log(
      `${name}: ${(statSync(join(output, `${name}.node`)).size / 1e6).toFixed(2)} MB in ${((performance.now() - started) / 1000).toFixed(0)} s`,
    );
  }
}

async function build(name, target) {
  const folder = mkdtempSync(join(tmpdir(), `batchnorm-${name}-`));
  try {
    const objects = await compileAll(target, folder);
    const made = join(folder, `${name}.node`);
    const host = target.host === undefined ? [] : [hostLibrary(target.host, folder)];
    await tool(target, [
      ...target.link,
      '-o',
      made,
      ...objects,
      ...host,
      ...(target.libraries ?? []),
      ...systemLibrary(target),
    ]);
    mkdirSync(output, { recursive: true });
    copyFileSync(made, join(output, `${name}.node`));
    writeDown(
      name,
      target,
      unitsOf(root, target).flatMap(({ isa }) => isa ?? []),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The objects of all units, as many at a time as there are processors. */
async function compileAll(target, folder) {
  const own = (target.sources ?? []).map((source) => ({ source, flags: [], defines: [] }));
  const jobs = unitsOf(root, target).flatMap((unit) => unit.sources.map((source) => ({ ...unit, source })));
  // What the target of node-addon-api that binding.gyp depends on would add: its headers, and that nothing throws.
  const addonApi = '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS';
  const include = [nodeApiHeaders(), dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'))];
  const system = [...headersOf(target).flatMap((path) => ['-isystem', path]), ...include.map((path) => `-I${path}`)];
  const objects = [];
  const compile = async ({ isa = '', source, flags, defines }) => {
    const object = join(folder, `${isa}-${basename(source, '.cc')}.o`);
    const all = ['-O3', '-DNDEBUG', '-fPIC', '-ffunction-sections', '-fdata-sections', ...target.flags, ...flags];
    const options = [...all, '-w', addonApi, ...defines.map((define) => `-D${define}`), ...system];
    objects.push(object);
    await tool(target, [...options, '-c', source, '-o', object]);
  };
  const queue = [...own, ...jobs];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await compile(job);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return objects.sort();
}

async function tool({ compiler, packages }, args) {
  try {
    await run(compiler, args, { cwd: root, maxBuffer: 2 ** 26 });
  } catch (cause) {
    if (cause.code !== 'ENOENT') throw new Error(`${compiler} failed:\n${cause.stderr}`, { cause });
    throw new Error(`${compiler} was not found. Debian: apt-get install ${packages.join(' ')}`, { cause });
  }
}

/** In the manifest, with the hash by which the loader and `doctor` know the file. */
function writeDown(name, target, isas) {
  const bytes = readFileSync(join(output, `${name}.node`));
  const made = {
    file: `${name}.node`,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    isas,
    toolchain: execFileSync(target.compiler, ['--version'], { encoding: 'utf8' }).split('\n')[0],
    needs: target.needs,
  };
  const known = readManifest();
  for (const served of target.serves ?? [name]) known.targets[served] = made;
  writeFileSync(manifestFile, `${JSON.stringify(known, null, 2)}\n`);
}

/** What has been built of this version. */
export function readManifest() {
  const found = existsSync(manifestFile) ? JSON.parse(readFileSync(manifestFile, 'utf8')) : undefined;
  return found?.version === version ? found : { version, targets: {} };
}
