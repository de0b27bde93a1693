// The three rooms of the kernels, src/reference, assembly and native, hold the same functions in the same order, so
// that they can be read side by side; and all kernels of the contract, for both types.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import * as assert from 'uvu/assert';
import * as reference from '#dist/backends/reference.js';
import { scalar, scalarShared, simd128, simd128Shared } from '#dist/generated/wasm.js';
import * as facts from '#dist/generated/wasm-facts.js';
import { EXACT_TENSOR_NAMES, HALF_KERNEL_NAMES, KERNEL_NAMES } from '#dist/kernels.js';
import { suiteOf } from './support/suite.js';

const ROOMS = ['reference', 'assembly', 'native'] as const;
type Room = (typeof ROOMS)[number];
const FOLDERS: Record<Room, string> = { reference: 'src/reference/', assembly: 'assembly/', native: 'native/kernels/' };

/**
 * Names that stand in this order, in one file of each room, or where a room has several files for it, in one after the
 * other.
 */
interface Piece {
  readonly names: string;
  readonly files: Record<Room, string>;
}

const PIECES: readonly Piece[] = [
  {
    names: 'LANES SEGMENT COLUMNS_BELOW STACKED_BELOW asColumns asLongRows stackedRows groupRows',
    files: { reference: 'layout.ts', assembly: 'layout.ts', native: 'layout.h' },
  },
  {
    names: 'addRow foldLanes fold foldColumns reduceColumns reduceShortRows reduceLongRows reduceGroups',
    files: { reference: 'reduce.ts', assembly: 'reduce.ts', native: 'lanes.h fold.h reduce.h' },
  },
  {
    names: 'CENTRED_ABOVE sums centredSums needsCentring clamp centre measure statistics',
    files: { reference: 'stats.ts', assembly: 'stats.ts kernels.ts index.ts', native: 'stats.h' },
  },
  {
    names: 'gate bend activate gradient',
    files: { reference: 'activation.ts', assembly: 'activation.ts', native: 'vec.h activation.h' },
  },
  {
    names: 'reciprocalDeviation coefficients preActivation',
    files: { reference: 'coefficients.ts', assembly: 'coefficients.ts', native: 'coefficients.h' },
  },
  {
    names: 'normalize forward',
    files: { reference: 'normalize.ts', assembly: 'index.ts', native: 'normalize.cc' },
  },
  {
    names: 'gradientThrough gradientTerm inputCoefficients parameterGradients',
    files: { reference: 'backward.ts', assembly: 'backward.ts', native: 'backward.cc' },
  },
  {
    names: 'gradientSums gradientInput backward',
    files: { reference: 'backward.ts', assembly: 'index.ts', native: 'backward.cc' },
  },
  {
    names: 'nearestHalf widen round',
    files: { reference: 'half.ts', assembly: 'half.ts', native: '' },
  },
];

/** Names that native and assembly have beside the reference. */
const COMPILED: readonly Piece[] = [
  {
    names: 'minOf maxOf divideUp asColumns asLongRows stackedRows groupRows segmentsOf groupsOf broadcast',
    files: { reference: '', assembly: 'layout.ts', native: 'layout.h' },
  },
  {
    names: 'normalizeTile gradientSumsTile gradientInputTile',
    files: { reference: '', assembly: 'kernels.ts', native: 'normalize.cc backward.cc' },
  },
];

/**
 * The names that a file defines at its outer level, in order. A type that stands for a function, as a term of native
 * does, counts as that function, and a kernel of one element type (`forward_f32`) as the kernel.
 */
function definitions(text: string): string[] {
  const code = text.replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, '');
  const typescript = /^(?:export )?(?:function|const) (\w+)/.source;
  const variable = /^constexpr \w+ (\w+) =/.source;
  const type = /^struct (\w+)/.source;
  const method = /^(?:BN_\w+ )?(?:(?:inline|constexpr) )*(?!template|extern|return|typedef)\w+\*? (\w+)\(/.source;
  const found = [...code.matchAll(new RegExp([typescript, variable, type, method].join('|'), 'gm'))];
  const names = found.map((match) => match.slice(1).find((name) => name !== undefined) ?? '');
  return names
    .map((name) => name.replace(/_f(?:32|64)$/, ''))
    .map((name) => (/^[A-Z][a-z]/.test(name) ? lower(name) : name));
}

const lower = (name: string) => name[0].toLowerCase() + name.slice(1);

/** The first name that is missing in a text or stands before one that it should follow; null where all is in order. */
function disorder(names: readonly string[], text: string): string | null {
  const defined = definitions(text);
  let last = -1;
  for (const name of names) {
    const places = defined.flatMap((other, place) => (other === name ? [place] : []));
    if (places.length === 0) return `${name} is missing`;
    const next = places.find((place) => place > last);
    if (next === undefined) return `${name} stands too early`;
    last = next;
  }
  return null;
}

function textOf(room: Room, files: string): string {
  const read = (file: string) => readFileSync(new URL(`../${FOLDERS[room]}${file}`, import.meta.url), 'utf8');
  return files.split(' ').map(read).join('\n');
}

const test = suiteOf('rooms');

for (const { names, files } of [...PIECES, ...COMPILED]) {
  for (const room of ROOMS.filter((one) => files[one] !== '')) {
    test(`${room}: ${names}`, () => {
      assert.is(disorder(names.split(' '), textOf(room, files[room])), null, `${FOLDERS[room]}{${files[room]}}`);
    });
  }
}

test('a name that is missing, renamed or moved is found, in each room', () => {
  const { names, files } = PIECES[1];
  for (const room of ROOMS) {
    const text = textOf(room, files[room]);
    const renamed = text.replaceAll('foldLanes', 'foldedLanes');
    assert.is(disorder(names.split(' '), renamed), 'foldLanes is missing', room);
    const swapped = text
      .replaceAll(/\bfoldColumns\b/g, '§')
      .replaceAll(/\bfold\b/g, 'foldColumns')
      .replaceAll('§', 'fold');
    assert.is(disorder(names.split(' '), swapped), 'foldColumns stands too early', room);
    assert.is(disorder(['reduceGroups', 'addRow'], text), 'addRow stands too early', room);
  }
  assert.is(disorder(['fold'], '// function fold(\n/* function fold() {} */\n  fold(1);\n'), 'fold is missing');
});

/** The value that a room writes for a constant; one that stands for another is followed. */
function constant(name: string, text: string): number {
  const [, value] = text.match(new RegExp(`\\b${name}(?:: usize)? = (\\w+);`)) ?? [];
  if (value === undefined) throw new Error(`${name} has no value`);
  return /^\d+$/.test(value) ? Number(value) : constant(value, text);
}

test('the order of summation has the same numbers in all rooms', () => {
  const wanted = { LANES: 16, SEGMENT: 4096, COLUMNS_BELOW: 64, STACKED_BELOW: 16 };
  for (const room of ROOMS) {
    const text = textOf(room, PIECES[0].files[room]);
    const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, constant(name, text)]));
    assert.equal(found, wanted, room);
  }
  const { LANES, SEGMENT, COLUMNS_BELOW, STACKED_BELOW } = facts;
  assert.equal({ LANES, SEGMENT, COLUMNS_BELOW, STACKED_BELOW }, wanted, 'the WebAssembly modules');
  assert.throws(() => constant('LANES', 'const LANE = 16;'), /LANES has no value/);
});

/**
 * Kernels that the modules of WebAssembly lack: `rowSums` reads a part of a tensor that may lie anywhere, and copying
 * all of it to the modules would take longer than the sums, so that its backend calls the reference. Kernels for 16
 * bits are those for float32 on a call that says so.
 */
const BY_REFERENCE: readonly string[] = ['rowSums'];

/** The kernels of the contract that are not among these names. */
function missing(
  names: Iterable<string>,
  ends: readonly string[],
  kernels: readonly string[] = KERNEL_NAMES,
): string[] {
  const known = new Set(names);
  return kernels.flatMap((kernel) => ends.map((end) => kernel + end)).filter((name) => !known.has(name));
}

const functionsOf = (table: object) =>
  Object.entries(table).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));

test('the reference has every kernel', () => {
  const kernels = reference.load();
  assert.equal(missing(functionsOf(kernels), ['']), []);
  for (const half of [kernels.float16, kernels.bfloat16]) {
    assert.equal(missing(functionsOf(half), [''], [...KERNEL_NAMES, ...HALF_KERNEL_NAMES]), []);
    assert.equal(missing(functionsOf(half.exact), [''], EXACT_TENSOR_NAMES), []);
  }
});

for (const [name, code] of Object.entries({ scalar, scalarShared, simd128, simd128Shared })) {
  test(`the ${name} module exports every kernel for both types`, () => {
    const exports = WebAssembly.Module.exports(new WebAssembly.Module(Buffer.from(code, 'base64')));
    const names = exports.map((one) => one.name);
    const own = KERNEL_NAMES.filter((kernel) => !BY_REFERENCE.includes(kernel));
    assert.equal(missing(names, ['_f32', '_f64'], own), []);
    assert.equal(missing(names, ['_f32'], [...EXACT_TENSOR_NAMES, ...HALF_KERNEL_NAMES]), []);
  });
}

test('the table of native has every kernel, in the order of the contract', () => {
  const table = readFileSync(new URL('../native/kernels/table.cc', import.meta.url), 'utf8');
  const [, row] = table.match(/return \{(\w+<T>(?:,\s*\w+<T>)*)\};/) ?? [];
  const names = (row ?? '').split(/,\s*/).map((name) => name.replace('<T>', ''));
  assert.equal(
    names.filter((name) => !name.endsWith('Bytes')),
    [...KERNEL_NAMES],
  );
});

test('a kernel that is nowhere is found', () => {
  assert.equal(missing(['forward_f32'], ['_f32']).includes('backward_f32'), true);
  assert.equal(missing(['forward_f32'], ['_f32']).includes('forward_f32'), false);
});

type Sources = ReadonlyMap<string, string>;

/** The files that import themselves, by way of others or directly. */
function inCircles(sources: Sources): string[] {
  const importsOf = (file: string) => {
    const statements = (sources.get(file) ?? '').matchAll(/^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)';/gm);
    return [...statements].map(([, name]) => posix.join(posix.dirname(file), name));
  };
  const reached = (file: string) => {
    const found = new Set<string>();
    const visit = (other: string) => {
      if (found.has(other)) return;
      found.add(other);
      importsOf(other).forEach(visit);
    };
    importsOf(file).forEach(visit);
    return found;
  };
  return [...sources.keys()].filter((file) => reached(file).has(file)).sort();
}

const folder = new URL('../assembly/', import.meta.url);
const assembly: Sources = new Map(
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file.replaceAll('\\', '/').replace(/\.ts$/, ''), readFileSync(new URL(file, folder), 'utf8')]),
);

/** The files of a circle that is not the one which pool.ts explains: kernels, walks, pool. */
const unexplained = (sources: Sources) =>
  inCircles(sources).filter((file) => !['kernels', 'pool', 'walk'].includes(posix.basename(file)));

test('assembly has one circle of imports, which pool.ts explains', () => {
  assert.equal(unexplained(assembly), []);
  assert.ok(inCircles(assembly).includes('pool'), 'without that circle its explanation should go');
});

test('an import that closes another circle is found', () => {
  const planted = new Map(assembly).set('layout', `import { Call } from './call';\n${assembly.get('layout')}`);
  assert.equal(unexplained(planted), ['call', 'layout']);
});
