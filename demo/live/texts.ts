/** What the live page says in numbers. */
import { byId } from './controls.js';
import type { History } from './figures.js';
import type { Frame, Snapshot } from './trainer.js';

/** From this share on a network counts as having learnt to read. */
const LEARNT = 0.9;

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}\u00a0%`;
}

export function spoken(count: number): string {
  return count.toLocaleString('en');
}

/** Fills the table of both networks. */
export function showFrame(frame: Frame, history: History): void {
  for (const name of ['plain', 'normalized'] as const) {
    const first = history.firstAt(name, LEARNT);
    byId(`${name}-accuracy`).textContent = percent(frame[name].accuracy);
    byId(`${name}-first`).textContent = first === null ? '–' : `${spoken(first)} steps`;
    byId(`${name}-loss`).textContent = lossOf(frame[name]);
  }
}

function lossOf({ loss, diverged }: Snapshot): string {
  if (diverged !== null) return `not finite since step ${spoken(diverged)}`;
  return Number.isFinite(loss) ? loss.toPrecision(2) : '–';
}
