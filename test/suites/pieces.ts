// Pieces that make one batch: moments merged, gradient sums merged, by the two-phase functions.
import {
  type Activation,
  backward,
  forwardInference,
  forwardTraining,
  GradientSums,
  leakyRelu,
  Moments,
  type Tensor,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, type LayerCase, type LayerData, layerData } from '../support/layer-cases.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES } from '../support/tensors.js';

const ACTIVATIONS: readonly Activation[] = ['none', 'relu', leakyRelu(0.2), 'relu6'];

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly shape: readonly number[];
}

/** Pieces of 0, 1, 0, and then ever more samples. */
function cut({ shape, samples }: LayerCase): Piece[] {
  const each = shape.slice(1).reduce((a, b) => a * b, 1);
  const pieces: Piece[] = [];
  let first = 0;
  for (const wanted of [0, 1, 0, 2, 3, samples]) {
    const size = Math.min(wanted, samples - first);
    pieces.push({ from: first * each, to: (first + size) * each, shape: [size, ...shape.slice(1)] });
    first += size;
  }
  return pieces;
}

function inPieces(sample: LayerCase, data: LayerData, activation: Activation) {
  const { axis } = sample;
  const { gamma, beta } = data;
  const pieces = cut(sample);
  const part = (tensor: Tensor, { from, to }: Piece): Tensor => tensor.slice(from, to);
  const moments = new Moments(sample.c);
  for (const piece of pieces) moments.add(part(data.x, piece), piece.shape, { axis });
  const { mean, variance } = moments;
  const common = { axis, mean, variance, gamma, beta, activation };
  const y = pieces.map((piece) =>
    forwardInference(part(data.x, piece), piece.shape, { ...common, residual: part(data.residual, piece) }),
  );
  const sums = new GradientSums(sample.c);
  for (const piece of pieces) {
    const residual = part(data.residual, piece);
    const own = new GradientSums(sample.c).add(part(data.dy, piece), part(data.x, piece), piece.shape, {
      ...common,
      residual,
    });
    sums.merge(GradientSums.fromJSON(JSON.parse(JSON.stringify(own))));
  }
  const gradients = pieces.map((piece) => {
    const residual = part(data.residual, piece);
    return backward(part(data.dy, piece), part(data.x, piece), piece.shape, { ...common, residual, sums });
  });
  return { moments, sums, y, gradients };
}

function joined(parts: readonly Tensor[]): number[] {
  return parts.flatMap((part) => [...part]);
}

export default function pieces(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'pieces');

  for (const sample of LAYER_CASES) {
    test(`[${sample.shape}], axis ${sample.axis}: together they are the whole batch`, () => {
      for (const dtype of DTYPES) {
        for (const activation of ACTIVATIONS) {
          const tolerance = dtype === 'float32' ? 1e-6 : 1e-14;
          const data = layerData('pieces', sample, dtype);
          const { gamma, beta, residual } = data;
          const options = { axis: sample.axis, gamma, beta, residual, activation };
          const whole = forwardTraining(data.x, sample.shape, options);
          const { mean, variance } = whole;
          const expected = backward(data.dy, data.x, sample.shape, { ...options, mean, variance });
          const { moments, sums, y, gradients } = inPieces(sample, data, activation);
          near(moments.mean, whole.mean, 1e-15, 'mean');
          near(moments.variance, whole.variance, 1e-14, 'variance');
          assert.is(sums.count, data.x.length / sample.c);
          near(joined(y), whole.y, tolerance * 4, 'y');
          near(joined(gradients.map(({ dx }) => dx)), expected.dx, tolerance * 8, 'dx');
          same(
            Float64Array.from(joined(gradients.map((each) => each.dresidual!))),
            wide(expected.dresidual!),
            'dresidual',
          );
          for (const { dgamma, dbeta } of gradients) {
            near(dgamma, expected.dgamma, tolerance * 4, 'dgamma');
            near(dbeta, expected.dbeta, tolerance * 4, 'dbeta');
          }
        }
      }
    });

    test(`[${sample.shape}], axis ${sample.axis}: one piece is the whole batch, to the bit`, () => {
      for (const dtype of DTYPES) {
        for (const activation of ACTIVATIONS) {
          const { x, dy, ...affine } = layerData('one piece', sample, dtype);
          const { mean, variance, y } = forwardTraining(x, sample.shape, { axis: sample.axis, ...affine, activation });
          const options = { axis: sample.axis, mean, variance, ...affine, activation };
          same(forwardInference(x, sample.shape, options), y, 'y');
          const sums = new GradientSums(sample.c).add(dy, x, sample.shape, options);
          const expected = backward(dy, x, sample.shape, options);
          const actual = backward(dy, x, sample.shape, { ...options, sums });
          for (const name of ['dx', 'dgamma', 'dbeta', 'dresidual'] as const)
            same(actual[name]!, expected[name]!, name);
        }
      }
    });
  }

  test('a single value in all: dx is 0, wherever it lies', () => {
    const options = { mean: [3], variance: [0], epsilon: 0 };
    const sums = new GradientSums(1).add(Float32Array.of(2), Float32Array.of(3), [1, 1], options);
    const { dx, dgamma, dbeta } = backward(Float32Array.of(2), Float32Array.of(3), [1, 1], { ...options, sums });
    assert.equal([[...dx], [...dgamma], [...dbeta]], [[0], [0], [2]]);
  });

  test('refuses what makes no sense, and adds nothing then', () => {
    const [dy, x] = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
    const given = { mean: [3.5], variance: [0.25] };
    const sums = new GradientSums(1);
    assert.throws(
      () => backward(dy, x, [2, 1], { ...given, statistics: 'given', sums }),
      /"sums" expected nothing with/,
    );
    assert.throws(() => backward(dy, x, [2, 1], { ...given, sums: new GradientSums(2) }), /"sums.channels" expected 1/);
    assert.throws(
      () => backward(dy, x, [2, 1], { ...given, sums: {} as GradientSums }),
      /"sums" expected GradientSums/,
    );
    assert.throws(() => sums.add(dy, x, [1, 2], given), /channels|shape/);
    assert.throws(() => sums.add(dy.subarray(1), x, [2, 1], given), /"dy" expected/);
    assert.throws(() => sums.add(dy, x, [2, 1], { ...given, variance: [-1] }), RangeError);
    assert.throws(() => sums.merge(new GradientSums(2)), RangeError);
    assert.throws(() => sums.merge({} as GradientSums), TypeError);
    assert.throws(() => GradientSums.fromJSON({}), TypeError);
    assert.equal([sums.count, [...sums.sumDy]], [0, [0]]);
  });
}

function wide(tensor: Tensor): Float64Array {
  return Float64Array.from(tensor);
}
