// Checks (--check) or repairs (--write) the format of the C++ sources.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folders = [
  'native',
  'native/kernels',
  'native/kernels/vec',
  'native/runtime',
  'native/driver',
  'native/driver/simde',
  'native/mpi',
  'bench/native',
];
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((file) => /\.(cc|h)$/.test(file))
    .map((file) => join(folder, file)),
);
const mode = process.argv[2] === '--write' ? ['-i'] : ['--dry-run', '--Werror'];
const tool = createRequire(import.meta.url).resolve('clang-format');
try {
  execFileSync(process.execPath, [tool, '--style=file', ...mode, ...files], { cwd: root, stdio: 'inherit' });
} catch {
  console.error('batchnorm: the C++ sources are not formatted: npm run format');
  process.exit(1);
}
