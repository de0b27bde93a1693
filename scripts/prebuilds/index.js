// `npm run build:prebuilds [-- target…] [--cached]`: the addon for these targets, or for all, into prebuilds/. What has
// been built from the same sources by the same compiler is taken from the cache; with --cached, of targets that are not
// named too, as far as it is there.
//
// `prepack` (--pack) puts all of them there and nothing else, or fails. BATCHNORM_PREBUILDS=linux-x64,… packs fewer.
import { existsSync } from 'node:fs';
import { build } from './build.js';
import { cachedFile, hashOf, keep, place, retain } from './store.js';
import { TARGETS } from './targets.js';

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`batchnorm: ${error.message}`);
  process.exitCode = 1;
}

async function main(args) {
  const packing = args.includes('--pack');
  const chosen = packing
    ? (process.env.BATCHNORM_PREBUILDS?.split(',') ?? [])
    : args.filter((name) => !/^--/.test(name));
  const unknown = chosen.filter((name) => TARGETS[name] === undefined);
  if (unknown.length > 0)
    throw new Error(`unknown: ${unknown.join(', ')}; targets are ${Object.keys(TARGETS).join(', ')}`);
  const names = chosen.length > 0 ? chosen : Object.keys(TARGETS);
  const failures = [];
  for (const name of names) await provide(name).catch(({ message }) => failures.push(`${name}: ${message}`));
  if (failures.length > 0) throw new Error(`${packing ? 'not packed: ' : ''}${failures.join('\n')}`);
  if (args.includes('--cached')) takeCached(Object.keys(TARGETS).filter((name) => !names.includes(name)));
  if (!packing) return;
  retain(Object.fromEntries(names.map((name) => [name, TARGETS[name]])));
  const left = Object.keys(TARGETS).filter((name) => !names.includes(name));
  if (left.length > 0) console.error(`batchnorm: packed without ${left.join(', ')}, by BATCHNORM_PREBUILDS`);
}

async function provide(name) {
  const target = TARGETS[name];
  const hash = hashOf(target);
  const cached = hash && cachedFile(name, hash);
  const isKnown = hash !== undefined && existsSync(cached);
  const started = performance.now();
  if (isKnown) place(cached, name, target);
  else {
    await build(name, target, (file) => {
      keep(file, cached);
      place(file, name, target);
    });
  }
  console.error(`${name}: ${isKnown ? 'cached' : `built in ${((performance.now() - started) / 1000).toFixed(0)} s`}`);
}

function takeCached(names) {
  for (const name of names) {
    const hash = hashOf(TARGETS[name]);
    const isKnown = hash !== undefined && existsSync(cachedFile(name, hash));
    if (isKnown) place(cachedFile(name, hash), name, TARGETS[name]);
    console.error(`${name}: ${isKnown ? 'cached' : 'skipped: not in the cache'}`);
  }
}
