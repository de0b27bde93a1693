/** The four steps of batch normalization, drawn with five values of one unit. */
import * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { decimal } from '../kit/text.js';
import { COLOURS } from './drawing.js';
import { figures } from './section.js';

const VALUES = [2, 3, 4.5, 7, 8.5];
const [GAMMA, BETA] = [1.5, 1];

const mean = VALUES.reduce((sum, value) => sum + value, 0) / VALUES.length;
const variance = VALUES.reduce((sum, value) => sum + (value - mean) ** 2, 0) / VALUES.length;
const normalized = VALUES.map((value) => (value - mean) / Math.sqrt(variance));
const outputs = normalized.map((value) => GAMMA * value + BETA);

interface Step {
  readonly title: string;
  readonly values: readonly number[];
  readonly centre: number;
  readonly deviation: number;
}

const STEPS: readonly Step[] = [
  { title: `1. the mean, μ = ${decimal(mean)}`, values: VALUES, centre: mean, deviation: 0 },
  { title: `2. the variance, σ² = ${decimal(variance)}`, ...spread(VALUES, mean, Math.sqrt(variance)) },
  { title: '3. x̂ = (x − μ)/√(σ² + ε)', ...spread(normalized, 0, 1) },
  { title: `4. y = γ·x̂ + β, here ${GAMMA}·x̂ + ${BETA}`, ...spread(outputs, BETA, GAMMA) },
];

function spread(values: readonly number[], centre: number, deviation: number): Omit<Step, 'title'> {
  return { values, centre, deviation };
}

export function fourSteps(): string {
  return figures(
    STEPS.map((step) => draw(line(step))),
    'pair',
    'Four steps.',
    `How to read it: dots are what one unit gives for five samples of a minibatch, the line is their mean, the bar one
standard deviation to both sides. Steps 1 and 2 measure, step 3 brings the unit to mean 0 and variance 1, and step 4
lets it learn any other: with γ = √(σ² + ε) and β = μ it would be what it was. In inference μ and σ² are those of the
whole training set, so that a sample’s result does not depend on others. ε keeps the root away from 0.`,
  );
}

function line({ title, values, centre, deviation }: Step): Plot.PlotOptions {
  return {
    width: 360,
    height: 138,
    marginTop: 44,
    marginLeft: 12,
    marginRight: 12,
    marginBottom: 22,
    ariaLabel: title,
    x: { domain: [-3, 10], label: null, ticks: 7 },
    y: { axis: null, domain: [0, 1] },
    marks: [
      Plot.text([title], { x: -3, y: 1, dy: -24, text: (text: string) => text, textAnchor: 'start', fontSize: 13 }),
      Plot.rectX([0], {
        x1: centre - deviation,
        x2: centre + deviation,
        y1: 0.15,
        y2: 0.85,
        fill: COLOURS.normalized,
        fillOpacity: 0.18,
      }),
      Plot.ruleX([centre], { stroke: COLOURS.normalized, strokeWidth: 2 }),
      Plot.dot(values, {
        x: (value: number) => value,
        y: 0.5,
        r: 4.5,
        fill: COLOURS.plain,
        title: (value: number) => decimal(value),
      }),
    ],
  };
}
