/** When a network is measured during training, and what is made of it. */

/** The percentiles of the paper's Figure 1 (b, c). */
export const PERCENTILES = [15, 50, 85] as const;

/** A network at one point of its training. */
export interface Measurement {
  /** Training steps done. */
  readonly step: number;
  /** Share of the held-out images that it classifies rightly. */
  readonly accuracy: number;
  /** Mean loss of the minibatches since the measurement before. */
  readonly loss: number;
  /** For each unit of the last hidden layer, the three percentiles of what enters its sigmoid. */
  readonly percentiles: readonly (readonly number[])[];
}

/** The step counts of the table: six, growing, the last one the end. */
export function tableSteps(steps: number): number[] {
  return unique([0.02, 0.05, 0.1, 0.25, 0.5, 1].map((share) => Math.ceil(steps * share)));
}

/** The steps after which networks are measured: the first, more where learning begins, sixty evenly, those of the table. */
export function measuringSteps(steps: number): number[] {
  const even = Array.from({ length: 60 }, (_, i) => Math.ceil((steps * (i + 1)) / 60));
  const early = Array.from({ length: 32 }, (_, i) => Math.ceil(2 ** (i / 3))).filter((step) => step < steps / 20);
  return unique([1, ...early, ...even, ...tableSteps(steps)]);
}

/** The first measured step at which the accuracy is reached; null if it never is. */
export function stepsToReach(measurements: readonly Measurement[], accuracy: number): number | null {
  return measurements.find((measurement) => measurement.accuracy >= accuracy)?.step ?? null;
}

/** The share of equal numbers. */
export function accuracyOf(classes: ArrayLike<number>, labels: Uint8Array): number {
  return labels.reduce((right, label, i) => right + Number(classes[i] === label), 0) / labels.length;
}

/** For each of the `columns` of a matrix, the percentiles of its values, linear between ranks. */
export function percentilesOf(matrix: Float32Array, columns: number): number[][] {
  const rows = matrix.length / columns;
  return Array.from({ length: columns }, (_, column) => {
    const sorted = Float32Array.from({ length: rows }, (_, row) => matrix[row * columns + column]!).sort();
    return PERCENTILES.map((percent) => {
      const rank = (percent / 100) * (rows - 1);
      const below = Math.floor(rank);
      const value = sorted[below]!;
      return value + (sorted[Math.min(below + 1, rows - 1)]! - value) * (rank - below);
    });
  });
}

/**
 * A typical unit: the one nearest to the middle in every run, when units are ranked by how far their median travels.
 */
export function typicalUnit(runs: readonly (readonly Measurement[])[]): number {
  const units = runs[0]![0]!.percentiles.length;
  const distance = new Float64Array(units);
  for (const run of runs) {
    const travels = Array.from({ length: units }, (_, unit) => travel(run, unit));
    const ranked = travels.map((_, unit) => unit).sort((a, b) => travels[a]! - travels[b]!);
    ranked.forEach((unit, rank) => {
      distance[unit]! += Math.abs(rank - (units - 1) / 2);
    });
  }
  return distance.indexOf(Math.min(...distance));
}

/** How far the median of a unit moves over a run, back and forth. */
function travel(run: readonly Measurement[], unit: number): number {
  const medians = run.map(({ percentiles }) => percentiles[unit]![1]!);
  return medians.slice(1).reduce((sum, median, i) => sum + Math.abs(median - medians[i]!), 0);
}

function unique(steps: number[]): number[] {
  return [...new Set(steps)].sort((a, b) => a - b);
}
