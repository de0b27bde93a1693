// The files of kernels that are compiled once per instruction set, as native/kernels/isa.gypi lists them.
import { readFileSync } from 'node:fs';

/** Names without `.cc`. */
export function kernelSources() {
  const text = readFileSync(new URL('../native/kernels/isa.gypi', import.meta.url), 'utf8');
  const [list] = /'sources': \[[^\]]*\]/.exec(text);
  return [...list.matchAll(/'([\w-]+)\.cc'/g)].map(([, name]) => name);
}
