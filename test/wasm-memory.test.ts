/** Tensors inside the WebAssembly memory, and tensors that are too large to be copied there as a whole. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { allocate, backend, forwardTraining, release, type Tensor, useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import * as reference from '#dist/backends/reference.js';
import { Heap } from '#dist/backends/wasm/heap.js';
import { Memory, memoryInUse } from '#dist/backends/wasm/memory.js';
import { extentOf, tilesOf } from '#dist/backends/wasm/pieces.js';
import { isas, loadWith } from '#dist/backends/wasm.js';
import { callAll, VARIANTS } from './support/calls.js';
import { inputsOf } from './support/data.js';
import { SHAPES } from './support/shapes.js';
import { suiteOf } from './support/suite.js';
import { DTYPES, firstDifference, HALF_DTYPES } from './support/tensors.js';

const MEBI = 2 ** 20;
const NO_PARAMETERS = { gamma: null, beta: null, epsilon: 1e-5 };

function allocateOf(k: number, length: number): Tensor {
  return k % 2 === 0 ? allocate(length) : allocate(length, 'float64');
}

async function collectUntil(isDone: () => boolean): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let tries = 0; !isDone() && tries < 50; tries++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const heap = suiteOf('wasm: heap');

heap('hands out lines of 64 bytes, the first gap that is large enough', () => {
  const under = new Heap(64, 1024);
  assert.equal([under.allocate(1), under.allocate(65), under.allocate(0)], [64, 128, 256]);
  under.release(128);
  assert.equal([under.allocate(129), under.allocate(128), under.sizeAt(128)], [320, 128, 128]);
});

heap('joins gaps, whatever the order', () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [0, 2, 1],
    [1, 2, 0],
  ]) {
    const under = new Heap(64, 64 + 3 * 64);
    const addresses = [0, 1, 2].map(() => under.allocate(64));
    assert.is(under.allocate(1), 0);
    for (const k of order) under.release(addresses[k]);
    assert.equal([under.room, under.blocks], [192, 0]);
    assert.is(under.allocate(192), 64);
  }
});

heap('what was not handed out is not taken back', () => {
  const under = new Heap(64, 256);
  under.allocate(64);
  under.release(128);
  under.release(96);
  assert.is(under.room, 128);
});

const memory = suiteOf('wasm: memory');
memory.before.each(() => {
  if (backend().name !== 'wasm') useBackend('wasm');
});

memory('tensors are aligned, zero, and apart', () => {
  const tensors = [1, 5, 1000, 4096].map((length) => allocateOf(length, length));
  for (const tensor of tensors) {
    assert.is(tensor.byteOffset % 64, 0);
    assert.ok((tensor as Float32Array).every((value) => value === 0));
    (tensor as Float32Array).fill(7);
  }
  const addresses = tensors.map(({ byteOffset }) => byteOffset);
  for (const tensor of tensors) release(tensor);
  const again = allocate(4096);
  assert.ok(addresses.includes(again.byteOffset), 'the memory is used again');
  assert.ok(again.every((value) => value === 0));
  release(again);
});

memory('nothing is handed out in the last 64 KiB', () => {
  const { heap: own, bytes } = new Memory(new WebAssembly.Memory({ initial: 4, maximum: 4 }), false);
  const address = own.allocate(own.room);
  assert.is(address + own.sizeAt(address), bytes - 65536);
});

memory('a released tensor is refused, though another lies where it was', () => {
  const first = allocate(6);
  const part = first.subarray(3);
  release(first);
  const second = allocate(6);
  assert.is(second.byteOffset, first.byteOffset);
  for (const gone of [first, part]) {
    assert.throws(() => forwardTraining(gone, [gone.length / 3, 3]), /got a released Float32Array/);
    assert.throws(() => release(gone), /got a released Float32Array/);
  }
  forwardTraining(second.fill(1), [2, 3]);
  release(second);
});

memory('tensors may be released while another backend is in use', () => {
  const x = allocate(6).fill(2);
  useBackend('reference');
  assert.equal([...forwardTraining(x, [2, 3], { out: x }).y], [0, 0, 0, 0, 0, 0]);
  release(x);
  assert.throws(() => forwardTraining(x, [2, 3]), /got a released Float32Array/);
});

memory('100,000 tensors that are released leave it as it was', () => {
  const { heap: own } = memoryInUse();
  const before = [own.room, own.blocks];
  const kept: Tensor[] = [];
  for (let k = 0; k < 100_000; k++) {
    kept.push(allocateOf(k, 1 + (k % 3000)));
    if (kept.length > 50) release(kept.splice((k * 31) % 50, 1)[0]);
  }
  for (const tensor of kept) release(tensor);
  assert.equal([own.room, own.blocks], before);
});

memory('where it is full, the error says what is there and what to do; then it is given up', async () => {
  const full = memoryInUse();
  await collectUntil(() => !full.hasTensors); // suites before this one need not release theirs
  const tensors: Tensor[] = [];
  assert.throws(
    () => {
      while (true) tensors.push(allocate(128 * MEBI, 'float64'));
    },
    (error: unknown) =>
      error instanceof RangeError &&
      new RegExp(
        String.raw`^batchnorm: allocate: no room for 1\.00 GiB in WebAssembly memory, ` +
          String.raw`where \d+\.\d+ .iB of \d\.00 GiB are free in one piece; release tensors`,
      ).test(error.message),
  );
  assert.ok(tensors.length >= 1);
  assert.is(memoryInUse(), full);
  for (const tensor of tensors) release(tensor);
  assert.is(memoryInUse(), full, 'the next tensors use it again');
  for (let wait = 0; memoryInUse() === full && wait < 200; wait++) await new Promise((r) => setTimeout(r, 50));
  assert.is.not(memoryInUse(), full, 'an oversized memory is replaced when no tensor lives in it for a while');
  const x = allocate(6).fill(3);
  assert.equal([...forwardTraining(x, [2, 3]).y], [0, 0, 0, 0, 0, 0]);
  release(x);
});

memory('garbage collection takes back what nobody released, but nothing that a part still needs', async () => {
  const { heap: own } = memoryInUse();
  const before = own.blocks;
  const part = allocate(1000).subarray(10, 20).fill(5);
  (() => {
    for (let k = 0; k < 100; k++) allocate(1000);
  })();
  // The engine may keep the last one a while.
  await collectUntil(() => own.blocks <= before + 2);
  assert.ok(own.blocks <= before + 2, `${own.blocks} blocks, ${before} before`);
  const others = Array.from({ length: 20 }, () => allocate(1000).fill(1));
  assert.equal([...part], new Array(10).fill(5));
  for (const other of others) release(other);
});

memory('tensors of 16 bits that lie in it are worked on in place, as those that are copied', () => {
  const view = { n: 2, c: 3, s: 700 };
  const affine = () => ({ ...NO_PARAMETERS, mean: new Float64Array(3), variance: new Float64Array(3) });
  for (const isa of isas()) {
    const kernels = loadWith(isa, { threads: 1, threadBytes: 1, tileBytes: 1, copiedBytes: 0 });
    for (const dtype of HALF_DTYPES) {
      const x = inputsOf('normal', dtype, view).x as Uint16Array;
      const expected = x.slice();
      reference.load()[dtype].forward(expected, expected, null, affine(), 1, view);
      const inside = allocate(x.length, dtype);
      const { handedOut } = memoryInUse().heap;
      inside.set(x);
      kernels[dtype].forward(inside, inside, null, affine(), 1, view);
      assert.is(firstDifference(inside, expected), -1, `${isa}, ${dtype}`);
      assert.ok(memoryInUse().heap.handedOut <= handedOut + 1, 'a workspace is all that is taken');
      release(inside);
    }
  }
});

const pieces = suiteOf('wasm: pieces');

pieces('are cut at groups of the sums, and narrow ones keep their form', () => {
  for (const { n, c, s } of SHAPES) {
    for (const most of [1, 100, 5000, 20_000, 1e6]) {
      const { channels, rows, width } = extentOf({ n, c, s }, most);
      const stacked = c * s < 16;
      const group = s >= 4096 ? 1 : Math.floor(4096 / s) - (stacked ? Math.floor(4096 / s) % 16 : 0);
      assert.ok(rows >= n || rows % group === 0, `${rows} rows of ${[n, c, s]}`);
      assert.ok(width === s || (width % 4096 === 0 && rows === 1 && channels === 1), `${width} of ${[n, c, s]}`);
      for (const [first, last] of tilesOf(c, channels)) {
        assert.is((last - first) * s < 16, stacked, `${last - first} channels of ${[n, c, s]}`);
      }
    }
  }
});

for (const isa of isas()) {
  pieces(`${isa}: the bits of the reference`, () => {
    const kernels = loadWith(isa, { threads: 1, threadBytes: 2 ** 17, tileBytes: 2 ** 18, copiedBytes: 40_000 });
    const expected = reference.load();
    const large = SHAPES.filter(({ n, c, s }) => n * c * s >= 8000);
    assert.ok(large.length > 15);
    for (const [k, shape] of [
      ...large,
      { n: 2, c: 1500, s: 3, offset: 0 },
      { n: 5000, c: 40, s: 1, offset: 1 },
    ].entries()) {
      for (const dtype of [...DTYPES, HALF_DTYPES[k % 2]]) {
        const inputs = inputsOf(k % 2 === 0 ? 'normal' : 'mean 1e6', dtype, shape);
        const variant = VARIANTS[k % VARIANTS.length];
        const actual = callAll(kernels, inputs, variant, shape.offset);
        for (const [name, array] of callAll(expected, inputs, variant, shape.offset).outputs) {
          assert.is(firstDifference(actual.outputs.get(name)!, array), -1, `${name}: ${inputs.title}`);
        }
        assert.is(actual.violation, null);
      }
    }
  });
}
