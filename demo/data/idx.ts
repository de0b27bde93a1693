/**
 * IDX files, the format of MNIST: two zero bytes, a byte for the type of the elements (8 = unsigned bytes), a byte for
 * the number of dimensions, one big-endian 32-bit size for each, then the elements.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../kit/failure.js';
import { failing } from '../kit/regular-file.js';
import { CLASSES, type Dataset, divide, type Images } from './dataset.js';
import { withData } from './file.js';

const UNSIGNED_BYTE = 8;

/** The most that a header may promise: more than any data set of such digits has, and less than memory. */
const MOST_BYTES = 2 ** 30;
/** Most pixels of an image: 512×512. */
const MOST_PIXELS = 2 ** 18;

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
  if (!failing(folder, () => statSync(folder, { throwIfNoEntry: false }))?.isDirectory()) {
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
        `${folder}: expected images of one size, found ${train.rows}×${train.columns} (train) and ` +
          `${test.rows}×${test.columns} (t10k)`,
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
  return withIdx(imageFile, 3, 'images', ([count, rows, columns], readPixels) => {
    if (count * rows * columns === 0)
      throw new Failure(`${imageFile}: expected images, found ${count} of ${rows}×${columns} pixels`);
    if (rows * columns > MOST_PIXELS) {
      throw new Failure(`${imageFile}: expected images of at most ${MOST_PIXELS} pixels, found ${rows}×${columns}`);
    }
    const labels = withIdx(labelFile, 1, 'labels', ([found], readLabels) => {
      if (found === count) return readLabels();
      throw new Failure(`${labelFile}: expected ${count} labels, one for each image of ${imageFile}, found ${found}`);
    });
    const foreign = labels.find((label) => label >= CLASSES);
    if (foreign !== undefined) throw new Failure(`${labelFile}: expected labels from 0 to 9, found ${foreign}`);
    return { count, rows: rows, columns: columns, pixels: readPixels(), white: 255, labels };
  });
}

/**
 * Reads one IDX file of unsigned bytes.
 * @throws Failure that names the file: foreign, truncated, longer than its header says, or not to be read.
 */
export function readIdx(path: string, dimensions: number, what: string): Idx {
  return withIdx(path, dimensions, what, (sizes, read) => ({ sizes, elements: read() }));
}

/** Gives `use` what the header says, and a way to read the elements: no more than the header says are ever read. */
function withIdx<R>(
  path: string,
  dimensions: number,
  what: string,
  use: (sizes: readonly number[], read: () => Uint8Array) => R,
): R {
  return withData(path, (data) => {
    const header = 4 + 4 * dimensions;
    const head = data.head(header);
    const magic = (UNSIGNED_BYTE << 8) | dimensions;
    const found = head.length >= 4 ? hex(head.readUInt32BE(0)) : `${head.length} bytes`;
    if (found !== hex(magic)) {
      throw new Failure(`${path}: expected an IDX file of ${what}, which begins with ${hex(magic)}, found ${found}`);
    }
    if (head.length < header) {
      throw new Failure(`${path}: is truncated: expected a header of ${header} bytes, found ${head.length} bytes`);
    }
    const sizes = Array.from({ length: dimensions }, (_, i) => head.readUInt32BE(4 + 4 * i));
    const expected = header + sizes.reduce((product, size) => product * size, 1);
    const wanted = `expected ${expected} bytes for ${sizes.join('×')} ${what}`;
    const check = (size: number | undefined) => {
      if (size === expected) return;
      const fault = size !== undefined && size < expected ? 'is truncated' : 'is longer than its header says';
      throw new Failure(`${path}: ${fault}: ${wanted}, found ${size ?? 'more'}`);
    };
    if (data.size !== undefined) check(data.size);
    if (expected > MOST_BYTES) throw new Failure(`${path}: ${wanted}, where ${MOST_BYTES} are the most that are read`);
    return use(sizes, () => {
      const bytes = data.all(expected);
      check(bytes?.length);
      return bytes!.subarray(header);
    });
  });
}

function find(folder: string, name: string): string | null {
  return [name, `${name}.gz`].map((file) => join(folder, file)).find((path) => existsSync(path)) ?? null;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
