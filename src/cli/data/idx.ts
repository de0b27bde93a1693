/**
 * IDX files, the format of MNIST: two zero bytes, a byte for the type of the elements (8 = unsigned bytes), a byte for
 * the number of dimensions, one big-endian 32-bit size for each, then the elements.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.js';
import { CLASSES, type Dataset, divide, type Images } from './dataset.js';
import { readData } from './file.js';

const UNSIGNED_BYTE = 8;

interface Idx {
  readonly sizes: readonly number[];
  readonly elements: Uint8Array;
}

/**
 * The images in a folder, under the names of MNIST, each plain or with `.gz`. Where only one of the pairs train-… and
 * t10k-… is there, a fifth of it is held out.
 * @throws Failure that names the file or folder and says what was expected.
 */
export function loadIdx(folder: string): Dataset {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Failure(
      `${folder}: expected a folder with IDX files such as t10k-images-idx3-ubyte.gz, found no such folder`,
    );
  }
  const train = loadPair(folder, 'train');
  const test = loadPair(folder, 't10k');
  const name = (images: Images) => `IDX files, ${images.rows}×${images.columns} pixels`;
  const attribution = `Read from the folder ${folder}.`;
  if (train && test) {
    if (train.rows !== test.rows || train.columns !== test.columns) {
      throw new Failure(
        `${folder}: expected images of one size, found ${train.rows}×${train.columns} (train) and ${test.rows}×${test.columns} (t10k)`,
      );
    }
    return { name: name(train), attribution, train, test, division: 'the t10k files are the test' };
  }
  const only = train ?? test;
  if (!only)
    throw new Failure(`${folder}: expected train-images-idx3-ubyte or t10k-images-idx3-ubyte (or .gz), found neither`);
  const part = train ? 'train' : 't10k';
  const { division, ...parts } = divide(only);
  return { name: `${name(only)}, only the ${part} part`, attribution, ...parts, division };
}

/** One pair of files; null where both are missing. */
function loadPair(folder: string, part: 'train' | 't10k'): Images | null {
  const [imageName, labelName] = [`${part}-images-idx3-ubyte`, `${part}-labels-idx1-ubyte`];
  const imageFile = find(folder, imageName);
  const labelFile = find(folder, labelName);
  if (!imageFile && !labelFile) return null;
  if (!imageFile) throw new Failure(`${join(folder, imageName)}: not found (nor .gz), though ${labelFile} is there`);
  if (!labelFile) throw new Failure(`${join(folder, labelName)}: not found (nor .gz), though ${imageFile} is there`);
  return readImages(imageFile, labelFile);
}

function readImages(imageFile: string, labelFile: string): Images {
  const { sizes, elements: pixels } = readIdx(imageFile, 3, 'images');
  const { elements: labels } = readIdx(labelFile, 1, 'labels');
  const [count, rows, columns] = sizes as [number, number, number];
  if (pixels.length === 0)
    throw new Failure(`${imageFile}: expected images, found ${count} of ${rows}×${columns} pixels`);
  if (labels.length !== count) {
    throw new Failure(
      `${labelFile}: expected ${count} labels, one for each image of ${imageFile}, found ${labels.length}`,
    );
  }
  const foreign = labels.find((label) => label >= CLASSES);
  if (foreign !== undefined) throw new Failure(`${labelFile}: expected labels from 0 to 9, found ${foreign}`);
  return { count, rows, columns, pixels, white: 255, labels };
}

/**
 * Reads one IDX file of unsigned bytes.
 * @throws Failure that names the file: foreign, truncated, longer than its header says, or not to be read.
 */
export function readIdx(path: string, dimensions: number, what: string): Idx {
  const bytes = readData(path);
  const magic = (UNSIGNED_BYTE << 8) | dimensions;
  const found = bytes.length >= 4 ? hex(bytes.readUInt32BE(0)) : `${bytes.length} bytes`;
  if (found !== hex(magic)) {
    throw new Failure(`${path}: expected an IDX file of ${what}, which begins with ${hex(magic)}, found ${found}`);
  }
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) {
    throw new Failure(`${path}: is truncated: expected a header of ${header} bytes, found ${bytes.length} bytes`);
  }
  const sizes = Array.from({ length: dimensions }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const expected = header + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== expected) {
    const fault = bytes.length < expected ? 'is truncated' : 'is longer than its header says';
    throw new Failure(
      `${path}: ${fault}: expected ${expected} bytes for ${sizes.join('×')} ${what}, found ${bytes.length}`,
    );
  }
  return { sizes, elements: bytes.subarray(header) };
}

function find(folder: string, name: string): string | null {
  return [name, `${name}.gz`].map((file) => join(folder, file)).find((path) => existsSync(path)) ?? null;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
