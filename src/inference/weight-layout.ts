/** Weights of dense layers and convolutions: which elements make which output, and from which input. */
import { expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { checkChoice, checkSize } from '../arguments/validate.js';

/** Dense layers: outputs first (PyTorch) and inputs first (Keras, TensorFlow.js, flax). */
const DENSE = ['OI', 'IO'] as const;
/**
 * Convolutions: outputs first (PyTorch, ONNX), inputs and outputs last (TensorFlow, Keras, flax), and TensorFlow
 * Lite's.
 */
const CONVOLUTION = ['OIW', 'OIHW', 'OIDHW', 'WIO', 'HWIO', 'DHWIO', 'OHWI'] as const;
/** Transposed convolutions: PyTorch's and ONNX's, and Keras'. */
const TRANSPOSED = ['IOW', 'IOHW', 'IODHW', 'WOI', 'HWOI', 'DHWOI'] as const;
/** Depthwise convolutions of TensorFlow and Keras: output i·M + m is made of input i. */
const DEPTHWISE = ['WIM', 'HWIM', 'DHWIM'] as const;

/**
 * The axes of weights, one letter each: O outputs, I inputs, D, H and W the kernel's extent, M the outputs of each
 * input.
 *
 * - dense: `'OI'` (PyTorch), `'IO'` (Keras, TensorFlow.js, flax)
 * - convolution: `'OIW'`, `'OIHW'`, `'OIDHW'` (PyTorch, ONNX), `'WIO'`, `'HWIO'`, `'DHWIO'` (TensorFlow, Keras, flax),
 *   `'OHWI'` (TensorFlow Lite). With `groups`, I counts the inputs of one group
 * - transposed convolution: `'IOW'`, `'IOHW'`, `'IODHW'` (PyTorch, ONNX), `'WOI'`, `'HWOI'`, `'DHWOI'` (Keras). With
 *   `groups`, O counts the outputs of one group
 * - depthwise convolution: `'WIM'`, `'HWIM'`, `'DHWIM'` (TensorFlow, Keras). PyTorch's is a grouped `'OIHW'`
 */
export type WeightLayout =
  | (typeof DENSE)[number]
  | (typeof CONVOLUTION)[number]
  | (typeof TRANSPOSED)[number]
  | (typeof DEPTHWISE)[number];

const LAYOUTS: readonly WeightLayout[] = [...DENSE, ...CONVOLUTION, ...TRANSPOSED, ...DEPTHWISE];

/** Every output is a sum over as many elements, whose places differ by one number from output to output. */
export interface WeightPlan {
  readonly kind: 'dense' | 'convolution' | 'transposed' | 'depthwise';
  /** All outputs and inputs, of all groups. */
  readonly outputs: number;
  readonly inputs: number;
  /** From an output's first element to each of its elements, in the order of the weights. */
  readonly offsets: readonly number[];
  /** From an output's first input to the input of each of its elements. */
  readonly steps: readonly number[];
  /** Where an output's first element is. */
  first(output: number): number;
  /** The first input that an output is made of. */
  firstInput(output: number): number;
}

/** @throws TypeError, RangeError where there is no such layout, or shape and groups do not go with it */
export function planWeights(
  call: string,
  shape: readonly number[],
  layout: WeightLayout,
  groups: number | undefined = 1,
): WeightPlan {
  checkChoice(call, 'layout', layout, LAYOUTS);
  checkShape(call, shape, layout);
  const kind = kindOfLayout(layout);
  checkGroups(call, groups, kind);
  const [size, stride] = measure(shape, layout);
  if (kind === 'depthwise') {
    const [inputs, multiplier] = [size('I'), size('M')];
    const first = (k: number) => Math.floor(k / multiplier) * stride('I') + (k % multiplier) * stride('M');
    const firstInput = (k: number) => Math.floor(k / multiplier);
    return { kind, outputs: inputs * multiplier, inputs, ...elements(shape, layout, 1), first, firstInput };
  }
  // The axis that counts what is in all groups is divided; the other one has the part of one group already.
  const whole = kind === 'transposed' ? 'I' : 'O';
  if (size(whole) % groups !== 0) {
    throw wrongValue(call, 'groups', `a divisor of ${size(whole)} (axis ${whole} of shape ${list(shape)})`, groups);
  }
  const outputs = kind === 'transposed' ? size('O') * groups : size('O');
  const inputs = kind === 'transposed' ? size('I') : size('I') * groups;
  const [perGroup, inputsPerGroup] = [outputs / groups, inputs / groups];
  const firstInput = (k: number) => Math.floor(k / perGroup) * inputsPerGroup;
  const first =
    kind === 'transposed'
      ? (k: number) => (k % perGroup) * stride('O') + firstInput(k) * stride('I')
      : (k: number) => k * stride('O');
  return { kind, outputs, inputs, ...elements(shape, layout, inputsPerGroup), first, firstInput };
}

function kindOfLayout(layout: WeightLayout): WeightPlan['kind'] {
  if (layout.length === 2) return 'dense';
  if (layout.includes('M')) return 'depthwise';
  return (TRANSPOSED as readonly string[]).includes(layout) ? 'transposed' : 'convolution';
}

function checkShape(call: string, shape: readonly number[], layout: WeightLayout): void {
  if (!Array.isArray(shape)) throw wrongKind(call, 'shape', 'the dimensions of the weights', shape);
  for (const [i, size] of shape.entries()) {
    checkSize(call, `shape[${i}]`, size);
    if (size === 0) throw wrongValue(call, `shape[${i}]`, 'at least 1', size);
  }
  if (shape.length === layout.length) return;
  const wanted = `${layout.length} dimensions, those of layout '${layout}'`;
  throw new RangeError(expected(call, 'shape', wanted, `${shape.length} (shape ${list(shape)})`));
}

function checkGroups(call: string, groups: number, kind: WeightPlan['kind']): void {
  checkSize(call, 'groups', groups);
  if (groups === 0) throw wrongValue(call, 'groups', 'at least 1', groups);
  if (groups > 1 && (kind === 'dense' || kind === 'depthwise')) {
    throw wrongValue(call, 'groups', `1: a ${kind} layout has no groups`, groups);
  }
}

function measure(shape: readonly number[], layout: WeightLayout) {
  const size = (axis: string) => shape[layout.indexOf(axis)];
  const stride = (axis: string) => shape.slice(layout.indexOf(axis) + 1).reduce((product, n) => product * n, 1);
  return [size, stride] as const;
}

/** The elements of one output: all of the kernel's extent, from so many inputs. */
function elements(shape: readonly number[], layout: WeightLayout, inputs: number) {
  const [size, stride] = measure(shape, layout);
  let [offsets, steps] = [[0], [0]];
  for (const axis of layout) {
    if (axis === 'O' || axis === 'M') continue;
    const places = Array.from({ length: axis === 'I' ? inputs : size(axis) }, (_, i) => i);
    offsets = offsets.flatMap((offset) => places.map((i) => offset + i * stride(axis)));
    steps = steps.flatMap((step) => places.map((i) => (axis === 'I' ? i : step)));
  }
  return { offsets, steps };
}
