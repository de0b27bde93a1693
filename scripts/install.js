// npm's install step: builds the native addon if it can. It always exits 0, since the library also runs without: on
// WebAssembly. npm hides what a dependency's install prints, so the reason of a failure is left where backends() finds it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** npm names the node-gyp it brings; other package managers put one on the path; a clone has it as a dependency. */
function nodeGyp() {
  const named = process.env.npm_config_node_gyp;
  if (named) return [process.execPath, named];
  try {
    return [process.execPath, createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')];
  } catch {
    return [process.platform === 'win32' ? 'node-gyp.cmd' : 'node-gyp'];
  }
}

/** What went wrong, in the lines of node-gyp and the compiler that say so. */
function reasonOf({ error, stdout, stderr }) {
  if (error) return error.message;
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => /error|not found|No such file|ERR!.*stack/i.test(line));
  return (
    lines
      .slice(0, 5)
      .map((line) => line.trim())
      .join(' | ') || 'node-gyp gave no reason'
  );
}

const [command, ...args] = nodeGyp();
const result = spawnSync(command, [...args, 'rebuild'], {
  cwd: root,
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
if (result.status !== 0) {
  const reason = reasonOf(result);
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(join(root, 'build', 'install-failure.txt'), `${reason}\n`);
  console.log(`batchnorm: the native addon was not built: ${reason}
batchnorm: WebAssembly will be used instead; backends() tells this reason again.
batchnorm: to try again: npm rebuild batchnorm --foreground-scripts`);
}
