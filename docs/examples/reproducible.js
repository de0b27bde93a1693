// Ten training steps in one process, on four ranks and by eight micro-batches, and a digest of every number of each:
//   node reproducible.js            exact sums: one digest
//   node reproducible.js ordered    ordered sums: three
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { BatchNorm, backward, forwardInference, GradientSums, Moments, ThreadReducer } from 'batchnorm';

const [SAMPLES, CHANNELS, POSITIONS, STEPS, RATE] = [64, 8, 49, 10, 0.1];
/** The first sample of each rank, and the end: unequal shares, one of them empty. */
const RANKS = [0, 10, 10, 45, 64];
const summation = process.argv[2] ?? 'exact';
const shapeOf = (samples) => [samples, CHANNELS, POSITIONS];

if (isMainThread) {
  const ways = { 'one process': inOneProcess, 'four ranks': onFourRanks, 'eight micro-batches': byMicroBatches };
  for (const [name, train] of Object.entries(ways)) console.log(`${digest(await train())}  ${name}`);
} else {
  const { memory, rank } = workerData;
  parentPort.postMessage(trainLayer(RANKS[rank], RANKS[rank + 1], new ThreadReducer(memory, rank)));
}

function inOneProcess() {
  return trainLayer(0, SAMPLES);
}

async function onFourRanks() {
  const memory = ThreadReducer.memory(4, CHANNELS, { summation });
  const workers = [0, 1, 2, 3].map(
    (rank) => new Worker(new URL(import.meta.url), { workerData: { memory, rank }, argv: [summation] }),
  );
  const ranks = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  return ranks[0].map((whole, step) => ({ ...whole, parts: ranks.flatMap((steps) => steps[step].parts) }));
}

/** The samples from `first` to before `end` of every batch. */
function trainLayer(first, end, synchronize) {
  const shared = synchronize && { synchronize, gradients: 'summed' };
  const bn = new BatchNorm(CHANNELS, { summation, ...shared });
  return Array.from({ length: STEPS }, (_, step) => {
    const y = bn.forward(values('x', step, first, end), shapeOf(end - first));
    const dx = bn.backward(values('dy', step, first, end));
    const [{ mean, variance }, dgamma, dbeta] = [bn.batchMoments, bn.dgamma.slice(), bn.dbeta.slice()];
    learn(bn.gamma, dgamma);
    learn(bn.beta, dbeta);
    return { parts: [{ y, dx }], mean, variance, dgamma, dbeta };
  });
}

/** Batches that do not fit into memory: eight pieces, each of which is made anew where it is needed. */
function byMicroBatches() {
  const [gamma, beta] = [new Float32Array(CHANNELS).fill(1), new Float32Array(CHANNELS)];
  const size = SAMPLES / 8;
  const shape = shapeOf(size);
  return Array.from({ length: STEPS }, (_, step) => {
    const pieceOf = (name, piece) => values(name, step, piece * size, (piece + 1) * size);
    const pieces = Array.from({ length: 8 }, (_, piece) => piece);

    const moments = new Moments(CHANNELS, { summation });
    for (const piece of pieces) moments.add(pieceOf('x', piece), shape);
    const { mean, variance } = moments;
    const sums = new GradientSums(CHANNELS, { summation });
    for (const piece of pieces) sums.add(pieceOf('dy', piece), pieceOf('x', piece), shape, { mean, variance, gamma });

    const given = { mean, variance, gamma };
    const results = pieces.map((piece) => {
      const x = pieceOf('x', piece);
      const y = forwardInference(x, shape, { ...given, beta });
      return { y, ...backward(pieceOf('dy', piece), x, shape, { ...given, sums }) };
    });
    const { dgamma, dbeta } = results[0]; // of the whole batch, in every piece
    learn(gamma, dgamma);
    learn(beta, dbeta);
    return { parts: results.map(({ y, dx }) => ({ y, dx })), mean, variance, dgamma, dbeta };
  });
}

function learn(parameter, gradient) {
  for (let ch = 0; ch < CHANNELS; ch++) parameter[ch] -= RATE * gradient[ch];
}

/** Numbers that depend on their place in the batch alone. */
function values(name, step, first, end) {
  const perSample = CHANNELS * POSITIONS;
  return Float32Array.from({ length: (end - first) * perSample }, (_, i) => {
    let hash = Math.imul((2 * step + (name === 'x' ? 0 : 1)) * SAMPLES * perSample + first * perSample + i, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) / 2 ** 30;
  });
}

function digest(steps) {
  const hash = createHash('sha256');
  for (const { parts, mean, variance, dgamma, dbeta } of steps) {
    const tensors = ['y', 'dx'].flatMap((name) => parts.map((part) => part[name]));
    for (const array of [...tensors, mean, variance, dgamma, dbeta]) hash.update(array);
  }
  return hash.digest('hex').slice(0, 16);
}
