/** Where packages are tried: an empty folder, a home of its own, a registry, and a PATH on which there is no compiler. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** What shims of package managers call; `npm exec` and scripts need a shell. */
const PROGRAMS = ['sh', 'dirname', 'basename', 'sed', 'uname', 'readlink'];

export interface Place {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

const home = mkdtempSync(join(tmpdir(), 'batchnorm-packages-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

/** A new folder for everything of one name. */
export function newFolder(name: string): string {
  return mkdtempSync(join(home, `${name.replace(/\W+/g, '-')}-`));
}

export interface PlaceOptions {
  /** The file of Node.js that is on the PATH. */
  readonly node: string;
  readonly registry: string;
  readonly files?: Readonly<Record<string, string>>;
}

export function newPlace(name: string, { node, registry, files = {} }: PlaceOptions): Place {
  const around = newFolder(name);
  const folder = join(around, 'project');
  const bin = join(around, 'bin');
  const HOME = join(around, 'home');
  for (const made of [folder, bin, HOME]) mkdirSync(made);
  symlinkSync(node, join(bin, 'node'));
  for (const program of PROGRAMS) symlinkSync(onThePath(program), join(bin, program));
  write(HOME, configuration(registry));
  write(folder, files);
  return { folder, env: { HOME, PATH: bin } };
}

/** What a user has set up: npm, pnpm, Yarn 1, Bun and Deno read the first file, Yarn 4 the second. */
function configuration(registry: string): Record<string, string> {
  const { hostname } = new URL(registry);
  return {
    '.npmrc': `registry=${registry}\n`,
    '.yarnrc.yml': `npmRegistryServer: '${registry}'\nunsafeHttpWhitelist: ['${hostname}']\nenableTelemetry: false\n`,
  };
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
}

function onThePath(program: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${program} is not on the PATH`);
  return found;
}
