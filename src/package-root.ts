/** Where the package is. The only place that asks for it. */
import { builtin } from './backends/host.js';

/** The folder of the package; undefined where that cannot be known, as in a browser. */
export function packageRoot(): string | undefined {
  const url = builtin<typeof import('node:url')>('node:url');
  return url?.fileURLToPath(new URL('..', import.meta.url));
}
