/** Where the package is. The only place that asks for it. */
import { builtin } from './backends/host.js';

/**
 * The folder of the package; undefined where that cannot be known: in a browser, and in a bundle, which lies somewhere else.
 * In the CommonJS tree scripts/build-ts.js puts `__filename` in the place of `import.meta.url`.
 */
export function packageRoot(): string | undefined {
  const files = builtin<typeof import('node:fs')>('node:fs');
  const path = builtin<typeof import('node:path')>('node:path');
  const url = builtin<typeof import('node:url')>('node:url');
  const here: string | undefined = import.meta.url;
  if (files === undefined || path === undefined || url === undefined || here === undefined) return undefined;
  const folder = path.dirname(here.startsWith('file:') ? url.fileURLToPath(here) : here);
  const dist = path.basename(folder) === 'cjs' ? path.dirname(folder) : folder;
  const root = path.dirname(dist);
  try {
    return JSON.parse(files.readFileSync(path.join(root, 'package.json'), 'utf8')).name === 'batchnorm'
      ? root
      : undefined;
  } catch (error) {
    // What may not be read, as in Deno without --allow-read, is no bundle: who reads more there finds the reason.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError ? undefined : root;
  }
}
