// `npm run build:prebuilds [-- target…]`: without targets, all of them.
import { buildPrebuilds } from './build.js';
import { TARGETS } from './targets.js';

const wanted = process.argv.slice(2);
try {
  await buildPrebuilds(wanted.length > 0 ? wanted : Object.keys(TARGETS));
} catch (error) {
  console.error(`batchnorm: ${error.message}`);
  process.exitCode = 1;
}
