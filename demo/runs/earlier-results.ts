/**
 * What an earlier session left, for `--resume`. Whoever may have written the file: nothing of it is used that is
 * not checked.
 */
import { Failure } from '../kit/failure.js';
import { dataFileOf } from '../kit/output-file.js';
import { withFile } from '../kit/regular-file.js';
import {
  closingSteps,
  LAYER_PERCENTILES,
  type Measurement,
  measuringSteps,
  PERCENTILES,
  type Values,
  type WatchedMeasurement,
} from './measurements.js';
import {
  type ByBatch,
  type Cost,
  type CostResult,
  type Inference,
  type Result,
  type Results,
  type Run,
  tunedOf,
} from './results.js';
import {
  HIDDEN_LAYERS,
  isTuned,
  type Job,
  planOf,
  type Settings,
  type TrainingJob,
  WATCHED_UNITS,
} from './settings.js';
import { shapeOf, type TrialJob, type TrialResult } from './trials.js';

/** The file of a long run has less than a megabyte. */
const MOST_BYTES = 2 ** 26;
const MOST_LETTERS = 500;
const MOST_WAYS = 20;

type Earlier = Pick<Results, 'host' | 'runs'>;

/**
 * What an earlier session left.
 * @throws Failure where there is nothing, it is no such file, or it was made with other settings or data
 */
export function loadRuns(report: string, { settings, data }: Pick<Results, 'settings' | 'data'>): Earlier {
  const file = dataFileOf(report);
  const found = parse(file, readText(file));
  try {
    const whole = new Part(found, '');
    whole.field('format').is('batchnorm-report/1');
    const there = { ...settingsIn(whole.field('settings')), data: whole.field('data').field('description').text() };
    const differing = differences(there, { ...settings, data: data.description });
    if (differing !== '') throw new Failure(`--resume: ${file} was made with other settings: ${differing}`);
    return { host: whole.field('host').text(), runs: runsIn(whole.field('runs'), settings) };
  } catch (error) {
    throw error instanceof Misfit ? unusable(file, error.message) : error;
  }
}

function readText(file: string): string {
  try {
    return withFile(file, ({ size, read }) => {
      if (size > MOST_BYTES) throw new Failure(`${file}: expected at most ${MOST_BYTES} bytes, found ${size}`);
      return read(0, size).toString();
    });
  } catch (cause) {
    const message = (cause as Error).message.replace(`${file}: `, '');
    const told = message.startsWith('cannot be read') ? message : `cannot be read (${message})`;
    throw new Failure(`--resume: ${file} ${told}; start without --resume`, { cause });
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unusable(file, 'it is no JSON', cause);
  }
}

function unusable(file: string, why: string, cause?: unknown): Failure {
  return new Failure(`--resume: ${file} holds no data of batchnorm train (${why}); start without --resume`, { cause });
}

function differences(there: Record<string, unknown>, here: Record<string, unknown>): string {
  const names = Object.keys(here).filter((name) => there[name] !== here[name]);
  return names.map((name) => `${name} ${shown(there[name])} there, ${shown(here[name])} here`).join('; ');
}

/** Something is not as it should be; the message says where. */
class Misfit extends Error {}

/** A part of the file, which knows where it is. */
class Part {
  constructor(
    private readonly value: unknown,
    private readonly path: string,
  ) {}

  misfit(wanted: string): Misfit {
    return new Misfit(`${this.path || 'the whole'}: expected ${wanted}, found ${shown(this.value)}`);
  }

  /** Its own field of this name; undefined is a part, too. */
  field(name: string): Part {
    const { value, path } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.misfit('an object');
    const own = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
    return new Part(own, path === '' ? name : `${path}.${name}`);
  }

  get names(): string[] {
    this.field('');
    return Object.keys(this.value as object);
  }

  get isThere(): boolean {
    return this.value !== undefined;
  }

  is<T extends string | number | boolean>(wanted: T): T {
    if (this.value !== wanted) throw this.misfit(shown(wanted));
    return wanted;
  }

  text(): string {
    const { value } = this;
    if (typeof value === 'string' && value.length <= MOST_LETTERS) return value;
    throw this.misfit(`a text of at most ${MOST_LETTERS} letters`);
  }

  boolean(): boolean {
    if (typeof this.value === 'boolean') return this.value;
    throw this.misfit('true or false');
  }

  number(least = Number.NEGATIVE_INFINITY, most = Number.MAX_VALUE): number {
    const { value } = this;
    if (typeof value === 'number' && value >= least && value <= most) return value;
    throw this.misfit(least === Number.NEGATIVE_INFINITY ? 'a number' : `a number from ${least} to ${most}`);
  }

  share(): number {
    return this.number(0, 1);
  }

  numberOrNull(): number | null {
    return this.value === null ? null : this.number();
  }

  /** @param length - Of the list; a range of lengths where there are two. */
  list<T>(read: (part: Part, index: number) => T, least: number, most = least): T[] {
    const { value, path } = this;
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      throw this.misfit(`a list of ${least === most ? least : `${least} to ${most}`}`);
    }
    return Array.from(value, (item, index) => read(new Part(item, `${path}[${index}]`), index));
  }
}

function settingsIn(part: Part): Settings {
  const number = (name: string) => part.field(name).number();
  return {
    ...{ steps: number('steps'), batch: number('batch'), learningRate: number('learningRate'), seed: number('seed') },
    quick: part.field('quick').boolean(),
  };
}

/** Reads the runs of the plan; a file that has others belongs to something else. */
function runsIn(part: Part, settings: Settings): Record<string, Result> {
  const ids = new Set(planOf(settings).map(({ id }) => id));
  const stranger = part.names.find((id) => !ids.has(id));
  if (stranger !== undefined) throw part.field(stranger).misfit('no run of this name');
  const runs: Record<string, Result> = {};
  const read = (jobs: readonly Job[]) => {
    for (const job of jobs.filter(({ id }) => part.field(id).isThere)) {
      runs[job.id] = resultIn(part.field(job.id), job);
    }
  };
  read(planOf(settings).filter((job) => !isTuned(job)));
  // Their settings follow from the others: without these they are trained anew.
  const tuned = tunedOf({ runs, settings });
  if (tuned) read(planOf(settings, tuned).filter(isTuned));
  return runs;
}

function resultIn(part: Part, job: Job): Result {
  if (job.kind === 'cost') return costIn(part);
  return job.kind === 'trial' ? trialIn(part, job) : runIn(part, job);
}

function trialIn(part: Part, job: TrialJob): TrialResult {
  const series = part.field('series');
  const read = Object.entries(shapeOf(job)).map(([name, length]) => [name, valuesIn(series.field(name), length)]);
  return { kind: part.field('kind').is('trial'), id: part.field('id').is(job.id), series: Object.fromEntries(read) };
}

function runIn(part: Part, job: TrainingJob): Run {
  const { steps, measured } = job;
  const wanted = measured === 'end' ? closingSteps(steps) : measuringSteps(steps);
  const watched = measured === 'distributions';
  return {
    kind: part.field('kind').is('training'),
    id: part.field('id').is(job.id),
    normalized: part.field('normalized').is(job.normalized),
    dropout: part.field('dropout').is(job.dropout),
    learningRate: part.field('learningRate').is(job.learningRate),
    deviation: part.field('deviation').is(job.deviation),
    seed: part.field('seed').is(job.seed),
    steps: part.field('steps').is(steps),
    milliseconds: part.field('milliseconds').number(0),
    batchNormMilliseconds: part.field('batchNormMilliseconds').number(0),
    trainAccuracy: part.field('trainAccuracy').share(),
    measurements: part.field('measurements').list((one, i) => measurementIn(one, wanted[i], watched), wanted.length),
    ...(job.inference && { inference: inferenceIn(part.field('inference')) }),
  };
}

function measurementIn(part: Part, step: number, watched: boolean): Measurement | WatchedMeasurement {
  const measurement = {
    step: part.field('step').is(step),
    accuracy: part.field('accuracy').share(),
    loss: part.field('loss').numberOrNull(),
  };
  if (!watched) return measurement;
  return {
    ...measurement,
    units: part.field('units').list((unit) => valuesIn(unit, PERCENTILES.length), WATCHED_UNITS),
    saturated: part.field('saturated').list((share) => share.share(), HIDDEN_LAYERS),
    layers: part.field('layers').list((layer) => valuesIn(layer, LAYER_PERCENTILES.length), HIDDEN_LAYERS),
  };
}

function valuesIn(part: Part, length: number): Values {
  return part.list((value) => value.numberOrNull(), length);
}

function inferenceIn(part: Part): Inference {
  const share = (name: string) => part.field(name).share();
  return {
    ...{ moving: share('moving'), population: share('population'), agreement: share('agreement') },
    drift: part.field('drift').number(0),
    batches: part.field('batches').list(byBatchIn, 1, MOST_WAYS),
  };
}

function byBatchIn(part: Part, index: number): ByBatch {
  const share = (name: string) => part.field(name).share();
  return {
    size: part.field('size').is(2 ** index),
    ...{ accuracy: share('accuracy'), least: share('least'), most: share('most') },
  };
}

/** The first way is the one without, and one of this library is among the others. */
function costIn(part: Part): CostResult {
  const ranks = part.field('ranks');
  const ways = part.field('ways').list(wayIn, 2, MOST_WAYS);
  if (ways.slice(1).every(({ batchNorm }) => batchNorm === null)) {
    throw part.field('ways').misfit('one with a time of batch normalization');
  }
  return {
    kind: part.field('kind').is('cost'),
    id: part.field('id').is('cost'),
    ...(ranks.isThere && { ranks: ranks.number(1, 2 ** 31) }),
    ways,
  };
}

function wayIn(part: Part): Cost {
  const batchNorm = part.field('batchNorm').numberOrNull();
  if (batchNorm !== null) part.field('batchNorm').number(0);
  return {
    name: part.field('name').text(),
    step: part.field('step').number(0),
    batchNorm,
    peakBytes: part.field('peakBytes').number(),
  };
}

/** A value in a few letters, none of which a terminal obeys. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  const visible = text.replace(/[\u007f-\u009f\u2028-\u202e]/g, '�');
  return visible.length > 60 ? `${visible.slice(0, 60)}…` : visible;
}
