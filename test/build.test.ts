/** `batchnorm build` where something is missing or in the way. That it builds: install.test.ts. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { environment, install, pack } from './support/install.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

if (process.platform === 'win32') {
  skipAloud('batchnorm build', 'compilers are replaced by CXX, signals are sent');
} else {
  const home = mkdtempSync(join(tmpdir(), 'batchnorm-build-test-'));
  const temporary = join(home, 'tmp');
  const test = suiteOf('batchnorm build');
  let root = '';

  test.before(() => {
    mkdirSync(temporary);
    root = join(install(join(home, 'app'), pack(home)), 'node_modules', 'batchnorm');
  });
  test.before.each(() => rmSync(join(root, 'build'), { recursive: true, force: true }));
  test.after(() => rmSync(home, { recursive: true }));

  const variables = (own: NodeJS.ProcessEnv) => ({ ...environment(), TMPDIR: temporary, ...own });
  const command = (...options: readonly string[]) => [join(root, 'dist', 'cli', 'main.js'), 'build', ...options];

  function build(env: NodeJS.ProcessEnv, ...options: readonly string[]) {
    const child = spawnSync(process.execPath, command(...options), {
      encoding: 'utf8',
      env: variables(env),
      cwd: home,
    });
    return { status: child.status, stderr: child.stderr };
  }

  function start(env: NodeJS.ProcessEnv, ...options: readonly string[]): ChildProcess {
    return spawn(process.execPath, command(...options), { env: variables(env), stdio: ['ignore', 'ignore', 'pipe'] });
  }

  function nativeReason(): string | undefined {
    const library = JSON.stringify(join(root, 'dist', 'cjs', 'index.js'));
    const script = `console.log(require(${library}).backends()[0].reason ?? '')`;
    return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env: environment() }).stdout.trim();
  }

  function nothingIsLeft(): void {
    assert.equal(
      readdirSync(temporary).filter((name) => !name.startsWith('node-')),
      [],
    );
    assert.equal(
      readdirSync(join(root, 'build')).filter((name) => name !== 'failure.txt'),
      [],
    );
  }

  const LACKING: readonly (readonly [what: string, env: NodeJS.ProcessEnv, reason: RegExp])[] = [
    ['a compiler that fails', { CC: 'false', CXX: 'false' }, /a command of make failed: .*Error 1$/m],
    ['a compiler that is not there', { CC: 'no-cc', CXX: 'no-cc' }, /no-cc was not found$/m],
    [
      'a Python that is not there',
      { PYTHON: '/no/python', npm_config_python: '/no/python', PATH: '/no' },
      /Python 3 was not found$/m,
    ],
  ];
  for (const [what, env, reason] of LACKING) {
    test(`${what}: the reason is said and kept, and what came with the package is used`, () => {
      const { status, stderr } = build(env);
      assert.is(status, 1, stderr);
      assert.match(stderr, reason);
      assert.match(stderr, /^batchnorm: build: the native addon was not built: /m);
      assert.match(readFileSync(join(root, 'build', 'failure.txt'), 'utf8'), reason);
      assert.is(nativeReason(), '');
      nothingIsLeft();
    });
  }

  test('headers that never come: it ends in time, and says what it waited for', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const url = `http://127.0.0.1:${port}`;
    const env = { npm_config_disturl: url, npm_config_devdir: join(home, 'devdir'), npm_config_nodedir: '' };
    const child = start(env, '--timeout', '6');
    const said = textOf(child);
    const [status] = await once(child, 'close');
    server.close();
    assert.is(status, 1, said());
    assert.match(
      said(),
      `it took more than 6 s (--timeout); the last step was downloading the headers of Node.js from ${url}`,
    );
    nothingIsLeft();
  });

  const slow = { CC: join(home, 'slow'), CXX: join(home, 'slow') };

  test('a second one at once is refused; a signal ends the first with all that it has started', async () => {
    writeFileSync(join(home, 'slow'), `#!/bin/sh\necho started >> ${home}/started\nexec sleep 60\n`, { mode: 0o755 });
    const first = start(slow);
    while (!existsSync(join(home, 'started'))) await new Promise((resolve) => setTimeout(resolve, 50));
    const { status, stderr } = build({});
    assert.is(status, 1);
    assert.match(
      stderr,
      /^batchnorm: build: another build is at work here, process \d+ on .* since \d\d:\d\d:\d\d UTC; /,
    );
    first.kill('SIGTERM');
    assert.equal(await once(first, 'exit'), [143, null]);
    nothingIsLeft();
  });

  const STALE: readonly (readonly [what: string, content: string])[] = [
    [
      'of a process that has ended',
      JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), since: 0, until: Date.now() + 1e6 }),
    ],
    ['of another machine that has had its time', JSON.stringify({ pid: 1, host: 'elsewhere', since: 0, until: 1 })],
    ['that was not written', ''],
  ];
  for (const [what, content] of STALE) {
    test(`a lock ${what} is no obstacle`, () => {
      mkdirSync(join(root, 'build'));
      writeFileSync(join(root, 'build', 'lock'), content);
      assert.match(build({ CC: 'no-cc', CXX: 'no-cc' }).stderr, 'no-cc was not found');
      nothingIsLeft();
    });
  }

  test('npm ci in a clone ends well without a compiler, or where nothing is to be built, and says why', () => {
    cpSync(join(root, 'dist', 'binding.gyp'), join(root, 'binding.gyp'));
    const cases: [NodeJS.ProcessEnv, string][] = [
      [{ CC: 'no-cc', CXX: 'no-cc' }, 'no-cc was not found'],
      [{ BATCHNORM_SKIP_NATIVE: '1' }, 'BATCHNORM_SKIP_NATIVE was set'],
    ];
    for (const [env, reason] of cases) {
      const { status, stderr } = build(env, '--optional');
      assert.is(status, 0, stderr);
      assert.match(
        stderr,
        `batchnorm: the native addon was not built: ${reason}.\nbatchnorm: WebAssembly will be used`,
      );
    }
    rmSync(join(root, 'prebuilds'), { recursive: true });
    assert.match(nativeReason()!, 'building it here failed: BATCHNORM_SKIP_NATIVE was set; no prebuilt');
    assert.match(nativeReason()!, 'To build it: npm run build:native; it needs');
    rmSync(join(root, 'binding.gyp'));
  });

  test('a package that cannot be written', () => {
    writeFileSync(join(root, 'build'), 'a file where the folder should be');
    const { status, stderr } = build({});
    assert.is(status, 1);
    assert.match(stderr, /^batchnorm: build: .*batchnorm cannot be written \(.*\); run it as a user who may, /);
  });

  test('without node-gyp it says what installs it, by the package manager in use', () => {
    const node = join(home, 'bin', 'node');
    mkdirSync(join(home, 'bin'), { recursive: true });
    cpSync(process.execPath, node);
    const run = (agent: string) => {
      const env = variables({ PATH: '/nowhere', npm_config_node_gyp: '', npm_config_user_agent: agent });
      return spawnSync(node, command(), { encoding: 'utf8', env, cwd: home }).stderr;
    };
    assert.match(run(''), 'node-gyp was not found, nor npm, which brings one. This installs it: npm install node-gyp');
    assert.match(run('pnpm/12.21.0 npm/? node/v24.0.0'), 'This installs it: pnpm add node-gyp');
    assert.match(run('yarn/4.18.1 npm/? node/v24.0.0'), 'This installs it: yarn add node-gyp');
  });

  test('without MPI it says what installs it', () => {
    const { status, stderr } = build({ MPICC: '/no/mpicc' }, '--mpi');
    assert.is(status, 1);
    assert.match(
      stderr,
      /^batchnorm: build: the addon for MPI was not built: \/no\/mpicc was not found\. Debian and Ubuntu: /,
    );
  });
}

function textOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
