/** `batchnorm doctor`: what runs here and why, whether it computes right, and what to do. */
import { readFileSync } from 'node:fs';
import type { Options, Values } from '../options.js';
import { type Diagnosis, diagnose } from './diagnosis.js';
import type { Machine } from './machine.js';

export const DOCTOR_OPTIONS = {
  json: { type: 'flag', description: 'print JSON on standard output, and nothing else' },
} as const satisfies Options;

export function runDoctor({ json }: Values<typeof DOCTOR_OPTIONS>): void {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const diagnosis = diagnose(version);
  console.log(json ? JSON.stringify(diagnosis, null, 2) : describe(diagnosis, hasColours()));
  if (diagnosis.problems.length > 0) process.exitCode = 1;
}

/** On a terminal, unless NO_COLOR asks for none (no-color.org: not empty). */
function hasColours(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'];
}

export function describe(diagnosis: Diagnosis, colours: boolean): string {
  const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  const title = (text: string) => paint(1, text);
  const mark = (good: boolean) => (good ? paint(32, '✓') : paint(31, '✗'));
  const { machine, inUse, environment } = diagnosis;
  const caches = machine.caches.map(({ level, bytes }) => `L${level} ${size(bytes)}`).join(', ');
  const backends = diagnosis.backends.map(({ name, available, isa, threads, origin, reason }) => {
    const isUsed = name === inUse?.name;
    const details = [isa, `${threads} ${threads === 1 ? 'thread' : 'threads'}`, origin, isUsed && 'in use'];
    const what = available ? details.filter(Boolean).join(', ') : reason;
    return `  ${mark(available)} ${name.padEnd(10)} ${what}`;
  });
  const tests = diagnosis.selfTest.tried.map(
    ({ backend, isa, digest, passed, error }) =>
      `  ${mark(passed)} ${`${backend}/${isa}`.padEnd(21)} ${error ?? digest!.slice(0, 16)}` +
      (passed ? '' : ` (expected ${diagnosis.selfTest.expected.slice(0, 16)})`),
  );
  const addons = diagnosis.addons.files.map(({ path, origin, sha256, isAsMade }) => {
    const hash = `SHA-256 ${sha256.slice(0, 16)}${isAsMade ? ', as when it was made' : ''}`;
    return `  ${isAsMade === null ? '–' : mark(isAsMade)} ${origin}: ${path}, ${hash}`;
  });
  const list = (name: string, items: readonly string[], code: number) =>
    items.length === 0 ? [] : ['', paint(code, name), ...items.map((item) => `  - ${item}`)];
  return [
    title(`batchnorm ${diagnosis.version}`),
    `  processor   ${machine.processor} (${machine.architecture}), ${machine.processors} available`,
    `  threads     ${threadsOf(machine)}`,
    `  caches      ${caches || 'the system does not say'}`,
    `  memory      ${size(machine.memoryBytes)}`,
    `  system      ${machine.system}, Node.js ${machine.node}`,
    ...Object.entries(environment).map(([name, value]) => `  environment ${name}=${value}`),
    '',
    title('Backends'),
    ...backends,
    '',
    title('Files of the native addon'),
    ...addons,
    ...diagnosis.addons.absent.map((reason) => `  – ${reason}`),
    '',
    title('Self-test: the same bits everywhere'),
    ...tests,
    '',
    title('Over several processes: batchnorm/mpi, optional'),
    'library' in diagnosis.mpi ? `  ${mark(true)} ${diagnosis.mpi.library}` : `  – ${diagnosis.mpi.reason}`,
    ...list('Problems', diagnosis.problems, 31),
    ...list('Advice', diagnosis.advice, 33),
    ...(diagnosis.problems.length + diagnosis.advice.length === 0 ? ['', 'All is well.'] : []),
  ].join('\n');
}

/** The number of threads by default, and where it comes from. */
function threadsOf({ threads: { threads, quota } }: Machine): string {
  if (quota === undefined) return `${threads}: one for each processor`;
  const rounded = Number(quota.processors.toPrecision(3));
  return `${threads}: a quota of ${rounded} ${rounded === 1 ? 'processor' : 'processors'} (${quota.file})`;
}

function size(bytes: number): string {
  const [unit, name] = [
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ].find(([unit]) => bytes >= Number(unit)) ?? [1, 'B'];
  return `${Number((bytes / Number(unit)).toPrecision(3))} ${name}`;
}
