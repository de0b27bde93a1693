// The addons that have been built: prebuilds/ with its manifest, which is packed, and a cache of this machine, by the
// hash of all that an addon is made of.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unitsOf } from './gyp.js';
import { cache } from './toolchain.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const output = join(root, 'prebuilds');
const manifestFile = join(output, 'manifest.json');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The hash of the sources, the scripts and the compiler; undefined where the compiler is not there. */
export function hashOf(target) {
  const hash = createHash('sha256');
  for (const folder of ['native', 'scripts/prebuilds']) addFolder(hash, join(root, folder));
  hash.update(readFileSync(join(root, 'binding.gyp')));
  hash.update(createRequire(import.meta.url)('node-addon-api/package.json').version);
  const compiler = versionOf(target.compiler);
  return compiler && hash.update(compiler).digest('hex').slice(0, 32);
}

/** A hash of files that Git knows: nothing that was built lies among them. */
function addFolder(hash, folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !['build', 'driver', 'mpi', 'node_modules'].includes(entry.name)) addFolder(hash, path);
    if (entry.isFile()) hash.update(relative(root, path)).update(readFileSync(path));
  }
}

function versionOf(compiler) {
  try {
    return execFileSync(compiler, ['--version'], { encoding: 'utf8' }).split('\n')[0];
  } catch {
    return undefined;
  }
}

/** The cached addon, there or not. */
export function cachedFile(name, hash) {
  return join(cache, 'prebuilds', `${name}-${hash}.node`);
}

export function keep(file, cached) {
  mkdirSync(dirname(cached), { recursive: true });
  copyFileSync(file, `${cached}.${process.pid}`);
  renameSync(`${cached}.${process.pid}`, cached);
}

/** Puts an addon into prebuilds/ and writes down what it is: by this the loader and `doctor` know the file. */
export function place(file, name, target) {
  mkdirSync(output, { recursive: true });
  copyFileSync(file, join(output, `${name}.node`));
  const bytes = readFileSync(file);
  const made = {
    file: `${name}.node`,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    isas: unitsOf(root, target).flatMap(({ isa }) => isa ?? []),
    toolchain: versionOf(target.compiler),
    needs: target.needs,
  };
  const { targets } = readManifest();
  for (const served of target.serves ?? [name]) targets[served] = made;
  writeManifest(targets);
}

/** Only these targets stay in prebuilds/. */
export function retain(targets) {
  const files = Object.entries(targets).map(([name]) => `${name}.node`);
  const known = Object.entries(readManifest().targets).filter(([, { file }]) => files.includes(file));
  for (const file of existsSync(output) ? readdirSync(output) : []) {
    if (file.endsWith('.node') && !files.includes(file)) rmSync(join(output, file));
  }
  writeManifest(Object.fromEntries(known));
}

function readManifest() {
  const found = existsSync(manifestFile) ? JSON.parse(readFileSync(manifestFile, 'utf8')) : undefined;
  return found?.version === version ? found : { version, targets: {} };
}

function writeManifest(targets) {
  mkdirSync(output, { recursive: true });
  writeFileSync(manifestFile, `${JSON.stringify({ version, targets }, null, 2)}\n`);
}
