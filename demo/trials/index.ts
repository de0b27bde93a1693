/** A trial of one job: what it is of, and what it found. */
import type { Dataset } from '../data/dataset.js';
import { finite } from '../kit/statistics.js';
import type { Series, TrialJob, TrialName, TrialResult } from '../runs/trials.js';
import { tryDepth } from './depth.js';
import { tryGradients } from './gradients.js';
import { tryLandscape } from './landscape.js';
import { tryNoise } from './noise.js';
import { tryStatistics } from './statistics.js';
import type { Listen, Trial } from './trial.js';

const ALL: Readonly<Record<TrialName, Trial>> = {
  noise: tryNoise,
  landscape: tryLandscape,
  depth: tryDepth,
  gradients: tryGradients,
  statistics: tryStatistics,
};

export async function runTrial(data: Dataset, job: TrialJob, listen: Listen): Promise<TrialResult> {
  const found = await ALL[job.trial](job, data, listen);
  const rounded = Object.entries(found).map(([name, values]) => [name, values.map(finite)] as const);
  return { kind: 'trial', id: job.id, series: Object.fromEntries(rounded) satisfies Series };
}
