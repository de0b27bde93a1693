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
/** By instruction set, threads and processors: switching to and fro makes nothing anew. */
const loaded = new Map<string, Kernels>();

/** The instruction sets that this machine can run, best first. */
export function isas(): string[] {
  return [...addons().isas()];
}

/** More threads than processors would take them from each other: calls are shared by as many as there are. */
export function load({ isa, threads: wanted }: LoadOptions): Kernels {
  const processors = availableThreads();
  const threads = wanted ?? processors;
  const known = isas();
  if (isa !== undefined && !known.includes(isa)) {
    throw new Error(`native: this processor or build does not run "${isa}"; it runs ${known.join(', ')}.`);
  }
  for (const chosen of isa === undefined ? known : [isa]) {
    const key = `${chosen} ${threads} ${processors}`;
    const kernels = loaded.get(key) ?? addons().load(chosen, { threads: Math.min(threads, processors) });
    if (kernels === undefined) continue;
    const named = kernels.threads === threads ? kernels : { ...kernels, threads };
    loaded.set(key, named);
    return named;
  }
  throw addons().absence();
}

/** The kernels with walks of one's own choice, for tests and measurements; with more threads than processors, too. */
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
