// Every importer takes every option of the layer that its format does not decide, and hands it to the layer as it is.
import { type AnyDtype, type AnyTensor, type BatchNorm, clip, type Reducer } from 'batchnorm';
import { fromFlax, fromKeras, fromOnnx, fromPyTorch, type ImportOptions } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { floats, refusal } from './support/interop.js';
import { ranksOf } from './support/ranks.js';
import { suiteOf } from './support/suite.js';

type Given = Omit<ImportOptions<AnyDtype>, 'prefix' | 'strict' | 'verify'>;
type State = ReturnType<BatchNorm['state']>;

const [gamma, beta, mean, variance] = [floats(1, 2, 3, 4), floats(0, 1, 0, 1), floats(5, 6, 7, 8), floats(4, 9, 1, 2)];

/** The same layer, from whatever a framework has of it; channels are on axis 1. */
const IMPORTERS: Readonly<Record<string, (given: Given) => BatchNorm<AnyTensor>>> = {
  fromPyTorch: (given) =>
    fromPyTorch({ weight: gamma, bias: beta, running_mean: mean, running_var: variance }, { epsilon: 1, ...given }),
  'fromKeras by name': (given) =>
    fromKeras({ gamma, beta, moving_mean: mean, moving_variance: variance }, { epsilon: 1, axis: 1, ...given }),
  'fromKeras by its configuration': (given) =>
    fromKeras([gamma, beta, mean, variance], { config: { epsilon: 1, momentum: 0.9, axis: 1 }, ...given }),
  'fromKeras, weights of TensorFlow.js': (given) =>
    fromKeras([gamma, beta, mean, variance], { epsilon: 1, axis: 1, ...given }),
  'fromFlax of linen': (given) =>
    fromFlax(
      { params: { scale: gamma, bias: beta }, batch_stats: { mean, var: variance } },
      { epsilon: 1, axis: 1, ...given },
    ),
  'fromFlax of nnx': (given) =>
    fromFlax(
      { 'scale.value': gamma, 'bias.value': beta, 'mean.value': mean, 'var.value': variance },
      { epsilon: 1, axis: 1, ...given },
    ),
  fromOnnx: (given) =>
    fromOnnx(
      { scale: gamma, B: beta, mean, var: variance },
      { node: { input: ['x', 'scale', 'B', 'mean', 'var'], output: ['y'], attribute: { epsilon: 1 } }, ...given },
    ).train(),
};

interface Row {
  readonly given: Given;
  /** What it changes in the state of the layer. */
  readonly state: Partial<Record<keyof State, unknown>>;
}

/** An option and its value, which the state has under the same name. */
const plain = (given: Given): Row => ({ given, state: given });
const averages = { renormMean: [5, 6, 7, 8], renormDeviation: [5, 10, 2, 3].map(Math.sqrt) };

/** By option; the compiler counts them. Those without rows are in no state, and have a test of their own. */
const ROWS: Readonly<Record<keyof Given, readonly Row[]>> = {
  dtype: (['float32', 'float64', 'float16', 'bfloat16'] as const).map((dtype) => plain({ dtype })),
  activation: [
    plain({ activation: 'relu' }),
    { given: { activation: clip(-1, 2) }, state: { activation: { ...clip(-1, 2) } } },
  ],
  singleValue: [plain({ singleValue: 'allow' }), plain({ singleValue: 'throw' })],
  debias: [plain({ debias: true })],
  summation: [plain({ summation: 'exact' })],
  ghostBatchSize: [plain({ ghostBatchSize: 2 })],
  grouping: [plain({ ghostBatchSize: 2, grouping: 'interleaved' })],
  groups: [plain({ groups: 2 })],
  renorm: [
    { given: { renorm: true }, state: { renorm: [0, 'Infinity', 'Infinity', 0.01], ...averages } },
    { given: { renorm: { rMax: 3, dMax: 5, decay: 0.5 } }, state: { renorm: [0, 3, 5, 0.5], ...averages } },
  ],
  onNonFinite: [plain({ onNonFinite: 'skip' }), plain({ onNonFinite: 'throw' })],
  synchronize: [],
  gradients: [],
};

const WRONG: readonly (readonly [object, typeof TypeError | typeof RangeError])[] = [
  [{ dtype: 'float8' }, RangeError],
  [{ activation: 'swish' }, RangeError],
  [{ ghostBatchSize: 0 }, RangeError],
  [{ grouping: 'interleaved' }, TypeError],
  [{ groups: 3 }, RangeError],
  [{ renorm: { rMax: 0 } }, RangeError],
  [{ synchronize: {} }, TypeError],
  [{ momentum: 0.1 }, TypeError],
  [{ trackRunningStatistics: true }, TypeError],
];

/** dbeta on each of two ranks, of gradients 1 and 2. */
function shifts(from: (given: Given) => BatchNorm<AnyTensor>, gradients?: 'local' | 'summed'): number[] {
  return ranksOf(2, (synchronize: Reducer) => {
    const layer = from({ synchronize, gradients });
    layer.forward(
      Float32Array.from({ length: 4 }, (_, ch) => ch + 3 * synchronize.rank),
      [1, 4],
    );
    layer.backward(new Float32Array(4).fill(1 + synchronize.rank));
    return layer.dbeta![0];
  });
}

for (const [name, from] of Object.entries(IMPORTERS)) {
  const test = suiteOf(`interop: options of ${name}`);

  for (const [option, rows] of Object.entries(ROWS)) {
    if (rows.length === 0) continue;
    test(`${option} is the layer's`, () => {
      const before = from({}).state();
      for (const { given, state } of rows) assert.equal(from(given).state(), { ...before, ...state });
    });
  }

  test('synchronize and gradients are those of the layer', () => {
    assert.equal(shifts(from), [1, 2]);
    assert.equal(shifts(from, 'local'), [1, 2]);
    assert.equal(shifts(from, 'summed'), [3, 3]);
  });

  test('wrong values, and names that no layer has, are refused', () => {
    for (const [given, Class] of WRONG) refusal(() => from(given), Class);
  });
}
