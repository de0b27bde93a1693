// The digests in Bun and Deno, on every backend that loads there: `npm run build:test && npm run test:runtimes`. What is not on the PATH
// is skipped aloud, or fails where BATCHNORM_REQUIRE names it. To have both for a moment: npm exec -p bun -p deno -- npm run test:runtimes
import { spawnSync } from 'node:child_process';

const required = (process.env.BATCHNORM_REQUIRE ?? '').split(',');
const RUNTIMES = [
  ['bun', 'run'],
  ['deno', 'run', '--allow-all'],
];

for (const [command, ...options] of RUNTIMES) {
  const { error, status } = spawnSync(command, [...options, 'dist-test/support/runtime.js'], { stdio: 'inherit' });
  const absent = error?.code === 'ENOENT';
  if (absent && !required.includes(command)) console.log(`skipped: ${command}: not on the PATH`);
  else if (status === 0) console.log(`${command}: passed`);
  else {
    console.error(`${command}: ${absent ? 'not on the PATH' : 'failed'}`);
    process.exitCode = 1;
  }
}
