// Data-parallel training by threads: each has its share of every batch, and the network learns as it would on one.
//   node examples/threads.ts        four threads; Node.js from 22.18 on
//   node examples/threads.ts 1      one thread: the same losses
//   npm run examples && node dist-examples/threads.js     with an earlier Node.js
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { BatchNorm, sumRanks, ThreadReducer } from 'batchnorm';
import { readDigits } from './digits.js';
import { crossEntropy, Descent, Linear } from './layers.ts';

const [BATCH, STEPS, RATE, TRAINING] = [64, 100, 0.1, 1437];

if (isMainThread) {
  const threads = Number(process.argv[2] ?? 4);
  const memory = ThreadReducer.memory(threads, 1000); // room for 3,000 numbers: the loss and 2,432 gradients
  for (let rank = 0; rank < threads; rank++) {
    new Worker(new URL(import.meta.url), { workerData: { memory, rank } });
  }
} else {
  train(new ThreadReducer(workerData.memory, workerData.rank));
}

/** What every thread does. The networks stay equal, as all gradients are summed over the threads. */
function train(reducer: ThreadReducer): void {
  const { rank, size } = reducer;
  const digits = readDigits();
  const [first, last] = [new Linear(64, 32), new Linear(32, 10)]; // from the same seed in every thread
  const norm = new BatchNorm(32, { activation: 'relu', synchronize: reducer }); // statistics of the whole batch
  const descent = new Descent();
  const forward = (samples: typeof digits) => {
    const x = Float32Array.from(samples.flatMap(({ pixels }) => pixels));
    return last.forward(norm.forward(first.forward(x), [samples.length, 32]));
  };
  const labelsOf = (samples: typeof digits) => samples.map(({ label }) => label);

  for (let step = 0; step < STEPS; step++) {
    const batch = Array.from({ length: BATCH }, (_, i) => digits[(step * BATCH + i) % TRAINING]);
    const share = batch.filter((_, i) => i % size === rank);
    const { loss, gradient } = crossEntropy(forward(share), labelsOf(share), BATCH);
    first.backward(norm.backward(last.backward(gradient)));

    const layers = [first, ...norm.parameters(), last];
    const own = [Float64Array.of(loss), ...layers.map(({ gradient }) => gradient)];
    const [[whole], ...gradients] = sumRanks(reducer, own); // one exchange for all of them
    descent.step(
      layers.map(({ value }, k) => ({ value, gradient: gradients[k] })),
      RATE,
    );
    if (rank === 0 && step % 10 === 9) console.log(`step ${step + 1}: loss ${whole.toFixed(4)}`);
  }
  if (rank !== 0) return;
  norm.eval();
  const test = digits.slice(TRAINING);
  console.log(`${crossEntropy(forward(test), labelsOf(test)).right} of ${test.length} digits that it has not seen`);
}
