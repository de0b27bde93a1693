/** What the tests read of the numbers that `batchnorm train` leaves. */
export interface Numbers {
  readonly format: string;
  readonly settings: { readonly steps: number };
  readonly backend: string;
  readonly runs: Record<string, TrainedRun>;
}

export interface TrainedRun {
  readonly trainAccuracy: number;
  readonly measurements: { readonly step: number; readonly accuracy: number; readonly loss: number }[];
  readonly inference?: unknown;
}

export function numbers(text: string): Numbers {
  return JSON.parse(text);
}

/** Accuracies, losses and inference of all runs, without what tells times. */
export function learnt(text: string): Record<string, TrainedRun> {
  const trained = Object.entries(numbers(text).runs).filter(([id]) => id !== 'cost');
  return Object.fromEntries(
    trained
      .sort()
      .map(([id, { trainAccuracy, measurements, inference }]) => [id, { trainAccuracy, measurements, inference }]),
  );
}
