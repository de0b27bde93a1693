/** Small charts in SVG, drawn anew with every report. Colours come from the page's style, by class. */

const SVG = 'http://www.w3.org/2000/svg';
/** Units of the drawing; the page scales it. */
const WIDTH = 320;
const HEIGHT = 190;
const LEFT = 38;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 24;

export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  label(value: number): string;
  /** Where a value lies between low, 0, and high, 1. The default is linear. */
  place?(value: number): number;
}

/** What is drawn over one another, the first one lowest. `style` is a class of the page's style. */
export type Mark =
  | { readonly kind: 'line'; readonly style: string; readonly points: readonly (readonly [number, number])[] }
  | {
      readonly kind: 'band';
      readonly style: string;
      /** x, the lower edge, the upper edge. */
      readonly points: readonly (readonly [number, number, number])[];
    }
  | { readonly kind: 'bar'; readonly style: string; readonly from: number; readonly to: number; readonly value: number }
  | { readonly kind: 'text'; readonly style: string; readonly at: readonly [number, number]; readonly text: string };

export interface Chart {
  readonly x: Axis;
  readonly y: Axis;
  readonly marks: readonly Mark[];
}

type Attributes = Readonly<Record<string, string | number>>;

function element(name: string, attributes: Attributes, text = ''): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== '') made.textContent = text;
  return made;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** Where on the axis across a share of the whole drawing's width lies: 0 at its low end, 1 at its high one. */
export function shareAt(across: number): number {
  return (across * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
}

/** Puts the chart into the element in the place of what was there. */
export function draw(svg: SVGElement, { x, y, marks }: Chart): void {
  const share = (axis: Axis, value: number) =>
    axis.place?.(value) ?? (clamp(value, axis.low, axis.high) - axis.low) / (axis.high - axis.low);
  const across = (value: number) => LEFT + share(x, value) * (WIDTH - LEFT - RIGHT);
  const up = (value: number) => HEIGHT - BOTTOM - share(y, value) * (HEIGHT - TOP - BOTTOM);
  const drawn = marks.map((mark) => drawMark(mark, across, up));
  svg.replaceChildren(...frame(x, y, across, up), ...drawn);
}

type Place = (value: number) => number;

function frame(x: Axis, y: Axis, across: Place, up: Place): SVGElement[] {
  const end = WIDTH - RIGHT;
  const lines = y.ticks.flatMap((tick) => [
    element('line', { class: 'grid', x1: LEFT, x2: end, y1: up(tick), y2: up(tick) }),
    element('text', { class: 'tick', x: LEFT - 5, y: up(tick) + 4, 'text-anchor': 'end' }, y.label(tick)),
  ]);
  const ticks = x.ticks.map((tick, i) => {
    const isLast = i === x.ticks.length - 1 && across(tick) > end - 20;
    const anchor = isLast ? 'end' : 'middle';
    return element(
      'text',
      { class: 'tick', x: isLast ? end : across(tick), y: HEIGHT - 7, 'text-anchor': anchor },
      x.label(tick),
    );
  });
  return [...lines, ...ticks];
}

function drawMark(mark: Mark, across: Place, up: Place): SVGElement {
  const at = ([x, y]: readonly number[]) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`;
  switch (mark.kind) {
    case 'line':
      return element('polyline', { class: `line ${mark.style}`, points: mark.points.map(at).join(' ') });
    case 'band': {
      const upper = mark.points.map(([x, , high]) => at([x, high]));
      const lower = mark.points.map(([x, low]) => at([x, low])).reverse();
      return element('polygon', { class: `band ${mark.style}`, points: [...upper, ...lower].join(' ') });
    }
    case 'bar': {
      const top = up(mark.value);
      const [left, right] = [across(mark.from), across(mark.to)];
      const height = Math.max(1, HEIGHT - BOTTOM - top);
      return element('rect', { class: `bar ${mark.style}`, x: left, y: top, width: right - left, height });
    }
    case 'text': {
      const [x, y] = mark.at;
      return element('text', { class: mark.style, x: across(x), y: up(y), 'text-anchor': 'end' }, mark.text);
    }
  }
}

/** From 0 to the step that is reached, or to a round number beyond it, so that the axis moves seldom. */
export function stepAxis(step: number): Axis {
  const high = [50, 100, 200, 500].find((limit) => step <= limit) ?? roundUp(step);
  return { low: 0, high, ticks: [0, high / 2, high], label: (value) => value.toLocaleString('en') };
}

/** To one digit, of 1, 2, 5. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((digit) => digit * power >= value) ?? 10) * power;
}

/** Powers of ten from 10^low to 10^high. */
export function powerAxis(low: number, high: number, every: number): Axis {
  const ticks = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => 10 ** (low + i * every));
  return {
    ...{ low: 10 ** low, high: 10 ** high, ticks },
    label: (value) => `10${superscript(Math.round(Math.log10(value)))}`,
    place: (value) => clamp((Math.log10(Math.max(value, 1e-300)) - low) / (high - low), 0, 1),
  };
}

function superscript(value: number): string {
  return [...String(value)].map((character) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(character)] ?? '⁻').join('');
}
