/** What is computed in two steps of tensors of 16 bits: in float32, some samples at a time, and rounded at the end. */
import { newTensor } from '../arguments/typed-arrays.js';
import type { HalfKernels, View } from '../kernels.js';

/** Elements that are widened at once, so that a cache near by holds them, unless a sample has more. */
const CHUNK = 2 ** 15;

/** Samples from here to there. */
export interface Chunk {
  readonly dx: Float32Array;
  readonly dresidual: Float32Array | null;
  readonly dy: Float32Array;
  readonly x: Float32Array;
  readonly residual: Float32Array | null;
  readonly first: number;
  readonly last: number;
  readonly view: View;
}

/** dx, dresidual ← what `run` writes of each chunk. dx or dresidual may be dy. */
export function inChunks(
  table: HalfKernels,
  dx: Uint16Array,
  dresidual: Uint16Array | null,
  dy: Uint16Array,
  x: Uint16Array,
  residual: Uint16Array | null,
  { n, c, s }: View,
  run: (chunk: Chunk) => void,
): void {
  const row = c * s;
  const step = Math.min(n, Math.max(1, Math.floor(CHUNK / row)));
  const memory = () => newTensor<Float32Array>('Float32Array', step * row);
  const wide = { dx: memory(), dy: memory(), x: memory() };
  const [ofResidual, ofGradient] = [residual && memory(), dresidual && memory()];
  for (let first = 0; first < n; first += step) {
    const last = Math.min(first + step, n);
    const length = (last - first) * row;
    const bits = (tensor: Uint16Array) => tensor.subarray(first * row, last * row);
    const filled = (to: Float32Array, from: Uint16Array) => {
      const part = to.subarray(0, length);
      table.widen(part, bits(from));
      return part;
    };
    const chunk = {
      dx: wide.dx.subarray(0, length),
      dresidual: ofGradient?.subarray(0, length) ?? null,
      dy: filled(wide.dy, dy),
      x: filled(wide.x, x),
      residual: residual && ofResidual && filled(ofResidual, residual),
      first,
      last,
      view: { n: last - first, c, s },
    };
    run(chunk);
    if (dresidual !== null && chunk.dresidual !== null) table.round(bits(dresidual), chunk.dresidual);
    table.round(bits(dx), chunk.dx);
  }
}
