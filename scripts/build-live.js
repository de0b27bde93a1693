// Puts the live page together: one HTML file, which fetches nothing. Its script is that of the page and of the worker,
// with the digits in it. It shares no memory, so that modules for shared memory stay out of it.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { renderLive } from '../dist-demo/live/shell.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const digits = readFileSync(join(root, 'data', 'digits', 'digits.csv.gz')).toString('base64');
const unshared = {
  name: 'unshared',
  setup: ({ onLoad }) =>
    onLoad({ filter: /generated.wasm\.js$/ }, async ({ path }) => {
      const modules = Object.entries(await import(pathToFileURL(path))).filter(([name]) => !name.endsWith('Shared'));
      return { contents: modules.map(([name, text]) => `export const ${name} = '${text}';`).join('\n') };
    }),
};
const { outputFiles } = await build({
  entryPoints: [join(root, 'dist-demo', 'live', 'main.js')],
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  target: 'es2022',
  platform: 'browser',
  define: { DIGITS: JSON.stringify(digits), SharedArrayBuffer: 'undefined', 'import.meta.url': '""' },
  plugins: [unshared],
  logLevel: 'warning',
  logOverride: { 'empty-import-meta': 'silent' },
});
// The end tag of a script ends it wherever it stands.
const code = outputFiles[0].text.replaceAll('</script', '<\\/script');
const hash = createHash('sha256').update(code).digest('base64');
writeFileSync(join(root, 'dist-demo', 'live.html'), renderLive(code, hash));
