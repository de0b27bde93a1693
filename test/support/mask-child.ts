/**
 * Calls under masks of millions of positions, for a process whose JavaScript heap has no room for an array of that many
 * numbers; typed arrays lie outside it. Prints how many calls there were: `node --max-old-space-size=16 FILE backend`.
 */
import {
  BatchNorm,
  backward,
  forwardInference,
  forwardTraining,
  GradientSums,
  Moments,
  populationStatistics,
  useBackend,
} from 'batchnorm';

const POSITIONS = 3_000_000;
const SHAPE = [3, 1, 1000, 1000];
const FROM = { mean: [0], variance: [1] };

useBackend(process.argv[2] as 'reference');
const x = new Float32Array(POSITIONS).map((_, i) => i % 7);
const zeros = new Uint8Array(POSITIONS).fill(1).fill(0, -1);
const weights = new Float32Array(POSITIONS).fill(1).fill(0.5, -1);
const sums = new GradientSums(1);
const moments = new Moments(1);
let calls = 0;
for (const mask of [zeros, weights]) {
  forwardTraining(x, SHAPE, { mask });
  forwardInference(x, SHAPE, { ...FROM, mask });
  backward(x, x, SHAPE, { ...FROM, mask });
  moments.add(x, SHAPE, { mask });
  sums.add(x, x, SHAPE, { ...FROM, mask });
  await populationStatistics([{ x, shape: SHAPE, mask }]);
  calls += 6;
  for (const options of [{}, { ghostBatchSize: 1 }, { ghostBatchSize: 2, grouping: 'interleaved' }] as const) {
    const bn = new BatchNorm(1, options);
    bn.forward(x, SHAPE, { mask });
    bn.backward(x);
    calls += 2;
  }
}
process.stdout.write(String(calls));
