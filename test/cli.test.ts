/** The command line as its users meet it: a child process, its output, its exit code, and the files it leaves. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { idxImages, idxLabels } from './idx-files.js';
import { learnt, numbers } from './support/train-numbers.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
const home = mkdtempSync(join(tmpdir(), 'batchnorm-cli-'));

const cli = suite('command line');
cli.after(() => rmSync(home, { recursive: true }));

/** Every run, of a few steps. */
const SHORT = ['train', '--quick', '--steps', '20'];

cli('a short run shows a table, and writes a report that needs nothing else and its numbers', () => {
  const { status, stdout, stderr, folder } = run([...SHORT, '--backend', 'reference']);
  assert.is(status, 0, stderr);
  assert.match(stdout, 'backend reference (javascript, 1 thread)');
  assert.match(stdout, 'test accuracy after 20 steps');
  assert.match(stdout, 'steps to reach 90 %');
  assert.match(stdout, /time in BN.*– │ +\d+\.\d\d s/);
  assert.equal(readdirSync(folder).sort(), ['report.html', 'report.json']);
  const report = readFileSync(join(folder, 'report.html'), 'utf8');
  for (const title of ['Figure 1 of the paper', 'covariate shift', 'ropout', 'aturat', 'nference', 'cost']) {
    assert.match(report, title);
  }
  assert.ok(report.match(/<figure[^>]*>/g)!.length >= 8);
  assert.ok(report.match(/<path [^>]*d="M/g)!.length >= 30, 'lines and areas of the drawings');
  assert.not.match(report, /NaN|undefined|\[object/);
  assert.not.match(report, /<script|<link|<img|<iframe|@import|\bsrc=|url\((?!#)/i);
  assert.match(report, 'Alpaydin');
  assert.match(report, 'CC BY 4.0');
  const { format, settings, runs } = numbers(readFileSync(join(folder, 'report.json'), 'utf8'));
  assert.is(format, 'batchnorm-report/1');
  assert.is(settings.steps, 20);
  assert.is(runs['normalized'].measurements.at(-1)!.step, 20);
  assert.ok('cost' in runs);
});

cli('the same seed gives the same numbers on every backend and any number of workers, another seed others', () => {
  const train = (...options: string[]) => {
    const { status, stdout, stderr } = run([...SHORT, '--json', ...options]);
    assert.is(status, 0, stderr);
    return learnt(stdout);
  };
  const first = train('--seed', '7', '--backend', 'reference', '--workers', '1');
  assert.ok(Object.keys(first).length > 30);
  assert.equal(train('--seed', '7', '--backend', 'wasm', '--workers', '3'), first);
  assert.not.equal(train('--seed', '8'), first);
});

cli('Ctrl-C writes what is there; --resume goes on, and ends with the same numbers', async () => {
  const folder = mkdtempSync(join(home, 'run-'));
  const options = ['train', '--quick', '--steps', '200', '--workers', '2'];
  const file = join(folder, 'report.json');
  const { code, stderr } = await interrupt(folder, options);
  assert.is(code, 130);
  assert.match(stderr, /interrupted after \d+ of \d+ runs; .*--resume goes on/s);
  assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), '<h1');
  const before = numbers(readFileSync(file, 'utf8'));
  const resumed = run([...options, '--resume'], MAIN, folder);
  assert.is(resumed.status, 0, resumed.stderr);
  assert.match(resumed.stdout, `of which ${Object.keys(before.runs).length} are there`);
  const after = readFileSync(file, 'utf8');
  for (const [id, found] of Object.entries(before.runs)) assert.equal(numbers(after).runs[id], found, 'not run again');
  assert.equal(learnt(after), learnt(run([...options, '--json']).stdout));
  const others = run([...options, '--seed', '2', '--resume'], MAIN, folder);
  assert.is(others.status, 1);
  assert.match(others.stderr, /other settings: seed 1 there, 2 here/);
  assert.is(readFileSync(file, 'utf8'), after);
});

cli('--live writes the live page, too, and the report links to it', () => {
  const { status, stderr, folder } = run([...SHORT, '--live', 'a page.html']);
  assert.is(status, 0, stderr);
  assert.is(
    readFileSync(join(folder, 'a page.html'), 'utf8'),
    readFileSync(join(ROOT, 'dist-demo', 'live.html'), 'utf8'),
  );
  assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), 'href="./a%20page.html"');
  for (const name of ['report.json', './report.html']) {
    const same = run([...SHORT, '--live', name]);
    assert.is(same.stderr, `batchnorm: --live ${name}: expected another file than those of the report\n`);
    assert.is(same.status, 1);
  }
  assert.match(run([...SHORT, '--live', 'gone/']).stderr, /^batchnorm: --live gone\/: expected the name of a file/);
});

cli('--resume without what to resume is refused', () => {
  const { status, stderr, folder } = run([...SHORT, '--resume']);
  assert.is(status, 1);
  assert.match(stderr, /^batchnorm: --resume: report\.json cannot be read .*; start without --resume/);
  writeFileSync(join(folder, 'report.json'), '{"format": ');
  const broken = run([...SHORT, '--resume'], MAIN, folder);
  assert.is(broken.status, 1);
  assert.match(broken.stderr, /^batchnorm: --resume: report\.json holds no data of batchnorm train/);
});

cli('trains on IDX files', () => {
  const data = idxFolder({ images: idxImages(20, 3, 3), labels: idxLabels(20) });
  const { status, stdout, stderr, folder } = run([
    ...['train', '--quick', '--data', data],
    ...['--steps', '3', '--batch', '8', '--out', 'mine.html'],
  ]);
  assert.is(status, 0, stderr);
  assert.match(stdout, '16 to learn from, 4 held out');
  assert.equal(readdirSync(folder).sort(), ['mine.html', 'mine.json']);
});

cli('doctor says what runs, and tests it', () => {
  const { status, stdout } = run(['doctor']);
  assert.is(status, 0);
  assert.match(stdout, /✓ reference +javascript, 1 thread/);
  assert.match(stdout, /✓ reference\/javascript +3d219bd7/);
  assert.not.match(stdout, '\x1b[', 'no colours where there is no terminal');
  const found = JSON.parse(run(['doctor', '--json']).stdout);
  assert.equal(found.problems, []);
  assert.ok(found.selfTest.tried.length >= 3);
  for (const { digest } of found.selfTest.tried) assert.is(digest, found.selfTest.expected);
  assert.is(found.machine.node, process.version);
  assert.type(found.mpi.library ?? found.mpi.reason, 'string');
  assert.match(stdout, found.mpi.library ?? found.mpi.reason);
  assert.match(stdout, `threads     ${found.machine.threads.threads}: `);
});

cli('doctor finds what is wrong, and advises', () => {
  const environment = { ...process.env, BATCHNORM_BACKEND: 'nonsense' };
  const { status, stdout } = run(['doctor', '--json'], MAIN, home, environment);
  assert.is(status, 1);
  const { inUse, problems, advice } = JSON.parse(stdout);
  assert.is(inUse, null);
  assert.match(problems[0], 'nonsense');
  assert.match(advice[0], 'unset BATCHNORM_BACKEND');
});

const truncated = idxFolder({ images: idxImages(20, 3, 3).subarray(0, 100), labels: idxLabels(20) });
const small = idxFolder({ images: idxImages(20, 3, 3), labels: idxLabels(20) });
const BAD: [string, string[], RegExp][] = [
  ['truncated data', ['--data', truncated], /^batchnorm: .*t10k-images-idx3-ubyte: is truncated: expected 196 bytes/],
  ['missing data', ['--data', join(home, 'nowhere')], /^batchnorm: .*nowhere: expected a folder with IDX files/],
  ['more than there is in a minibatch', ['--data', small], /^batchnorm: --batch 60: expected at most 16/],
  ['a folder as the report', ['--out', home], /^batchnorm: --out .*expected the name of a file, found a folder/],
  [
    'a report in no folder',
    ['--out', 'no/where.html'],
    /^batchnorm: --out no\/where\.html: cannot write into the folder no/,
  ],
  ['no number of steps', ['--steps', 'many'], /'--steps <n>' argument 'many' is invalid\. Expected a whole number/],
  ['no steps', ['--steps', '0'], /Expected a whole number from 1 to/],
  ['half a step', ['--steps', '1.5'], /Expected a whole number from 1 to/],
  ['a negative learning rate', ['--learning-rate=-1'], /Expected a number above 0/],
  ['a learning rate that is no number', ['--learning-rate', 'NaN'], /Expected a number above 0/],
  ['a misspelt backend', ['--backend', 'nativ'], /Allowed choices are auto, native, wasm, reference/],
  ['an unknown option', ['--step', '3'], /unknown option '--step'/],
  ['an argument too many', ['digits'], /too many arguments/],
];
for (const [what, options, message] of BAD) {
  cli(`refuses ${what}, and writes nothing`, () => {
    const { status, stdout, stderr, folder } = run(['train', ...options]);
    assert.is(status, 1);
    assert.match(stderr, message);
    assert.not.match(stderr, /^ +at /m, 'no stack');
    assert.is(stdout, '');
    assert.equal(readdirSync(folder), []);
  });
}

cli('helps', () => {
  const general = run(['--help']);
  assert.is(general.status, 0);
  assert.match(general.stdout, 'train');
  const train = run(['train', '--help']);
  assert.is(train.status, 0);
  for (const option of [
    '--data',
    '--steps',
    '--learning-rate',
    '--backend',
    '--workers',
    '--out',
    '--resume',
    '--json',
  ]) {
    assert.match(train.stdout, option);
  }
});

const MISUSED: [string, string][] = [
  ['doctor x', "too many arguments for 'doctor'. Expected 0 arguments but got 1."],
  ['doctor --foo', "unknown option '--foo'"],
  ['doctor --constructor', "unknown option '--constructor'"],
  ['build --mpi=1', "unknown option '--mpi=1'"],
  ['build --timeout', "option '--timeout <seconds>' argument missing"],
  [
    'build --timeout 0',
    "option '--timeout <seconds>' argument '0' is invalid. Expected a whole number from 1 to 86400.",
  ],
  ['build --timeout=soon', "option '--timeout <seconds>' argument 'soon' is invalid."],
  ['learn', "unknown command 'learn'\n(Commands are train, bench, live, doctor, build, inspect, convert.)"],
  ['help learn', "unknown command 'learn'"],
  ['toString', "unknown command 'toString'"],
  ['--foo', "unknown option '--foo'"],
];
for (const [line, message] of MISUSED) {
  cli(`refuses batchnorm ${line}`, () => {
    const { status, stdout, stderr } = run(line.split(' '));
    assert.is(status, 1);
    assert.ok(stderr.startsWith(`error: ${message}`), stderr);
    assert.is(stdout, '');
  });
}

cli('helps with the whole, and with every command', () => {
  for (const line of ['--help', '-h', 'help'])
    assert.match(run(line.split(' ')).stdout, /^Usage: batchnorm \[options\]/);
  const bare = run([]);
  assert.is(bare.status, 1);
  assert.match(bare.stderr, /^Usage: batchnorm \[options\] \[command\]/);
  for (const command of ['doctor', 'build', 'train']) {
    const { status, stdout } = run([command, '--help', '--nonsense']);
    assert.is(status, 0);
    assert.match(stdout, `Usage: batchnorm ${command} [options]`);
    assert.is(run(['help', command]).stdout, stdout);
    for (const text of stdout.split('\n')) assert.ok(text.length <= 80, text);
  }
  assert.match(run(['build', '--help']).stdout, '  --timeout <seconds>  give up then (default: 900)');
  assert.not.match(run(['build', '--help']).stdout, '--optional');
  assert.match(run(['bench', '--help']).stdout, '--shapes <names>');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const option of ['--version', '-V']) assert.is(run([option]).stdout, `${version}\n`);
});

cli('without the packages of the demonstration, helps, and says in one line where it would install them', () => {
  const bare = join(home, 'bare');
  for (const part of ['dist', 'dist-demo', 'dist-bench/help.txt', 'demo/package.json', 'data', 'package.json']) {
    cpSync(join(ROOT, part), join(bare, part), { recursive: true });
  }
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'demo', 'package.json'), 'utf8'));
  const count = Object.keys({ ...dependencies, ...optionalDependencies }).length;
  const caches = join(home, 'caches');
  const env = { ...process.env, XDG_CACHE_HOME: caches, LOCALAPPDATA: caches, HOME: caches, npm_config_yes: '' };
  const bareMain = join(bare, 'dist', 'cli', 'main.js');
  for (const command of ['train', 'bench']) {
    const { status, stderr, folder } = run([command], bareMain, undefined, env);
    assert.is(status, 1);
    assert.ok(stderr.startsWith(`batchnorm: ${command} needs packages that are not installed; with --yes it`), stderr);
    assert.match(stderr, ` installs ${count} packages `);
    assert.match(stderr, /into .*caches.*batchnorm.\d.*, and goes on\n$/);
    assert.equal(readdirSync(folder), []);
    assert.not.ok(existsSync(caches));
    const advice = run(['doctor'], bareMain, undefined, env).stdout;
    assert.match(advice, new RegExp(`^  - to .*: npx batchnorm ${command} --yes$`, 'm'));
    const help = run([command, '--help']).stdout;
    assert.match(help, '[options]');
    for (const asked of [
      [command, '--help'],
      [command, '-h'],
      ['help', command],
    ]) {
      assert.equal(run(asked, bareMain).stdout, help, asked.join(' '));
    }
  }
});

cli.run();

/** Runs the command, in a new empty folder if none is given. */
function run(options: string[], main = MAIN, folder = mkdtempSync(join(home, 'run-')), env = process.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...options], {
    ...{ cwd: folder, env, encoding: 'utf8', maxBuffer: 2 ** 26 },
  });
  return { status, stdout, stderr, folder };
}

/** Runs the command and interrupts it when the first runs have ended. */
async function interrupt(folder: string, options: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...options], { cwd: folder });
  let stderr = '';
  child.stdout.resume();
  child.stderr.on('data', (text) => {
    stderr += text;
    if (!child.killed && / [1-9]\d* of \d+ runs/.test(stderr)) child.kill('SIGINT');
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stderr };
}

function idxFolder({ images, labels }: { images: Buffer; labels: Buffer }): string {
  const path = mkdtempSync(join(home, 'idx-'));
  writeFileSync(join(path, 't10k-images-idx3-ubyte'), images);
  writeFileSync(join(path, 't10k-labels-idx1-ubyte'), labels);
  return path;
}
