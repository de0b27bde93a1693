/** What is shown while a network trains, and the table after it. */
import { type Measurement, tableSteps } from './measure.js';
import { count, percent, type Summary } from './summary.js';

export interface Progress {
  update(step: number, latest: Measurement): void;
  stop(): void;
}

/** A bar on a terminal; elsewhere a line for each of the table's step counts. */
export async function showProgress(name: string, steps: number): Promise<Progress> {
  return process.stdout.isTTY ? showBar(name, steps) : showLines(name, steps);
}

async function showBar(name: string, steps: number): Promise<Progress> {
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar({
    format: `  ${name.padEnd(10)} {bar} {step}/${count(steps)}  loss {loss}  accuracy {accuracy}  {left}`,
    stream: process.stdout,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: Math.max(10, Math.min(30, (process.stdout.columns ?? 80) - 68)),
    forceRedraw: true,
  });
  const start = performance.now();
  bar.start(steps, 0, { step: '0', loss: '–', accuracy: '–', left: '' });
  return {
    update(step, latest) {
      const elapsed = (performance.now() - start) / 1000;
      const left =
        step < steps ? `${Math.ceil((elapsed / step) * (steps - step))} s left` : `${elapsed.toFixed(1)} s    `;
      const shown = count(step).padStart(count(steps).length);
      bar.update(step, {
        step: shown,
        loss: latest.loss.toFixed(3),
        accuracy: percent(latest.accuracy).padStart(7),
        left,
      });
    },
    stop: () => bar.stop(),
  };
}

function showLines(name: string, steps: number): Progress {
  const wanted = new Set(tableSteps(steps));
  return {
    update(step, { loss, accuracy }) {
      if (!wanted.has(step)) return;
      console.log(
        `  ${name.padEnd(10)} ${count(step)}/${count(steps)}  loss ${loss.toFixed(3)}  test accuracy ${percent(accuracy)}`,
      );
    },
    stop() {},
  };
}

export async function formatTable({ head, accuracy, other }: Summary): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const colour = process.stdout.isTTY && !process.env.NO_COLOR;
  const table = new Table({
    head: [...head],
    colAligns: ['left', 'right', 'right'],
    style: { head: colour ? ['bold'] : [], border: colour ? ['grey'] : [], compact: true },
  });
  table.push(...accuracy.map((row) => [...row]), ...other.map((row) => [...row]));
  return table.toString();
}
