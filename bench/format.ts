/** Numbers for people. */
import { percent as percentOf } from '#demo/kit/text.js';

/** Three digits that count: 0.00052, 1.23, 12.3, 123. */
export function milliseconds(ms: number): string {
  const rounded = Number(ms.toPrecision(3));
  return rounded >= 100 ? ms.toFixed(0) : rounded.toFixed(Math.max(0, 2 - Math.floor(Math.log10(rounded))));
}

export function percent(share: number | null): string {
  return share === null ? '–' : percentOf(share, share < 0.0995 ? 1 : 0);
}

/** How many times as fast. */
export function times(ratio: number | null): string {
  return ratio === null ? '–' : `${ratio.toFixed(ratio < 9.95 ? 1 : 0)} ×`;
}

/** A time ÷ another. */
export function ratio(value: number | null): string {
  return value === null ? '' : value.toFixed(2);
}

export function threads(count: number): string {
  return count === 1 ? '1 thread' : `${count} threads`;
}

export const OPERATION_TITLES = {
  'fwd-train': 'Forward, training',
  bwd: 'Backward',
  inference: 'Inference',
  step: 'Step: forward and backward',
  statistics: 'Statistics alone',
  'gradient-sums': 'Gradient sums alone',
} as const;
