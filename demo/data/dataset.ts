/** Labelled images, and how they are divided into what is learnt from and what is held out. */
import { permutation, random } from './random.js';

export const CLASSES = 10;

/** Grey images of one size with a class each. */
export interface Images {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** One byte a pixel, image after image, row after row. */
  readonly pixels: Uint8Array;
  /** The value of a white pixel: networks see pixel / white. */
  readonly white: number;
  /** One class a image, 0 … 9. */
  readonly labels: Uint8Array;
}

export interface Dataset {
  readonly name: string;
  /** Who made the data, and its licence. */
  readonly attribution: string;
  /** How the held-out part came about. */
  readonly division: string;
  readonly train: Images;
  /** Never trained on. */
  readonly test: Images;
}

/** The share that is held out where a data set has no test part of its own. */
const HELD_OUT = 1 / 5;

/** Holds out a fifth, drawn at random, but the same fifth in every run: results with different seeds compare. */
export function divide(images: Images): Pick<Dataset, 'train' | 'test' | 'division'> {
  const order = permutation(images.count, random(0));
  const held = Math.max(1, Math.round(images.count * HELD_OUT));
  return {
    test: select(images, order.subarray(0, held)),
    train: select(images, order.subarray(held)),
    division: 'a fifth, drawn at random and the same in every run, is held out for the test',
  };
}

/** The images of these indices, in this order. */
export function select(images: Images, indices: Uint32Array): Images {
  const size = images.rows * images.columns;
  const pixels = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => {
    pixels.set(images.pixels.subarray(index * size, (index + 1) * size), i * size);
  });
  return {
    ...images,
    count: indices.length,
    pixels,
    labels: Uint8Array.from(indices, (index) => images.labels[index]),
  };
}

/** The images from `start` to before `end`, where they are. */
export function slice(images: Images, start: number, end: number): Images {
  const size = images.rows * images.columns;
  const [pixels, labels] = [images.pixels.subarray(start * size, end * size), images.labels.subarray(start, end)];
  return { ...images, count: end - start, pixels, labels };
}

/** The values that a network sees: [count, rows·columns], 0 … 1. */
export function inputs({ pixels, white }: Images): Float32Array {
  // A loop, since Float32Array.from with a function takes a hundred times as long.
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) values[i] = pixels[i] / white;
  return values;
}

/** Endless minibatches: every image once in a new random order, then again; what is left of an order is not used. */
export function* minibatches(images: Images, size: number, seed: number): Generator<Images, never> {
  const next = random(seed);
  for (;;) {
    const order = permutation(images.count, next);
    for (let start = 0; start + size <= images.count; start += size) {
      yield select(images, order.subarray(start, start + size));
    }
  }
}
