/** Whatever loads modules in its own way: test runners, compilers on the fly, flags of Node.js, permissions. */
import * as assert from 'uvu/assert';
import { prepared } from './support/packages/prepared.js';
import { runWell, testRows } from './support/packages/rows.js';
import type { Tools } from './support/packages/tools.js';

interface Environment {
  readonly name: string;
  /** What runs the user's module; it prints what the probe reports. */
  readonly command: (tools: Tools) => string[];
  readonly files?: Readonly<Record<string, string>>;
  /** Why native is not available, where it cannot be. */
  readonly reason?: RegExp;
}

const BOTH = ['esm', 'cjs'] as const;
const MODULE = { esm: 'compiled/esm.mjs', cjs: 'compiled/cjs.cjs' };
const node =
  (version: string, ...args: string[]) =>
  (tools: Tools) => [tools(`node-${version}`, 'bin', 'node'), ...args];

const TYPESCRIPT = `
import * as batchnorm from 'batchnorm';
import probe from './compiled/probe.cjs';
console.log(JSON.stringify(probe(batchnorm)));
`;
/** Where types are checked; the probe has none. */
const TYPED = `
import * as batchnorm from 'batchnorm';
declare const require: (module: string) => (library: typeof batchnorm) => object;
declare const console: { log(text: string): void };
console.log(JSON.stringify(require('./compiled/probe.cjs')(batchnorm)));
`;
const JEST = `
const batchnorm = require('batchnorm');
const probe = require('./compiled/probe.cjs');
test('a forward and a backward', () => {
  process.stdout.write(JSON.stringify(probe(batchnorm)));
});
`;

function jest(version: string): Environment {
  return {
    name: `Jest, Node.js ${version}`,
    files: { 'main.test.js': JEST, 'package.json': '{}' },
    command: (tools) => [...node(version)(tools), tools('jest', 'bin', 'jest.js'), '--silent=false'],
  };
}

function tsNode(version: string): Environment {
  const compilerOptions = { module: 'commonjs', target: 'es2022', strict: true, types: [] };
  return {
    name: `ts-node, Node.js ${version}`,
    files: { 'main.ts': TYPED, 'tsconfig.json': JSON.stringify({ compilerOptions }) },
    command: (tools) => [...node(version)(tools), '-r', tools('ts-node', 'register', 'index.js'), 'main.ts'],
  };
}

function tsx(version: string, file: string): Environment {
  return {
    name: `tsx, Node.js ${version}, ${file}`,
    files: { [file]: TYPESCRIPT },
    command: (tools) => [...node(version)(tools), tools('tsx', 'dist', 'cli.mjs'), file],
  };
}

const deno = (system: 'esm' | 'cjs', ...args: string[]): Environment => ({
  name: `Deno ${args.join(' ') || 'without permissions'}, ${system}`,
  command: (tools) => [tools('deno', 'deno'), 'run', '--no-prompt', ...args, MODULE[system]],
});
const DENO = '--allow-read --allow-ffi';

const flags = (version: string, ...args: string[]): Environment[] =>
  BOTH.map((system) => ({
    name: `Node.js ${version} ${args.join(' ')}, ${system}`,
    command: node(version, ...args, MODULE[system]),
  }));

const ENVIRONMENTS: readonly Environment[] = [
  jest('20.16'),
  jest('24'),
  tsNode('20.16'),
  tsNode('24'),
  tsx('20.16', 'main.ts'),
  tsx('24', 'main.mts'),
  ...flags('24', '--no-experimental-require-module'),
  ...flags('26', '--permission', '--allow-fs-read=*', '--allow-addons'),
  ...flags('26', '--permission', '--allow-fs-read=*').map((row) => ({ ...row, reason: /--allow-addons/ })),
  ...flags('26', '--no-addons').map((row) => ({ ...row, reason: /--no-addons/ })),
  { ...deno('esm'), reason: new RegExp(DENO) },
  { ...deno('cjs', '--allow-read=compiled'), reason: new RegExp(DENO) },
  ...BOTH.map((system) => deno(system, ...DENO.split(' '))),
];

const ready = await prepared();
if (ready) {
  const { tools, expected, installed } = ready;

  testRows('environments', ENVIRONMENTS, async ({ name, command, files = {}, reason }) => {
    const { folder, env } = await installed(name, files);
    const { stdout } = await runWell(command(tools), folder, env);
    const found = JSON.parse(stdout);
    assert.is(found.bits, expected.bits);
    assert.match(found.reason ?? 'none', reason ?? /^none$/, found.reason);
    assert.is(found.backend, reason ? 'wasm' : 'native');
  });
}
