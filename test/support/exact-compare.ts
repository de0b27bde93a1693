/** Ranks that have trained with exact sums, beside one process that has trained with the whole batch. */
import * as assert from 'uvu/assert';
import { same } from './close.js';
import { type ExactCase, type ExactResult, exactTraining } from './exact-training.js';
import { joined } from './parallel-problems.js';

export function sameAsOne(one: ExactCase, ranks: readonly ExactResult[]): void {
  const title = JSON.stringify(one);
  const expected = exactTraining(one);
  for (const [rank, { whole }] of ranks.entries()) assert.is(whole, expected.whole, `${title}: rank ${rank}`);
  expected.own.forEach((tensors, step) => {
    tensors.forEach((tensor, i) => {
      const parts = joined(ranks.map(({ own }) => own[step][i]));
      same(parts, tensor, `${title}: step ${step}, ${['y', 'dx'][i]}`);
    });
  });
}

/** Whether ordered sums of the same values differ. */
export function orderedDiffers(one: ExactCase, ranks: readonly ExactResult[]): boolean {
  return ranks.some(({ whole }) => whole !== exactTraining({ ...one, summation: 'ordered' }).whole);
}
