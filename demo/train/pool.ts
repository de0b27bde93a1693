/** Threads that share the jobs of a plan. */
import { Worker } from 'node:worker_threads';
import type { Result } from '../runs/results.js';
import type { Job, Settings, TrainOptions } from '../runs/settings.js';
import type { Signal } from './interruption.js';
import { shortFirst } from './schedule.js';

/** The data that every worker gets when it starts. */
export interface WorkerTask extends Pick<TrainOptions, 'data' | 'backend'> {
  readonly settings: Settings;
}

/** Messages of workers. */
export type Message =
  | { readonly type: 'ready'; readonly host: string }
  | { readonly type: 'progress'; readonly steps: number }
  | { readonly type: 'done'; readonly result: Result };

export interface Listener {
  /** The network can be made; `host` says what computes the rest of it. */
  ready(host: string): void;
  /** Steps done of a job that is under way. */
  progress(job: Job, steps: number): void;
  done(job: Job, result: Result): void;
  /** Another rank was told to end, and so this one is. */
  interrupted(signal: Signal): void;
}

/** A worker for jobs. */
export interface Runner {
  /** Resolves when all jobs are done, or when it is stopped; rejects with the error of a job. */
  run(jobs: readonly Job[], listener: Listener): Promise<void>;
  /** At a signal, or in the end. */
  stop(signal?: Signal): Promise<void>;
}

/** Workers come into being with the first jobs, as many as jobs and `size` allow. */
export class Pool implements Runner {
  readonly #workers: Worker[] = [];
  readonly #task: WorkerTask;
  readonly #size: number;
  #stopped = false;

  constructor(task: WorkerTask, size: number) {
    this.#task = task;
    this.#size = size;
  }

  async run(jobs: readonly Job[], listener: Listener): Promise<void> {
    const queue = shortFirst(jobs);
    const count = Math.min(this.#size, queue.length);
    while (this.#workers.length < count) this.#workers.push(this.#start(listener));
    await Promise.all(this.#workers.slice(0, count).map((worker) => this.#serve(worker, queue, listener)));
  }

  /** Ends every worker at once, whatever it is at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #start(listener: Listener): Worker {
    const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: this.#task });
    worker.on('message', (message: Message) => {
      if (message.type === 'ready') listener.ready(message.host);
    });
    return worker;
  }

  /** Gives the worker one job after another until none is left. */
  #serve(worker: Worker, queue: Job[], listener: Listener): Promise<void> {
    return new Promise((resolve, reject) => {
      let job: Job | undefined;
      const next = () => {
        job = queue.shift();
        if (job) worker.postMessage(job);
        else finish(resolve);
      };
      const onMessage = (message: Message) => {
        if (message.type === 'progress') listener.progress(job!, message.steps);
        if (message.type === 'done') {
          try {
            listener.done(job!, message.result);
            next();
          } catch (error) {
            finish(() => reject(error));
          }
        }
      };
      const onExit = (code: number) =>
        finish(this.#stopped ? resolve : () => reject(new Error(`a worker ended early, with exit code ${code}`)));
      const onError = (error: unknown) => finish(() => reject(error));
      const finish = (settle: () => void) => {
        worker.off('message', onMessage).off('exit', onExit).off('error', onError);
        settle();
      };
      worker.on('message', onMessage).on('exit', onExit).on('error', onError);
      next();
    });
  }
}
