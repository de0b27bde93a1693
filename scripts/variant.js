// The addon compiled in another way than node-gyp does, for tests: with a sanitizer, or with allocations that fail.
//
//   node scripts/variant.js FILE [--kernels] FLAG...
//
// With --kernels the kernels are compiled with the flags as well; otherwise those that node-gyp compiled are linked.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ISA_FLAGS } from './digest-driver.js';
import { kernelSources } from './kernel-sources.js';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const isas = process.arch === 'arm64' ? ['neon'] : ['baseline', 'avx2', 'avx512'];
const runtime = ['addon', 'functions', 'cpu', 'dispatch', 'caches', 'pool'];
const kernels = kernelSources();

/** Where node_api.h is: beside this Node.js, or where node-gyp found it. */
function headers() {
  const config = join(root, 'build', 'config.gypi');
  const nodedir = existsSync(config) ? /"nodedir": "(.*)"/.exec(readFileSync(config, 'utf8'))?.[1] : undefined;
  const folders = [nodedir, join(dirname(process.execPath), '..')].filter((folder) => folder !== undefined);
  const found = folders.map((folder) => join(folder, 'include', 'node')).find(existsSync);
  if (found === undefined) throw new Error(`the headers of Node.js were not found in ${folders.join(', ')}`);
  return found;
}

/** Builds the addon as `file`. @throws with what the compiler says */
export async function buildVariant(file, flags, { withKernels = false } = {}) {
  const common = ['-std=c++17', '-fPIC', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden', '-ffunction-sections'];
  const api = ['-DNAPI_VERSION=8', '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', '-DBUILDING_NODE_EXTENSION'];
  const includes = [`-I${headers()}`, `-I${join(root, 'node_modules', 'node-addon-api')}`];
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-variant-'));
  const own = [...api, ...includes];
  const jobs = runtime.map((name) => ({ source: `runtime/${name}.cc`, own, object: join(folder, `${name}.o`) }));
  if (withKernels) {
    for (const isa of isas) {
      const own = [...ISA_FLAGS[isa], `-DBN_ISA=${isa}`, '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math'];
      for (const name of kernels) {
        jobs.push({ source: `kernels/${name}.cc`, own, object: join(folder, `${isa}-${name}.o`) });
      }
    }
  }
  const objects = jobs.map(({ object }) => object);
  const libraries = withKernels ? [] : isas.map((isa) => join(root, 'build', 'Release', `kernels_${isa}.a`));
  const compile = async () => {
    for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
      const source = join('native', job.source);
      await run('g++', [...common, ...flags, ...job.own, '-c', source, '-o', job.object], { cwd: root });
    }
  };
  try {
    await Promise.all([compile(), compile()]);
    mkdirSync(dirname(file), { recursive: true });
    const link = ['-shared', '-pthread', '-Wl,--gc-sections', ...flags, ...objects, ...libraries, '-o', file];
    await run('g++', link, { cwd: root });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file, ...rest] = process.argv.slice(2);
  const flags = rest.filter((flag) => flag !== '--kernels');
  await buildVariant(file, flags, { withKernels: flags.length < rest.length });
}
