/** Measurements from the values that a network gives. */
import { finite } from '../kit/statistics.js';
import { PERCENTILES, type Values } from '../runs/measurements.js';

/** A sigmoid is saturated where it gives less than 5 % or more than 95 %: its input is beyond ± ln 19. */
export const SATURATION = Math.log(19);

/** The share of equal numbers. */
export function accuracyOf(classes: ArrayLike<number>, labels: Uint8Array): number {
  return labels.reduce((right, label, i) => right + Number(classes[i] === label), 0) / labels.length;
}

/** For each of the first `wanted` of the `columns` of a matrix, the percentiles of its values, linear between ranks. */
export function percentilesOf(matrix: Float32Array, columns: number, wanted = columns): Values[] {
  const rows = matrix.length / columns;
  return Array.from({ length: wanted }, (_, column) =>
    percentiles(
      Float32Array.from({ length: rows }, (_, row) => matrix[row * columns + column]),
      PERCENTILES,
    ),
  );
}

/** The percentiles of all values, linear between ranks. The values are sorted in place. */
export function percentiles(values: Float32Array, percents: readonly number[]): Values {
  values.sort();
  return percents.map((percent) => {
    const rank = (percent / 100) * (values.length - 1);
    const below = Math.floor(rank);
    const value = values[below];
    return finite(value + (values[Math.min(below + 1, values.length - 1)] - value) * (rank - below));
  });
}

/** The share of values of a layer that saturate its sigmoids. */
export function saturatedShare(values: Float32Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]) > SATURATION) count++;
  return finite(count / values.length) ?? 0;
}
