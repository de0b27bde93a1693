/** The findings of `batchnorm doctor`. */

import { packageRoot } from '../../backends/package-root.js';
import { type BackendInfo, type BackendName, backend, backends, useBackend } from '../../index.js';
import { mpiLibrary } from '../../mpi/index.js';
import { type CommandWithNeeds, missingNeeds, runningWithNeeds } from '../needs.js';
import { type InspectedAddon, inspectAddons } from './addons.js';
import { inspectMachine, type Machine } from './machine.js';
import { DIGEST, selfTest } from './self-test.js';

export interface Tried {
  readonly backend: BackendName;
  readonly isa: string;
  /** Digest of the self-test; null if it failed with an error. */
  readonly digest: string | null;
  readonly passed: boolean;
  /** The error of the self-test. */
  readonly error?: string;
}

export interface Diagnosis {
  readonly version: string;
  readonly machine: Machine;
  /** BATCHNORM_… of the environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Chosen by itself, or by the environment; null where that fails. */
  readonly inUse: BackendInfo | null;
  readonly backends: readonly BackendInfo[];
  /** Instruction sets that run here, each with its self-test. */
  readonly selfTest: { readonly expected: string; readonly tried: readonly Tried[] };
  /** The files that may be the native addon, best first, and why there are no others. */
  readonly addons: { readonly files: readonly InspectedAddon[]; readonly absent: readonly string[] };
  /** The state of `batchnorm/mpi`, which is built only on request: its MPI library, or why there is none. */
  readonly mpi: { readonly library: string } | { readonly reason: string };
  /** Packages that single commands lack. */
  readonly missing: Readonly<Record<CommandWithNeeds, readonly string[]>>;
  /** Problems: the exit code is 1 if there are any. */
  readonly problems: readonly string[];
  /** Advice, with the command to type. */
  readonly advice: readonly string[];
}

const ISAS: Record<BackendName, readonly string[]> = {
  native: ['avx512', 'avx2', 'baseline', 'neon'],
  wasm: ['simd128', 'scalar'],
  reference: ['javascript'],
};

export function diagnose(version: string): Diagnosis {
  const [inUse, failure] = chosen();
  const found = backends();
  const tried = found.filter(({ available }) => available).flatMap(({ name }) => tryAll(name));
  if (inUse) useBackend(inUse.name, { isa: inUse.isa, threads: inUse.threads });
  const missing = { train: missingNeeds('train'), bench: missingNeeds('bench') };
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name.startsWith('BATCHNORM_')),
  ) as Record<string, string>;
  const addons = inspectAddons(packageRoot());
  return {
    ...{ version, machine: inspectMachine(), environment, inUse, backends: found },
    selfTest: { expected: DIGEST, tried },
    ...{ addons, mpi: inspectMpi(), missing },
    problems: [...problemsOf(failure, tried), ...problemsOfAddons(found, addons.files)],
    advice: adviceOf(found, inUse, missing),
  };
}

/** The backend in use, or why there is none. */
function chosen(): [BackendInfo, null] | [null, string] {
  try {
    return [backend(), null];
  } catch (error) {
    return [null, messageOf(error)];
  }
}

/** Backends that cannot run here are left out. */
function tryAll(name: BackendName): Tried[] {
  return ISAS[name].filter((isa) => isUsable(name, isa)).map((isa) => tryOne(name, isa));
}

function isUsable(name: BackendName, isa: string): boolean {
  try {
    useBackend(name, { isa });
    return true;
  } catch {
    return false;
  }
}

function tryOne(name: BackendName, isa: string): Tried {
  try {
    useBackend(name, { isa });
    const digest = selfTest();
    return { backend: name, isa, digest, passed: digest === DIGEST };
  } catch (error) {
    return { backend: name, isa, digest: null, passed: false, error: messageOf(error) };
  }
}

function inspectMpi(): Diagnosis['mpi'] {
  try {
    return { library: mpiLibrary() };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

function problemsOf(failure: string | null, tried: readonly Tried[]): string[] {
  const wrong = tried
    .filter(({ passed }) => !passed)
    .map(({ backend, isa, error }) => {
      const what = error ?? 'other bits than the frozen ones; please report the output of batchnorm doctor --json';
      return `the self-test failed with ${backend} (${isa}): ${what}`;
    });
  return [...(failure === null ? [] : [failure]), ...wrong];
}

function problemsOfAddons(found: readonly BackendInfo[], files: readonly InspectedAddon[]): string[] {
  const changed = files
    .filter(({ isAsMade }) => isAsMade === false)
    .map(
      ({ path, sha256 }) =>
        `${path} is not what it was when it was made: its SHA-256 is ${sha256}; install batchnorm anew`,
    );
  return [...changed, ...found.flatMap(({ refused = [] }) => refused.map((reason) => `refused: ${reason}`))];
}

/** Of commands that need packages, which they install in a folder of their own. */
const PURPOSES: Readonly<Record<CommandWithNeeds, string>> = {
  train: 'see it train networks, with what that needs in a folder of its own',
  bench: 'time it beside other libraries, with these in a folder of its own',
};

function adviceOf(found: readonly BackendInfo[], inUse: BackendInfo | null, missing: Diagnosis['missing']): string[] {
  const advice = [];
  if (inUse === null)
    advice.push('unset what the environment asks for: unset BATCHNORM_BACKEND BATCHNORM_ISA BATCHNORM_THREADS');
  const native = found.find(({ name }) => name === 'native');
  if (native?.reason) advice.push(native.reason.replace(/^native: /, ''));
  const best = found.find(({ available }) => available);
  if (inUse && best && best.name !== inUse.name) {
    advice.push(`${best.name} would run too, but the environment asks for ${inUse.name}: unset BATCHNORM_BACKEND`);
  }
  for (const [command, packages] of Object.entries(missing) as [CommandWithNeeds, readonly string[]][]) {
    if (packages.length > 0) advice.push(`to ${PURPOSES[command]}: ${runningWithNeeds(command)}`);
  }
  return advice;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^batchnorm: /, '');
}
