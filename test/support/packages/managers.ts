/** Package managers, a row each, by what their users type in an empty folder. */
import type { Tools } from './tools.js';

export interface Manager {
  readonly name: string;
  /** Of Node.js, which is on the PATH. */
  readonly version: string;
  /** What else is on the PATH: a name, and the command that it stands for. */
  readonly programs: (tools: Tools) => Readonly<Record<string, readonly string[]>>;
  readonly add: string;
  /** What comes before the file of a module. */
  readonly run: string;
  /** What comes before the arguments of the package's own command. */
  readonly exec: string;
  /** Files that are in the folder before. */
  readonly files?: Readonly<Record<string, string>>;
}

const npm = (npm: string, version: string): Manager => ({
  name: `npm ${npm}`,
  version,
  programs: (tools) => ({
    npm: ['node', tools(`npm-${npm}`, 'bin', 'npm-cli.js')],
    npx: ['node', tools(`npm-${npm}`, 'bin', 'npx-cli.js')],
  }),
  add: 'npm install batchnorm',
  run: 'node',
  exec: 'npx batchnorm',
});

const yarn4 = (nodeLinker: string): Manager => ({
  name: `Yarn 4, ${nodeLinker}`,
  version: '24',
  programs: (tools) => ({ yarn: ['node', tools('@yarnpkg', 'cli-dist', 'bin', 'yarn.js')] }),
  add: 'yarn add batchnorm',
  run: 'yarn node',
  exec: 'yarn batchnorm',
  files: { 'package.json': '{}', '.yarnrc.yml': `nodeLinker: ${nodeLinker}\n` },
});

export const MANAGERS: readonly Manager[] = [
  npm('12', '24'),
  npm('11', '22'),
  npm('10', '20.16'),
  {
    name: 'pnpm 12',
    version: '26',
    programs: (tools) => ({ pnpm: [tools('pnpm', 'pnpm')] }),
    add: 'pnpm add batchnorm',
    run: 'node',
    exec: 'pnpm batchnorm',
  },
  {
    name: 'Yarn 1',
    version: '22',
    programs: (tools) => ({ yarn: ['node', tools('yarn', 'bin', 'yarn.js')] }),
    add: 'yarn add batchnorm',
    run: 'node',
    exec: 'yarn batchnorm',
  },
  yarn4('pnp'),
  yarn4('node-modules'),
  {
    name: 'Bun',
    version: '24',
    programs: (tools) => ({ bun: [tools('bun', 'bin', 'bun')], bunx: [tools('bun', 'bin', 'bun'), 'x'] }),
    add: 'bun add batchnorm',
    run: 'bun',
    exec: 'bunx batchnorm',
  },
  {
    name: 'Deno',
    version: '24',
    programs: (tools) => ({ deno: [tools('deno', 'deno')] }),
    add: 'deno add npm:batchnorm',
    run: 'deno run --allow-all',
    exec: 'deno run --allow-all npm:batchnorm',
  },
];
