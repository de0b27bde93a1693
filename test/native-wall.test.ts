/**
 * The wall between the folders of native. Files of native/kernels are compiled once per instruction set: an inline
 * function from elsewhere would be a weak symbol in each of them, and the linker could keep the one for AVX-512 for a
 * processor that lacks it. test/symbols.test.ts looks at what was built; this test looks at the sources, on any system.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

/** System headers of types, of functions of C, and of intrinsics: none of them leaves a weak symbol. */
const PLAIN = ['cstddef', 'cstdint', 'cmath', 'cstring', 'immintrin.h', 'emmintrin.h', 'arm_neon.h'];

/** The rooms from which a file of each room may include, and the headers of the system that it may, if not all. */
const ROOMS: Readonly<Record<string, { readonly own: readonly string[]; readonly system?: readonly string[] }>> = {
  'kernels.h': { own: [], system: PLAIN },
  kernels: { own: ['kernels', 'kernels.h'], system: PLAIN },
  runtime: { own: ['runtime', 'kernels.h'] },
};

type Sources = ReadonlyMap<string, string>;

const root = new URL('../native/', import.meta.url);
const roomOf = (file: string) => file.split('/')[0];

function readSources(): Map<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const files = names.filter((name) => roomOf(name) in ROOMS && /\.(cc|h)$/.test(name));
  return new Map(files.map((name) => [name, readFileSync(new URL(name, root), 'utf8')]));
}

/** Every include that its room may not have. */
function breaches(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) => {
    const { own, system } = ROOMS[roomOf(file)];
    return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)]
      .filter(([, kind, name]) => {
        if (kind === '<') return system !== undefined && !system.includes(name);
        return !own.includes(roomOf(posix.join(posix.dirname(file), name)));
      })
      .map(([, , name]) => `${file} includes ${name}`);
  });
}

const test = suiteOf('native: rooms');
const sources = readSources();

test('no include goes through the wall', () => {
  assert.equal(new Set([...sources.keys()].map(roomOf)), new Set(Object.keys(ROOMS)));
  assert.equal(breaches(sources), []);
});

test('an include through the wall is found', () => {
  for (const [file, line, name] of [
    ['kernels/planted.h', '#include "../runtime/pool.h"', '../runtime/pool.h'],
    ['kernels/vec/planted.h', '  # include "../../runtime/memory.h"', '../../runtime/memory.h'],
    ['kernels/planted.cc', '#include <algorithm>', 'algorithm'],
    ['runtime/planted.cc', '#include "../kernels/layout.h"', '../kernels/layout.h'],
    ['kernels.h', '#include "kernels/layout.h"', 'kernels/layout.h'],
  ]) {
    assert.equal(breaches(new Map(sources).set(file, `// Above.\n${line}\n`)), [`${file} includes ${name}`]);
  }
});
