// npm's install step: builds the native addon if it can. It always exits 0, since the library also runs without: on
// WebAssembly. npm hides what a dependency's install prints, so the reason of a failure is left where backends() finds it.
// BATCHNORM_MPI=1 asks for the addon of `batchnorm/mpi` as well.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const output = join(root, 'build');

/** What the output of node-gyp, make and the compiler means; the first that is found there. */
const CAUSES = [
  [/Cannot find module '(.*)'/, 'node-gyp was not found at $1'],
  [/Could not find any Python/, 'Python 3 was not found'],
  [/Could not find any Visual Studio/, 'Visual Studio with C++ was not found'],
  [/network connectivity|getaddrinfo|ECONNREFUSED/, 'node-gyp could not download the headers of Node.js'],
  [/FileNotFoundError: .*'(.*)'/, '$1 was not found'],
  [/not found: (\w+)/, '$1 was not found'],
  [/make: (\S+): No such file/, '$1 was not found'],
  [/\d: (\S+): not found/, '$1 was not found'],
  [/^(.*\berror(?: C\d+)?: .*)$/m, 'the compiler says: $1'],
  [/make: \*\*\* (.*)$/m, 'a command of make failed: $1'],
  [/gyp ERR! stack Error: (.*)$/m, 'node-gyp says: $1'],
];

const reason = whyNotBuilt();
if (reason !== null) {
  console.log(`batchnorm: the native addon was not built: ${reason}.
batchnorm: WebAssembly will be used instead. backends() gives this reason, and what to do about it.`);
}

if (/^(1|true|yes)$/i.test(process.env.BATCHNORM_MPI ?? '')) {
  spawnSync(process.execPath, [join(root, 'scripts', 'build-mpi.js')], { stdio: 'inherit' });
}

/** Builds; null, or the reason why there is no addon, which is also left in build/. */
function whyNotBuilt() {
  try {
    // An addon or a reason that an earlier run left would speak for this one.
    rmSync(output, { recursive: true, force: true });
    const reason = isSkipped() ? 'BATCHNORM_SKIP_NATIVE was set' : build();
    if (reason !== null) {
      mkdirSync(output, { recursive: true });
      writeFileSync(join(output, 'install-failure.txt'), `${reason}\n`);
    }
    return reason;
  } catch (error) {
    return error.message;
  }
}

function isSkipped() {
  return /^(1|true|yes)$/i.test(process.env.BATCHNORM_SKIP_NATIVE ?? '');
}

/** null, or what went wrong. */
function build() {
  const { command, args, shell } = nodeGyp();
  const { error, status, stdout, stderr } = spawnSync(command, [...args, 'rebuild'], {
    cwd: root,
    encoding: 'utf8',
    env: { JOBS: 'max', ...process.env },
    maxBuffer: 2 ** 28,
    shell,
  });
  if (error) return error.code === 'ENOENT' ? 'node-gyp was not found' : error.message;
  if (status === 0) return null;
  const said = `${stderr}\n${stdout}`;
  console.log(said);
  for (const [pattern, meaning] of CAUSES) {
    const match = said.match(pattern);
    if (match) return match[0].replace(pattern, meaning);
  }
  return 'node-gyp failed without a word';
}

/** npm and pnpm name the node-gyp that they bring; a clone has one as a dependency; Yarn puts one on the path. */
function nodeGyp() {
  const named = process.env.npm_config_node_gyp;
  if (named) return { command: process.execPath, args: [named] };
  try {
    return { command: process.execPath, args: [createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')] };
  } catch {
    return { command: 'node-gyp', args: [], shell: process.platform === 'win32' };
  }
}
