/** The addon, built by flags that change bits. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { packageRoot } from '#dist/backends/package-root.js';
import { KERNEL_SOURCES } from './kernel-sources.js';

const ROOT = packageRoot()!;
const NATIVE = join(ROOT, 'native');
const RUNTIME = ['addon', 'functions', 'cpu', 'caches', 'pool'];
/** dispatch.cc for one instruction set: that of ARM has one. */
const ONE_ISA = ['-D_M_ARM64', '-Dneon=baseline'];

/** What the sources look at to refuse such flags, as compilers without these names would. */
const HIDDEN = ['-U__FAST_MATH__', '-U__ASSOCIATIVE_MATH__', '-U__FINITE_MATH_ONLY__'];

/** With the instruction set `baseline` alone; or why that cannot be. */
export function buildWrongAddon(folder: string, flags: readonly string[]): { file: string } | { reason: string } {
  const headers = nodeHeaders();
  if (process.platform !== 'linux' || process.arch !== 'x64') return { reason: 'the flags are those of g++ on x64' };
  if (headers === undefined) return { reason: 'there are no headers of Node.js' };
  if (spawnSync('g++', ['--version']).error) return { reason: 'there is no g++' };
  const includes = [headers, join(ROOT, 'node_modules', 'node-addon-api')].map((include) => `-I${include}`);
  const common = [
    '-std=c++17',
    '-fPIC',
    '-DNAPI_VERSION=8',
    '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
    '-fno-exceptions',
    '-fno-rtti',
    ...includes,
  ];
  const compile = (room: 'kernels' | 'runtime', name: string, into: string, own: readonly string[]) => {
    const object = join(into, `${name}.o`);
    if (!existsSync(object)) gcc([...common, ...own, '-c', join(NATIVE, room, `${name}.cc`), '-o', object]);
    return object;
  };
  const shared = join(dirname(folder), 'runtime');
  mkdirSync(shared, { recursive: true });
  mkdirSync(folder, { recursive: true });
  const objects = [
    ...KERNEL_SOURCES.map((name) => compile('kernels', name, folder, ['-DBN_ISA=baseline', ...HIDDEN, ...flags])),
    ...RUNTIME.map((name) => compile('runtime', name, shared, ['-O1'])),
    compile('runtime', 'dispatch', shared, ['-O1', ...ONE_ISA]),
  ];
  const file = join(folder, 'wrong.node');
  gcc(['-shared', ...objects, '-pthread', '-o', file]);
  return { file };
}

function gcc(args: readonly string[]): void {
  const { status, stderr } = spawnSync('g++', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`g++ ${args.join(' ')}: exit code ${status}\n${stderr}`);
}

/** Those that came with Node.js, or that node-gyp has downloaded. */
function nodeHeaders(): string | undefined {
  const folders = [
    join(dirname(dirname(process.execPath)), 'include', 'node'),
    join(homedir(), '.cache', 'node-gyp', process.versions.node, 'include', 'node'),
  ];
  return folders.find((folder) => existsSync(join(folder, 'node_api.h')));
}
