/** What this machine can run: every backend, once per instruction set. */
import { type BackendName, backend, useBackend } from 'batchnorm';
import * as native from '#dist/backends/native.js';
import * as reference from '#dist/backends/reference.js';
import { kernels } from '#dist/backends/select.js';
import * as wasm from '#dist/backends/wasm.js';
import type { Kernels } from '#dist/kernels.js';

export interface BackendUnderTest {
  readonly name: BackendName;
  readonly isa: string;
  /** Makes it the one that the package uses. */
  use(): void;
  kernels(): Kernels;
}

/** Why a backend is not among those under test. */
export interface Absence {
  readonly name: BackendName;
  readonly reason: string;
}

const MODULES = { reference, wasm, native };

/** Every instruction set of the backend that runs here; or why none does. */
export function underTest(name: BackendName): BackendUnderTest[] | Absence {
  try {
    return MODULES[name].isas().map((isa) => new Forced(name, isa));
  } catch (error) {
    return { name, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** All that run here, the reference first. */
export function allUnderTest(): BackendUnderTest[] {
  const names: BackendName[] = ['reference', 'wasm', 'native'];
  return names.flatMap((name) => {
    const found = underTest(name);
    return Array.isArray(found) ? found : [];
  });
}

/** BATCHNORM_REQUIRE=native,wasm lists what may not be missing. */
export function isRequired(name: string): boolean {
  return (process.env['BATCHNORM_REQUIRE'] ?? '').split(',').includes(name);
}

class Forced implements BackendUnderTest {
  #kernels: Kernels | undefined;

  constructor(
    readonly name: BackendName,
    readonly isa: string,
  ) {}

  use(): void {
    const current = backend();
    if (current.name !== this.name || current.isa !== this.isa) useBackend(this.name, { isa: this.isa });
  }

  kernels(): Kernels {
    if (this.#kernels === undefined) {
      this.use();
      this.#kernels = kernels();
    }
    return this.#kernels;
  }
}
