// Compiles assembly/ with SIMD and without, for shared memory and for its own, and writes the modules, as base64, into
// src/generated/wasm.ts: inlined, they reach bundles, browsers and workers without a path or a request. What the host
// must know of them is written into src/generated/wasm-facts.ts, so that it stands in assembly/ only.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { readFacts } from './wasm-facts.js';

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
write('wasm.ts', constants.join('\n'));
write('wasm-facts.ts', await readFacts(root));

function write(name, text) {
  const folder = join(root, 'src', 'generated');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `// Written by scripts/build-wasm.js from assembly/.\n\n${text}`);
}
