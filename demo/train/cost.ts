/** The cost of a training step: by each backend of this library, by TensorFlow.js' own layer, and without. */
import { backend, backends, useBackend } from 'batchnorm';
import { type Dataset, minibatches } from '../data/dataset.js';
import { median, significant } from '../kit/statistics.js';
import type { Cost, CostResult } from '../runs/results.js';
import { type CostJob, type Settings, WEIGHT_DEVIATION } from '../runs/settings.js';
import type { Host } from './host.js';
import { createNetwork, type Network, type NetworkOptions } from './network.js';
import type { Ranks } from './ranks.js';
import type { Listener } from './training.js';

interface Way {
  readonly name: string;
  readonly normalized: NetworkOptions['normalized'];
  readonly backend?: Parameters<typeof useBackend>[0];
}

interface Contender extends Way {
  readonly network: Network;
  readonly steps: number[];
  readonly batchNorms: number[];
}

/**
 * The ways take turns, so that a slow moment of the machine meets all. The backend in use is in use again
 * afterwards.
 */
export async function measureCost(
  host: Host,
  data: Dataset,
  job: CostJob,
  settings: Settings,
  ranks: Ranks,
  listen: Listener,
): Promise<CostResult> {
  const { name, isa, threads } = backend();
  const { seed, learningRate, batch } = settings;
  const inputs = data.train.rows * data.train.columns;
  const shared = { inputs, dropout: 0, deviation: WEIGHT_DEVIATION, learningRate, seed, batch, ranks };
  const contenders: Contender[] = ways(ranks).map((way) => {
    const network = createNetwork(host, { ...shared, normalized: way.normalized });
    return { ...way, network, steps: [], batchNorms: [] };
  });
  const batches = minibatches(data.train, batch, seed);
  try {
    for (let round = 0; round <= job.rounds; round++) {
      for (const contender of contenders) turn(contender, job.steps, round === 0, () => batches.next().value);
      await listen(round * job.steps);
    }
    const found: Cost[] = [];
    for (const contender of contenders) found.push(await summarize(host, contender, batches.next().value));
    return { kind: 'cost', id: 'cost', ...(ranks.size > 1 && { ranks: ranks.size }), ways: found };
  } finally {
    for (const { network } of contenders) network.dispose();
    useBackend(name, { isa, threads });
  }
}

function ways(ranks: Ranks): Way[] {
  const found = backends();
  const everywhere = ranks.least(found.map(({ available }) => Number(available)));
  const available = found.filter((_, i) => everywhere[i] === 1);
  return [
    { name: 'no batch normalization', normalized: false },
    ...available.map(({ name }) => ({ name: `batchnorm, ${name}`, normalized: true, backend: name })),
    { name: 'tf.layers.batchNormalization', normalized: 'theirs' },
  ];
}

/** The first turn warms up and does not count. */
function turn(contender: Contender, steps: number, isWarmUp: boolean, next: () => Parameters<Network['step']>[0]) {
  const { network, backend } = contender;
  if (backend) useBackend(backend);
  for (let i = 0; i < steps; i++) {
    const images = next();
    const [start, before] = [performance.now(), network.batchNormTime()];
    network.step(images);
    if (isWarmUp) continue;
    contender.steps.push(performance.now() - start);
    contender.batchNorms.push(network.batchNormTime() - before);
  }
}

async function summarize({ core }: Host, contender: Contender, images: Parameters<Network['step']>[0]): Promise<Cost> {
  const { name, normalized, backend, network, steps, batchNorms } = contender;
  if (backend) useBackend(backend);
  const { peakBytes } = await core.profile(() => {
    network.step(images);
    return [];
  });
  const held = core.memory().numBytes;
  return {
    name,
    step: significant(median(steps), 4),
    batchNorm: normalized === 'theirs' ? null : significant(median(batchNorms), 4),
    peakBytes: peakBytes - held,
  };
}
