/** The node-gyp that builds: npm has one, wherever it is. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { environment } from '../../backends/host.js';
import { Failure } from '../failure.js';
import { installing } from '../needs.js';

const PROGRAM = join('node-gyp', 'bin', 'node-gyp.js');

/** The Node.js that runs node-gyp: this one; under Bun and Deno the one on the PATH, if there is one. */
export function findNode(): string {
  const { versions, execPath } = process as { versions: Partial<Record<string, string>>; execPath: string };
  const isNode = versions['bun'] === undefined && versions['deno'] === undefined;
  return isNode ? execPath : (onThePath('node')[0] ?? execPath);
}

/** Its file. @throws Failure, with what installs one, where there is none */
export function findNodeGyp(root: string, node: string): string {
  const folder = dirname(node);
  const candidates = [
    environment('npm_config_node_gyp'), // npm and pnpm name theirs to what they start
    ...[root, process.cwd()].map((from) => resolveFrom(from, 'node-gyp/bin/node-gyp.js')),
    ...onThePath('npm').map((npm) => join(dirname(npm), '..', 'node_modules', PROGRAM)),
    ...onThePath('node-gyp'),
    join(folder, '..', 'lib', 'node_modules', 'npm', 'node_modules', PROGRAM),
    join(folder, 'node_modules', 'npm', 'node_modules', PROGRAM),
  ];
  const found = candidates.find((file) => file?.endsWith('.js') && existsSync(file));
  if (found !== undefined) return found;
  throw new Failure(
    `build: node-gyp was not found, nor npm, which brings one. This installs it: ${installing(['node-gyp'])}`,
  );
}

/** Options that spare node-gyp a download: headers came with most of Node.js. Any with Node-API 8 serve. */
export function headersAtHand(node: string): string[] {
  const isChosen = ['nodedir', 'disturl', 'dist_url', 'target', 'tarball'].some((name) =>
    environment(`npm_config_${name}`),
  );
  if (isChosen || process.platform === 'win32') return []; // Windows needs node.lib too, which has to be downloaded
  const prefix = join(dirname(realpathSync(node)), '..');
  const needed = ['node_api.h', 'common.gypi', 'config.gypi'];
  const isThere = needed.every((file) => existsSync(join(prefix, 'include', 'node', file)));
  return isThere ? [`--nodedir=${prefix}`] : [];
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
