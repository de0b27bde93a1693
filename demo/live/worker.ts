/** What trains, in the background of the page. */
import { backend, ready, useBackend } from 'batchnorm';
import type { Dataset } from '../data/dataset.js';
import { readDigits } from './digits.js';
import type { Report, Request } from './messages.js';
import { Trainer } from './trainer.js';

/** Milliseconds between two reports, and between two looks for messages. */
const REPORT = 100;
const SLICE = 25;

/** The part of a worker's global scope that is used here. */
interface Scope {
  postMessage(report: Report): void;
  onmessage: ((event: { readonly data: Request }) => void) | null;
}
const scope = globalThis as unknown as Scope;

let trainer: Trainer | null = null;
let run = 0;
let isRunning = false;
let reported = { at: 0, step: 0 };

function report(): void {
  if (trainer === null) return;
  const now = performance.now();
  const rate = reported.at === 0 ? 0 : ((trainer.step - reported.step) * 1000) / (now - reported.at);
  scope.postMessage({ kind: 'frame', run, frame: trainer.measure(), rate });
  reported = { at: performance.now(), step: trainer.step };
}

/** The first steps change most: each of the first four is shown, then every second, fourth … */
function isEarly(step: number): boolean {
  return step <= 64 && step % 2 ** Math.max(0, Math.floor(Math.log2(step)) - 1) === 0;
}

function train(): void {
  if (!isRunning || trainer === null) return;
  const end = performance.now() + SLICE;
  do {
    trainer.advance();
    if (isEarly(trainer.step)) report();
  } while (performance.now() < end && !trainer.isOver);
  if (trainer.isOver) isRunning = false;
  if (!isRunning || performance.now() - reported.at >= REPORT) report();
  setTimeout(train, 0);
}

function play(): void {
  if (isRunning) return;
  isRunning = true;
  reported = { at: performance.now(), step: trainer?.step ?? 0 };
  setTimeout(train, 0);
}

function answer(request: Request, data: Dataset): void {
  switch (request.kind) {
    case 'start':
      trainer?.dispose();
      trainer = new Trainer(request.settings, data);
      run = request.run;
      isRunning = false;
      reported = { at: 0, step: 0 };
      report();
      if (request.running) play();
      break;
    case 'play':
      play();
      break;
    case 'pause':
      isRunning = false;
      report();
      break;
    case 'step':
      isRunning = false;
      trainer?.advance();
      report();
  }
}

/** Serves the page that has started this worker. */
export async function serve(): Promise<void> {
  try {
    const waiting: Request[] = [];
    scope.onmessage = ({ data }) => void waiting.push(data);
    await ready();
    useBackend('auto', { threads: 1 });
    const data = await readDigits();
    const { name, isa } = backend();
    scope.postMessage({ kind: 'ready', backend: isa === undefined ? name : `${name}/${isa}` });
    scope.onmessage = ({ data: request }) => answer(request, data);
    for (const request of waiting) answer(request, data);
  } catch (error) {
    scope.postMessage({ kind: 'failed', message: String(error) });
  }
}
