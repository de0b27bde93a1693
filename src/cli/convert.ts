/** `batchnorm convert`: the batch normalizations of a model, under the names of another framework. */
import { realpathSync } from 'node:fs';
import type { BatchNorm, Tensor } from '../index.js';
import {
  type FoundBatchNorm,
  findBatchNorms,
  fromFlax,
  fromKeras,
  fromOnnx,
  fromPyTorch,
  type Naming,
  saveSafetensors,
  type Tensors,
  toFlax,
  toKeras,
  toOnnx,
  toPyTorch,
} from '../interop/index.js';
import { Failure } from './failure.js';
import { count, FRAMEWORKS, loadModel, visible } from './model-file.js';
import type { Options, Values } from './options.js';

export const CONVERT_OPTIONS = {
  model: { type: 'operand', description: 'a file in the format safetensors' },
  to: {
    type: 'text',
    unit: 'framework',
    description: 'whose names the tensors get',
    choices: ['pytorch', 'keras', 'flax', 'onnx'],
  },
  output: { type: 'text', unit: 'file', description: 'where they go, in the format safetensors' },
  others: { type: 'flag', description: 'take the tensors of other layers along as they are, which are left out else' },
} as const satisfies Options;

type Target = Values<typeof CONVERT_OPTIONS>['to'];
type Layer = BatchNorm<Tensor>;

/** It is in no file of tensors and has no part in their values: any does for a layer that is only written again. */
const options = { epsilon: 1e-5, axis: 1 };

const READERS: Readonly<Record<Naming, (tensors: Tensors, found: FoundBatchNorm) => Layer>> = {
  pytorch: (tensors, { prefix, dtype }) => fromPyTorch(tensors, { ...options, prefix, dtype }),
  keras: (tensors, { prefix, dtype }) => fromKeras(tensors, { ...options, prefix, dtype }),
  'keras-numbered': (tensors, { prefix, dtype }) => fromKeras(tensors, { ...options, prefix, dtype }),
  flax: (tensors, { prefix, dtype }) => fromFlax(tensors, { ...options, prefix, dtype }),
  onnx: (tensors, { prefix, dtype }) => {
    const input = ['x', 'scale', 'B', 'mean', 'var'].map((name) => (prefix === '' ? name : `${prefix}.${name}`));
    return fromOnnx(tensors, { node: { input, attribute: { epsilon: options.epsilon } }, dtype });
  },
};

interface Writer {
  readonly title: string;
  /** Between the parts of a name. */
  readonly separator: '.' | '/';
  /** The metadata that tools of the framework look for in a file. */
  readonly format?: string;
  readonly write: (layer: Layer, prefix: string) => Tensors;
}

const WRITERS: Readonly<Record<Target, Writer>> = {
  pytorch: { title: 'PyTorch', separator: '.', format: 'pt', write: (layer, prefix) => toPyTorch(layer, { prefix }) },
  keras: { title: 'Keras', separator: '/', format: 'tf', write: (layer, prefix) => toKeras(layer, { prefix }).tensors },
  flax: { title: 'flax', separator: '/', format: 'flax', write: (layer, prefix) => toFlax(layer, { prefix }) },
  onnx: { title: 'ONNX', separator: '.', write: (layer, prefix) => toOnnx(layer, { prefix }).initializers },
};

/** @throws Failure, or ERR_BATCHNORM_FILE where it is no safetensors file */
export async function runConvert({ model, to, output, others }: Values<typeof CONVERT_OPTIONS>): Promise<void> {
  refuseSame(model, output);
  const { tensors, metadata } = await loadModel(model);
  const found = findBatchNorms(tensors);
  if (found.length === 0) throw new Failure(`${model}: found no batch normalization that can be told by its names`);
  const used = new Set(found.flatMap(namesOf));
  const rest = Object.keys(tensors).filter((name) => !used.has(name));
  const converted: Tensors = Object.create(null);
  for (const name of others ? rest : []) put(converted, name, tensors);
  for (const layer of found) {
    const written = convert(tensors, layer, WRITERS[to]);
    for (const name of Object.keys(written)) put(converted, name, written);
  }
  const { format: _, ...kept } = metadata;
  await save(output, converted, { ...kept, ...(WRITERS[to].format && { format: WRITERS[to].format }) });
  console.log(summary(found, WRITERS[to], output, converted, others ? 0 : rest.length));
}

function refuseSame(model: string, output: string): void {
  const place = (path: string): string => {
    try {
      return realpathSync(path);
    } catch {
      return path;
    }
  };
  if (place(model) === place(output)) throw new Failure(`--output ${output}: is the file that is read`);
}

function namesOf({ names }: FoundBatchNorm): string[] {
  return Object.values(names).filter((name) => name !== null);
}

function convert(tensors: Tensors, found: FoundBatchNorm, { separator, write }: Writer): Tensors {
  const own: Tensors = Object.create(null);
  for (const name of namesOf(found)) own[name] = tensors[name];
  try {
    const layer = READERS[found.naming](own, found);
    return write(layer, found.prefix.replaceAll(separator === '.' ? '/' : '.', separator));
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause;
    throw new Failure(`convert: ${visible(cause.message.replace(/^batchnorm: /, ''))}`, { cause });
  }
}

function put(to: Tensors, name: string, from: Tensors): void {
  if (name in to) throw new Failure(`convert: two tensors would be called ${visible(name)}`);
  to[name] = from[name];
}

async function save(path: string, tensors: Tensors, metadata: Record<string, string>): Promise<void> {
  try {
    await saveSafetensors(path, tensors, metadata);
  } catch (cause) {
    throw new Failure(`--output ${path}: cannot be written (${(cause as Error).message})`, { cause });
  }
}

function summary(
  found: readonly FoundBatchNorm[],
  { title }: Writer,
  output: string,
  converted: Tensors,
  left: number,
): string {
  const namings = [...new Set(found.map(({ naming }) => FRAMEWORKS[naming]))].join(' and ');
  const lines = [
    `${count(found.length, 'batch normalization')}, named as in ${namings}, written as in ${title}.`,
    `${output}: ${count(Object.keys(converted).length, 'tensor')}`,
  ];
  if (left > 0) lines.push(`${count(left, 'tensor')} of other layers left out; --others takes them along as they are.`);
  lines.push(
    'Epsilon is not in such a file: give the new layers the one of the model. Defaults',
    'differ: PyTorch, flax and ONNX have 1e-5, Keras has 1e-3.',
  );
  return lines.join('\n');
}
