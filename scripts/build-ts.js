// Compiles src to dist, and gives CommonJS users a door of their own: the same declarations, seen as CommonJS, and
// one-line modules that load the one ES implementation, so that the chosen backend exists once in a process.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const cjs = join(dist, 'cjs');
const entries = ['index', 'tfjs/index', 'mpi/index'];

rmSync(dist, { recursive: true, force: true });
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' });

const files = readdirSync(dist, { recursive: true });
const declarations = files.filter((file) => file.endsWith('.d.ts') && !file.startsWith('cli'));
for (const file of declarations) {
  mkdirSync(dirname(join(cjs, file)), { recursive: true });
  copyFileSync(join(dist, file), join(cjs, file));
}
writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs" }\n');
for (const entry of entries) {
  const file = join(cjs, `${entry}.js`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, wrapper(relative(dirname(file), join(dist, `${entry}.js`)).replaceAll('\\', '/')));
}

/** require() of an ES module works from Node 20.19 on; before that the error says what to do. */
function wrapper(target) {
  return `'use strict';
try {
  module.exports = require('${target}');
} catch (cause) {
  if (cause.code !== 'ERR_REQUIRE_ESM') throw cause;
  throw new Error('batchnorm: require() needs Node.js 20.19 or newer, this is ' + process.version +
    "; upgrade, or use import('batchnorm')", { cause });
}
`;
}
