// docs/conventions.md: what it says about this library, and what the importers make of other frameworks' layers.
import { readFileSync } from 'node:fs';
import { BatchNorm, type BatchNormOptions } from 'batchnorm';
import { fromFlax, fromKeras, fromOnnx, fromPyTorch, toFlax, toKeras, toOnnx, toPyTorch } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const page = readFileSync(new URL('../docs/conventions.md', import.meta.url), 'utf8');

/** The rows of the first table under a heading, by what is in their first cell. */
function tableUnder(heading: string): Map<string, string[]> {
  const [, section = ''] = page.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const lines = /(^\|.*\n)+/m.exec(section)?.[0].trim().split('\n') ?? [];
  const rows = lines.filter((line) => !/^\|[-|:]+\|$/.test(line)).map((line) => line.slice(2, -2).split(' | '));
  assert.ok(rows.length > 2, `a table under ${heading}`);
  return new Map(rows.map(([name, ...cells]) => [name.trim(), cells]));
}

/** What stands in braces, as an object. */
function optionsIn(text: string): BatchNormOptions<'float32'> {
  const [braces = '{}'] = /\{.*\}/.exec(text) ?? [];
  return JSON.parse(braces.replace(/(\w+):/g, '"$1":').replaceAll("'", '"'));
}

const own = new BatchNorm(2);
const { node, initializers, opset } = toOnnx(own, { prefix: 'bn' });
/** What each framework's tensors become where nothing but them is known. */
const IMPORTED: Readonly<Record<string, BatchNorm>> = {
  PyTorch: fromPyTorch(toPyTorch(own, { prefix: 'bn' }), { prefix: 'bn', epsilon: 1e-5 }),
  Keras: fromKeras(toKeras(new BatchNorm(2, { axis: -1 })).weights, { epsilon: 1e-3 }),
  flax: fromFlax(toFlax(new BatchNorm(2, { axis: -1 }), { prefix: 'bn' }), { prefix: 'bn', epsilon: 1e-5 }),
  ONNX: fromOnnx(initializers, { node: { ...node, attribute: [] }, opset }),
};
const FRAMEWORKS = Object.keys(IMPORTED);

/** Digits that float32 holds: attributes of ONNX are no wider. */
const rounded = (value: number) => Number(value.toPrecision(7));
const settingsOf = ({ axis, epsilon, updateRate, varianceEstimator, singleValue }: BatchNorm) => ({
  axis,
  epsilon: rounded(epsilon),
  updateRate: rounded(updateRate as number),
  varianceEstimator,
  singleValue,
});
const numberIn = (cell: string) => Number(/[−\d.]+(e-\d+)?$/.exec(cell)?.[0].replace('−', '-'));

const test = suiteOf('the page of conventions');

for (const framework of FRAMEWORKS) {
  test(`options as in ${framework} are what its importer sets`, () => {
    const [cell] = tableUnder('Conventions: here and elsewhere').get(framework) ?? [];
    assert.equal(settingsOf(new BatchNorm(2, optionsIn(cell))), settingsOf(IMPORTED[framework]));
  });
}

test('the table of defaults', () => {
  const rows = tableUnder('Defaults and names');
  [own, ...FRAMEWORKS.map((framework) => IMPORTED[framework])].forEach((layer, column) => {
    const cell = (name: string) => rows.get(name)?.[column] ?? '';
    const settings = settingsOf(layer);
    assert.is(numberIn(cell('weight of the new batch')), settings.updateRate);
    assert.is(numberIn(cell('ε in √(variance + ε)')), settings.epsilon);
    assert.is(numberIn(cell('axis of the channels')), settings.axis);
    assert.match(cell('running variance'), new RegExp(`^${settings.varianceEstimator}`));
    const single = layer.axis === 1 ? [1, 2] : [1, 1, 2];
    if (cell('one value per channel in training') === 'y = beta') {
      assert.equal([...layer.train().forward(Float32Array.of(3, 5), single)], [0, 0]);
    } else {
      assert.throws(() => layer.forward(Float32Array.of(3, 5), single), /more than one value per channel/);
    }
  });
});

test('the names of tensors', () => {
  const rows = tableUnder('What tensors are called');
  const column = (k: number) =>
    ['γ', 'β', 'running mean', 'running variance', 'number of batches'].map((name) => rows.get(name)![k]);
  const bare = (names: readonly string[]) => names.map((name) => `\`${name.replace(/^bn[./]/, '')}\``);
  for (const name of column(0)) assert.ok(name.replaceAll('`', '') in own, name);
  assert.equal(column(1).sort(), bare(Object.keys(toPyTorch(own, { prefix: 'bn' }))).sort());
  assert.equal(column(3).slice(0, 4), bare(Object.keys(toFlax(own, { prefix: 'bn', naming: 'nnx' }))).map(lastName));
  assert.equal(
    column(4).map((cell) => numberIn(cell.split(',')[0]) - 1),
    [1, 2, 3, 4, NaN],
  );
});

const lastName = (name: string) => name.replace(/`.*\./, '`');

test('layouts', () => {
  const sizes: Record<string, number> = { n: 2, c: 3, time: 4, h: 4, w: 5, d: 2 };
  for (const [layout, [shape, here]] of tableUnder('Layouts')) {
    if (layout === 'layout') continue;
    const names = shape.replace(/[[\]]/g, '').split(', ');
    const dimensions = names.map((name) => sizes[name]);
    const channels = names.includes('c') ? sizes.c : sizes.h * sizes.w;
    const length = dimensions.reduce((product, size) => product * size, 1);
    const x = Float32Array.from({ length }, (_, i) => (i * 7) % 11);
    for (const options of [...here.split(' or ')].map(optionsIn)) {
      assert.is(new BatchNorm(channels, options).forward(x, dimensions).length, length, layout);
    }
  }
});

test('the modes and switches that it names are there', () => {
  const cells = [...tableUnder('Modes').values()].map(([here]) => here);
  const names = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)(?:\(\)| =)/g)].map(([, name]) => name));
  assert.equal(names, ['train', 'eval', 'freeze', 'normalizeWith', 'commit', 'discard']);
  for (const name of names) assert.ok(name in own, name);
});

test('momentum is refused', () => {
  const options: object = { momentum: 0.1 };
  assert.throws(() => new BatchNorm(1, options), /"momentum" is refused.*updateRate: 0\.1 .* decay: 0\.1/);
});
