// Whether the package resolves as its package.json says, by every module system and every way of TypeScript's, from the
// tarball as it is packed: what publint and "are the types wrong" find there. Nothing is fetched, and no script of the
// package runs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'batchnorm-check-'));
try {
  npm('pack', '--ignore-scripts', '--silent', `--pack-destination=${folder}`);
  const [tarball] = readdirSync(folder).map((file) => join(folder, file));
  npm('exec', '--offline', '--', 'publint', tarball, '--strict');
  npm('exec', '--offline', '--', 'attw', tarball, '--format', 'ascii', '--no-emoji');
} finally {
  rmSync(folder, { recursive: true });
}

function npm(...args) {
  const { status } = spawnSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exitCode = 1;
}
