// Activations that are computed again for the backward instead of kept: the same gradients in less memory.
//   node recompute.js                   36 layers of (32, 64, 28, 28), each way in a process of its own
//   node recompute.js 36 32,64,28,28
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { BatchNorm } from 'batchnorm';

const [depth = '36', dimensions = '32,64,28,28', way] = process.argv.slice(2);
const shape = dimensions.split(',').map(Number);
const length = shape.reduce((a, b) => a * b);

/**
 * Memory of activations that nobody needs any more, and how many there were at once.
 *
 * @type {Float32Array[]}
 */
const free = [];
let made = 0;
function take() {
  const again = free.pop();
  if (again === undefined) made++;
  return again ?? new Float32Array(length);
}

if (way === undefined) {
  for (const each of ['keep', 'recompute']) {
    const args = [fileURLToPath(import.meta.url), depth, dimensions, each];
    console.log(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim());
  }
} else {
  const layers = Array.from({ length: Number(depth) }, () => new BatchNorm(shape[1], { activation: 'relu' }));
  // As many segments as layers in each: the fewest activations. One segment keeps all of them.
  report(layers, way === 'keep' ? layers.length : Math.ceil(Math.sqrt(layers.length)));
}

/**
 * @param {BatchNorm[]} layers
 * @param {number} size of a segment
 */
function report(layers, size) {
  const segments = layers.flatMap((_, k) => (k % size === 0 ? [layers.slice(k, k + size)] : []));
  const hash = createHash('sha256');
  const start = performance.now();
  for (let step = 0; step < 3; step++) {
    const x = take();
    for (let i = 0; i < length; i++) x[i] = Math.sin(i * i + step);
    const dx = train(segments, x);
    hash.update(dx);
    free.push(dx);
  }
  const seconds = (performance.now() - start) / 1000;
  for (const bn of layers)
    for (const values of [bn.dgamma, bn.dbeta, bn.runningVariance]) if (values) hash.update(values);
  const [own, all] = [made * length * 4, process.resourceUsage().maxRSS * 1024].map((bytes) => Math.round(bytes / 1e6));
  console.log(`${hash.digest('hex').slice(0, 16)}  ${way}: ${made} activations`);
  console.error(`${way}: ${own} MB of activations, ${all} MB at most in the process, ${seconds.toFixed(2)} s`);
}

/**
 * A step with the loss |y|²/2, whose gradient is y itself; gives dx.
 *
 * @param {BatchNorm[][]} segments
 * @param {Float32Array} x
 */
function train(segments, x) {
  const inputs = [x];
  for (const segment of segments.slice(0, -1)) {
    const y = take();
    y.set(inputs[inputs.length - 1]);
    for (const bn of segment) bn.forward(y, shape, { out: y }); // in place: nothing is kept
    inputs.push(y);
  }
  let dy = x; // until there is one
  for (const segment of segments.toReversed()) {
    // The last segment is computed once. The others have been counted: update: false.
    const update = segment === segments.at(-1);
    let y = inputs[inputs.length - 1];
    inputs.pop();
    const kept = [];
    for (const bn of segment) {
      kept.push(y);
      y = bn.forward(y, shape, { out: take(), update });
    }
    if (update) dy = y;
    else free.push(y);
    for (const bn of segment.toReversed()) bn.backward(dy, { out: dy });
    free.push(...kept);
  }
  return dy;
}
