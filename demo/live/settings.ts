/** What can be chosen in the live page, and the link that keeps it. */
import { ACTIVATIONS, type ActivationName } from '../net/activation.js';

export interface LiveSettings {
  /** Step size of gradient descent. */
  readonly rate: number;
  /** Standard deviation of the initial weights. */
  readonly deviation: number;
  readonly activation: ActivationName;
  /** Hidden layers. */
  readonly depth: number;
  /** Images in a minibatch. */
  readonly batch: number;
  /** Share of the hidden values that dropout sets to 0. */
  readonly dropout: number;
  readonly seed: number;
}

/** The numbers that a control goes through, in order. */
export const CHOICES = {
  rate: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
  deviation: [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 1, 3],
  depth: [1, 2, 3, 4, 5, 6, 7, 8],
  batch: [2, 4, 8, 16, 32, 64, 128],
  dropout: [0, 0.1, 0.2, 0.3, 0.5, 0.7],
} as const satisfies Partial<Record<keyof LiveSettings, readonly number[]>>;
export type Slider = keyof typeof CHOICES;

/** The setting of the paper's Figure 1, on smaller images. */
export const DEFAULTS: LiveSettings = {
  rate: 0.3,
  deviation: 0.1,
  activation: 'sigmoid',
  depth: 3,
  batch: 64,
  dropout: 0,
  seed: 1,
};

const LARGEST_SEED = 2 ** 31 - 1;

/** Settings as the end of a link: those that are not the default, `rate=1&depth=6`. */
export function toLink(settings: LiveSettings): string {
  const names = Object.keys(DEFAULTS) as (keyof LiveSettings)[];
  const differing = names.filter((name) => settings[name] !== DEFAULTS[name]);
  return differing.map((name) => `${name}=${settings[name]}`).join('&');
}

/** Settings out of the end of a link. What it does not say, or says wrongly, is as by default. */
export function fromLink(link: string): LiveSettings {
  const given = new URLSearchParams(link.replace(/^#/, ''));
  const number = (name: Slider) => CHOICES[name].find((choice: number) => String(choice) === given.get(name));
  const seed = Number(given.get('seed'));
  return {
    rate: number('rate') ?? DEFAULTS.rate,
    deviation: number('deviation') ?? DEFAULTS.deviation,
    activation: ACTIVATIONS.find((name) => name === given.get('activation')) ?? DEFAULTS.activation,
    depth: number('depth') ?? DEFAULTS.depth,
    batch: number('batch') ?? DEFAULTS.batch,
    dropout: number('dropout') ?? DEFAULTS.dropout,
    seed: Number.isInteger(seed) && seed >= 1 && seed <= LARGEST_SEED ? seed : DEFAULTS.seed,
  };
}
