/** Files in the format safetensors: those that Python wrote, and the same bytes back. */
import { readdirSync } from 'node:fs';
import { type NamedTensor, readSafetensors, type Tensors, toFloats, writeSafetensors } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { DATA, F32, file, fixture, shown, tensor } from './support/safetensors.js';
import { suiteOf } from './support/suite.js';

const FIXTURES = readdirSync(DATA).flatMap((name) => name.match(/^(.*)\.safetensors$/)?.[1] ?? []);

const test = suiteOf('safetensors');

for (const name of FIXTURES) {
  test(`${name}: what Python wrote, read and written again`, () => {
    const bytes = fixture(name);
    const { tensors, metadata } = readSafetensors(bytes);
    const again = writeSafetensors(tensors, metadata);
    if (name !== 'unaligned') assert.equal(again, bytes);
    assert.equal(shown(readSafetensors(again)), shown({ tensors, metadata }));
  });
}

test('the values of a layer of PyTorch', () => {
  const { tensors, metadata } = readSafetensors(fixture('layer'));
  assert.equal({ ...metadata }, { format: 'pt' });
  const names = ['bn.num_batches_tracked', 'bn.bias', 'bn.running_mean', 'bn.running_var', 'bn.weight'];
  assert.equal(Object.keys(tensors), names);
  assert.equal(tensors['bn.num_batches_tracked'], { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) });
  assert.equal(tensors['bn.weight'].shape, [4]);
  assert.ok((tensors['bn.weight'] as NamedTensor<'F32'>).data.every((value) => value >= 0.5 && value < 1.5));
});

test('names that are something else to JavaScript', () => {
  const { tensors, metadata } = readSafetensors(fixture('names'));
  assert.is(Object.getPrototypeOf(tensors), null);
  const proto = '__proto__';
  assert.equal(tensors[proto].data, Float32Array.of(0));
  assert.equal(tensors[''].data, Float32Array.of(3));
  assert.equal(tensors['😀'].data, Float32Array.of(14));
  assert.equal(tensors['nothing'].shape, [0, 3]);
  assert.is(metadata[proto], 'a name like any other');
  assert.is(metadata['a'], 'é"\\\n\x01');
});

test('what is aligned is a view, what is not is a copy', () => {
  const aligned = fixture('layer');
  for (const { data } of Object.values(readSafetensors(aligned).tensors)) assert.is(data.buffer, aligned.buffer);
  const bytes = fixture('unaligned');
  const { tensors } = readSafetensors(bytes);
  assert.equal([tensors['a'].data, tensors['b'].data], [Uint8Array.of(5), Float64Array.of(0.1)]);
  assert.is(tensors['a'].data.buffer, bytes.buffer);
  assert.is.not(tensors['b'].data.buffer, bytes.buffer);
  const within = new Uint8Array(aligned.length + 3);
  within.set(aligned, 3);
  assert.equal(shown(readSafetensors(within.subarray(3))), shown(readSafetensors(aligned)));
  assert.equal(shown(readSafetensors(Buffer.from(within.buffer, 3))), shown(readSafetensors(aligned)));
});

test('floats of 16 bits are widened as numpy does', () => {
  const { tensors } = readSafetensors(fixture('halves'));
  for (const name of ['f16', 'bf16']) {
    assert.equal(bitsOf(toFloats(tensors[name])), bitsOf(toFloats(tensors[`${name}.widened`])));
  }
});

test('every float of 16 bits is the number that its definition says', () => {
  const data = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
  const formats = { F16: [5, 10], BF16: [8, 7] } as const;
  for (const [dtype, [exponentBits, fractionBits]] of Object.entries(formats)) {
    const floats = toFloats({ dtype: dtype as 'F16', shape: [2 ** 16], data });
    const differing = data.filter((bits) => !Object.is(floats[bits], numberOf(bits, exponentBits, fractionBits)));
    assert.equal([...differing], []);
  }
});

test('NaN keeps its sign and what it carries', () => {
  const floats = toFloats({ dtype: 'F16', shape: [2], data: Uint16Array.of(0x7c01, 0xfe00) });
  assert.equal(bitsOf(floats), Uint32Array.of(0x7f802000, 0xffc00000));
  const brain = toFloats({ dtype: 'BF16', shape: [2], data: Uint16Array.of(0x7f81, 0xffc0) });
  assert.equal(bitsOf(brain), Uint32Array.of(0x7f810000, 0xffc00000));
});

test('what a file may be, too', () => {
  assert.equal(shown(readSafetensors(file('{}'))), shown({ tensors: {}, metadata: {} }));
  for (const header of [`{"a":${F32}}`, `{ "a" :\t${F32}\r\n} \n `, `{"\\u0061":${F32},"__metadata__":{}}`]) {
    assert.equal(Object.keys(readSafetensors(file(header, 4)).tensors), ['a']);
  }
  for (const offsets of ['[0,0]', '[4,4]']) {
    const empty = tensor('F32', '[0]', offsets);
    for (const header of [`{"a":${F32},"b":${empty}}`, `{"b":${empty},"a":${F32}}`]) {
      assert.is(Object.keys(readSafetensors(file(header, 4)).tensors).length, 2, header);
    }
  }
});

test('refused by the writer', () => {
  const good = { dtype: 'F32', shape: [1], data: Float32Array.of(1) };
  const refused = (tensors: unknown, message: RegExp, metadata?: unknown) =>
    assert.throws(() => writeSafetensors(tensors as Tensors, metadata as Record<string, string>), message);
  refused(null, /writeSafetensors: "tensors" expected tensors by name, got null/);
  refused({ a: null }, /"a" expected a tensor: \{ dtype, shape, data \}, got null/);
  refused({ a: { ...good, dtype: 'f32' } }, /"a.dtype" expected one of U64, .*BOOL, got "f32"/);
  refused({ a: { ...good, shape: [1.5] } }, /"a.shape" expected an array of whole numbers from 0 on, got \[1.5\]/);
  refused({ a: { ...good, shape: 1 } }, /"a.shape" expected an array of whole numbers from 0 on, got 1/);
  refused({ a: { ...good, shape: [2] } }, /"a.data" expected Float32Array of length 2 for F32 of shape \[2\], got/);
  refused({ a: { ...good, data: [1] } }, /"a.data" expected Float32Array of length 1 .* got Array of length 1/);
  refused(
    { a: { ...good, dtype: 'F64' } },
    /"a.data" expected Float64Array of length 1 .* got Float32Array of length 1/,
  );
  refused({ __metadata__: good }, /tensors of other names than __metadata__/);
  refused({ '\ud800': good }, /names without halves of surrogate pairs/);
  refused({ a: good }, /"metadata.b" expected a text, got 1/, { b: 1 });
  refused({ a: good }, /"metadata" expected texts by name, got "pt"/, 'pt');
  assert.throws(() => readSafetensors('a' as never), /readSafetensors: "bytes" expected a Uint8Array, got "a"/);
  assert.throws(() => toFloats({ dtype: 'I8', shape: [1], data: Int8Array.of(1) }), /"tensor.dtype" expected F64, F32/);
});

function bitsOf(floats: Float32Array | Float64Array): Uint32Array {
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.byteLength / 4);
}

/** (-1)^sign · 2^(exponent - bias) · (1 + fraction), and below the smallest exponent without the 1. */
function numberOf(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const largest = 2 ** exponentBits - 1;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (bits >> fractionBits) & largest;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === largest) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? 2 ** (1 - bias) * fraction : 2 ** (exponent - bias) * (1 + fraction));
}
