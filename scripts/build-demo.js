// Compiles what stands above the library: demo to dist-demo, then bench, which takes the report kit from there, to
// dist-bench; then puts the live page together. What an earlier build has left there would be packed.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

for (const folder of ['demo', 'bench']) {
  rmSync(join(root, `dist-${folder}`), { recursive: true, force: true });
  execFileSync(process.execPath, [tsc, '-p', join(root, folder)], { stdio: 'inherit' });
}

execFileSync(process.execPath, [join(root, 'scripts', 'build-live.js')], { stdio: 'inherit' });

// What `--help` of these commands says where the packages that they need, and that would print it, are not installed.
for (const [command, folder] of [
  ['train', 'dist-demo'],
  ['bench', 'dist-bench'],
]) {
  const help = execFileSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), command, '--help']);
  writeFileSync(join(root, folder, 'help.txt'), help);
}
