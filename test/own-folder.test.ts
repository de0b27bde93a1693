/** `train` where its packages are not installed: it makes a folder of its own, once. npm is a stand-in here. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'batchnorm-apart-'));
const MAIN = join(home, 'bare', 'dist', 'cli', 'main.js');
const caches = join(home, 'caches');
const npm = join(home, 'npm-cli.js');

const test = suiteOf('a folder of its own');
test.before(() => {
  for (const part of ['dist', 'dist-demo', 'demo/package.json', 'data', 'package.json']) {
    cpSync(join(ROOT, part), join(home, 'bare', part), { recursive: true });
  }
  // Links to the packages of the clone instead of downloads; with FAILS it ends as npm does without a network.
  writeFileSync(
    npm,
    `const { mkdirSync, readFileSync, symlinkSync } = require('node:fs');
const { dirname, join } = require('node:path');
if (process.env.FAILS) process.exit(7);
console.log('npm talks');
for (const name of Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies)) {
  mkdirSync(dirname(join('node_modules', name)), { recursive: true });
  symlinkSync(join(${JSON.stringify(ROOT)}, 'node_modules', name), join('node_modules', name), 'junction');
}`,
  );
});
test.after(() => rmSync(home, { recursive: true }));

function train(options: string[], variables: NodeJS.ProcessEnv = {}) {
  const folder = mkdtempSync(join(home, 'run-'));
  const env = { ...process.env, XDG_CACHE_HOME: caches, LOCALAPPDATA: caches, HOME: caches, npm_config_yes: '' };
  const given = [MAIN, 'train', '--quick', '--steps', '2', '--json', ...options];
  const result = spawnSync(process.execPath, given, {
    ...{ cwd: folder, env: { ...env, npm_execpath: npm, ...variables }, encoding: 'utf8', maxBuffer: 2 ** 26 },
  });
  return { ...result, folder };
}

const made = () => readdirSync(caches, { recursive: true }).filter((name) => /batchnorm.\d[^/\\]*$/.test(String(name)));

test('what fails is one line, and leaves nothing', () => {
  const { status, stderr, folder } = train(['--yes'], { FAILS: '1' });
  assert.is(status, 1);
  assert.match(stderr, /^batchnorm: .*caches.* cannot be made \(npm ended with exit code 7\)\n$/);
  assert.equal(made(), []);
  assert.equal(readdirSync(folder), []);
});

test('is made with --yes, and used without it; results are alone on standard output', () => {
  const { status, stdout, stderr, folder } = train(['--yes']);
  assert.is(status, 0, stderr);
  assert.ok(Object.keys(JSON.parse(stdout).runs).length > 30);
  assert.match(stderr, 'npm talks');
  assert.equal(readdirSync(folder).sort(), ['report.html', 'report.json']);
  assert.is(made().length, 1);
  // Only the program itself knows how many images there are.
  assert.match(train(['--batch', '99999'], { FAILS: '1' }).stderr, /^batchnorm: --batch 99999: expected at most \d+/);
});

test('another build of the same version has another folder', () => {
  const file = join(home, 'bare', 'dist-demo', 'main.js');
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n`);
  const { status, stderr } = train([], { npm_config_yes: 'true', FAILS: '1' });
  assert.is(status, 1);
  assert.match(stderr, 'cannot be made');
  assert.is(made().length, 1);
});
