import type { BackendName } from 'batchnorm';
import { backend as current } from 'batchnorm';
import * as assert from 'uvu/assert';
import { type BackendUnderTest, isRequired, underTest } from './backends.js';
import { suiteFor, suiteOf } from './suite.js';

/** Suites are functions of a backend. */
export type Suite = (backend: BackendUnderTest) => void;

/**
 * Runs the suites on every instruction set of a backend. A backend that is missing is skipped aloud, or fails if
 * required.
 */
export function runOn(name: BackendName, suites: readonly Suite[]): void {
  const found = underTest(name);
  if (Array.isArray(found)) {
    for (const backend of found) {
      runsWhatItClaims(backend);
      for (const suite of suites) suite(backend);
    }
  } else if (isRequired(name)) {
    suiteOf(`${name}: required`)('is there', () => assert.unreachable(found.reason));
  } else {
    skipAloud(name, found.reason);
  }
}

/** A line that says what is not tested here, and why; counted as skipped. */
export function skipAloud(title: string, reason: string): void {
  console.log(`skipped: ${title}: ${reason}`);
  suiteOf(title).skip(reason);
}

function runsWhatItClaims(backend: BackendUnderTest): void {
  const { name, isa } = backend;
  suiteFor(backend, 'proof')('runs what it claims', () => {
    const { name: currentName, isa: currentIsa, available } = current();
    assert.equal({ name: currentName, isa: currentIsa, available }, { name, isa, available: true });
    assert.equal([backend.kernels().name, backend.kernels().isa], [name, isa]);
  });
}
