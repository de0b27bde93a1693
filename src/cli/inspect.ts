/** `batchnorm inspect`: the batch normalizations of a model, and what is odd about them. */
import { type FoundBatchNorm, findBatchNorms, type Tensors } from '../interop/index.js';
import { count, FRAMEWORKS, loadModel, visible } from './model-file.js';
import type { Options, Values } from './options.js';

export const INSPECT_OPTIONS = {
  model: { type: 'operand', description: 'a file in the format safetensors' },
  json: { type: 'flag', description: 'print JSON on standard output, and nothing else' },
} as const satisfies Options;

/** As wide as terminals are at least. */
const WIDTH = 80;
const HEAD = ['layer', 'channels', 'gamma', 'variance'] as const;
/** Between two columns. */
const GAP = '  ';
/** The column of names, whatever the numbers need. */
const SHORTEST_NAME = 16;

/** @throws Failure, or ERR_BATCHNORM_FILE where it is no safetensors file */
export async function runInspect({ model, json }: Values<typeof INSPECT_OPTIONS>): Promise<void> {
  const { tensors, metadata } = await loadModel(model);
  const layers = findBatchNorms(tensors);
  const about = {
    file: model,
    tensors: Object.keys(tensors).length,
    bytes: bytesOf(tensors),
    metadata: { ...metadata },
  };
  console.log(json ? JSON.stringify({ ...about, layers }, null, 2) : describe(about, layers));
}

interface About {
  readonly file: string;
  readonly tensors: number;
  readonly bytes: number;
}

export function describe({ file, tensors, bytes }: About, layers: readonly FoundBatchNorm[]): string {
  const summary = `${visible(file)}: ${count(tensors, 'tensor')} of ${size(bytes)}`;
  if (layers.length === 0) return `${summary}, none of them of a batch normalization that can be told by its names`;
  const tables = [...new Set(layers.map(({ naming }) => naming))].map((naming) => {
    const group = layers.filter((layer) => layer.naming === naming);
    const title = `${count(group.length, 'batch normalization')}, named as in ${FRAMEWORKS[naming]}`;
    return `${title}\n\n${table(group)}`;
  });
  const odd = layers.filter(({ oddities }) => oddities.length > 0).length;
  const verdict = odd === 0 ? 'Nothing is odd about them.' : `${count(odd, 'layer')} with something odd.`;
  return [summary, ...tables, verdict].join('\n\n');
}

/** A line for each layer, and under it one for whatever is odd about it. */
function table(layers: readonly FoundBatchNorm[]): string {
  const rows = layers.map(({ channels, gamma, variance }) => [String(channels), range(gamma), range(variance)]);
  const [, ...heads] = HEAD;
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)));
  const rest = WIDTH - widths.reduce((sum, width) => sum + GAP.length + width, 0);
  const names = layers.map(({ prefix }) => shortened(visible(prefix) || '(no prefix)', Math.max(rest, SHORTEST_NAME)));
  const first = Math.max(HEAD[0].length, ...names.map((name) => [...name].length));
  const line = (name: string, cells: readonly string[]) =>
    [name + ' '.repeat(first - [...name].length), ...cells.map((cell, i) => cell.padStart(widths[i]))].join(GAP);
  const lines = layers.flatMap(({ oddities }, i) => [
    line(names[i], rows[i]),
    ...oddities.map(({ message }) => indented(visible(message))),
  ]);
  return [line(HEAD[0], heads), ...lines].join('\n');
}

/** The beginning and the end, which tell names of a model apart. */
function shortened(name: string, width: number): string {
  const characters = [...name];
  if (characters.length <= width) return name;
  const half = Math.floor((width - 1) / 2);
  return `${characters.slice(0, width - 1 - half).join('')}…${characters.slice(-half).join('')}`;
}

/** In lines that end between words. */
function indented(message: string): string {
  const lines = [''];
  for (const word of message.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length <= WIDTH - 3 || lines.at(-1) === '') lines[lines.length - 1] = longer;
    else lines.push(` ${word}`);
  }
  return lines.map((text, i) => `${i === 0 ? '  !' : '   '}${text}`).join('\n');
}

function range(ends: readonly [number, number] | null): string {
  if (ends === null) return '–';
  const [least, most] = ends.map((value) => String(Number(value.toPrecision(3))));
  return least === most ? least! : `${least} … ${most}`;
}

function bytesOf(tensors: Tensors): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}

function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
