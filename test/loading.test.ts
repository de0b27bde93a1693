/**
 * Every way in which programs come to the package, as it is packed: both module systems, bundles for Node.js,
 * TypeScript's resolutions.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import * as esbuild from 'esbuild';
import * as assert from 'uvu/assert';
import * as vite from 'vite';
import { underTest } from './support/backends.js';
import { environment, execute, install, pack, ROOT } from './support/install.js';
import { suiteOf } from './support/suite.js';

const home = mkdtempSync(join(tmpdir(), 'batchnorm-loading-'));
const folder = join(home, 'program');
const { resolve } = createRequire(import.meta.url);
const isNative = Array.isArray(underTest('native'));

const test = suiteOf('loading');
test.before(() => {
  install(folder, pack(home));
  cpSync(join(ROOT, 'test', 'support', 'loading'), folder, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', '@tensorflow'), join(folder, 'node_modules', '@tensorflow'), 'junction');
});
test.after(() => rmSync(home, { recursive: true }));

test('import and require, also in worker threads, come to one implementation', async () => {
  const { doors, ...rest } = JSON.parse(run(folder, 'doors.mjs'));
  const entries = ['index', 'tfjs/index', 'mpi/index', 'interop/index'].map((entry) => import(`../dist/${entry}.js`));
  const names = (await Promise.all(entries)).map((module) => Object.keys(module).sort());
  assert.equal(
    doors,
    names.map((expected) => ({ names: expected, differing: [] })),
  );
  const backends = [isNative ? 'native' : 'wasm', 'reference'];
  assert.equal(rest, { backends, isLayer: true, isRegistered: true, isOneTensorFlow: true, sum: 4 });
});

test('without TensorFlow.js its door says what to install, whichever way it is opened', () => {
  const bare = join(home, 'bare');
  cpSync(join(folder, 'node_modules', 'batchnorm'), join(bare, 'node_modules', 'batchnorm'), { recursive: true });
  const told =
    /batchnorm\/tfjs needs @tensorflow\/tfjs-core and .*there is no @tensorflow\/tfjs-core for .*npm install/;
  for (const program of ["require('batchnorm/tfjs')", "import('batchnorm/tfjs')"]) {
    assert.throws(() => run(bare, program, '-e'), told);
  }
});

test('tests and measurements come to that implementation, too', async () => {
  const { BatchNorm } = await import('batchnorm');
  const required = createRequire(import.meta.url)('batchnorm');
  assert.is(required.BatchNorm, BatchNorm);
  assert.is((await import('#dist/backends/select.js')).backend, required.backend);
});

test('one module asks for the environment, which may be forbidden; one for its place, which bundles change', () => {
  const root = join(ROOT, 'dist', 'cjs');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
  const having = (text: RegExp) => files.filter((file) => text.test(readFileSync(join(root, file), 'utf8')));
  // What MPI does for UCX is a write.
  assert.equal(having(/process\??\.env/), [join('backends', 'host.js'), join('mpi', 'session.js')]);
  assert.equal(having(/\bmodule\.filename|__filename|__dirname|import\.meta/), [join('backends', 'package-root.js')]);
});

// Node.js knows one of the two names, or neither, where it never lets ES modules be required.
const flags = ['--no-experimental-require-module', '--no-require-module'].filter((flag) =>
  process.allowedNodeEnvironmentFlags.has(flag.replace('--no-', '--')),
);
for (const flag of [...flags.slice(0, 1), '--no-addons', '--jitless']) {
  for (const module of ['main.mjs', 'main.cjs']) {
    test(`${module} with ${flag}`, () => {
      const { length, backend } = JSON.parse(run(folder, module, flag));
      const without = { '--no-addons': 'wasm', '--jitless': isNative ? 'native' : 'reference' }[flag];
      assert.equal([length, backend], [6, without ?? (isNative ? 'native' : 'wasm')]);
    });
  }
}

for (const format of ['esm', 'cjs'] as const) {
  for (const module of ['main.mjs', 'main.cjs']) {
    test(`esbuild: ${module} for Node.js as ${format}`, async () => {
      const outfile = join('out', `main.${format === 'esm' ? 'mjs' : 'cjs'}`);
      const { warnings } = await esbuild.build({
        absWorkingDir: folder,
        entryPoints: [module],
        outfile,
        bundle: true,
        format,
        platform: 'node',
        logLevel: 'silent',
      });
      assert.equal(warnings, []);
      runsElsewhere();
    });
  }
}

test('esbuild: for Node.js, with the package kept out as the reason advises', async () => {
  const outfile = join('out', 'main.mjs');
  const options = { bundle: true, format: 'esm', platform: 'node' } as const;
  await esbuild.build({
    ...options,
    absWorkingDir: folder,
    entryPoints: ['main.mjs'],
    external: ['batchnorm'],
    outfile,
  });
  assert.is(JSON.parse(run(folder, outfile)).backend, isNative ? 'native' : 'wasm');
});

for (const module of ['main.mjs', 'main.cjs']) {
  test(`Vite: ${module} for servers, with all that it needs`, async () => {
    assert.equal(await ssr(module, true), []);
    runsElsewhere();
  });
}

test('Vite: for servers, without what is installed there', async () => {
  assert.equal(await ssr('main.mjs', false), []);
  const { backend } = JSON.parse(run(join(folder, 'out'), outputs()[0]));
  assert.is(backend, isNative ? 'native' : 'wasm');
});

test('a bundle for a page has one copy for import and require', async () => {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: folder,
    entryPoints: ['page.js'],
    bundle: true,
    write: false,
    logLevel: 'silent',
  });
  const page: { isOne?: boolean } = {};
  runInNewContext(outputFiles[0].text, page);
  assert.is(page.isOne, true);
});

/** Node.js' oldest way of resolving is in TypeScript 5 alone, which is what attw compiles with. */
const COMPILERS = {
  'TypeScript of now': resolve('typescript/package.json'),
  'TypeScript 5': createRequire(resolve('@arethetypeswrong/core/package.json')).resolve('typescript/package.json'),
};
const RESOLUTIONS = [
  ['TypeScript of now', 'types.mts', 'nodenext', 'nodenext'],
  ['TypeScript of now', 'types.mts', 'node20', 'node16'],
  ['TypeScript of now', 'types.ts', 'esnext', 'bundler'],
  ['TypeScript 5', 'types.mts', 'node16', 'node16'],
  ['TypeScript 5', 'types.ts', 'esnext', 'bundler'],
  ['TypeScript 5', 'types.ts', 'commonjs', 'node10'],
] as const;
for (const [compiler, file, module, moduleResolution] of RESOLUTIONS) {
  test(`${compiler}: ${file} by "${moduleResolution}" as ${module}`, () => {
    const tsc = join(dirname(COMPILERS[compiler]), 'bin', 'tsc');
    const options = { module, moduleResolution, target: 'es2022', outDir: 'out' };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    // The declarations of TensorFlow.js do not compile by themselves.
    execute(process.execPath, [tsc, '--strict', '--noEmit', '--skipLibCheck', ...flags, file], { cwd: folder });
  });
}

/** Builds `out`; returns the warnings. */
async function ssr(entry: string, noExternal: boolean): Promise<string[]> {
  const told: string[] = [];
  const logger = vite.createLogger('silent');
  logger.warn = logger.warnOnce = logger.error = (message) => void told.push(message);
  const build = { ssr: entry, outDir: 'out', emptyOutDir: true };
  const cwd = process.cwd();
  process.chdir(folder); // from there, comments in the bundle say which file it is that follows
  try {
    await vite.build({
      configFile: false,
      customLogger: logger,
      logLevel: 'silent',
      build,
      ssr: noExternal ? { noExternal } : {},
    });
  } finally {
    process.chdir(cwd);
  }
  return told;
}

/** What was bundled has all that it needs but the addon, says so, and tells nobody where it was made. */
function runsElsewhere(): void {
  const elsewhere = mkdtempSync(join(home, 'elsewhere-'));
  mkdirSync(join(elsewhere, 'app'));
  const [file] = outputs();
  const text = readFileSync(join(folder, 'out', file!), 'utf8');
  const at = text.indexOf(home);
  assert.is(at, -1, `a path of the machine that made it: ${text.slice(at - 99, at + 99)}`);
  renameSync(join(folder, 'out'), join(elsewhere, 'app', 'out'));
  const { length, backend, reason } = JSON.parse(run(elsewhere, join('app', 'out', file!)));
  assert.equal([length, backend], [6, 'wasm']);
  assert.match(reason, /this is a bundle.*--external:batchnorm/s);
}

function outputs(): string[] {
  return readdirSync(join(folder, 'out')).filter((name) => /\.[cm]?js$/.test(name));
}

function run(cwd: string, module: string, ...flags: readonly string[]): string {
  return execute(process.execPath, [...flags, module], { cwd, env: environment() });
}
