/**
 * Files in the format safetensors that are not what they should be: each ends in an error that says why, and in nothing
 * else.
 */
import { readSafetensors, writeSafetensors } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { Random, SEED } from './support/random.js';
import { F32, file, fixture, shown, tensor } from './support/safetensors.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('hostile safetensors');

const REFUSED: Record<string, [Uint8Array, RegExp]> = {
  'no bytes': [new Uint8Array(0), /the file expected at least 8 bytes, got 0/],
  'seven bytes': [new Uint8Array(7), /at least 8 bytes, got 7/],
  'no header': [new Uint8Array(8), /the header expected to begin with '\{', got no header/],
  'a header that goes on after the file': [
    Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 123, 125),
    /the 2 bytes that follow, got 3/,
  ],
  'a header of 2^64 - 1 bytes': [new Uint8Array(16).fill(255), /at most 100000000 bytes, got 18446744073709551615/],
  'a header of 100 MB that is not there': [
    Uint8Array.of(0, 225, 245, 5, 0, 0, 0, 0),
    /the 0 bytes that follow, got 100000000/,
  ],
  'a header of 100 MB and a byte': [
    Uint8Array.of(1, 225, 245, 5, 0, 0, 0, 0),
    /at most 100000000 bytes, got 100000001/,
  ],
  'a ZIP archive': [
    Buffer.from('PK\x03\x04\x14\0\0\0\0\0'),
    /the format safetensors, got a ZIP archive, as files .pt, .*docs/,
  ],
  HDF5: [Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), /the format safetensors, got HDF5/],
  'a pickle': [Buffer.from('\x80\x02}q\x00X\x04\x00', 'latin1'), /the format safetensors, got a pickle/],
  'no UTF-8': [file(Uint8Array.of(0x7b, 0xff, 0x7d)), /the header expected UTF-8/],
  'a mark of byte order': [file('\ufeff{}'), /to begin with '\{', got byte 239/],
  'a space before': [file(' {}'), /to begin with '\{', got byte 32/],
  'an array': [file('[]'), /to begin with '\{', got byte 91/],
  'an end too early': [file('{"a":'), /'\{' at character 5, got its end/],
  'something after it': [file('{}x'), /nothing but spaces after its JSON at character 2, got "x"/],
  'a comma too much': [file(`{"a":${F32},}`, 4), /'"' at character \d+, got "}"/],
  'no tensor': [file('{"a":null}'), /'\{' at character 5, got "null}"/],
  'an empty tensor': [file('{"a":{}}'), /tensor "a" expected dtype, shape and data_offsets, got none of them/],
  'no shape': [file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4), /got dtype and data_offsets alone/],
  'another property': [file('{"a":{"dtype":"F32","strides":[1]}}'), /tensor "a" expected dtype, .*, got "strides"/],
  'an unknown dtype': [
    file(`{"a":${tensor('F33', '[1]', '[0,4]')}}`, 4),
    /tensor "a" expected a dtype of U64, .*, got "F33"/,
  ],
  'a dtype of every object': [file(`{"a":${tensor('constructor', '[1]', '[0,4]')}}`, 4), /got "constructor"/],
  'a dtype that is a number': [file('{"a":{"dtype":32}}'), /'"' at character 14, got "32}}"/],
  'a name twice': [file(`{"a":${F32},"a":${F32}}`, 4), /every name once, got "a" twice/],
  'a name twice, written otherwise': [file(`{"a":${F32},"\\u0061":${F32}}`, 4), /every name once, got "a" twice/],
  'a property twice': [file('{"a":{"dtype":"F32","dtype":"F32"}}'), /every name once, got "dtype" twice/],
  'metadata twice': [file('{"__metadata__":{},"__metadata__":{}}'), /got "__metadata__" twice/],
  'metadata that is no text': [file('{"__metadata__":{"a":1}}'), /'"' at character 21, got "1}}"/],
  'metadata that is null': [file('{"__metadata__":null}'), /'\{' at character 16, got "null}"/],
  'metadata that is a tensor': [file(`{"__metadata__":${F32}}`, 4), /'"' at character/],
  'half a surrogate pair': [file(`{"\\ud800":${F32}}`, 4), /a string of JSON at character 1/],
  'a string without an end': [file('{"a'), /a string of JSON at character 1/],
  'an escape at the end': [file('{"a\\'), /a string of JSON at character 1/],
  'a control character in a name': [file(`{"\n":${F32}}`, 4), /a string of JSON at character 1/],
  'a negative size': [
    file(`{"a":${tensor('F32', '[-1]', '[0,4]')}}`, 4),
    /a whole number .* at character 29, got "-1\]/,
  ],
  'a size with a fraction': [file(`{"a":${tensor('F32', '[1.0]', '[0,4]')}}`, 4), /'\]' at character 30, got ".0]/],
  'a size with an exponent': [file(`{"a":${tensor('F32', '[1e0]', '[0,4]')}}`, 4), /'\]' at character 30/],
  'a size with a zero before it': [file(`{"a":${tensor('F32', '[01]', '[0,4]')}}`, 4), /a whole number/],
  'a size that float64 has not': [
    file(`{"a":${tensor('F32', '[9007199254740993,0]', '[0,0]')}}`),
    /from 0 to 2\^53 - 1/,
  ],
  'a size of a thousand digits': [
    file(`{"a":${tensor('F32', `[${'9'.repeat(1000)}]`, '[0,4]')}}`, 4),
    /a whole number/,
  ],
  'sizes whose product overflows': [
    file(`{"a":${tensor('F32', '[4294967296,4294967296,4294967296,4294967296]', '[0,0]')}}`),
    /tensor "a" expected data_offsets \[begin, end\] around a countable number of whole bytes/,
  ],
  'a shape of 1001 axes': [
    file(`{"a":${tensor('U8', `[${'1,'.repeat(1000)}1]`, '[0,1]')}}`, 1),
    /at most 1000 numbers in an array/,
  ],
  'half a byte': [
    file(`{"a":${tensor('F4', '[3]', '[0,1]')}}`, 1),
    /a countable number of whole bytes for F4 of shape \[3\]/,
  ],
  'too few bytes': [
    file(`{"a":${tensor('F32', '[2]', '[0,4]')}}`, 4),
    /around 8 bytes for F32 of shape \[2\], got \[0, 4\]/,
  ],
  'the end before the beginning': [file(`{"a":${tensor('U8', '[1]', '[1,0]')}}`, 1), /around 1 bytes .*, got \[1, 0\]/],
  'three offsets': [file(`{"a":${tensor('F32', '[1]', '[0,4,8]')}}`, 4), /around 4 bytes .*, got \[0, 4, 8\]/],
  'a hole at the beginning': [
    file(`{"a":${tensor('F32', '[1]', '[4,8]')}}`, 8),
    /to begin at byte 0 of the data, got 4: a hole/,
  ],
  'a hole between': [
    file(`{"a":${F32},"b":${tensor('U8', '[1]', '[5,6]')}}`, 6),
    /"b" expected to begin at byte 4 .* a hole/,
  ],
  'a hole at the end': [file(`{"a":${F32}}`, 5), /the file expected 4 bytes of data after its header, got 5/],
  'data that ends too early': [file(`{"a":${F32}}`, 3), /the file expected 4 bytes of data after its header, got 3/],
  'the same bytes twice': [file(`{"a":${F32},"b":${F32}}`, 4), /"b" expected to begin at byte 4 .*, got 0: an overlap/],
  'an overlap of a byte': [file(`{"a":${F32},"b":${tensor('F32', '[1]', '[3,7]')}}`, 7), /got 3: an overlap/],
  'nothing in the middle of something': [
    file(`{"a":${F32},"b":${tensor('F32', '[0]', '[2,2]')}}`, 4),
    /got 2: an overlap/,
  ],
  'bytes after a file without tensors': [file('{}', 1), /the file expected 0 bytes of data after its header, got 1/],
};
for (const [title, [bytes, message]] of Object.entries(REFUSED)) {
  test(`refused: ${title}`, () => assert.match(refusal(bytes) ?? 'nothing', message));
}

/** What a hundred megabytes could be to a general reader of JSON: gigabytes of objects, or a stack without an end. */
const BOMBS = {
  'arrays in a tensor': `{"a":[${'[],'.repeat(1e6)}[]]}`,
  'arrays in arrays': `{"a":${'['.repeat(3e6)}`,
  'objects in objects': '{"a":'.repeat(1e6),
  'arrays in a shape': `{"a":{"shape":[${'[],'.repeat(1e6)}[]]}}`,
  'a property that is none': `{"a":{"x":${'['.repeat(3e6)}`,
  backslashes: `{"${'\\'.repeat(4e6)}`,
  quotes: `{"${'\\"'.repeat(2e6)}`,
  spaces: `{${' '.repeat(4e6)}`,
};
for (const [title, header] of Object.entries(BOMBS)) {
  test(`refused at once: ${title}`, () => {
    assert.match(refusal(file(header)) ?? 'nothing', /the header expected|tensor "a" expected/);
  });
}

test('100,000 mutants end in a refusal, or in tensors that fill the file', () => {
  const random = new Random(SEED);
  const originals = ['layer', 'names', 'unaligned', 'every-dtype'].map(fixture);
  const counts = { read: 0, refused: 0 };
  for (let i = 0; i < 100_000; i++) {
    const bytes = mutant(originals[i % originals.length], random);
    const message = refusal(bytes);
    counts[message === undefined ? 'read' : 'refused']++;
    if (message === undefined) checkFills(bytes);
  }
  assert.ok(counts.read > 1000 && counts.refused > 10_000, JSON.stringify(counts));
});

/** One to four changes, most of them within the header, by which tokens become others. */
function mutant(original: Uint8Array, random: Random): Uint8Array {
  let bytes = new Uint8Array(original);
  for (let changes = 1 + random.integer(4); changes > 0; changes--) {
    const header = Math.min(bytes.length, 8 + (bytes[0] ?? 0) + 256 * (bytes[1] ?? 0));
    const at = random.integer(random.integer(8) === 0 ? bytes.length : header);
    const length = random.integer(24);
    const tokens = '{}[],:"0123456789-.e\\ U8F64I32BOOL\0\xff';
    const change = random.integer(6);
    if (change === 0) bytes[at] = random.integer(256);
    else if (change === 1) bytes[at] = tokens.charCodeAt(random.integer(tokens.length));
    else if (change === 2) bytes[at] ^= 1 << random.integer(8);
    else if (change === 3) bytes = joined(bytes.subarray(0, at), bytes.subarray(at + length));
    else if (change === 4) bytes = joined(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at));
    else bytes = bytes.slice(0, random.integer(bytes.length + 1));
    if (random.integer(2) === 0) adjustLength(bytes, header, original);
  }
  return bytes;
}

/**
 * So that what was cut or put into the header does not end in a length that is wrong, which would hide what follows.
 */
function adjustLength(bytes: Uint8Array, header: number, original: Uint8Array): void {
  if (bytes.length < 8) return;
  const length = Math.max(0, Math.min(bytes.length, header + bytes.length - original.length) - 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}

/** What was read has all bytes of the data once, and is written and read again as it is. */
function checkFills(bytes: Uint8Array): void {
  const read = readSafetensors(bytes);
  const data = Object.values(read.tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
  const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.is(8 + header + data, bytes.length);
  const again = readSafetensors(writeSafetensors(read.tensors, read.metadata));
  assert.equal(shown(again), shown(read));
}

/** The message of the error, which is of the one kind that there is; undefined where there is none. */
function refusal(bytes: Uint8Array): string | undefined {
  try {
    readSafetensors(bytes);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_BATCHNORM_FILE') throw error;
    assert.ok(message.startsWith('batchnorm: readSafetensors: '), message);
    assert.ok(message.length < 500, message);
    return message;
  }
}
