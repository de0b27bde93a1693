/** The saved form of a `BatchNorm`. */
import type { SavedActivation } from '../arguments/activation.js';
import type { ChannelAxis } from '../arguments/axis.js';
import { decodeNumbers, encodeNumbers, type JsonNumber } from '../arguments/json-numbers.js';
import { expected, wrongKind, wrongValue } from '../arguments/messages.js';
import { namesOf, readFields, readOwn } from '../arguments/options.js';
import { checkCount, checkSize, checkVariance } from '../arguments/validate.js';
import type { Summation } from '../passes/exact.js';
import type { AnyDtype, Dtype } from '../types.js';
import type { OwnArrays } from './arrays.js';
import type { NormalizeWith } from './mixture.js';
import type { SavedRenorm } from './renorm.js';
import { loadRows, plain, readRows, saveRows } from './rows.js';
import type { Progress } from './running-statistics.js';
import { type BatchNormOptions, readSettings, SETTINGS, type Settings } from './settings.js';
import { SWITCHES, type Switches } from './switches.js';
import { checkFraction, type UpdateRate } from './update-rate.js';

/**
 * A layer as plain data that JSON keeps without loss: every setting with its value (see {@link BatchNormOptions}), the
 * switches, the progress of the running statistics, and the arrays, [channels] each. Numbers that JSON lacks are
 * written as 'NaN', 'Infinity', '-Infinity' and '-0'.
 */
export interface BatchNormState<D extends AnyDtype = Dtype> {
  format: 'batchnorm/2';
  channels: number;
  axis: ChannelAxis;
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
  summation: Summation;
  /** Number of samples in a ghost batch; null if the whole batch is normalised together. */
  ghostBatchSize: number | null;
  grouping: 'consecutive' | 'interleaved';
  /** Number of groups of channels that share statistics; null where each channel has its own. */
  groups: number | null;
  /** [rMin, rMax, dMax, updateRate] of batch renormalization; null if the layer does not use it. */
  renorm: SavedRenorm | null;
  onNonFinite: 'propagate' | 'skip' | 'throw';
  training: boolean;
  /** One of the words, or the weights of a mixture, which add up to 1. */
  normalizeWith: NormalizeWith;
  updateStatistics: boolean;
  learn: boolean;
  /** Number of batches that the running statistics have taken in. */
  batchesTracked: number;
  /** Number of values per channel in the batches that the running statistics have taken in. */
  valuesTracked: number;
  /** The part of the averages that comes from batches and not from the start values, from 0 to 1. */
  debiasWeight: number;
  /** The learnt scale, [channels]; null without `scale`. */
  gamma: JsonNumber[] | null;
  /** The learnt shift, [channels]; null without `center`. */
  beta: JsonNumber[] | null;
  runningMean: JsonNumber[];
  runningVariance: JsonNumber[];
  /** Average of batch means of batch renormalization, [channels]; null without `renorm`. */
  renormMean: JsonNumber[] | null;
  /** Average of √(variance + epsilon) of batch renormalization, [channels]; null without `renorm`. */
  renormDeviation: JsonNumber[] | null;
}

/** The parts of a layer that go into its state. */
interface Saveable extends Settings, Switches, OwnArrays {
  readonly channels: number;
}

/** The contents of a state. */
export interface SavedLayer {
  readonly channels: number;
  /** The settings as options. */
  readonly options: BatchNormOptions<AnyDtype>;
  readonly settings: Settings;
  readonly switches: Switches;
  readonly progress: Progress;
  readonly arrays: OwnArrays;
}

/** By which states of this version are known. */
export const FORMAT = 'batchnorm/2';
/** Has everything but `summation`, which was 'ordered'. */
const EARLIER = 'batchnorm/1';
const PROGRESS = {
  batchesTracked: plain<number>(0, checkSize),
  valuesTracked: plain<number>(0, checkCount),
  debiasWeight: plain<number>(0, (call, name, value) => checkFraction(call, name, value)),
};
type Columns = Omit<BatchNormState, 'format' | 'channels' | keyof Settings | keyof Switches | keyof Progress>;
const COLUMNS = namesOf<Columns>({
  gamma: 1,
  beta: 1,
  runningMean: 1,
  runningVariance: 1,
  renormMean: 1,
  renormDeviation: 1,
});
const FIELDS: ReadonlySet<string> = new Set([
  ...['format', 'channels'],
  ...[SETTINGS, SWITCHES, PROGRESS].flatMap((rows) => Object.keys(rows)),
  ...COLUMNS,
]);

export function writeState<D extends AnyDtype>(
  layer: Saveable & { readonly dtype: D },
  progress: Progress,
): BatchNormState<D> {
  const { channels, dtype, gamma, beta, runningMean, runningVariance, renormMean, renormDeviation } = layer;
  return {
    format: FORMAT,
    channels,
    ...saveRows(SETTINGS, layer),
    dtype,
    ...saveRows(SWITCHES, layer),
    ...saveRows(PROGRESS, progress),
    gamma: gamma && encodeNumbers(gamma),
    beta: beta && encodeNumbers(beta),
    runningMean: encodeNumbers(runningMean),
    runningVariance: encodeNumbers(runningVariance),
    renormMean: renormMean && encodeNumbers(renormMean),
    renormDeviation: renormDeviation && encodeNumbers(renormDeviation),
  };
}

/** @throws TypeError, RangeError naming the field that is missing, unknown or wrong */
export function readState(call: string, state: unknown): SavedLayer {
  const fields = readFields(call, 'state', upgraded(readOwn(call, 'state', state as object)), FORMAT, FIELDS);
  const channels = fields['channels'] as number;
  checkSize(call, 'channels', channels);
  const options: BatchNormOptions<AnyDtype> = readOwn(call, 'state', loadRows(SETTINGS, call, fields));
  const settings = readSettings(call, options);
  const progress = readRows(PROGRESS, call, fields);
  const switches = readRows(SWITCHES, call, fields);
  return { channels, options, settings, progress, switches, arrays: readArrays(call, fields, channels, settings) };
}

interface Formatted {
  readonly format?: unknown;
  readonly summation?: unknown;
  readonly groups?: unknown;
}

/** A state of an earlier format as this one has it. Whatever it lacks is found missing later. */
function upgraded(state: Formatted): Formatted {
  const isEarlier = state.format === EARLIER && !('summation' in state);
  const current = isEarlier ? { ...state, format: FORMAT, summation: 'ordered' } : state;
  // Groups of channels came later than the format.
  return current.format === FORMAT && !('groups' in current) ? { ...current, groups: null } : current;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws RangeError where a layer of these channels and settings is not the one that the state is of */
export function checkSame(call: string, channels: number, settings: Settings, saved: SavedLayer): void {
  const of = (channels: number, settings: Settings) => ({ channels, ...saveRows(SETTINGS, settings) });
  const [own, other]: Fields[] = [of(channels, settings), of(saved.channels, saved.settings)];
  for (const name in own) {
    const [wanted, got] = [own, other].map((of) => JSON.stringify(of[name]));
    if (wanted === got || name === 'updateRate') continue;
    const advice = 'BatchNorm.fromState makes a layer of this state';
    throw new RangeError(`${expected(call, name, `${wanted}, as this layer has`, got)}; ${advice}`);
  }
}

function readArrays(call: string, fields: Fields, channels: number, settings: Settings): OwnArrays {
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
