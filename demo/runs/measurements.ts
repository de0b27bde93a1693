/** When a network is measured during training, and what is read from the measurements. */

/** The percentiles of the paper's Figure 1 (b, c). */
export const PERCENTILES = [15, 50, 85] as const;
/** The percentiles of a whole layer. */
export const LAYER_PERCENTILES = [5, 25, 50, 75, 95] as const;

/** A network at one point of its training. */
export interface Measurement {
  /** Training steps done. */
  readonly step: number;
  /** Share of the held-out images that it classifies rightly. */
  readonly accuracy: number;
  /** Mean loss of the minibatches since the measurement before; null where it is no finite number. */
  readonly loss: number | null;
}

/** Inputs of sigmoids, over the probe images in inference. */
export interface Distributions {
  /** For each hidden layer, the percentiles over all its units: LAYER_PERCENTILES. */
  readonly layers: readonly Values[];
  /** For each hidden layer, the share of values that saturate the sigmoid. */
  readonly saturated: readonly number[];
  /** For the first units of the last hidden layer, PERCENTILES. */
  readonly units: readonly Values[];
}

/** null: no finite number. */
export type Values = readonly (number | null)[];

export type WatchedMeasurement = Measurement & Distributions;

/** The step counts of the table: six, growing, the last one the end. */
export function tableSteps(steps: number): number[] {
  return unique([0.02, 0.05, 0.1, 0.25, 0.5, 1].map((share) => Math.ceil(steps * share)));
}

/**
 * The steps after which networks are measured: the first, more where learning begins, sixty evenly, those of the
 * table.
 */
export function measuringSteps(steps: number): number[] {
  const even = Array.from({ length: 60 }, (_, i) => Math.ceil((steps * (i + 1)) / 60));
  const early = Array.from({ length: 32 }, (_, i) => Math.ceil(2 ** (i / 3))).filter((step) => step < steps / 20);
  return unique([1, ...early, ...even, ...tableSteps(steps)]);
}

/** For a run that is not watched: the end, with the mean loss over its last tenth. */
export function closingSteps(steps: number): number[] {
  return unique([Math.max(1, steps - Math.ceil(steps / 10)), steps]);
}

/** The first measured step at which the accuracy is reached; null if it never is. */
export function stepsToReach(measurements: readonly Measurement[], accuracy: number): number | null {
  return measurements.find((measurement) => measurement.accuracy >= accuracy)?.step ?? null;
}

/**
 * A typical unit: the one nearest to the middle in every run, when units are ranked by how far their median travels.
 */
export function typicalUnit(runs: readonly (readonly Pick<Distributions, 'units'>[])[]): number {
  const units = runs[0][0].units.length;
  const distance = new Float64Array(units);
  for (const run of runs) {
    const travels = Array.from({ length: units }, (_, unit) => travel(run, unit));
    const ranked = travels.map((_, unit) => unit).sort((a, b) => travels[a] - travels[b]);
    ranked.forEach((unit, rank) => {
      distance[unit] += Math.abs(rank - (units - 1) / 2);
    });
  }
  return distance.indexOf(Math.min(...distance));
}

/** How far the median of a unit moves over a run, back and forth. */
function travel(run: readonly Pick<Distributions, 'units'>[], unit: number): number {
  const medians = run.map(({ units }) => units[unit][1] ?? 0);
  return medians.slice(1).reduce((sum, median, i) => sum + Math.abs(median - medians[i]), 0);
}

function unique(steps: number[]): number[] {
  return [...new Set(steps)].sort((a, b) => a - b);
}
