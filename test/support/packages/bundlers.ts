/** Bundlers for Node.js, a row each: what makes `out` of the user's module, and how that is run. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BUNDLE } from '#dist/backends/native/advice.js';
import { ROOT } from '../install.js';
import type { Tools } from './tools.js';

export interface Bundler {
  readonly name: string;
  readonly files?: (tools: Tools) => Readonly<Record<string, string>>;
  readonly build: (tools: Tools) => string[];
  /** Where `out` is. */
  readonly run: (tools: Tools) => string[];
  /** The bundle imports the package when it runs. */
  readonly external?: boolean;
}

const ENTRY = join('compiled', 'esm.mjs');
const node = (tools: Tools) => tools('node-24', 'bin', 'node');
const bun = (tools: Tools) => tools('bun', 'bin', 'bun');
const url = (tools: Tools, ...path: string[]) => pathToFileURL(tools(...path)).href;

/** How a bundler is to be told that the package stays out, as backends() says it in a bundle. */
function advised(bundler: string): string {
  const advice = new RegExp(`\\b${bundler}: (.*?)[;)]`).exec(BUNDLE)?.[1];
  if (advice === undefined) throw new Error(`no advice for ${bundler}: ${BUNDLE}`);
  return advice;
}

function rollup(name: string, output: { format: string; file: string }, external: boolean): Bundler {
  return {
    name: `rollup, ${name}`,
    files: (tools) => ({
      'rollup.config.mjs': `
        import commonjs from '${url(tools, '@rollup', 'plugin-commonjs', 'dist', 'es', 'index.js')}';
        import resolve from '${url(tools, '@rollup', 'plugin-node-resolve', 'dist', 'es', 'index.js')}';
        export default {
          input: '${ENTRY}', output: ${JSON.stringify(output)}, ${external ? `${advised('rollup')},` : ''}
          plugins: [resolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs()],
        };`,
    }),
    build: (tools) => [node(tools), tools('rollup', 'dist', 'bin', 'rollup'), '-c'],
    run: (tools) => [node(tools), output.file],
    external,
  };
}

function webpack(name: string, file: string, external: boolean): Bundler {
  return {
    name: `webpack, ${name}`,
    files: (tools) => ({
      'build.cjs': `
        const webpack = require('${tools('webpack')}');
        const output = { path: __dirname + '/out', filename: '${file}', module: ${file.endsWith('.mjs')} };
        webpack({ mode: 'production', target: 'node', entry: './${ENTRY}', output, experiments: { outputModule: true },
                  ${external ? advised('webpack') : ''} }, (error, stats) => {
          if (error) throw error;
          console.log(stats.toString('errors-warnings'));
          if (stats.hasErrors()) process.exitCode = 1;
        });`,
    }),
    build: (tools) => [node(tools), 'build.cjs'],
    run: (tools) => [node(tools), join('out', file)],
    external,
  };
}

function vite(name: string, config: string, external: boolean): Bundler {
  return {
    name: `Vite SSR, ${name}`,
    files: () => ({ 'vite.config.mjs': `export default ${config};` }),
    build: (tools) => {
      const command = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
      return [node(tools), command, 'build', '--ssr', ENTRY, '--outDir', 'out'];
    },
    run: (tools) => [node(tools), join('out', 'esm.mjs')],
    external,
  };
}

const bunBuild = (args: string, run: Bundler['run']): Bundler => ({
  name: `bun build ${args}`,
  build: (tools) => [bun(tools), 'build', ENTRY, ...args.split(' ')],
  run,
  external: args.includes('--external'),
});

/** A single executable of Node.js, made of what esbuild has bundled. */
function singleExecutable(name: string, options: readonly string[], external: boolean): Bundler {
  const config = { main: 'bundle.cjs', output: 'out/main', disableExperimentalSEAWarning: true };
  return {
    name: `single executable, ${name}`,
    files: (tools) => ({
      'sea.json': JSON.stringify(config),
      'build.mjs': `
        import { execFileSync } from 'node:child_process';
        import { mkdirSync } from 'node:fs';
        const always = ['--bundle', '--platform=node', '--outfile=bundle.cjs', '--log-level=warning'];
        const options = [...always, ...${JSON.stringify(options)}];
        const esbuild = '${join(ROOT, 'node_modules', '.bin', 'esbuild')}';
        execFileSync(esbuild, ['${ENTRY}', ...options], { stdio: 'inherit' });
        mkdirSync('out');
        execFileSync('${tools('node-26', 'bin', 'node')}', ['--build-sea', 'sea.json'], { stdio: 'inherit' });`,
    }),
    build: (tools) => [node(tools), 'build.mjs'],
    run: () => [EXECUTABLE],
    external,
  };
}
/** As docs/loading.md has it. */
const BESIDE = '--banner:js=require = require("node:module").createRequire(process.execPath);';

const BUNDLED = join('out', 'esm.js');
const EXECUTABLE = join('.', 'out', 'main');
const bunRuns = (tools: Tools) => [bun(tools), BUNDLED];

const ES = { format: 'es', file: 'out/main.mjs' };

export const BUNDLERS: readonly Bundler[] = [
  rollup('ES', ES, false),
  rollup('CommonJS', { format: 'cjs', file: 'out/main.cjs' }, false),
  rollup('external', ES, true),
  webpack('CommonJS', 'main.cjs', false),
  webpack('ES', 'main.mjs', false),
  webpack('CommonJS, external', 'main.cjs', true),
  webpack('ES, external', 'main.mjs', true),
  vite('as it is', '{}', true),
  vite('all in one', '{ ssr: { noExternal: true } }', false),
  vite('external', `{ ssr: { noExternal: true, ...{ ${advised('Vite')} }.ssr } }`, true),
  singleExecutable('all in one', [], false),
  singleExecutable('external', ['--external:batchnorm', BESIDE], true),
  bunBuild('--outdir=out --target=bun', bunRuns),
  bunBuild('--outdir=out --target=node', (tools) => [node(tools), BUNDLED]),
  bunBuild(`--outdir=out --target=bun ${advised('bun build')}`, bunRuns),
  bunBuild('--outfile=out/main --compile', () => [EXECUTABLE]),
  bunBuild(`--outfile=out/main --compile ${advised('bun build --compile')}`, () => [EXECUTABLE]),
];
