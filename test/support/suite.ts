import { suite, type Test } from 'uvu';
import type { BackendUnderTest } from './backends.js';

/** A suite on this backend. It runs when the module that made it has been evaluated: none is forgotten. */
export function suiteFor(backend: BackendUnderTest, title: string): Test {
  const test = suite(`${backend.name}/${backend.isa}: ${title}`);
  test.before.each(() => backend.use());
  queueMicrotask(() => test.run());
  return test;
}
