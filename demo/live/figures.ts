/** The figures of the live page: what is drawn of the frames that have come. */
import { type Axis, clamp, draw, type Mark, powerAxis, stepAxis } from './chart.js';
import type { Frame, Snapshot } from './trainer.js';

/** Both networks, in the order in which they are drawn: the second one lies above. */
const NETWORKS = ['plain', 'normalized'] as const;
type Name = (typeof NETWORKS)[number];

const SHARES: Axis = { low: 0, high: 1, ticks: [0, 0.5, 1], label: (value) => `${value * 100}\u00a0%` };
const LOSSES = powerAxis(-3, 1, 1);
const NORMS = powerAxis(-8, 4, 4);
/** Frames that are kept: beyond, every second one is dropped. */
const MOST_FRAMES = 600;

export interface Figures {
  readonly accuracy: SVGElement;
  readonly loss: SVGElement;
  readonly fanPlain: SVGElement;
  readonly fanNormalized: SVGElement;
  readonly flat: SVGElement;
  readonly gradients: SVGElement;
}

/** The frames of one run, in a number that does not grow for ever. */
export class History {
  frames: Frame[] = [];

  add(frame: Frame): void {
    if (this.frames.length >= MOST_FRAMES) this.frames = this.frames.filter((_, i) => i % 2 === 0);
    this.frames.push(frame);
  }

  get last(): Frame | undefined {
    return this.frames.at(-1);
  }

  /** The frame that is closest to a step. */
  near(step: number): Frame | undefined {
    const distance = (frame: Frame) => Math.abs(frame.step - step);
    return this.frames.reduce<Frame | undefined>(
      (best, frame) => (best === undefined || distance(frame) < distance(best) ? frame : best),
      undefined,
    );
  }

  /** The first step after which so many were told right; null where it has not come to that. */
  firstAt(name: Name, accuracy: number): number | null {
    return this.frames.find((frame) => frame[name].accuracy >= accuracy)?.step ?? null;
  }
}

/** Draws all figures. @param layer whose inputs the fans show, from 0 */
export function drawFigures(figures: Figures, { frames, last }: History, layer: number): void {
  if (last === undefined) return;
  const x = stepAxis(last.step);
  const lines = (pick: (snapshot: Snapshot) => number): Mark[] =>
    NETWORKS.map((name) => ({ kind: 'line', style: name, points: series(frames, name, pick) }));
  draw(figures.accuracy, { x, y: SHARES, marks: lines(({ accuracy }) => accuracy) });
  draw(figures.loss, { x, y: LOSSES, marks: lines(({ loss }) => loss) });
  drawFans(figures, frames, layer, x);
  draw(figures.flat, { ...byLayer(last, ({ flat }) => flat), y: SHARES });
  draw(figures.gradients, { ...byLayer(last, ({ gradients }) => gradients), y: NORMS });
}

function series(
  frames: readonly Frame[],
  name: Name,
  pick: (snapshot: Snapshot) => number,
): (readonly [number, number])[] {
  return frames.flatMap(({ step, [name]: snapshot }) => {
    const value = pick(snapshot);
    return Number.isFinite(value) ? [[step, value] as const] : [];
  });
}

/** Both on one scale, which is as wide as the wider of them has become. */
function drawFans(figures: Figures, frames: readonly Frame[], layer: number, x: Axis): void {
  const edges = frames.flatMap(({ plain, normalized }) => [plain, normalized].flatMap(({ fans }) => fans[layer] ?? []));
  const widest = edges.reduce((most, edge) => (Number.isFinite(edge) ? Math.max(most, Math.abs(edge)) : most), 1);
  const high = [1, 2, 5, 10, 20, 50, 100].find((limit) => widest <= limit) ?? 200;
  const y: Axis = { low: -high, high, ticks: [-high, 0, high], label: (value) => String(value).replace('-', '−') };
  for (const name of NETWORKS) {
    const own = frames.flatMap(({ step, [name]: { fans } }) => {
      const values = fans[layer];
      return values?.every(Number.isFinite) ? [[step, ...values.map((value) => clamp(value, -high, high))]] : [];
    });
    const band = (low: number, up: number) => own.map((point) => [point[0], point[low], point[up]] as const);
    draw(name === 'plain' ? figures.fanPlain : figures.fanNormalized, {
      ...{ x, y },
      marks: [
        { kind: 'band', style: name, points: band(1, 5) },
        { kind: 'band', style: name, points: band(2, 4) },
        { kind: 'line', style: name, points: own.map((point) => [point[0], point[3]] as const) },
      ],
    });
  }
}

/** A pair of bars for each layer. */
function byLayer(frame: Frame, pick: (snapshot: Snapshot) => readonly number[]): { x: Axis; marks: Mark[] } {
  const count = pick(frame.plain).length;
  const layers = Array.from({ length: count }, (_, i) => i + 1);
  const x: Axis = { low: 0.4, high: count + 0.6, ticks: layers, label: String };
  const marks = layers.flatMap((layer) =>
    NETWORKS.map((name, side): Mark => {
      const from = layer - 0.36 + side * 0.37;
      return { kind: 'bar', style: name, from, to: from + 0.35, value: finiteOr0(pick(frame[name])[layer - 1]) };
    }),
  );
  return { x, marks };
}

function finiteOr0(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
