/**
 * TensorFlow.js is an optional peer of this package. Imported first, so that in Node.js a missing one is told by its
 * name and what to do, before the modules that need it are loaded.
 */
import { builtin } from '../backends/host.js';
import { packageRoot } from '../backends/package-root.js';

const NEEDED = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers'];

function checkPeers(root: string | undefined): void {
  const modules = builtin<typeof import('node:module')>('node:module');
  // Bundles and browsers have them within, or say themselves what they lack.
  if (root === undefined || modules === undefined) return;
  const { resolve } = modules.createRequire(`${root}/package.json`);
  for (const name of NEEDED) {
    try {
      resolve(name);
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== 'MODULE_NOT_FOUND') continue;
      const message =
        `batchnorm: batchnorm/tfjs needs ${NEEDED.join(' and ')}, and there is no ${name} for ${root}; ` +
        `npm install ${NEEDED.join(' ')}, or @tensorflow/tfjs, which has both`;
      throw Object.assign(new Error(message, { cause }), { code: 'MODULE_NOT_FOUND' });
    }
  }
}

checkPeers(packageRoot());
