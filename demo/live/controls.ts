/** The controls of the live page: settings in, settings out. */
import { ACTIVATIONS } from '../net/activation.js';
import { CHOICES, DEFAULTS, type LiveSettings, type Slider } from './settings.js';

export function byId<E extends Element = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as unknown as E;
}

const SLIDERS = Object.keys(CHOICES) as Slider[];
const NAMES: Readonly<Record<(typeof ACTIVATIONS)[number], string>> = {
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  relu: 'ReLU',
};

/** What is worth trying, each beside the defaults. */
const PRESETS: readonly (readonly [name: string, changes: Partial<LiveSettings>])[] = [
  ['the paper', {}],
  ['larger steps', { rate: 3 }],
  ['tiny weights', { deviation: 0.01 }],
  ['large weights', { deviation: 1 }],
  ['six layers', { depth: 6 }],
  ['batches of two', { batch: 2, rate: 0.1 }],
  ['ReLU', { activation: 'relu' }],
  ['ReLU, eight layers', { activation: 'relu', depth: 8, rate: 0.1 }],
  ['without, well tuned', { activation: 'tanh', deviation: 0.2, rate: 0.3 }],
];

/** Shows settings, and tells of every change that a person makes. */
export class Controls {
  #settings: LiveSettings;

  constructor(settings: LiveSettings, changed: (settings: LiveSettings) => void) {
    this.#settings = settings;
    const change = (changes: Partial<LiveSettings>) => {
      this.#settings = { ...this.#settings, ...changes };
      this.show();
      changed(this.#settings);
    };
    for (const name of SLIDERS) {
      const input = byId<HTMLInputElement>(name);
      input.max = String(CHOICES[name].length - 1);
      input.addEventListener('input', () => change({ [name]: CHOICES[name][Number(input.value)] }));
    }
    const activation = byId<HTMLSelectElement>('activation');
    activation.append(...ACTIVATIONS.map((name) => new Option(NAMES[name], name)));
    activation.addEventListener('change', () => change({ activation: ACTIVATIONS[activation.selectedIndex] }));
    byId('reseed').addEventListener('click', () => change({ seed: this.#settings.seed + 1 }));
    byId('presets').append(
      ...PRESETS.map(([name, changes]) => preset(name, () => change({ ...DEFAULTS, ...changes }))),
    );
    this.show();
  }

  get settings(): LiveSettings {
    return this.#settings;
  }

  set settings(settings: LiveSettings) {
    this.#settings = settings;
    this.show();
  }

  show(): void {
    for (const name of SLIDERS) {
      const input = byId<HTMLInputElement>(name);
      const value = this.#settings[name];
      const text = name === 'dropout' ? `${Math.round(value * 100)} %` : String(value);
      input.value = String((CHOICES[name] as readonly number[]).indexOf(value));
      input.setAttribute('aria-valuetext', text);
      byId(`${name}-value`).textContent = text;
    }
    byId<HTMLSelectElement>('activation').value = this.#settings.activation;
  }
}

function preset(name: string, use: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = name;
  button.addEventListener('click', use);
  return button;
}
