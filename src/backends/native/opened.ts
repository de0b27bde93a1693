/** Addon files that are opened as far as they are needed, and trusted after they have computed the right bits. */
import type { Kernels } from '../../kernels.js';
import { builtin } from '../host.js';
import { adviceFor } from './advice.js';
import { type AddonFile, findFiles } from './files.js';
import { PROOF, proofOf } from './proof.js';
import { type Addon, adapt, missingIn, type Resources } from './table.js';

/** The addons of a package, best first. */
export class Addons {
  readonly #root: string;
  /** Not opened yet. */
  readonly #files: AddonFile[];
  readonly #opened: OpenedAddon[] = [];
  readonly #absent: readonly Error[];
  /** Files and single instruction sets that are not used, though they are there. */
  readonly #refused: Error[] = [];

  constructor(root: string) {
    const { files, reasons } = findFiles(root);
    this.#root = root;
    this.#files = files;
    this.#absent = reasons;
  }

  /**
   * The instruction sets that this processor runs, best first. @throws if no addon loads; it says why, and what to do
   */
  isas(): readonly string[] {
    for (const opened of this.#each()) return opened.isas;
    throw this.absence();
  }

  /** The addon of the first file that computes the right bits with the instruction set; undefined if none does. */
  load(isa: string, resources: Resources): Kernels | undefined {
    for (const opened of this.#each()) {
      if (!opened.isas.includes(isa)) continue;
      const kernels = opened.load(isa, resources);
      if (typeof kernels !== 'string')
        return this.#refused.length === 0 ? kernels : { ...kernels, refused: this.#refusals() };
      this.#refuse(opened.file, new Error(kernels));
    }
    return undefined;
  }

  /** Why nothing is used, and what to do. */
  absence(): Error {
    const reasons = new Set([...this.#refusals(), ...this.#absent.map(({ message }) => message)]);
    const causes = [...this.#refused.map(({ cause }) => cause as Error), ...this.#absent];
    const advice = adviceFor(this.#root, causes);
    return new Error(`native: no addon is used: ${[...reasons].join('; ')}. ${advice}`, { cause: causes[0] });
  }

  *#each(): Generator<OpenedAddon> {
    yield* this.#opened;
    for (let file = this.#files.shift(); file !== undefined; file = this.#files.shift()) {
      const opened = this.#open(file);
      if (opened === undefined) continue;
      this.#opened.push(opened);
      yield opened;
    }
  }

  /** @throws where there is no memory for it now; then it is tried again the next time */
  #open(file: AddonFile): OpenedAddon | undefined {
    try {
      return new OpenedAddon(file);
    } catch (cause) {
      if (isShortage(cause)) {
        this.#files.unshift(file);
        throw cause;
      }
      this.#refuse(file, cause as Error);
      return undefined;
    }
  }

  #refuse(file: AddonFile, cause: Error): void {
    const message = `${file.origin}: ${explain(file, cause)}`;
    if (!this.#refusals().includes(message)) this.#refused.push(new Error(message, { cause }));
  }

  #refusals(): string[] {
    return this.#refused.map(({ message }) => message);
  }
}

export class OpenedAddon {
  /** The instruction sets of an addon that this processor runs, best first. */
  readonly isas: readonly string[];
  readonly file: AddonFile;
  readonly #addon: Addon;
  /** By instruction set, why it is not used; '' where it computes the right bits. */
  readonly #faults = new Map<string, string>();

  /** @throws where the file is damaged, forbidden, or made for another machine */
  constructor(file: AddonFile) {
    const { path, made } = file;
    const { size } = builtin<typeof import('node:fs')>('node:fs')!.statSync(path);
    // A truncated file may end the process when it is opened.
    if (made !== undefined && size !== made.bytes) throw new Error(`it has ${size} bytes instead of ${made.bytes}`);
    this.file = file;
    this.#addon = builtin<typeof import('node:module')>('node:module')!.createRequire(path)(path);
    this.isas = this.#addon.isas();
  }

  /** Or why it is not used: kernels that it lacks, or wrong bits. */
  load(isa: string, resources: Resources): Kernels | string {
    const known = this.#faults.get(isa);
    if (known !== undefined && known !== '') return known;
    const table = this.#addon.load(isa, resources);
    const missing = missingIn(table);
    const kernels = adapt(table, isa, resources.threads, this.file.origin);
    const fault = known ?? faultOf(isa, missing, kernels);
    this.#faults.set(isa, fault);
    return fault === '' ? kernels : fault;
  }
}

function faultOf(isa: string, missing: readonly string[], kernels: Kernels): string {
  if (missing.length > 0) return `it is of another version of batchnorm, and lacks ${missing.join(', ')}`;
  return proofOf(kernels) === PROOF ? '' : `it computes other bits than it should with ${isa} (built with -Ofast?)`;
}

/** The error of an addon that was given no memory: nothing is wrong with the addon. */
function isShortage(cause: unknown): boolean {
  return cause instanceof RangeError && cause.message.startsWith('batchnorm: native: no memory');
}

function explain({ path, needs }: AddonFile, { code, message }: NodeJS.ErrnoException): string {
  if (code !== 'ERR_DLOPEN_FAILED') return message.replace(/\.$/, '');
  // The file is there: so glibc names one that is for another processor.
  const reason = message.includes(`${path}: cannot open shared object file`) ? 'it is for another processor' : message;
  return needs === undefined ? reason : `${reason} (it needs ${needs})`;
}
