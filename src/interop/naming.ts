/** Names that each framework gives to the tensors of a batch normalization. */
import type { NamedTensor, Tensors } from './tensors.js';

/**
 * The framework whose names the tensors of a layer have. 'keras-numbered' is the one of files of Keras 3, whose
 * variables are called 0 to 3. 'onnx' is the one of the initializers of `toOnnx`, which are called like the operator's
 * inputs.
 */
export type Naming = 'pytorch' | 'keras' | 'keras-numbered' | 'flax' | 'onnx';

/** Names of a layer's tensors; null for a tensor that is not there. */
export interface LayerNames {
  gamma: string | null;
  beta: string | null;
  mean: string | null;
  variance: string | null;
  /** Name of PyTorch's num_batches_tracked. */
  count: string | null;
}

/** Tensors that make a batch normalization, as far as names and shapes tell. */
export interface Candidate {
  readonly naming: Naming;
  readonly prefix: string;
  readonly names: LayerNames;
}

type Role = keyof LayerNames;
type Roles = Readonly<Record<string, Role>>;

const PYTORCH: Roles = {
  weight: 'gamma',
  bias: 'beta',
  running_mean: 'mean',
  running_var: 'variance',
  num_batches_tracked: 'count',
};
const KERAS: Roles = { gamma: 'gamma', beta: 'beta', moving_mean: 'mean', moving_variance: 'variance' };
const FLAX: Roles = { scale: 'gamma', bias: 'beta', mean: 'mean', var: 'variance' };

const ONNX: Roles = { scale: 'gamma', B: 'beta', mean: 'mean', var: 'variance' };

/** Roles of numbered variables, in Keras' order, which is shorter without scale or center. */
const NUMBERED: Readonly<Record<number, readonly Role[]>> = {
  4: ['gamma', 'beta', 'mean', 'variance'],
  2: ['mean', 'variance'],
};

interface Place {
  readonly prefix: string;
  /** A variable of the layer, as its framework calls it. */
  readonly leaf: string;
}

const PLACES: Readonly<Record<Naming, (name: string) => Place | null>> = {
  pytorch: (name) => split(name, /^(?:(.*)\.)?([^.]*)$/s),
  keras: (name) => split(name, /^(?:(.*)\/)?([^/:]*)(?::\d+)?$/s),
  'keras-numbered': (name) => split(name.replace(/(^|\/)vars\/(?=\d$)/, '$1'), /^(?:(.*)\/)?(\d)$/s),
  onnx: (name) => split(name, /^(?:(.*)\.)?([^.]*)$/s),
  flax: (name) => split(flaxName(name), /^(?:(.*)[/.])?([^/.]*)$/s),
};

function split(name: string, pattern: RegExp): Place | null {
  const [, prefix = '', leaf = ''] = pattern.exec(name) ?? [];
  return leaf === '' ? null : { prefix, leaf };
}

/** Without the collection that a variable is in (linen), and without what wraps its value (nnx). */
export function flaxName(name: string): string {
  return name.replace(/^(params|batch_stats)[/.]/, '').replace(/[/.](value|raw_value)$/, '');
}

/** A layer without statistics, and numbered variables that are not four, count only if they are called so. */
const CALLED_SO = /(^|[^a-z])(bn|sync_?bn|sync_?batch_?norm|batch_?norm(alization)?)[^a-z]*$/i;

/** Everything in a model that looks like batch normalization, in the order of the tensors. */
export function candidates(tensors: Tensors): Candidate[] {
  // B tells it from flax.
  const onnx = named(tensors, 'onnx', ONNX).filter(({ names }) => names.beta !== null);
  const isOnnx = (prefix: string) => onnx.some((candidate) => candidate.prefix === prefix);
  return [
    ...named(tensors, 'pytorch', PYTORCH),
    ...named(tensors, 'keras', KERAS),
    ...named(tensors, 'flax', FLAX).filter(
      ({ prefix, names }) => !isOnnx(prefix) && (CALLED_SO.test(prefix) || (names.mean && names.variance)),
    ),
    ...numbered(tensors),
    ...onnx,
  ];
}

function named(tensors: Tensors, naming: Naming, roles: Roles): Candidate[] {
  return [...grouped(tensors, naming)].flatMap(([prefix, leaves]) => {
    const names: LayerNames = { gamma: null, beta: null, mean: null, variance: null, count: null };
    for (const [leaf, name] of leaves) if (Object.hasOwn(roles, leaf)) names[roles[leaf]] = name;
    const isOne = names.mean !== null || names.variance !== null || (names.gamma !== null && CALLED_SO.test(prefix));
    return isOne && isVector(tensors, names) ? [{ naming, prefix, names }] : [];
  });
}

/** Without statistics, a gamma of several dimensions is the kernel of some other layer. */
function isVector(tensors: Tensors, { gamma, mean, variance }: LayerNames): boolean {
  return mean !== null || variance !== null || (gamma !== null && lengthOf(tensors[gamma]) !== null);
}

/** Length of a vector; null for anything else, which may be no tensor at all. */
function lengthOf(tensor: NamedTensor | null | undefined): number | null {
  const shape: unknown = tensor?.shape;
  return Array.isArray(shape) && shape.length === 1 ? shape[0] : null;
}

function numbered(tensors: Tensors): Candidate[] {
  return [...grouped(tensors, 'keras-numbered')].flatMap(([prefix, leaves]) => {
    const order = NUMBERED[leaves.size] ?? [];
    const members = order.map((_, i) => leaves.get(String(i)));
    if (order.length === 0 || !areAlike(members.map((name) => (name === undefined ? undefined : tensors[name]))))
      return [];
    if (order.length < 4 && !CALLED_SO.test(prefix)) return [];
    const names: LayerNames = { gamma: null, beta: null, mean: null, variance: null, count: null };
    for (const [i, role] of order.entries()) names[role] = members[i]!;
    return [{ naming: 'keras-numbered' as const, prefix, names }];
  });
}

function areAlike(members: readonly (NamedTensor | undefined)[]): boolean {
  const length = lengthOf(members[0]);
  return length !== null && members.every((tensor) => lengthOf(tensor) === length);
}

/** By prefix, the names of the tensors by what they are called there. */
function grouped(tensors: Tensors, naming: Naming): Map<string, Map<string, string>> {
  const groups = new Map<string, Map<string, string>>();
  for (const name of Object.keys(tensors)) {
    const place = PLACES[naming](name);
    if (place === null) continue;
    const group = groups.get(place.prefix) ?? new Map<string, string>();
    groups.set(place.prefix, group.set(place.leaf, name));
  }
  return groups;
}

/** Where the layers of one naming are, for messages. */
export function prefixesOf(tensors: Tensors, ...namings: Naming[]): string[] {
  return candidates(tensors)
    .filter(({ naming }) => namings.includes(naming))
    .map(({ prefix }) => prefix);
}
