// Compiles and links the addon for one target.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { availableThreads } from '../../dist/backends/threads.js';
import { unitsOf } from './gyp.js';
import { headersOf, hostLibrary, nodeApiHeaders, systemLibrary } from './toolchain.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const run = promisify(execFile);

/**
 * Calls take(file) with the addon, which is gone afterwards. @throws with what is missing, or what the compiler says
 */
export async function build(name, target, take) {
  const folder = mkdtempSync(join(tmpdir(), `batchnorm-${name}-`));
  try {
    const objects = await compile(target, folder);
    const host = target.host === undefined ? [] : [hostLibrary(target.host, folder)];
    const libraries = [...(target.libraries ?? []), ...systemLibrary(target)];
    const made = join(folder, `${name}.node`);
    await compiler(target, [...target.link, '-o', made, ...objects, ...host, ...libraries]);
    take(made);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The objects of all units, as many at a time as there are processors. */
async function compile(target, folder) {
  const own = { isa: 'host', sources: target.sources ?? [], defines: [], flags: [] };
  const queue = [...unitsOf(root, target), own].flatMap((unit) => unit.sources.map((source) => ({ ...unit, source })));
  const common = commonOptions(target);
  const objects = [];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const { isa = 'edge', source, flags, defines } = job;
      const object = join(folder, `${isa}-${basename(source, '.cc')}.o`);
      objects.push(object);
      const options = [...common, ...flags, '-w', ...defines.map((define) => `-D${define}`)];
      await compiler(target, [...options, '-c', source, '-o', object]);
    }
  };
  await Promise.all(Array.from({ length: availableThreads() }, worker));
  return objects.sort();
}

/** Flags that node-gyp adds to a release build, and the target of node-addon-api that binding.gyp depends on. */
function commonOptions(target) {
  const addonApi = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'));
  return [
    ...['-O3', '-DNDEBUG', '-fPIC', '-ffunction-sections', '-fdata-sections', `-ffile-prefix-map=${root}=.`],
    ...target.flags,
    ...headersOf(target).flatMap((path) => ['-isystem', path]),
    ...['-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', `-I${nodeApiHeaders()}`, `-I${addonApi}`],
  ];
}

async function compiler({ compiler: command, packages }, args) {
  try {
    await run(command, args, { cwd: root, maxBuffer: 2 ** 26 });
  } catch (cause) {
    if (cause.code !== 'ENOENT') throw new Error(`${command} failed:\n${cause.stderr}`, { cause });
    throw new Error(`${command} was not found. Debian: apt-get install ${packages.join(' ')}`, { cause });
  }
}
