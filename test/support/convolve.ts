/** A convolution, plain or transposed, as its definition has it: one sample, channels first, stride 1, float64. */
import type { Tensor, WeightLayout } from 'batchnorm';

export interface Convolution {
  readonly layout: WeightLayout;
  readonly shape: readonly number[];
  readonly groups?: number;
}

type Index = readonly number[];

/** Every index of an array of such a shape, in order. */
function indices(shape: Index): Index[] {
  return shape.reduce<Index[]>(
    (all, size) => all.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

const place = (index: Index, shape: Index) => index.reduce((at, i, axis) => at * shape[axis] + i, 0);

/**
 * Every weight is looked at once for each place of the image: it takes input i at a place to output o at the place
 * beside it.
 *
 * @param image [inputs, extent of each dimension of the kernel's]
 * @param pad zeros on each side; a transposed convolution crops as many
 */
export function convolve(
  { layout, shape, groups = 1 }: Convolution,
  weights: Tensor,
  bias: Tensor | null,
  x: Float64Array,
  image: Index,
  pad: number,
): Float64Array {
  const spatial = [...layout].flatMap((axis, at) => ('DHW'.includes(axis) ? [at] : []));
  const kernel = spatial.map((at) => shape[at]);
  const [inputs, ...extent] = image as [number, ...number[]];
  const transposed = TRANSPOSED.has(layout);
  const [sizeO, sizeM] = ['O', 'M'].map((axis) => shape[layout.indexOf(axis)] ?? 0) as [number, number];
  const outputs = sizeM ? inputs * sizeM : transposed ? sizeO * groups : sizeO;
  const size = extent.map((n, d) => (transposed ? n + kernel[d] - 1 - 2 * pad : n - kernel[d] + 1 + 2 * pad));
  const y = new Float64Array(size.reduce((all, n) => all * n, outputs));
  for (const index of indices([outputs, ...size])) y[place(index, [outputs, ...size])] = bias?.[index[0]] ?? 0;
  for (const [at, index] of indices(shape).entries()) {
    const tap = spatial.map((axis) => index[axis]);
    for (const [i, o] of channels(layout, index, groups, inputs, outputs)) {
      for (const from of indices(extent)) {
        const to = from.map((p, d) => (transposed ? p + tap[d] - pad : p - tap[d] + pad));
        if (to.some((p, d) => p < 0 || p >= size[d])) continue;
        y[place([o, ...to], [outputs, ...size])] += weights[at] * x[place([i, ...from], image)];
      }
    }
  }
  return y;
}

export const TRANSPOSED: ReadonlySet<WeightLayout> = new Set<WeightLayout>([
  'IOW',
  'IOHW',
  'IODHW',
  'WOI',
  'HWOI',
  'DHWOI',
]);

/** Which input and output an element of the weights joins. */
function channels(layout: WeightLayout, index: Index, groups: number, inputs: number, outputs: number): Index[] {
  const of = (axis: string) => index[layout.indexOf(axis)];
  const [i, o] = [of('I'), of('O')];
  if (layout.includes('M')) return [[i, i * (outputs / inputs) + of('M')]];
  if (TRANSPOSED.has(layout)) {
    const group = Math.floor(i / (inputs / groups));
    return [[i, group * (outputs / groups) + o]];
  }
  const group = Math.floor(o / (outputs / groups));
  return [[group * (inputs / groups) + i, o]];
}
