import { type Callback, suite, type Test } from 'uvu';
import type { BackendUnderTest } from './backends.js';
import { SEED } from './random.js';

/**
 * A suite that runs by itself, after the module that defines it: forgetting `run` is not possible. (A microtask comes
 * after the module's own code and before the import of it resolves, which is when uvu goes on to the next file.)
 */
export function suiteOf(title: string): Test {
  const test = suite(title);
  queueMicrotask(() => test.run());
  return Object.assign((name: string, body: Callback) => test(name, namingSeed(body)), test);
}

/** The same, on a backend. */
export function suiteFor(backend: BackendUnderTest, title: string): Test {
  const test = suiteOf(`${backend.name}/${backend.isa}: ${title}`);
  test.before.each(() => backend.use());
  return test;
}

function namingSeed(body: Callback): Callback {
  return async (context) => {
    try {
      await body(context);
    } catch (error) {
      if (error instanceof Error) error.message += ` (BATCHNORM_SEED=${SEED})`;
      throw error;
    }
  };
}
