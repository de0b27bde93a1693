/** Progress on standard error: a bar on a terminal, elsewhere a line for each case. */
import progress from 'cli-progress';
import { threads } from './format.js';

export interface Progress {
  update(done: number, total: number, text: string): void;
  note(text: string): void;
  stop(): void;
}

export function showProgress(allowed: number): Progress {
  return process.stderr.isTTY ? showBar(allowed) : showLines(allowed);
}

function showBar(allowed: number): Progress {
  const multi = new progress.MultiBar({
    format: `  ${threads(allowed).padEnd(10)} {bar} {value}/{total}  {text}`,
    stream: process.stderr,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    forceRedraw: true,
  });
  const bar = multi.create(1, 0, { text: 'starting' });
  return {
    update(done, total, text) {
      bar.setTotal(total);
      bar.update(done, { text });
    },
    note: (text) => multi.log(`${text}\n`),
    stop: () => multi.stop(),
  };
}

function showLines(allowed: number): Progress {
  return {
    update: (done, total, text) => console.error(`${threads(allowed)}  ${done}/${total}  ${text}`),
    note: (text) => console.error(text),
    stop() {},
  };
}
