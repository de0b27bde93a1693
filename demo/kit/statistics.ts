/** Statistics of samples. */

/** The middle value; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** With five digits, which is more than any drawing shows; null for what is no finite number, as JSON has it. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? significant(value, 5) : null;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Rounded to so many digits that count. */
export function significant(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
