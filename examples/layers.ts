// What a network needs besides batch normalization, in plain TypeScript: linear maps, convolutions, a loss and a step.
import { uniform } from './digits.js';

const random = uniform(2);

/** A·B, of [m, k] and [k, n]. Each comes with the strides of its rows and columns, so that Aᵀ is the same array. */
function multiply([m, k, n]: number[], a: Float32Array, [ai, al]: number[], b: Float32Array, [bl, bj]: number[]) {
  const product = new Float32Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < k; l++) {
      const factor = a[i * ai + l * al];
      if (factor === 0) continue; // paper, and what a ReLU has cut off
      for (let j = 0; j < n; j++) product[i * n + j] += factor * b[l * bl + j * bj];
    }
  }
  return product;
}

/** y = x·value, for every row of x. */
export class Linear {
  readonly value: Float32Array;
  gradient = new Float32Array();
  #x: Float32Array = new Float32Array();
  readonly #sizes: readonly [inputs: number, outputs: number];

  constructor(...sizes: [inputs: number, outputs: number]) {
    this.#sizes = sizes;
    const bound = Math.sqrt(6 / sizes[0]); // He et al., 2015: keeps the variance where a ReLU follows
    this.value = Float32Array.from({ length: sizes[0] * sizes[1] }, () => bound * (2 * random() - 1));
  }

  forward(x: Float32Array): Float32Array {
    const [inputs, outputs] = this.#sizes;
    this.#x = x;
    return multiply([x.length / inputs, inputs, outputs], x, [inputs, 1], this.value, [outputs, 1]);
  }

  backward(dy: Float32Array): Float32Array {
    const [inputs, outputs] = this.#sizes;
    const rows = dy.length / outputs;
    this.gradient = multiply([inputs, rows, outputs], this.#x, [1, inputs], dy, [outputs, 1]);
    return multiply([rows, outputs, inputs], dy, [outputs, 1], this.value, [1, outputs]);
  }
}

/** 3×3, with zeros around the image: linear in rows that hold the nine neighbours of a pixel each (im2col). */
export class Convolution extends Linear {
  /** For every place in the rows of an image: which element of the image it holds, -1 outside. */
  readonly #elements: readonly number[];
  readonly #size: number;

  constructor(channels: number, outputs: number, side: number, stride = 1) {
    super(9 * channels, outputs);
    this.#size = side * side * channels;
    this.#elements = Array.from({ length: (9 * this.#size) / stride ** 2 }, (_, place) => {
      const [neighbour, pixel] = [Math.floor(place / channels) % 9, Math.floor(place / channels / 9) * stride];
      const row = Math.floor(pixel / side) * stride + Math.floor(neighbour / 3) - 1;
      const column = (pixel % side) + (neighbour % 3) - 1;
      const inside = Math.min(row, column) >= 0 && Math.max(row, column) < side;
      return inside ? (row * side + column) * channels + (place % channels) : -1;
    });
  }

  override forward(x: Float32Array): Float32Array {
    const rows = new Float32Array((x.length / this.#size) * this.#elements.length);
    this.#eachPair(rows.length, (element, place) => {
      rows[place] = x[element];
    });
    return super.forward(rows);
  }

  override backward(dy: Float32Array): Float32Array {
    const rows = super.backward(dy);
    const dx = new Float32Array((rows.length / this.#elements.length) * this.#size);
    this.#eachPair(rows.length, (element, place) => {
      dx[element] += rows[place];
    });
    return dx;
  }

  #eachPair(places: number, visit: (element: number, place: number) => void): void {
    for (let [first, image] = [0, 0]; first < places; first += this.#elements.length, image += this.#size) {
      this.#elements.forEach((element, place) => {
        if (element >= 0) visit(image + element, first + place);
      });
    }
  }
}

/**
 * Cross-entropy of the softmax of ten scores, its gradient, and how many scores are highest for the label.
 *
 * @param count what the loss is divided by: the size of the batch, where this is a part of it
 */
export function crossEntropy(scores: Float32Array, labels: readonly number[], count = labels.length) {
  const gradient = scores.slice();
  let [loss, right] = [0, 0];
  labels.forEach((label, i) => {
    const row = gradient.subarray(10 * i, 10 * i + 10);
    const own = row[label];
    if (own === Math.max(...row)) right++;
    const sum = row.reduce((all, score) => all + Math.exp(score - own), 0);
    loss += Math.log(sum) / count;
    row.set(row.map((score, digit) => (Math.exp(score - own) / sum - Number(digit === label)) / count));
  });
  return { loss, gradient, right };
}

/** Gradient descent with momentum: velocity ← 0.9·velocity + gradient, value ← value − rate·velocity. */
export class Descent {
  readonly #velocities: Float32Array[] = [];

  /** @param layers the same ones, in the same order, at every step */
  step(layers: readonly { value: Float32Array; gradient: Float32Array | Float64Array }[], rate: number): void {
    layers.forEach(({ value, gradient }, k) => {
      this.#velocities[k] ??= new Float32Array(value.length);
      const velocity = this.#velocities[k];
      for (let i = 0; i < value.length; i++) {
        velocity[i] = 0.9 * velocity[i] + gradient[i];
        value[i] -= rate * velocity[i];
      }
    });
  }
}
