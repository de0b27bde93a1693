// Builds the addon of `batchnorm/mpi` with what mpicc says; run by `npm run build:mpi`, and by npm's install step where
// BATCHNORM_MPI=1 asks for it. What is missing is said in a line; the exit code is 1 then.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'native', 'mpi');
const wrapper = process.env.MPICC || 'mpicc';

if (spawnSync(wrapper, ['-show'], { encoding: 'utf8' }).error) {
  fail(
    `${wrapper} was not found. Debian and Ubuntu: apt-get install libopenmpi-dev openmpi-bin; MPICC names another wrapper`,
  );
}
const { command, args, shell } = nodeGyp();
const { status, error } = spawnSync(command, [...args, 'rebuild', '-C', folder], { stdio: 'inherit', shell });
if (error || status !== 0) fail(error ? error.message : 'node-gyp failed');

function fail(reason) {
  console.error(`batchnorm: the addon for MPI was not built: ${reason}.`);
  process.exit(1);
}

/** As in install.js: npm and pnpm name the node-gyp that they bring; a clone has one as a dependency. */
function nodeGyp() {
  const named = process.env.npm_config_node_gyp;
  if (named) return { command: process.execPath, args: [named] };
  try {
    return { command: process.execPath, args: [createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')] };
  } catch {
    return { command: 'node-gyp', args: [], shell: process.platform === 'win32' };
  }
}
