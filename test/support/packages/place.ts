/**
 * Where packages are tried: an empty folder, a home of its own, a registry, and a PATH on which there is no compiler.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Outcome, runWell } from './rows.js';

/** What the commands that package managers install call. */
const PROGRAMS = ['sh', 'dirname', 'basename', 'sed', 'uname', 'readlink'];

/** A user's shell in a folder. */
export interface Place {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** What a command line prints. It must end well. */
  shell(line: string, env?: NodeJS.ProcessEnv): Promise<Outcome>;
}

export interface PlaceOptions {
  /** The file of Node.js that is on the PATH. */
  readonly node: string;
  readonly registry: string;
  /** What else is on the PATH: a name, and the command that it stands for. */
  readonly programs?: Readonly<Record<string, readonly string[]>>;
  /** Files of the folder: a name, and what is in it. */
  readonly files?: Readonly<Record<string, string>>;
}

const home = mkdtempSync(join(tmpdir(), 'batchnorm-packages-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

/** A new folder for everything of one name. */
export function newFolder(name: string): string {
  return mkdtempSync(join(home, `${name.replace(/\W+/g, '-')}-`));
}

export function newPlace(name: string, { node, registry, programs = {}, files = {} }: PlaceOptions): Place {
  const around = newFolder(name);
  const folder = join(around, 'project');
  const bin = join(around, 'bin');
  const HOME = join(around, 'home');
  for (const made of [folder, bin, HOME]) mkdirSync(made);
  symlinkSync(node, join(bin, 'node'));
  for (const program of PROGRAMS) symlinkSync(onThePath(program), join(bin, program));
  for (const [program, command] of Object.entries(programs)) stand(join(bin, program), command);
  write(HOME, configuration(registry));
  write(folder, files);
  const env = { HOME, PATH: bin };
  const shell: Place['shell'] = (line, more) => runWell([join(bin, 'sh'), '-c', line], folder, { ...env, ...more });
  return { folder, env, shell };
}

/** What a user has set up: npm, pnpm, Yarn 1, Bun and Deno read the first file, Yarn 4 the second. */
function configuration(registry: string): Record<string, string> {
  const { hostname } = new URL(registry);
  return {
    '.npmrc': `registry=${registry}\n`,
    '.yarnrc.yml': `npmRegistryServer: '${registry}'\nunsafeHttpWhitelist: ['${hostname}']\nenableTelemetry: false\n`,
  };
}

/** A program that stands for a command. */
function stand(file: string, command: readonly string[]): void {
  writeFileSync(file, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(file, 0o755);
}

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
}

function onThePath(program: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${program} is not on the PATH`);
  return found;
}
