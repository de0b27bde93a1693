/** Package managers, a row each: how a user adds the package in an empty folder, and how modules are run there. */
import type { Tools } from './tools.js';

export interface Manager {
  readonly name: string;
  /** The version of Node.js on the PATH. */
  readonly node: string;
  /** A program of the tools, and what comes before the arguments. */
  readonly program: (tools: Tools) => string[];
  readonly add: readonly string[];
  /** What runs a module: the Node.js of the PATH, unless it is another. */
  readonly runs?: (tools: Tools) => string[];
  /** Files that are in the folder before. */
  readonly files?: Readonly<Record<string, string>>;
}

const script =
  (node: string, ...path: string[]) =>
  (tools: Tools) => [tools(node, 'bin', 'node'), tools(...path)];
const npm = (version: string, node: string): Manager => ({
  name: `npm ${version}`,
  node,
  program: script(node, `npm-${version}`, 'bin', 'npm-cli.js'),
  add: ['install', 'batchnorm'],
});
const yarn4 = script('node-24', '@yarnpkg', 'cli-dist', 'bin', 'yarn.js');
const berry = (nodeLinker: string): Manager => ({
  name: `Yarn 4, ${nodeLinker}`,
  node: 'node-24',
  program: yarn4,
  add: ['add', 'batchnorm'],
  runs: (tools) => [...yarn4(tools), 'node'],
  files: { 'package.json': '{}', '.yarnrc.yml': `nodeLinker: ${nodeLinker}\n` },
});

export const MANAGERS: readonly Manager[] = [
  npm('12', 'node-24'),
  npm('11', 'node-22'),
  npm('10', 'node-20.16'),
  {
    name: 'pnpm 12',
    node: 'node-24',
    program: (tools) => [tools('pnpm', 'pnpm')],
    add: ['add', 'batchnorm'],
  },
  {
    name: 'Yarn 1',
    node: 'node-22',
    program: script('node-22', 'yarn', 'bin', 'yarn.js'),
    add: ['add', 'batchnorm'],
  },
  berry('pnp'),
  berry('node-modules'),
  {
    name: 'Bun',
    node: 'node-24',
    program: (tools) => [tools('bun', 'bin', 'bun')],
    add: ['add', 'batchnorm'],
    runs: (tools) => [tools('bun', 'bin', 'bun')],
  },
  {
    name: 'Deno',
    node: 'node-24',
    program: (tools) => [tools('deno', 'deno')],
    add: ['add', 'npm:batchnorm'],
    runs: (tools) => [tools('deno', 'deno'), 'run', '--allow-all'],
  },
];
