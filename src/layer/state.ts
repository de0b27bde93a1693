/** The saved form of a `BatchNorm`. */
import { decodeActivation, encodeActivation, type SavedActivation } from '../arguments/activation.js';
import { decodeNumbers, encodeNumbers, type JsonNumber } from '../arguments/json-numbers.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { nameSet, readFields, readOwn } from '../arguments/options.js';
import { checkBoolean, checkChoice, checkCount, checkFormat, checkSize, checkVariance } from '../arguments/validate.js';
import type { Dtype, Tensor } from '../types.js';
import { decodeRenorm, encodeRenorm, type SavedRenorm } from './renorm.js';
import type { Progress, RunningStatistics } from './running-statistics.js';
import { type BatchNormOptions, readSettings, type Settings } from './settings.js';
import { checkFraction, type UpdateRate } from './update-rate.js';

/**
 * A layer as plain data that JSON keeps without loss, and that says its own conventions: the settings, each with its value
 * (see {@link BatchNormOptions}), the switches, what the running statistics have come to, and the arrays, [channels] each.
 * What JSON lacks is written as 'NaN', 'Infinity', '-Infinity' and '-0'.
 */
export interface BatchNormState<D extends Dtype = Dtype> {
  format: 'batchnorm/1';
  channels: number;
  axis: number;
  epsilon: number;
  /** running ← (1 − updateRate)·running + updateRate·batch, or one of the rules. */
  updateRate: UpdateRate;
  debias: boolean;
  varianceEstimator: 'unbiased' | 'biased';
  scale: boolean;
  center: boolean;
  activation: SavedActivation;
  singleValue: 'throw' | 'allow';
  dtype: D;
  /** null: one group of all samples. */
  ghostBatchSize: number | null;
  grouping: 'consecutive' | 'interleaved';
  /** [rMin, rMax, dMax, updateRate]; null without renorm. */
  renorm: SavedRenorm | null;
  onNonFinite: 'propagate' | 'skip' | 'throw';
  training: boolean;
  normalizeWith: 'mode' | 'batch' | 'running';
  updateStatistics: boolean;
  learn: boolean;
  /** Batches that the running statistics have taken in. */
  batchesTracked: number;
  /** Values per channel in these batches. */
  valuesTracked: number;
  /** The part of the averages that comes from batches and not from the start values, from 0 to 1. */
  debiasWeight: number;
  /** null without `scale`. */
  gamma: JsonNumber[] | null;
  /** null without `center`. */
  beta: JsonNumber[] | null;
  runningMean: JsonNumber[];
  runningVariance: JsonNumber[];
  /** null without `renorm`. */
  renormMean: JsonNumber[] | null;
  /** null without `renorm`. */
  renormDeviation: JsonNumber[] | null;
}

interface Switches {
  readonly training: boolean;
  readonly normalizeWith: 'mode' | 'batch' | 'running';
  readonly updateStatistics: boolean;
  readonly learn: boolean;
}

interface Arrays {
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
  readonly renormMean: Float64Array | null;
  readonly renormDeviation: Float64Array | null;
}

interface Layer extends Switches, Arrays {
  readonly channels: number;
}

const FORMAT = 'batchnorm/1';
const FIELDS = /* @__PURE__ */ nameSet(
  'format channels axis epsilon updateRate debias varianceEstimator scale center activation singleValue dtype ' +
    'ghostBatchSize grouping renorm onNonFinite training normalizeWith updateStatistics learn ' +
    'batchesTracked valuesTracked debiasWeight gamma beta runningMean runningVariance renormMean renormDeviation',
);

/** @param settings of which `dtype` is D */
export function writeState<D extends Dtype>(
  layer: Layer,
  settings: Settings,
  running: RunningStatistics,
): BatchNormState<D> {
  const { channels, training, normalizeWith, updateStatistics, learn } = layer;
  const { updateRate, batchesTracked, valuesTracked, debiasWeight } = running;
  const { gamma, beta, runningMean, runningVariance, renormMean, renormDeviation } = layer;
  return {
    format: FORMAT,
    channels,
    ...settings,
    dtype: settings.dtype as D,
    updateRate,
    activation: encodeActivation(settings.activation),
    renorm: encodeRenorm(settings.renorm),
    ...{ training, normalizeWith, updateStatistics, learn },
    ...{ batchesTracked, valuesTracked, debiasWeight },
    gamma: gamma && encodeNumbers(gamma),
    beta: beta && encodeNumbers(beta),
    runningMean: encodeNumbers(runningMean),
    runningVariance: encodeNumbers(runningVariance),
    renormMean: renormMean && encodeNumbers(renormMean),
    renormDeviation: renormDeviation && encodeNumbers(renormDeviation),
  };
}

/** @throws TypeError, RangeError naming the field that is missing, unknown or wrong */
export function readState(call: string, state: unknown): Layer & Progress & { readonly options: BatchNormOptions } {
  const fields = readFields(call, 'state', state, FIELDS);
  checkFormat(call, fields.format, FORMAT);
  const channels = fields.channels as number;
  checkSize(call, 'channels', channels);
  const options = readOwn(call, 'state', readOptions(call, fields));
  const settings = readSettings(call, options);
  const progress = readProgress(call, fields);
  const switches = readSwitches(call, fields);
  return { channels, options, ...progress, ...switches, ...readArrays(call, fields, channels, settings) };
}

type Fields = Readonly<Record<string, unknown>>;

/** What was written of the settings, as options: these say none by undefined where JSON says null. */
function readOptions(call: string, fields: Fields): BatchNormOptions {
  const { axis, epsilon, updateRate, debias, varianceEstimator, scale, center, singleValue } = fields;
  const { dtype, ghostBatchSize, grouping, onNonFinite } = fields;
  return {
    ...{ axis, epsilon, updateRate, debias, varianceEstimator, scale, center, singleValue },
    ...{ dtype, grouping, onNonFinite },
    ghostBatchSize: ghostBatchSize ?? undefined,
    activation: decodeActivation(call, fields.activation),
    renorm: decodeRenorm(call, fields.renorm),
  } as BatchNormOptions;
}

function readProgress(call: string, fields: Fields): Progress {
  const batchesTracked = fields.batchesTracked as number;
  const valuesTracked = fields.valuesTracked as number;
  const debiasWeight = fields.debiasWeight as number;
  checkSize(call, 'batchesTracked', batchesTracked);
  checkCount(call, 'valuesTracked', valuesTracked);
  checkFraction(call, 'debiasWeight', debiasWeight, 'a number from 0 to 1');
  return { batchesTracked, valuesTracked, debiasWeight };
}

function readSwitches(call: string, fields: Fields): Switches {
  const { training, normalizeWith, updateStatistics, learn } = fields;
  checkBoolean(call, 'training', training);
  checkChoice(call, 'normalizeWith', normalizeWith as string, ['mode', 'batch', 'running']);
  checkBoolean(call, 'updateStatistics', updateStatistics);
  checkBoolean(call, 'learn', learn);
  return { training, normalizeWith, updateStatistics, learn } as Switches;
}

function readArrays(call: string, fields: Fields, channels: number, settings: Settings): Arrays {
  const runningVariance = decodeNumbers(call, 'runningVariance', fields.runningVariance, channels);
  checkVariance(call, 'runningVariance', runningVariance);
  const { scale, center, dtype } = settings;
  const renorm = (name: 'renormMean' | 'renormDeviation') =>
    readParameter(call, name, fields[name], channels, settings.renorm !== null, 'renorm is null', 'float64');
  const renormDeviation = renorm('renormDeviation');
  if (renormDeviation !== null) checkVariance(call, 'renormDeviation', renormDeviation, 'deviation');
  return {
    gamma: readParameter(call, 'gamma', fields.gamma, channels, scale, 'scale is false', dtype),
    beta: readParameter(call, 'beta', fields.beta, channels, center, 'center is false', dtype),
    runningMean: decodeNumbers(call, 'runningMean', fields.runningMean, channels),
    runningVariance,
    renormMean: renorm('renormMean'),
    renormDeviation,
  };
}

/** A float32 layer takes no numbers that it would have to round: they are from somewhere else. */
function readParameter(
  call: string,
  name: string,
  values: unknown,
  channels: number,
  wanted: boolean,
  unwanted: string,
  dtype: Settings['dtype'],
): Float64Array | null {
  if (!wanted) {
    if (values !== null) throw wrongKind(call, name, `null (${unwanted})`, values);
    return null;
  }
  const numbers = decodeNumbers(call, name, values, channels);
  if (dtype === 'float64') return numbers;
  numbers.forEach((value, ch) => {
    if (!Object.is(Math.fround(value), value)) throw wrongValue(call, `${name}[${ch}]`, 'a float32 value', value);
  });
  return numbers;
}
