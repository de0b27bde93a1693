/** A program of which one part imports the package and another requires it. Prints what they share. */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import '@tensorflow/tfjs-backend-cpu';
import * as core from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import * as batchnorm from 'batchnorm';
import * as interop from 'batchnorm/interop';
import * as mpi from 'batchnorm/mpi';
import * as tfjs from 'batchnorm/tfjs';

const require = createRequire(import.meta.url);
const doors = [batchnorm, tfjs, mpi, interop].map((imported, i) => {
  const required = require(['batchnorm', 'batchnorm/tfjs', 'batchnorm/mpi', 'batchnorm/interop'][i]);
  const names = [...new Set([...Object.keys(imported), ...Object.keys(required)])].sort();
  return { names, differing: names.filter((name) => imported[name] !== required[name]) };
});

const before = batchnorm.backend().name;
require('batchnorm').useBackend('reference');

const model = sequential({ layers: [layers.batchNormalization({ inputShape: [2] })] });
let saved;
const save = core.io.withSaveHandler(async (artifacts) => {
  saved = artifacts;
  return { modelArtifactsInfo: {} };
});
await model.save(save);
tfjs.register();
const loaded = await require('@tensorflow/tfjs-layers').loadLayersModel(core.io.fromMemory(saved));

console.log(
  JSON.stringify({
    doors,
    backends: [before, batchnorm.backend().name],
    isLayer: tfjs.batchNormalization({ axis: -1 }) instanceof require('@tensorflow/tfjs-layers').layers.Layer,
    isRegistered: loaded.layers[0] instanceof require('batchnorm/tfjs').BatchNormalization,
    isOneTensorFlow: core.Tensor === require('@tensorflow/tfjs-core').Tensor,
    sum: await synchronized(),
  }),
);

/** Over two threads, of which one imports and the other requires; the mean of what both have. */
async function synchronized() {
  const memory = batchnorm.ThreadReducer.memory(2, 1);
  const worker = new Worker(new URL('worker.cjs', import.meta.url), { workerData: memory });
  const layer = new batchnorm.BatchNorm(1, { synchronize: new batchnorm.ThreadReducer(memory, 0) });
  layer.forward(Float32Array.of(1, 3), [2, 1]);
  await new Promise((resolve) => worker.on('exit', resolve));
  return layer.batchMoments.mean[0];
}
