/** The node-gyp that builds: npm has one, wherever it is. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { environment } from '../../backends/host.js';
import { Failure } from '../failure.js';
import { installing } from '../peers.js';

const PROGRAM = join('node-gyp', 'bin', 'node-gyp.js');

/** Its file. @throws Failure, with what installs one, where there is none */
export function findNodeGyp(root: string): string {
  const candidates = [
    environment('npm_config_node_gyp'), // npm and pnpm name theirs to what they start
    ...[root, process.cwd()].map((folder) => resolveFrom(folder, 'node-gyp/bin/node-gyp.js')),
    ...onThePath('npm').map((npm) => join(dirname(npm), '..', 'node_modules', PROGRAM)),
    ...onThePath('node-gyp'),
    join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'node_modules', PROGRAM),
    join(dirname(process.execPath), 'node_modules', 'npm', 'node_modules', PROGRAM),
  ];
  const found = candidates.find((file) => file?.endsWith('.js') && existsSync(file));
  if (found !== undefined) return found;
  throw new Failure(
    `build: node-gyp was not found, nor npm, which brings one. This installs it: ${installing(['node-gyp'])}`,
  );
}

/** The options that spare node-gyp a download: headers came with most installations of Node.js. */
export function headersAtHand(): string[] {
  const isChosen = ['nodedir', 'disturl', 'dist_url', 'target', 'tarball'].some((name) =>
    environment(`npm_config_${name}`),
  );
  if (isChosen || process.platform === 'win32') return []; // Windows needs node.lib too, which has to be downloaded
  const prefix = join(dirname(realpathSync(process.execPath)), '..');
  const include = join(prefix, 'include', 'node');
  const needed = ['node_api.h', 'common.gypi', 'config.gypi'];
  if (!needed.every((file) => existsSync(join(include, file)))) return [];
  return versionOf(include) === process.versions.node ? [`--nodedir=${prefix}`] : [];
}

function versionOf(include: string): string | undefined {
  try {
    const text = readFileSync(join(include, 'node_version.h'), 'utf8');
    const part = (name: string) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
    return ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.');
  } catch {
    return undefined;
  }
}

function resolveFrom(folder: string, name: string): string | undefined {
  try {
    return createRequire(join(folder, 'package.json')).resolve(name);
  } catch {
    return undefined;
  }
}

/** Programs of this name on the PATH, with links followed. */
function onThePath(name: string): string[] {
  const files = (environment('PATH') ?? '').split(delimiter).map((folder) => join(folder, name));
  return files.filter((file) => existsSync(file)).map((file) => realpathSync(file));
}
