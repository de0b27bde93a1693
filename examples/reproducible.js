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
const summation = process.argv[2] === 'ordered' ? 'ordered' : 'exact';
const shapeOf = (samples = SAMPLES) => [samples, CHANNELS, POSITIONS];

/**
 * What a step gives: y and dx of all parts of the batch in order, and the numbers per channel.
 *
 * @typedef {{ y: Float32Array, dx: Float32Array }} Part
 * @typedef {Record<'mean' | 'variance', Float64Array> & Record<'dgamma' | 'dbeta', Float32Array>} Whole
 * @typedef {Whole & { parts: Part[] }} Step
 */

if (isMainThread) {
  const ways = { 'one process': inOneProcess, 'four ranks': onFourRanks, 'eight micro-batches': byMicroBatches };
  for (const [name, train] of Object.entries(ways)) console.log(`${digest(await train())}  ${name}`);
} else {
  const { memory, rank } = workerData;
  parentPort?.postMessage(trainLayer(RANKS[rank], RANKS[rank + 1], new ThreadReducer(memory, rank)));
}

function inOneProcess() {
  return trainLayer(0, SAMPLES);
}

async function onFourRanks() {
  const memory = ThreadReducer.memory(4, CHANNELS, { summation });
  const workers = [0, 1, 2, 3].map(
    (rank) => new Worker(new URL(import.meta.url), { workerData: { memory, rank }, argv: [summation] }),
  );
  /** @type {Step[][]} */
  const ranks = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  return ranks[0].map((whole, step) => ({ ...whole, parts: ranks.flatMap((steps) => steps[step].parts) }));
}

/**
 * The samples from `first` to before `end` of every batch.
 *
 * @param {number} first
 * @param {number} end
 * @param {ThreadReducer} [synchronize]
 * @returns {Step[]}
 */
function trainLayer(first, end, synchronize) {
  const bn = new BatchNorm(CHANNELS, { summation, synchronize, ...(synchronize && { gradients: 'summed' }) });
  return Array.from({ length: STEPS }, (_, step) => {
    const y = bn.forward(values('x', step, first, end), shapeOf(end - first));
    const dx = bn.backward(values('dy', step, first, end));
    const { mean, variance } = /** @type {Moments} */ (bn.batchMoments);
    const [dgamma, dbeta] = bn.parameters().map(({ value, gradient }) => learn(value, gradient));
    return { parts: [{ y, dx }], mean, variance, dgamma, dbeta };
  });
}

/**
 * Batches that do not fit into memory: eight pieces, each of which is made anew where it is needed.
 *
 * @returns {Step[]}
 */
function byMicroBatches() {
  const [gamma, beta] = [new Float32Array(CHANNELS).fill(1), new Float32Array(CHANNELS)];
  const size = SAMPLES / 8;
  const shape = shapeOf(size);
  return Array.from({ length: STEPS }, (_, step) => {
    const pieceOf = (name = 'x', piece = 0) => values(name, step, piece * size, (piece + 1) * size);
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

/**
 * One step of gradient descent. A copy of the gradient, which the layer will write over.
 *
 * @param {Float32Array} parameter
 * @param {Float32Array} gradient
 */
function learn(parameter, gradient) {
  for (let ch = 0; ch < CHANNELS; ch++) parameter[ch] -= RATE * gradient[ch];
  return gradient.slice();
}

/** Numbers that depend on their place in the batch alone. */
function values(name = 'x', step = 0, first = 0, end = SAMPLES) {
  const perSample = CHANNELS * POSITIONS;
  return Float32Array.from({ length: (end - first) * perSample }, (_, i) => {
    let hash = Math.imul((2 * step + (name === 'x' ? 0 : 1)) * SAMPLES * perSample + first * perSample + i, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) / 2 ** 30;
  });
}

/** @param {Step[]} steps */
function digest(steps) {
  const hash = createHash('sha256');
  for (const { parts, mean, variance, dgamma, dbeta } of steps) {
    const tensors = [...parts.map(({ y }) => y), ...parts.map(({ dx }) => dx)];
    for (const array of [...tensors, mean, variance, dgamma, dbeta]) hash.update(array);
  }
  return hash.digest('hex').slice(0, 16);
}
