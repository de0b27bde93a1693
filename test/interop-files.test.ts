/** Files that PyTorch, Keras and flax wrote: their batch normalization evaluates here to what it evaluated to there. */
import { join } from 'node:path';
import type { BatchNorm } from 'batchnorm';
import {
  type FoundBatchNorm,
  findBatchNorms,
  fromFlax,
  fromKeras,
  fromPyTorch,
  loadSafetensors,
  type NamedTensor,
  type Tensors,
  toFlax,
  toKeras,
  toPyTorch,
} from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { ROOT } from './support/install.js';
import { suiteOf } from './support/suite.js';

interface File {
  /** The settings of make.py, which wrote the files. */
  readonly epsilon: number;
  readonly naming: FoundBatchNorm['naming'];
  readonly read: (tensors: Tensors, options: { prefix: string; epsilon: number }) => BatchNorm;
  readonly write: (layer: BatchNorm, options: { prefix: string }) => Tensors;
}

const FILES: Readonly<Record<string, File>> = {
  torch: { epsilon: 1e-3, naming: 'pytorch', read: fromPyTorch, write: toPyTorch },
  keras: {
    epsilon: 1e-3,
    naming: 'keras',
    read: fromKeras,
    write: (layer, options) => toKeras(layer, options).tensors,
  },
  flax: { epsilon: 1e-4, naming: 'flax', read: fromFlax, write: toFlax },
};

const test = suiteOf('files of frameworks');

for (const [name, { epsilon, naming, read, write }] of Object.entries(FILES)) {
  const load = async () => (await loadSafetensors(join(ROOT, 'test/data/frameworks', `${name}.safetensors`))).tensors;
  const options = { prefix: 'bn', epsilon };

  test(`${name}: the one batch normalization is found, and nothing is odd about it`, async () => {
    const found = findBatchNorms(await load()).map(({ prefix, channels, oddities, ...rest }) => {
      return { prefix, channels, oddities, naming: rest.naming };
    });
    assert.equal(found, [{ prefix: 'bn', channels: 3, oddities: [], naming }]);
  });

  test(`${name}: evaluates to what it evaluated to there`, async () => {
    const tensors = await load();
    const [x, y] = ['x', 'y'].map(
      (part) => tensors[`sample${naming === 'flax' ? '/' : '.'}${part}`] as NamedTensor<'F32'>,
    );
    const layer = read(tensors, options).eval();
    const own = layer.forward(x!.data, x!.shape);
    const largest = Math.max(...y!.data.map(Math.abs));
    // They round each step to float32; here only the result is.
    for (const [i, value] of own.entries()) {
      assert.ok(Math.abs(value - y!.data[i]) <= 4 * 2 ** -24 * largest, `${value} at ${i}`);
    }
  });

  test(`${name}: goes out as it came in, bit for bit`, async () => {
    const tensors = await load();
    const written = write(read(tensors, options), { prefix: 'bn' });
    assert.ok(Object.keys(written).length >= 4);
    for (const [key, tensor] of Object.entries(written)) assert.equal(tensor, tensors[key], key);
  });
}
