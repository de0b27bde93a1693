import * as assert from 'uvu/assert';
import { scalar, scalarShared, simd128, simd128Shared } from '#dist/generated/wasm.js';
import suites from './suites/all.js';
import { runOn } from './support/runner.js';
import { suiteOf } from './support/suite.js';

runOn('wasm', suites);

/** Numbers of sections in the binary format. */
const [TYPE, IMPORT, FUNCTION, EXPORT, CODE] = [1, 2, 3, 7, 10];

/** The sections of a module in their order: each is its number, its size in LEB128, and so many bytes. */
function sectionsOf(bytes: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 8; at < bytes.length; ) {
    found.push(bytes[at++]);
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      size |= (bytes[at] & 127) << shift;
      more = bytes[at++] > 127;
    }
    at += size;
  }
  return found;
}

const modules = suiteOf('wasm: modules');
/** Of each module, in bytes: it is inlined in every bundle. 5,400 are for 16 bits. */
const MOST_BYTES = 56000;

const MODULES = { scalar, scalarShared, simd128, simd128Shared };
for (const [name, text] of Object.entries(MODULES)) {
  modules(`${name} has nothing of its own but code: instances may share a memory`, () => {
    const bytes = Buffer.from(text, 'base64');
    const module = new WebAssembly.Module(bytes);
    assert.equal(WebAssembly.Module.imports(module), [{ module: 'env', name: 'memory', kind: 'memory' }]);
    assert.equal(sectionsOf(bytes), [TYPE, IMPORT, FUNCTION, EXPORT, CODE]);
  });
  modules(`${name} is small`, () => {
    const { length } = Buffer.from(text, 'base64');
    assert.ok(length <= MOST_BYTES, `${length} bytes, and ${MOST_BYTES} are the most`);
  });
}
