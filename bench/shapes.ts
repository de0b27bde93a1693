/** The shapes that are timed, always written (N, C) and then space. */

export const SHAPES = {
  A: [32, 64, 56, 56],
  B: [32, 256, 14, 14],
  C: [32, 2048, 7, 7],
  D: [128, 64, 112, 112],
  E: [1024, 1024],
  F: [64, 100],
  G: [8, 3, 224, 224],
  H: [4, 64, 8, 56, 56],
  I: [65536, 64],
} as const satisfies Record<string, readonly number[]>;
export type ShapeName = keyof typeof SHAPES;

/** Types of elements; what has 16 bits has parameters and statistics as float32 has. */
export const DTYPES = ['float32', 'float16', 'bfloat16'] as const;
export type ElementType = (typeof DTYPES)[number];

/** Channels first, channels last, and no space at all. */
export type Layout = 'nchw' | 'nhwc' | 'nc';

/** A tensor as n samples of c channels of s positions. */
export interface View {
  readonly n: number;
  readonly c: number;
  readonly s: number;
}

/** Forward in training, backward, forward by given statistics, and forward and backward together. */
export const WHOLE_OPERATIONS = ['fwd-train', 'bwd', 'inference', 'step'] as const;
export type WholeOperation = (typeof WHOLE_OPERATIONS)[number];

/** Parts of these, which no other library has alone: mean and variance of x; sums of dy and of dy·(x − mean). */
export const SUM_OPERATIONS = ['statistics', 'gradient-sums'] as const;
export type SumOperation = (typeof SUM_OPERATIONS)[number];

export const OPERATIONS = [...WHOLE_OPERATIONS, ...SUM_OPERATIONS] as const;
export type Operation = (typeof OPERATIONS)[number];

export function isWhole(operation: Operation): operation is WholeOperation {
  return (WHOLE_OPERATIONS as readonly Operation[]).includes(operation);
}

/** Tensors that must be moved, each once: x, y; x, dy, dx; both; x; x, dy. */
export const TENSORS: Record<Operation, number> = {
  'fwd-train': 2,
  bwd: 3,
  inference: 2,
  step: 5,
  statistics: 1,
  'gradient-sums': 2,
};

export function layoutsOf(shape: ShapeName): Layout[] {
  return SHAPES[shape].length === 2 ? ['nc'] : ['nchw', 'nhwc'];
}

/** The dimensions in the order in which they lie in memory, and the axis of the channels among them. */
export function dimensions(shape: ShapeName, layout: Layout): { dims: number[]; axis: number } {
  const [n, c, ...space] = SHAPES[shape];
  return layout === 'nhwc' ? { dims: [n, ...space, c], axis: -1 } : { dims: [n, c, ...space], axis: 1 };
}

/** The case as kernels see it. */
export function viewOf(shape: ShapeName, layout: Layout): View {
  const [n, c, ...space] = SHAPES[shape];
  const inside = space.reduce((product: number, extent) => product * extent, 1);
  return layout === 'nhwc' ? { n: n * inside, c, s: 1 } : { n, c, s: inside };
}
