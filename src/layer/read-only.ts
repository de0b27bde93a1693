/**
 * Properties of a layer that can be read and not set. Setting one would do nothing, so the error of each name says what
 * to do instead.
 */
import { OPTIONS, SETTING_NAMES, type Settings } from './settings.js';

/** Shows the settings, and refuses to set them and whatever else has no setter. */
export function makeReadOnly(prototype: object, settingsOf: (layer: object) => Settings): void {
  const own = Object.getOwnPropertyDescriptors(prototype) as Record<string, PropertyDescriptor>;
  const shown = SETTING_NAMES.filter((name) => !(name in own)).map(
    (name) => [name, showing(name, settingsOf)] as const,
  );
  const refused = ['momentum', ...OPTIONS].filter((name) => !(name in own)).map((name) => [name, {}] as const);
  const readable = Object.entries(own).filter(([, { get, set }]) => get !== undefined && set === undefined);
  for (const [name, property] of [...readable, ...refused, ...shown]) {
    Object.defineProperty(prototype, name, { ...property, set: refusal(name), configurable: true });
  }
}

/** Refuses to set what has no setter, where nothing needs to be said about any of it. */
export function refuseSetting(name: string, prototype: object): void {
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (property.get === undefined || property.set !== undefined) continue;
    const set = () => {
      throw new TypeError(`batchnorm: ${name}: "${key}" cannot be set from outside; it is what the call has found`);
    };
    Object.defineProperty(prototype, key, { ...property, set });
  }
}

function showing(name: keyof Settings, settingsOf: (layer: object) => Settings): PropertyDescriptor {
  return {
    get(this: object) {
      return settingsOf(this)[name];
    },
  };
}

function refusal(name: string): () => never {
  return () => {
    throw new TypeError(`batchnorm: BatchNorm: "${name}" cannot be set ${adviceOn(name)}`);
  };
}

const ARRAYS = ['gamma', 'beta', 'runningMean', 'runningVariance', 'renormMean', 'renormDeviation'];
const ADVICE: Readonly<Partial<Record<string, string>>> = {
  momentum: "on a layer; set updateRate, which is PyTorch's momentum, and 1 - momentum of Keras",
  decay: 'on a layer; set updateRate = 1 - decay',
  channels: 'after the layer is made; pass it to new BatchNorm(channels)',
  batchesTracked: 'alone; loadState restores it with all the rest',
  valuesTracked: 'alone; loadState restores it with all the rest',
};

function adviceOn(name: string): string {
  const known = ADVICE[name];
  if (known !== undefined) return known;
  if (ARRAYS.includes(name)) return `to another array; write into it with ${name}.set(values)`;
  if (OPTIONS.has(name)) return `after the layer is made; pass it to new BatchNorm(channels, { ${name} })`;
  return 'from outside; it is what the layer has found';
}
