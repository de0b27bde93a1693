/**
 * Small experiments with networks of plain TypeScript, on what has been learnt since 2015: their jobs, and what each of
 * them gives.
 */

/** What trials depend on, of the settings of a user. */
export interface TrialSettings {
  readonly steps: number;
  readonly seed: number;
  readonly quick: boolean;
}

export const TRIALS = ['noise', 'landscape', 'depth', 'gradients', 'statistics'] as const;
export type TrialName = (typeof TRIALS)[number];

/** One network of one seed, or several one after the other. */
export interface TrialJob {
  readonly kind: 'trial';
  readonly id: string;
  readonly trial: TrialName;
  /** What is different from the other jobs of the trial: see VARIANTS. */
  readonly variant: string;
  /** Hidden layers where the trial has several depths, images of a minibatch where it has several sizes. */
  readonly size: number;
  readonly seed: number;
  /** Steps of training, of one network. */
  readonly steps: number;
}

/** Numbers of a trial by name; null for what is no finite number. */
export type Series = Readonly<Record<string, readonly (number | null)[]>>;

export interface TrialResult {
  readonly kind: 'trial';
  readonly id: string;
  readonly series: Series;
}

/** Points at which a run is looked at, at most. */
const LOOKS = 20;
/** The learning rates of the trial of depths. */
export const RATES = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30] as const;
/** Weights that a sample has in its own statistics, in the trial of statistics. */
export const SAMPLE_WEIGHT = 0.2;

export const VARIANTS = {
  noise: ['plain', 'normalized', 'noisy'],
  landscape: ['plain', 'normalized'],
  depth: ['plain', 'normalized'],
  gradients: ['plain', 'normalized', 'skipping'],
  statistics: ['dense', 'convolutional'],
} as const satisfies Record<TrialName, readonly string[]>;

interface Extent {
  /** What `size` goes through. */
  readonly sizes: readonly number[];
  readonly seeds: number;
  /** Of a network of this size. */
  readonly steps: (size: number) => number;
}

/** Hidden layers of the networks that have one depth. */
export const TRIAL_LAYERS = 3;

/** How much of each trial there is. Trials become shorter with the runs of the report. */
export function extentOf(trial: TrialName, { quick, steps }: Omit<TrialSettings, 'seed'>): Extent {
  const part = (share: number) => () => Math.ceil(steps * share);
  const extents: Record<TrialName, Extent> = {
    noise: { sizes: [TRIAL_LAYERS], seeds: quick ? 2 : 5, steps: part(2 / 15) },
    landscape: { sizes: [TRIAL_LAYERS], seeds: quick ? 2 : 5, steps: part(1 / 15) },
    depth: { sizes: quick ? [2, 8] : [1, 2, 4, 8, 16], seeds: quick ? 1 : 3, steps: part(quick ? 1 / 25 : 1 / 75) },
    gradients: { sizes: [quick ? 16 : 32], seeds: quick ? 2 : 5, steps: () => 1 },
    // As many images for every size of the minibatch.
    statistics: {
      sizes: quick ? [2, 16] : [2, 4, 8, 16, 32],
      seeds: quick ? 1 : 5,
      steps: (size) => Math.ceil((3.2 * steps) / size),
    },
  };
  return extents[trial];
}

/** At how many points a run of so many steps is looked at, and the steps from one to the next. */
export function looksOf(steps: number): { readonly looks: number; readonly every: number } {
  const looks = Math.min(LOOKS, steps);
  return { looks, every: Math.floor(steps / looks) };
}

export function trialId(trial: TrialName, variant: string, size: number, seed: number): string {
  return `${trial}-${variant}-${size}-${seed}`;
}

/** The jobs of all trials; their seeds follow from that of the user. */
export function trialJobs(settings: TrialSettings): TrialJob[] {
  return TRIALS.flatMap((trial) => {
    const { sizes, seeds, steps } = extentOf(trial, settings);
    return VARIANTS[trial].flatMap((variant) =>
      sizes.flatMap((size) =>
        Array.from({ length: seeds }, (_, i): TrialJob => {
          const seed = settings.seed + i;
          const id = trialId(trial, variant, size, seed);
          return { kind: 'trial', id, trial, variant, size, seed, steps: steps(size) };
        }),
      ),
    );
  });
}

/** The series that a job gives, and how many numbers each has. */
export function shapeOf({ trial, size, steps }: TrialJob): Readonly<Record<string, number>> {
  const { looks } = looksOf(steps);
  const shapes: Record<TrialName, Readonly<Record<string, number>>> = {
    noise: { accuracy: looks, motion: looks },
    landscape: { least: looks, most: looks, turn: looks },
    depth: { losses: RATES.length, scale: size },
    gradients: { norm: size },
    statistics: { batch: 1, running: 1, population: 1, mixed: 1 },
  };
  return shapes[trial];
}
