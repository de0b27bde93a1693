/** The kernels in C++: a Node-API addon with one build of them for each instruction set. */
import type { Kernels } from '../kernels.js';
import { builtin } from './host.js';
import type { LoadOptions } from './loader.js';
import { bundled } from './native/advice.js';
import { Addons } from './native/opened.js';
import type { Resources } from './native/table.js';
import { packageRoot } from './package-root.js';
import { availableThreads } from './threads.js';

export type { Resources } from './native/table.js';

let found: Addons | undefined;
/** By instruction set and threads: switching to and fro makes nothing anew. */
const loaded = new Map<string, Kernels>();

/** The instruction sets that this machine can run, best first. */
export function isas(): string[] {
  return [...addons().isas()];
}

export function load({ isa, threads = availableThreads() }: LoadOptions): Kernels {
  const known = isas();
  if (isa !== undefined && !known.includes(isa)) {
    throw new Error(`native: this processor or build does not run "${isa}"; it runs ${known.join(', ')}.`);
  }
  for (const chosen of isa === undefined ? known : [isa]) {
    const key = `${chosen} ${threads}`;
    const kernels = loaded.get(key) ?? addons().load(chosen, { threads });
    if (kernels === undefined) continue;
    loaded.set(key, kernels);
    return kernels;
  }
  throw addons().absence();
}

/** The kernels with walks of one's own choice, for tests and measurements. */
export function loadWith(isa: string, resources: Resources): Kernels {
  const kernels = addons().load(isa, resources);
  if (kernels === undefined) throw addons().absence();
  return kernels;
}

function addons(): Addons {
  found ??= findAddons();
  return found;
}

function findAddons(): Addons {
  if (builtin('node:module') === undefined) throw new Error('native: a browser loads no addons.');
  const root = packageRoot();
  if (root === undefined) throw new Error(`native: ${bundled()}`);
  return new Addons(root);
}
