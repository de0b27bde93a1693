/** The explanation that comes before all figures: the formula, and its four steps on a minibatch of nine values. */
import * as Plot from '@observablehq/plot';
import { decimal } from '../kit/text.js';
import { COLOURS, drawFor } from './drawing.js';
import { figure } from './section.js';

export const EXPLANATION_TITLE = 'What it does';

/** What one unit gives for the images of a minibatch. */
const VALUES = [2.4, 3.1, 3.9, 4.2, 4.6, 5.3, 5.9, 7.2, 8.4];
const GAMMA = 1.6;
const BETA = -1.5;

/** An upright line as the shape of a vector: the tick of Observable Plot wants bands instead of points. */
const BAR = {
  draw(context: { moveTo(x: number, y: number): void; lineTo(x: number, y: number): void }, length: number) {
    context.moveTo(0, 0);
    context.lineTo(0, -length);
  },
};

interface Step {
  readonly name: string;
  readonly values: readonly number[];
  /** Mean, and standard deviation to both sides of it. */
  readonly mean: number;
  readonly deviation: number;
}

function stepsOf(values: readonly number[]): Step[] {
  const mean = average(values);
  const centred = values.map((value) => value - mean);
  const deviation = Math.sqrt(average(centred.map((value) => value ** 2)));
  const normalized = centred.map((value) => value / deviation);
  return [
    { name: '1  mean of the minibatch, μ', values, mean, deviation },
    { name: '2  variance around it, σ²', values: centred, mean: 0, deviation },
    { name: '3  normalize: (x − μ) / √(σ² + ε)', values: normalized, mean: 0, deviation: 1 },
    {
      ...{ name: '4  scale and shift: γ · x̂ + β', values: normalized.map((value) => GAMMA * value + BETA) },
      ...{ mean: BETA, deviation: GAMMA },
    },
  ];
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function picture(steps: readonly Step[], width: number): Plot.PlotOptions {
  const isWide = width > 500;
  const points = steps.flatMap(({ name, values }) => values.map((value, image) => ({ name, value, image })));
  return {
    width,
    height: isWide ? 230 : 270,
    marginLeft: isWide ? 210 : 10,
    marginBottom: 40,
    ariaLabel: 'The values of one unit over a minibatch after each of the four steps of batch normalization',
    x: { domain: [-4.5, 9], label: 'value', grid: true, ticks: 8 },
    y: {
      type: 'point',
      domain: steps.map(({ name }) => name),
      label: null,
      tickSize: 0,
      axis: isWide ? 'left' : null,
      padding: 0.5,
    },
    marks: [
      Plot.ruleX([0], { strokeOpacity: 0.4 }),
      Plot.line(points, { x: 'value', y: 'name', z: 'image', stroke: 'currentColor', strokeOpacity: 0.18 }),
      Plot.ruleY(steps, {
        ...{ y: 'name', x1: ({ mean, deviation }: Step) => mean - deviation },
        ...{ x2: ({ mean, deviation }: Step) => mean + deviation, stroke: COLOURS.normalized },
        ...{ strokeWidth: 7, strokeOpacity: 0.25 },
      }),
      Plot.vector(steps, { y: 'name', x: 'mean', length: 18, shape: BAR, stroke: COLOURS.normalized, strokeWidth: 3 }),
      Plot.dot(points, {
        ...{ x: 'value', y: 'name', r: 3.5, fill: COLOURS.plain },
        title: ({ value, image }: { value: number; image: number }) => `image ${image + 1}: ${decimal(value)}`,
      }),
      ...(isWide ? [] : [Plot.text(steps, { y: 'name', frameAnchor: 'left', text: 'name', dy: -19, fontSize: 12 })]),
    ],
  };
}

/** Screen readers read it, and every browser of today sets it. */
const FORMULA = `<math class="formula" display="block"><mi>y</mi><mo>=</mo><mi>γ</mi><mo>·</mo>
<mfrac><mrow><mi>x</mi><mo>−</mo><mi>μ</mi></mrow><msqrt><msup><mi>σ</mi><mn>2</mn></msup><mo>+</mo><mi>ε</mi></msqrt>
</mfrac><mo>+</mo><mi>β</mi></math>`;

export function explanation(): string {
  const steps = stepsOf(VALUES);
  const drawing = drawFor((width) => picture(steps, width));
  const { mean, deviation } = steps[0];
  const numbers = Object.entries({ μ: mean, σ: deviation, γ: GAMMA, β: BETA }).map(
    ([name, value]) => `${name}&nbsp;=&nbsp;${decimal(value)}`,
  );
  return `<p>Each unit of a layer gives one value <i>x</i> for each image of the minibatch. Batch normalization moves
these values to mean 0 and stretches them to variance 1, then gives them the scale γ and the shift β that serve the
network: both are learnt, like weights.</p>
${FORMULA}
${figure(
  drawing,
  'The four steps.',
  `A dot is an image, a tick the mean μ, a bar one standard deviation σ to both sides; thin lines follow an image from
step to step. Here ${numbers.join(', ')}.
ε is tiny and keeps the root from 0. After training there may be one image alone, so inference takes averages of μ and
σ² from training instead: <code>BatchNorm</code> calls them running statistics.`,
)}`;
}
