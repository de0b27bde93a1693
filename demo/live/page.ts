/** The live page: it starts the worker that trains, shows what it reports, and sends what is chosen. */
import { useBackend } from 'batchnorm';
import { shareAt, stepAxis } from './chart.js';
import { byId, Controls } from './controls.js';
import { showExample } from './example-table.js';
import { drawFigures, type Figures, History } from './figures.js';
import type { Report, Request } from './messages.js';
import { fromLink, type LiveSettings, toLink } from './settings.js';
import { percent, showFrame, spoken } from './texts.js';

/** Milliseconds between two pictures for who wants less motion. */
const CALM = 500;

export class LivePage {
  readonly #figures: Figures = {
    accuracy: byId('accuracy'),
    loss: byId('loss'),
    fanPlain: byId('fan-plain'),
    fanNormalized: byId('fan-normalized'),
    flat: byId('flat'),
    gradients: byId('gradients'),
  };
  readonly #layer = byId<HTMLSelectElement>('layer');
  /** Who wants less motion starts it by hand, and sees two pictures a second. */
  readonly #isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  readonly #worker: Worker;
  readonly #controls: Controls;
  #history = new History();
  #run = 0;
  #isRunning = false;
  #backend = '';
  #rate = 0;
  #isDrawn = true;
  #drawn = 0;

  /** @param code of the worker */
  constructor(code: string) {
    // Workers compile WebAssembly in the background; for six numbers in the page JavaScript has the same bits.
    useBackend('reference');
    showExample();
    this.#worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
    this.#worker.onmessage = ({ data }: MessageEvent<Report>) => this.#hear(data);
    this.#worker.onerror = ({ message }) => this.#hear({ kind: 'failed', message });
    this.#controls = new Controls(fromLink(location.hash), (settings) => this.#start(settings, true));
    this.#listen();
    this.#start(this.#controls.settings, !this.#isCalm);
  }

  #send(request: Request): void {
    this.#worker.postMessage(request);
  }

  #start(settings: LiveSettings, running: boolean): void {
    this.#history = new History();
    this.#rate = 0;
    this.#send({ kind: 'start', run: ++this.#run, settings, running });
    this.#setRunning(running);
    const link = `#${toLink(settings)}`;
    history.replaceState(null, '', link === '#' ? location.pathname + location.search : link);
    byId<HTMLAnchorElement>('link').href = link;
    const chosen = Math.min(Number(this.#layer.value || settings.depth), settings.depth);
    const names = Array.from({ length: settings.depth }, (_, i) => String(i + 1));
    this.#layer.replaceChildren(...names.map((name) => new Option(name, name)));
    this.#layer.value = String(chosen);
  }

  #setRunning(running: boolean): void {
    this.#isRunning = running;
    byId('play').textContent = running ? 'Pause' : 'Play';
  }

  readonly #toggle = () => {
    this.#setRunning(!this.#isRunning);
    this.#send({ kind: this.#isRunning ? 'play' : 'pause' });
  };

  readonly #step = () => {
    this.#setRunning(false);
    this.#send({ kind: 'step' });
  };

  readonly #restart = () => this.#start(this.#controls.settings, true);

  #hear(report: Report): void {
    if (report.kind === 'ready') this.#backend = report.backend;
    else if (report.kind === 'failed') byId('status').textContent = `It does not run here: ${report.message}`;
    else if (report.run === this.#run) {
      const { frame, rate } = report;
      this.#history.add(frame);
      if (rate > 0) this.#rate = rate;
      if (frame.plain.diverged !== null && frame.normalized.diverged !== null) this.#setRunning(false);
      this.#schedule();
    }
  }

  /** At most one picture for each that the screen shows. */
  #schedule(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    const wait = this.#isCalm && this.#isRunning ? Math.max(0, this.#drawn + CALM - performance.now()) : 0;
    setTimeout(() => requestAnimationFrame(() => this.#show()), wait);
  }

  #show(): void {
    this.#isDrawn = true;
    this.#drawn = performance.now();
    const { last } = this.#history;
    if (last === undefined) return;
    drawFigures(this.#figures, this.#history, Number(this.#layer.value) - 1);
    showFrame(last, this.#history);
    const speed = this.#rate > 0 && this.#isRunning ? `, ${Math.round(this.#rate)} steps a second` : '';
    byId('status').textContent = `Step ${spoken(last.step)}${speed}. Batch normalization by ${this.#backend}.`;
  }

  /** What the figures over steps show where the pointer is. */
  #readOut(event: PointerEvent): void {
    const { last } = this.#history;
    if (last === undefined) return;
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const frame = this.#history.near(shareAt((event.clientX - left) / width) * stepAxis(last.step).high);
    if (frame === undefined) return;
    const { step, plain, normalized } = frame;
    byId('readout').textContent =
      `Step ${spoken(step)}: ${percent(plain.accuracy)} without, ${percent(normalized.accuracy)} with.`;
  }

  #listen(): void {
    byId('play').addEventListener('click', this.#toggle);
    byId('step').addEventListener('click', this.#step);
    byId('restart').addEventListener('click', this.#restart);
    this.#layer.addEventListener('change', () => this.#show());
    for (const svg of [this.#figures.accuracy, this.#figures.loss]) {
      svg.addEventListener('pointermove', (event) => this.#readOut(event));
    }
    addEventListener('hashchange', () => {
      this.#controls.settings = fromLink(location.hash);
      this.#start(this.#controls.settings, !this.#isCalm);
    });
    document.addEventListener('keydown', (event) => this.#press(event));
  }

  #press(event: KeyboardEvent): void {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    const isTaken = target instanceof Element && target.closest('input, select, button, a') !== null;
    if (ctrlKey || metaKey || altKey || isTaken) return;
    const actions: Partial<Record<string, () => void>> = { ' ': this.#toggle, s: this.#step, r: this.#restart };
    const action = actions[key.toLowerCase()];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }
}
