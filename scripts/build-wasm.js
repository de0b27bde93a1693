// Compiles assembly/ with SIMD and without, for shared memory and for its own, and writes the modules, as base64, into src/generated/wasm.ts:
// inlined, they reach bundles, browsers and workers without a path or a request.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const targets = ['scalar', 'scalarShared', 'simd128', 'simd128Shared'];

const constants = [];
for (const target of targets) {
  const options = ['assembly/index.ts', '--config', 'asconfig.json', '--target', target, '--baseDir', root];
  const { error } = await asc.main(options, { stdout: process.stdout, stderr: process.stderr });
  if (error) {
    console.error(`batchnorm: compiling the ${target} module failed: ${error.message}`);
    process.exit(1);
  }
  const module = readFileSync(join(root, 'build', 'wasm', `${target}.wasm`));
  // `: string` keeps the text out of the declarations.
  constants.push(`export const ${target}: string =\n  '${module.toString('base64')}';\n`);
}
mkdirSync(join(root, 'src', 'generated'), { recursive: true });
writeFileSync(
  join(root, 'src', 'generated', 'wasm.ts'),
  `// Written by scripts/build-wasm.js from assembly/.\n\n${constants.join('\n')}`,
);
