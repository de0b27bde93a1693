/** One bar for the whole, with the time that is left; off a terminal, a line at every tenth. Both on standard error. */
import { count } from '../kit/text.js';
import type { Job } from '../runs/settings.js';
import type { TrialJob } from '../runs/trials.js';

export interface Progress {
  /** Steps done of a job that is under way. */
  at(job: Job, steps: number): void;
  done(job: Job): void;
  stop(): void;
}

/** Progress of the ranks that do not report: none. */
export const SILENCE: Progress = { at() {}, done() {}, stop() {} };

/** @param jobs - What is still to be done. */
export async function showProgress(jobs: readonly Job[]): Promise<Progress> {
  const draw = process.stderr.isTTY ? await bar(jobs.length) : lines(jobs.length);
  const work = new Tally(jobs);
  let finished = 0;
  const show = () => draw.update(work.share, finished, work.left);
  return {
    at(job, steps) {
      work.set(job, workOf(job) * Math.min(1, steps / stepsOf(job)));
      show();
    },
    done(job) {
      work.set(job, workOf(job));
      finished++;
      show();
    },
    stop: draw.stop,
  };
}

/** How much of the work is done, and how long the rest takes at the speed so far. */
class Tally {
  readonly #done = new Map<string, number>();
  readonly #total: number;
  readonly #start = performance.now();

  constructor(jobs: readonly Job[]) {
    this.#total = jobs.reduce((sum, job) => sum + workOf(job), 0);
  }

  set(job: Job, work: number): void {
    this.#done.set(job.id, work);
  }

  get share(): number {
    return [...this.#done.values()].reduce((sum, work) => sum + work, 0) / this.#total;
  }

  /** Seconds. */
  get left(): number {
    const { share } = this;
    return share > 0 ? (((performance.now() - this.#start) / 1000) * (1 - share)) / share : Number.NaN;
  }
}

function stepsOf(job: Job): number {
  return job.kind === 'cost' ? job.steps * job.rounds : job.steps;
}

/** In training steps of a plain network; measuring and five ways of training at one time count, too. */
function workOf(job: Job): number {
  if (job.kind === 'cost') return 10 * job.steps * job.rounds;
  if (job.kind === 'trial') return trialWork(job);
  return job.steps * (job.normalized ? 1.25 : 1) * (job.measured === 'end' ? 1 : 1.15) + (job.inference ? 1000 : 30);
}

/** Measured on the digits, as the other figures. */
function trialWork({ trial, variant, size, steps }: TrialJob): number {
  if (trial === 'statistics') return steps * (variant === 'dense' ? 0.1 + 0.01 * size : 0.1 + 0.06 * size) + 60;
  return steps * { noise: 0.6, landscape: 1.2, depth: 1.5 * size, gradients: 5 }[trial] + 10;
}

interface Drawing {
  update(share: number, finished: number, left: number): void;
  stop(): void;
}

async function bar(total: number): Promise<Drawing> {
  const { default: progress } = await import('cli-progress');
  const drawn = new progress.SingleBar({
    format: '  {bar} {percentage} %  {finished} of {runs} runs  {left}',
    stream: process.stderr,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: Math.max(10, Math.min(40, (process.stderr.columns ?? 80) - 44)),
    hideCursor: true,
  });
  drawn.start(1, 0, { finished: 0, runs: total, left: '' });
  return {
    update: (share, finished, left) =>
      drawn.update(share, { finished, runs: total, left: finished < total ? `${duration(left)} left` : '          ' }),
    stop: () => drawn.stop(),
  };
}

function lines(total: number): Drawing {
  let told = 0;
  return {
    update(share, finished, left) {
      // All work may be done when the last run has not been kept yet.
      const tenth = finished === total ? 10 : Math.min(9, Math.floor(10 * share + 1e-9));
      if (tenth <= told) return;
      told = tenth;
      const rest = finished < total ? `, ${duration(left)} left` : '';
      console.error(`  ${10 * tenth} %  ${count(finished)} of ${count(total)} runs${rest}`);
    },
    stop() {},
  };
}

/** 1:05, minutes and seconds. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–:––';
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
