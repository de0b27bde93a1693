// Compiles src to dist, as ES modules: for browsers, their bundles and the command line. From these it makes what Node.js
// loads, by whichever door: the library as CommonJS in dist/cjs, for `require` from Node.js 20.16 on, and ES modules in
// dist/node that export what dist/cjs has, for `import`. So the chosen backend exists once in a process.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const entries = ['index', 'tfjs/index', 'mpi/index'];

// esbuild exports by getters, which make a forward and backward of (2,64) 11 % slower than in the ES modules.
const PLAIN = `module.exports = Object.defineProperty({ ...module.exports }, '__esModule', { value: true });`;

rmSync(dist, { recursive: true, force: true });
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' });

const files = readdirSync(dist, { recursive: true }).filter((file) => /\.(js|d\.ts)$/.test(file));
for (const file of files.filter((file) => !/^cli\b/.test(file))) {
  const source = join(dist, file);
  const target = join(dist, 'cjs', file);
  mkdirSync(dirname(target), { recursive: true });
  if (file.endsWith('.js')) writeFileSync(target, asCommonJs(readFileSync(source, 'utf8')));
  else copyFileSync(source, target); // the same declarations, which package.json beside them makes CommonJS
}
writeFileSync(join(dist, 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
for (const entry of entries) {
  const file = join(dist, 'node', `${entry}.js`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, doorTo(join(dist, 'cjs', `${entry}.js`), dirname(file)));
}

// What `batchnorm build` compiles by. A binding.gyp at the root of what is packed package managers take for a wish to build,
// and a dependency on node-addon-api makes Yarn install node-gyp.
const headers = dirname(require.resolve('node-addon-api/package.json'));
copyFileSync(join(root, 'binding.gyp'), join(dist, 'binding.gyp'));
cpSync(headers, join(dist, 'node-addon-api'), { recursive: true, filter: (path) => !path.endsWith('tools') });

/** `import.meta.url` is asked for in one file; a bundler that makes ES modules of this one leaves no __filename there. */
function asCommonJs(code) {
  const location = 'const location = typeof __filename === "string" ? __filename : undefined;\n';
  return transformSync(code, {
    format: 'cjs',
    platform: 'node', // for the list of exports that Node.js reads from the text
    target: 'node20',
    define: { 'import.meta.url': 'location' },
    banner: code.includes('import.meta.url') ? location : '',
    footer: PLAIN,
  }).code;
}

function doorTo(file, folder) {
  const names = Object.keys(require(file));
  const path = relative(folder, file).replaceAll('\\', '/');
  return `import library from '${path}';\n\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = library;\n`;
}
