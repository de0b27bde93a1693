/** The saved form of a `BatchNorm`. */
import { decodeNumbers, encodeNumbers } from './json-numbers.js';
import { readSettings, type Settings } from './layer-settings.js';
import { wrongKind, wrongValue } from './messages.js';
import type { Tensor } from './types.js';
import { checkFields, checkFormat, checkSize, checkVariance, nameSet } from './validate.js';

/**
 * Plain data that JSON keeps without loss, and that says its own conventions. Beside `format` and `channels` it has
 *
 * - the options, each with its value: `axis`, `epsilon`, `updateRate` (running ← (1 − updateRate)·running +
 *   updateRate·batch, or 'cumulative'), `varianceEstimator`, `scale`, `center`, `activation`, `singleValue`, `dtype`;
 * - `training` and `batchesTracked`;
 * - `gamma` and `beta` (null without scale, center), `runningMean` and `runningVariance`: arrays of `channels` numbers,
 *   where what JSON lacks is written as 'NaN', 'Infinity', '-Infinity' and '-0'.
 */
export interface BatchNormState {
  format: 'batchnorm/1';
  channels: number;
  [key: string]: unknown;
}

interface Layer {
  readonly channels: number;
  readonly training: boolean;
  readonly batchesTracked: number;
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
}

const FORMAT = 'batchnorm/1';
const FIELDS = /* @__PURE__ */ nameSet(
  'format channels axis epsilon updateRate varianceEstimator scale center activation singleValue dtype ' +
    'training batchesTracked gamma beta runningMean runningVariance',
);

export function writeState(layer: Layer, settings: Settings): BatchNormState {
  const { channels, training, batchesTracked, gamma, beta, runningMean, runningVariance } = layer;
  return {
    format: FORMAT,
    channels,
    ...settings,
    training,
    batchesTracked,
    gamma: gamma && encodeNumbers(gamma),
    beta: beta && encodeNumbers(beta),
    runningMean: encodeNumbers(runningMean),
    runningVariance: encodeNumbers(runningVariance),
  };
}

/** @throws TypeError, RangeError naming the field that is missing, unknown or wrong */
export function readState(call: string, state: unknown): Layer & { readonly settings: Settings } {
  const fields = checkFields(call, 'state', state, FIELDS);
  checkFormat(call, fields.format, FORMAT);
  const channels = fields.channels as number;
  checkSize(call, 'channels', channels);
  const settings = readSettings(call, fields);
  const batchesTracked = fields.batchesTracked as number;
  checkSize(call, 'batchesTracked', batchesTracked);
  const { training } = fields;
  if (typeof training !== 'boolean') throw wrongKind(call, 'training', 'true or false', training);
  const runningVariance = decodeNumbers(call, 'runningVariance', fields.runningVariance, channels);
  checkVariance(call, 'runningVariance', runningVariance);
  return {
    channels,
    settings,
    training,
    batchesTracked,
    gamma: readParameter(call, 'gamma', fields.gamma, channels, settings.scale, settings.dtype),
    beta: readParameter(call, 'beta', fields.beta, channels, settings.center, settings.dtype),
    runningMean: decodeNumbers(call, 'runningMean', fields.runningMean, channels),
    runningVariance,
  };
}

/** A float32 layer takes no numbers that it would have to round: they are from somewhere else. */
function readParameter(
  call: string,
  name: string,
  values: unknown,
  channels: number,
  wanted: boolean,
  dtype: Settings['dtype'],
): Float64Array | null {
  if (!wanted) {
    if (values !== null)
      throw wrongKind(call, name, `null (${name === 'gamma' ? 'scale' : 'center'} is false)`, values);
    return null;
  }
  const numbers = decodeNumbers(call, name, values, channels);
  if (dtype === 'float64') return numbers;
  numbers.forEach((value, ch) => {
    if (!Object.is(Math.fround(value), value)) throw wrongValue(call, `${name}[${ch}]`, 'a float32 value', value);
  });
  return numbers;
}
