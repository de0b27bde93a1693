/** `batchnorm inspect` and `batchnorm convert`, as processes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors, type Tensors, writeSafetensors } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { ROOT } from './support/install.js';
import { DATA, shown } from './support/safetensors.js';
import { suiteOf } from './support/suite.js';

const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
const LAYER = join(DATA, 'layer.safetensors');
const folder = mkdtempSync(join(tmpdir(), 'batchnorm-cli-interop-'));

const test = suiteOf('command line: inspect and convert');
test.after(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const { FORCE_COLOR: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    cwd: folder,
    env,
  });
  return { status, stdout, stderr };
}

function write(name: string, tensors: Tensors, metadata?: Record<string, string>): string {
  const path = join(folder, name);
  writeFileSync(path, writeSafetensors(tensors, metadata));
  return path;
}

const floats = (...values: number[]) =>
  ({ dtype: 'F32', shape: [values.length], data: Float32Array.from(values) }) as const;

test('inspect: a table of the layers, and under each what is odd about it', () => {
  const long = 'features.denseblock4.denselayer16.with_a_name_that_never_ends.norm1';
  const path = write('odd.safetensors', {
    'bn1.weight': floats(1, 0.5),
    'bn1.bias': floats(0, 0),
    'bn1.running_mean': floats(1, 2),
    'bn1.running_var': floats(0.25, 123456),
    [`${long}.running_mean`]: floats(Number.NaN, 2),
    [`${long}.running_var`]: floats(0, -1),
    'fc.weight': { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) },
  });
  const { status, stdout } = run('inspect', path);
  const lines = stdout.replace(`${path}: `, '').split('\n');
  assert.is(status, 0);
  assert.is(lines[0], '7 tensors of 56 bytes');
  assert.is(lines[2], '2 batch normalizations, named as in PyTorch');
  assert.match(lines[4], /^layer +channels +gamma +variance$/);
  assert.match(lines[5], /^bn1 +2 +0.5 … 1 +0.25 … 123000$/);
  assert.match(lines[6], /^features.denseblock4\S*…\S*ends.norm1 +2 +– +-1 … 0$/);
  assert.match(stdout, /\n {2}! the mean is NaN or infinite in 1 of 2 channels\n/);
  assert.match(stdout, /\n {2}! the variance is negative in 1 of 2 channels\n/);
  assert.match(stdout, /\n1 layer with something odd\.\n$/);
  assert.ok(lines.every((line) => line.length <= 80));
});

test('inspect --json: the same for programs', () => {
  const { status, stdout } = run('inspect', LAYER, '--json');
  const { layers, ...about } = JSON.parse(stdout);
  assert.is(status, 0);
  assert.equal(about, { file: LAYER, tensors: 5, bytes: 72, metadata: { format: 'pt' } });
  assert.is(layers.length, 1);
  assert.equal([layers[0].prefix, layers[0].naming, layers[0].batchesTracked], ['bn', 'pytorch', 7]);
});

test('inspect: no batch normalization, and names that a terminal would obey', () => {
  const none = write('none.safetensors', { 'fc.weight': floats(1) });
  assert.match(run('inspect', none).stdout, /: 1 tensor of 4 bytes, none of them of a batch normalization/);
  const evil = write('evil.safetensors', {
    '\x1b[2J\u202e.running_mean': floats(1),
    '\x1b[2J\u202e.running_var': floats(1),
  });
  const { stdout } = run('inspect', evil);
  assert.match(stdout, /\\u\{1b\}\[2J\\u\{202e\}/);
  assert.not.match(stdout, /[^\P{C}\n]/u);
});

for (const [to, names] of Object.entries({
  keras: ['bn/beta', 'bn/gamma', 'bn/moving_mean', 'bn/moving_variance'],
  flax: ['batch_stats/bn/mean', 'batch_stats/bn/var', 'params/bn/bias', 'params/bn/scale'],
  onnx: ['bn.B', 'bn.mean', 'bn.scale', 'bn.var'],
})) {
  test(`convert --to ${to}: the values under other names`, () => {
    const output = join(folder, `${to}.safetensors`);
    const { status, stdout, stderr } = run('convert', LAYER, '--to', to, '--output', output);
    assert.is(status, 0, stderr);
    assert.match(stdout, /^1 batch normalization, named as in PyTorch, written as in /);
    assert.match(stdout, /Epsilon is not in such a file/);
    const { tensors } = readSafetensors(readFileSync(output));
    assert.equal(Object.keys(tensors).sort(), names);
    const values = (all: Tensors) => new Set(Object.values(all).map(({ data }) => data.join()));
    const before = readSafetensors(readFileSync(LAYER)).tensors;
    for (const value of values(tensors)) assert.ok(values(before).has(value), value);
    const back = run('convert', output, '--to', 'pytorch', '--output', 'back.safetensors');
    assert.match(back.stdout, /\n\S+: 5 tensors\nEpsilon/);
    const again = readSafetensors(readFileSync(join(folder, 'back.safetensors'))).tensors;
    // Only PyTorch counts batches.
    const count = { ...before['bn.num_batches_tracked'], data: BigInt64Array.of(0n) };
    assert.equal({ ...again }, { ...before, 'bn.num_batches_tracked': count });
  });
}

test('convert: there and back are the same bytes, and other layers go along where that is asked for', () => {
  const deep = Object.entries(readSafetensors(readFileSync(LAYER)).tensors).map(([name, tensor]) => [
    `net.0.${name}`,
    tensor,
  ]);
  const others: Tensors = { 'fc.weight': floats(3), 'fc.bias': floats(4) };
  const counted = 'net.0.bn.num_batches_tracked';
  const model: Tensors = {
    ...Object.fromEntries(deep),
    ...others,
    [counted]: { dtype: 'I64', shape: [], data: new BigInt64Array(1) },
  };
  const path = write('deep.safetensors', model, { format: 'pt', by: 'us' });
  const there = run('convert', path, '--to', 'keras', '--others', '--output', 'there.safetensors');
  assert.is(there.status, 0, there.stderr);
  assert.equal(
    { ...readSafetensors(readFileSync(join(folder, 'there.safetensors'))).metadata },
    { by: 'us', format: 'tf' },
  );
  assert.is(run('convert', 'there.safetensors', '--to', 'pytorch', '--output', 'left.safetensors').status, 0);
  const back = run('convert', 'there.safetensors', '--to', 'pytorch', '--others', '--output', 'back.safetensors');
  assert.is(back.status, 0, back.stderr);
  const read = (name: string) => readSafetensors(readFileSync(join(folder, name)));
  assert.equal(
    shown({ ...read('back.safetensors'), metadata: {} }),
    shown({ ...read('deep.safetensors'), metadata: {} }),
  );
  assert.is(Object.keys(read('left.safetensors').tensors).length, 5);
});

test('what cannot be done is said in a line, and leaves no file', () => {
  const wrong = write('wrong.safetensors', { 'bn.running_mean': floats(Number.NaN), 'bn.running_var': floats(1) });
  const twice = write('twice.safetensors', {
    'a.bn.running_mean': floats(1),
    'a.bn.running_var': floats(1),
    'a/bn/moving_mean': floats(1),
    'a/bn/moving_variance': floats(1),
  });
  const none = write('no-layer.safetensors', { fc: floats(1) });
  writeFileSync(join(folder, 'text'), 'not a model\n');
  const before = readdirSync(folder);
  const refused: [string[], RegExp][] = [
    [['inspect'], /^error: missing required argument 'model'$/],
    [['inspect', 'a', 'b'], /^error: too many arguments for 'inspect'\. Expected 1 argument but got 2\.$/],
    [['inspect', 'nowhere'], /^batchnorm: nowhere: cannot be read \(ENOENT/],
    [['inspect', 'text'], /^batchnorm: loadSafetensors: "text": the header expected .* got \d+$/],
    [['convert', LAYER], /^error: required option '--to <framework>' not specified$/],
    [['convert', LAYER, '--to', 'keras'], /^error: required option '--output <file>' not specified$/],
    [
      ['convert', LAYER, '--to', 'kers', '--output', 'x'],
      /'kers' is invalid\. Allowed choices are pytorch, keras, flax, onnx\.$/,
    ],
    [['convert', LAYER, '--to', 'keras', '--output'], /^error: option '--output <file>' argument missing$/],
    [
      ['convert', wrong, '--to', 'keras', '--output', 'x'],
      /^batchnorm: convert: .*"bn.running_mean\[0\]" expected a finite number, got NaN$/,
    ],
    [
      ['convert', twice, '--to', 'pytorch', '--output', 'x'],
      /^batchnorm: convert: two tensors would be called a\.bn\.running_mean$/,
    ],
    [
      ['convert', none, '--to', 'keras', '--output', 'x'],
      /found no batch normalization that can be told by its names$/,
    ],
    [
      ['convert', wrong, '--to', 'keras', '--output', 'wrong.safetensors'],
      /^batchnorm: --output .*: is the file that is read$/,
    ],
    [
      ['convert', LAYER, '--to', 'keras', '--output', 'no/where'],
      /^batchnorm: --output no\/where: cannot be written \(ENOENT/,
    ],
  ];
  for (const [args, message] of refused) {
    const { status, stdout, stderr } = run(...args);
    assert.is(status, 1, args.join(' '));
    assert.is(stdout, '');
    assert.match(stderr.trimEnd(), message);
  }
  assert.equal(readdirSync(folder), before);
});
