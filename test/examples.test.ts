// Every example in the documentation of the public API runs, and prints what its comments say: `// → value`.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatWithOptions } from 'node:util';
import * as batchnorm from 'batchnorm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const source = fileURLToPath(new URL('../src/', import.meta.url));
const test = suite('examples');

/** The code of each @example of the files right under src; the sub-folders' need what may not be installed. */
function examples(): { title: string; code: string }[] {
  return readdirSync(source)
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(source + file, 'utf8');
      return [...text.matchAll(/ \* @example\n(( +\*(?! @|\/).*\n)+)/g)].map(([, lines], i) => ({
        title: `${file} ${i + 1}`,
        code: lines.replace(/^ +\* ?/gm, ''),
      }));
    });
}

for (const { title, code } of examples()) {
  test(title, () => {
    const body = code.replace(/^import \{ (.*) \} from 'batchnorm';/m, 'const { $1 } = batchnorm;');
    const printed: string[] = [];
    const console = { log: (...values: unknown[]) => printed.push(formatWithOptions({}, ...values)) };
    new Function('batchnorm', 'console', `'use strict';\n${body}`)(batchnorm, console);
    assert.equal(
      printed,
      [...code.matchAll(/\/\/ → (.*)/g)].map(([, value]) => value.trim()),
    );
  });
}

test('every exported function and class has one', () => {
  const documented = examples()
    .map(({ code }) => code)
    .join('\n');
  for (const name of [
    'forwardTraining',
    'forwardInference',
    'backward',
    'BatchNorm',
    'Moments',
    'allocate',
    'release',
  ]) {
    assert.match(documented, name);
  }
});

test.run();
