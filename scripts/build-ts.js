// Compiles src twice: to dist, ES modules for browsers and the command line, and to dist/cjs, CommonJS for Node.js.
// Both `require` and `import` of Node.js come to the latter, `import` by small ES modules (index.mjs), so that the
// chosen backend and the classes exist once in a process, whichever door its parts use. Comments go into declarations
// alone, where editors look for them, and of these there is one copy, that of dist/cjs.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const cjs = join(dist, 'cjs');
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');

rmSync(dist, { recursive: true, force: true });
compile('tsconfig.json', '--declaration', 'false');
compile('tsconfig.cjs.json');
for (const file of readdirSync(dist, { recursive: true })) if (file.endsWith('.js')) removeComments(join(dist, file));
writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n');
nameOwnFile(join(cjs, 'backends', 'package-root.js'));
for (const entry of ['index', 'tfjs/index', 'mpi/index', 'interop/index']) writeDoor(join(cjs, entry));

// The recipe of `batchnorm build`. A binding.gyp at the root of what is packed package managers take for a wish to
// build, and a dependency on node-addon-api makes Yarn install node-gyp.
const headers = dirname(require.resolve('node-addon-api/package.json'));
copyFileSync(join(root, 'binding.gyp'), join(dist, 'binding.gyp'));
cpSync(headers, join(dist, 'node-addon-api'), { recursive: true, filter: (path) => !path.endsWith('tools') });

function compile(config, ...options) {
  execFileSync(process.execPath, [tsc, '-p', join(root, config), ...options], { stdio: 'inherit' });
}

/** All but those for bundlers, which tsc would take away, too. Names and lines stay readable, for stack traces. */
function removeComments(file) {
  const { code } = transformSync(readFileSync(file, 'utf8'), {
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
  });
  writeFileSync(file, code);
}

/** As CommonJS calls it; not `__filename`, of which bundlers make what it was on the machine where they ran. */
function nameOwnFile(file) {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('import.meta.filename', 'module.filename'));
}

/** The ES module by which `import` comes to a CommonJS one: it names every export, so that nobody has to guess them. */
function writeDoor(entry) {
  const file = `./${basename(entry)}.js`;
  const names = Object.keys(require(`${entry}.js`)).sort();
  writeFileSync(`${entry}.mjs`, `export { ${names.join(', ')} } from '${file}';\n`);
  writeFileSync(`${entry}.d.mts`, `export * from '${file}';\n`);
}
