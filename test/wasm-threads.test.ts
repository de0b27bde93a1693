/** Several threads of the WebAssembly backend: the same bits, and no call that hangs. */
import { spawnSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import * as assert from 'uvu/assert';
import * as reference from '#dist/backends/reference.js';
import { memoryInUse } from '#dist/backends/wasm/memory.js';
import { isas, loadWith, startWorkers } from '#dist/backends/wasm.js';
import { callAll, VARIANTS } from './support/calls.js';
import { inputsOf } from './support/data.js';
import { SHAPES } from './support/shapes.js';
import { suiteOf } from './support/suite.js';
import { DTYPES, firstDifference, HALF_DTYPES } from './support/tensors.js';

/** Every call is worth threads, and tiles are small. */
const RESOURCES = { threadBytes: 64, tileBytes: 2 ** 12, copiedBytes: 2 ** 26 };
const SERVING = 192 / 4;

const test = suiteOf('wasm: threads');

function serving(): number {
  return Atomics.load(new Int32Array(memoryInUse().wasm.buffer), SERVING);
}

for (const threads of [2, 3]) {
  test(`${threads} give the bits of the reference`, async () => {
    await startWorkers(threads);
    assert.ok(serving() >= threads - 1, 'workers serve');
    const expected = reference.load();
    for (const isa of isas()) {
      const kernels = loadWith(isa, { ...RESOURCES, threads });
      for (const [k, shape] of SHAPES.entries()) {
        for (const dtype of [...DTYPES, HALF_DTYPES[k % 2]]) {
          const inputs = inputsOf(k % 3 === 0 ? 'mean 1e6' : 'normal', dtype, shape);
          const variant = VARIANTS[(k + threads) % VARIANTS.length];
          const actual = callAll(kernels, inputs, variant, shape.offset);
          for (const [name, array] of callAll(expected, inputs, variant, shape.offset).outputs) {
            assert.is(firstDifference(actual.outputs.get(name)!, array), -1, `${isa}: ${name}: ${inputs.title}`);
          }
          assert.is(actual.violation, null);
        }
      }
    }
  });
}

const CHILD = `
import { forwardTraining, ready, useBackend } from 'batchnorm';
const { threads } = useBackend('wasm', { threads: 3 });
await ready();
const x = new Float32Array(2 ** 20).fill(1);
for (let k = 0; k < 20; k++) forwardTraining(x, [1024, 1024]);
process.stdout.write(String(threads));
`;

function runChild(...flags: readonly string[]) {
  const options = { encoding: 'utf8', timeout: 60_000, cwd: new URL('..', import.meta.url) } as const;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, '--input-type=module', '-e', CHILD],
    options,
  );
  return [status, stdout, stderr];
}

test('workers do not keep the process alive', () => {
  assert.equal(runChild(), [0, '3', '']);
});

test("under Node's permission model one thread without --allow-worker, and as many as asked for with it", () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
  const flags = [flag, '--allow-fs-read=*', '--no-warnings'];
  assert.equal(runChild(...flags), [0, '1', '']);
  assert.equal(runChild(...flags, '--allow-worker'), [0, '3', '']);
});

/** Claims one part of a phase, as a worker does, and dies with it. */
const THIEF = `
const memory = require('node:worker_threads').workerData;
const words = new Int32Array(memory.buffer);
const claims = new BigUint64Array(memory.buffer);
const CLAIM = 64 / 8;
for (let seen = Atomics.load(words, 68 / 4); ; ) {
  const claim = Atomics.load(claims, CLAIM);
  if (Number(claim >> 32n) === seen >>> 0 || (claim & 0xffffffffn) > 1n) continue;
  if (Atomics.compareExchange(claims, CLAIM, claim, claim + 1n) === claim) break;
}
`;

test('a worker that dies in the middle of a call makes it throw, and the next one runs without', async () => {
  await startWorkers(2);
  const kernels = loadWith(isas()[0], { ...RESOURCES, threads: 2 });
  const inputs = inputsOf('normal', 'float32', { n: 64, c: 64, s: 64 });
  const thief = new Worker(THIEF, { eval: true, workerData: memoryInUse().wasm });
  await new Promise((resolve) => thief.once('online', resolve));
  const begun = Date.now();
  assert.throws(
    () => {
      while (Date.now() - begun < 60_000) callAll(kernels, inputs, VARIANTS[0]);
    },
    (error: Error & { code?: string }) => error.code === 'ERR_BATCHNORM_BACKEND' && /a worker died/.test(error.message),
  );
  await thief.terminate();
  assert.is(serving(), 0);
  const expected = callAll(reference.load(), inputs, VARIANTS[0]);
  const actual = callAll(kernels, inputs, VARIANTS[0]);
  for (const [name, array] of expected.outputs) assert.is(firstDifference(actual.outputs.get(name)!, array), -1, name);
});
