/** Ctrl-C, and being told to end: what is there is written first. */
import { constants } from 'node:os';

export type Signal = 'SIGINT' | 'SIGTERM';

/** npm passes on what the terminal has sent to us already: that is no second wish. Milliseconds. */
const ECHO = 1000;

export interface Interruption {
  readonly signal: Signal | null;
  /** As if this process had been sent it. */
  tell(signal: Signal): void;
  /** Signals do what they do by default again. */
  release(): void;
}

/** @param stop - Called at the first signal; another one, later, ends the process at once. */
export function onInterruption(stop: (signal: Signal) => void): Interruption {
  let signal: Signal | null = null;
  let time = 0;
  const handle = (name: Signal) => {
    if (signal === null) {
      signal = name;
      time = performance.now();
      stop(name);
    } else if (performance.now() - time > ECHO) {
      process.exit(exitCodeOf(name));
    }
  };
  process.on('SIGINT', handle).on('SIGTERM', handle);
  return {
    get signal() {
      return signal;
    },
    tell: handle,
    release: () => void process.off('SIGINT', handle).off('SIGTERM', handle),
  };
}

/** As shells have it. */
export function exitCodeOf(signal: Signal): number {
  return 128 + constants.signals[signal];
}
