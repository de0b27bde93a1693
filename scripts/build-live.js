// Puts the live page together: one HTML file, which fetches nothing. Its script is that of the page and of the worker,
// with the digits in it.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { renderLive } from '../dist-demo/live/shell.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const digits = readFileSync(join(root, 'data', 'digits', 'digits.csv.gz')).toString('base64');
const { outputFiles } = await build({
  entryPoints: [join(root, 'dist-demo', 'live', 'main.js')],
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  target: 'es2022',
  platform: 'browser',
  define: { DIGITS: JSON.stringify(digits), 'import.meta.url': '""' },
  logLevel: 'warning',
  logOverride: { 'empty-import-meta': 'silent' },
});
// The end tag of a script ends it wherever it stands.
const code = outputFiles[0].text.replaceAll('</script', '<\\/script');
const hash = createHash('sha256').update(code).digest('base64');
writeFileSync(join(root, 'dist-demo', 'live.html'), renderLive(code, hash));
