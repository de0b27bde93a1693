/** Which tensors of a model are batch normalization, and what is odd about them. */

import { list } from '../arguments/messages.js';
import type { Dtype, Tensor } from '../index.js';
import { isFloatType } from './floats.js';
import { readTensors } from './names.js';
import { type Candidate, candidates, type LayerNames, type Naming } from './naming.js';
import { checkTensor, type Tensors, toFloats } from './tensors.js';

/** Something odd about a layer: a word for programs, a sentence for people. */
export interface Oddity {
  kind:
    | 'count'
    | 'dtype'
    | 'missing'
    | 'negative-variance'
    | 'never-updated'
    | 'non-finite'
    | 'shape'
    | 'zero-gamma'
    | 'zero-variance';
  message: string;
  /** The channels that the oddity is about; absent if it is about the whole layer. */
  channels?: number[];
}

/** One batch normalization of a model. */
export interface FoundBatchNorm {
  /** Prefix of the layer's tensors, as the importers take it. */
  prefix: string;
  naming: Naming;
  channels: number;
  /** Element type for the importers' `dtype`: 'float64' if gamma or beta is F64. */
  dtype: Dtype;
  names: LayerNames;
  /** Smallest and largest finite gamma; null where there is none. */
  gamma: [number, number] | null;
  /** Smallest and largest finite running variance; null where there is none. */
  variance: [number, number] | null;
  /** The value of num_batches_tracked; null if there is no such tensor. */
  batchesTracked: number | null;
  oddities: Oddity[];
}

const ROLES = ['gamma', 'beta', 'mean', 'variance'] as const;
type Role = (typeof ROLES)[number];
type Values = Record<Role, Tensor | null>;

/**
 * The batch normalizations of a whole model: prefixes with the names of PyTorch, Keras or flax below them, and what
 * is odd about each. Names and shapes are all there is to tell by: an InstanceNorm of PyTorch that tracks statistics
 * looks the same. What ONNX exporters leave of PyTorch's names is found as such.
 *
 * Oddities are no errors: channels with NaN, a negative or zero variance, or gamma 0; shapes that differ; statistics
 * that are missing or were never updated; a num_batches_tracked that is 0 after updates, or another one than most
 * layers have.
 *
 * @param tensors of a model, by name
 * @returns in the order of the tensors, those of each naming together
 * @throws TypeError, RangeError where `tensors` holds something that is no tensor
 * @example
 * import { findBatchNorms } from 'batchnorm/interop';
 * const [found] = findBatchNorms({
 *   'layer1.bn.running_mean': { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
 *   'layer1.bn.running_var': { dtype: 'F32', shape: [2], data: Float32Array.of(0, 4) },
 * });
 * console.log(found.prefix, found.channels, found.oddities.map(({ message }) => message).join('; '));
 * // → layer1.bn 2 the variance is 0 in 1 of 2 channels
 */
export function findBatchNorms(tensors: Tensors): FoundBatchNorm[] {
  const call = 'findBatchNorms';
  const own = readTensors(call, 'tensors', tensors);
  for (const [name, tensor] of Object.entries(own)) checkTensor(call, name, tensor);
  const found = candidates(own).map((candidate) => examine(own, candidate));
  flagCounts(found);
  return found;
}

function examine(tensors: Tensors, { prefix, naming, names }: Candidate): FoundBatchNorm {
  const oddities: Oddity[] = [];
  const values = Object.fromEntries(ROLES.map((role) => [role, readValues(tensors, names[role], oddities)])) as Values;
  const channels = (values.mean ?? values.variance ?? values.gamma ?? values.beta)?.length ?? 0;
  const batchesTracked = names.count === null ? null : Number(tensors[names.count].data[0]);
  flagShapes(tensors, names, channels, oddities);
  flagMissing(names, naming, oddities);
  flagValues(values, oddities);
  const initial = values.mean?.every((value) => value === 0) && values.variance?.every((value) => value === 1);
  if (initial && channels > 0)
    oddities.push({ kind: 'never-updated', message: 'mean 0 and variance 1: never updated' });
  else if (batchesTracked === 0) {
    oddities.push({
      kind: 'count',
      message: 'num_batches_tracked is 0, though the statistics are not those of a new layer',
    });
  }
  const ranges = { gamma: range(values.gamma), variance: range(values.variance) };
  const isDouble = [names.gamma, names.beta].some((name) => name !== null && tensors[name].dtype === 'F64');
  const dtype = isDouble ? 'float64' : 'float32';
  return { prefix, naming, channels, dtype, names, ...ranges, batchesTracked, oddities };
}

function readValues(tensors: Tensors, name: string | null, oddities: Oddity[]): Tensor | null {
  if (name === null) return null;
  const tensor = tensors[name];
  if (isFloatType(tensor.dtype)) return toFloats(tensor);
  oddities.push({ kind: 'dtype', message: `${name} is ${tensor.dtype}, no float` });
  return null;
}

function flagShapes(tensors: Tensors, names: LayerNames, channels: number, oddities: Oddity[]): void {
  for (const role of ROLES) {
    const name = names[role];
    if (name === null) continue;
    const { shape } = tensors[name];
    if (shape.length !== 1 || shape[0] !== channels) {
      oddities.push({ kind: 'shape', message: `${name} has the shape ${list(shape)} instead of [${channels}]` });
    }
  }
}

function flagMissing({ gamma, beta, mean, variance }: LayerNames, naming: Naming, oddities: Oddity[]): void {
  const missing = (message: string) => oddities.push({ kind: 'missing', message });
  if (mean === null && variance === null) missing('there are no running statistics');
  else if (mean === null) missing('there is no running mean');
  else if (variance === null) missing('there is no running variance');
  if (naming === 'pytorch' && (gamma === null) !== (beta === null)) {
    missing(gamma === null ? 'there is a bias without a weight' : 'there is a weight without a bias');
  }
}

function flagValues({ gamma, beta, mean, variance }: Values, oddities: Oddity[]): void {
  const flag = (kind: Oddity['kind'], what: string, values: Tensor | null, isOdd: (value: number) => boolean) => {
    if (values === null) return;
    const channels = [...values.keys()].filter((ch) => isOdd(values[ch]));
    if (channels.length === 0) return;
    const where = channels.length === values.length ? 'all' : `${channels.length} of ${values.length}`;
    oddities.push({ kind, message: `${what} in ${where} channels`, channels });
  };
  const notFinite = (value: number) => !Number.isFinite(value);
  flag('non-finite', 'gamma is NaN or infinite', gamma, notFinite);
  flag('non-finite', 'beta is NaN or infinite', beta, notFinite);
  flag('non-finite', 'the mean is NaN or infinite', mean, notFinite);
  flag('non-finite', 'the variance is NaN or infinite', variance, notFinite);
  flag('negative-variance', 'the variance is negative', variance, (value) => value < 0);
  flag('zero-variance', 'the variance is 0', variance, (value) => value === 0);
  flag('zero-gamma', 'gamma is 0', gamma, (value) => value === 0);
}

function range(values: Tensor | null): [number, number] | null {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values ?? []) {
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : null;
}

/** The layers of a model are trained together, and so have seen equally many batches. */
function flagCounts(found: readonly FoundBatchNorm[]): void {
  const layers = new Map<number, number>();
  for (const { batchesTracked } of found) {
    if (batchesTracked !== null) layers.set(batchesTracked, (layers.get(batchesTracked) ?? 0) + 1);
  }
  const [usual] = [...layers].sort(([, a], [, b]) => b - a)[0] ?? [];
  for (const { batchesTracked, oddities } of found) {
    if (batchesTracked === null || usual === undefined) continue;
    if (!(Number.isSafeInteger(batchesTracked) && batchesTracked >= 0)) {
      oddities.push({ kind: 'count', message: `num_batches_tracked is ${batchesTracked}` });
    } else if (batchesTracked !== usual) {
      const message = `num_batches_tracked is ${batchesTracked}, and ${usual} in most layers`;
      oddities.push({ kind: 'count', message });
    }
  }
}
