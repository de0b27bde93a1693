// What is said where a call makes no sense, and what is shown.
import { inspect } from 'node:util';
import {
  BatchNorm,
  type BatchNormState,
  forwardInference,
  forwardTraining,
  GradientSums,
  Moments,
  populationStatistics,
  useBackend,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';
import { wrong } from './bad-calls/table.js';

const X = Float32Array.of(1, 2, 4);
const Y = Float32Array.of(0, 10, 3);
const DY = Float32Array.of(1, 0, 0);
const SHAPE = [3, 1];

export default function words(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'words');

  test('a layer used twice before its backwards', () => {
    const replaced = (error: Error & { code?: string }) =>
      error.code === 'ERR_BATCHNORM_NO_INPUT' &&
      /second one after two forwards of different batches/.test(error.message);
    const bn = new BatchNorm(1);
    bn.forward(X, SHAPE);
    bn.forward(Y, SHAPE);
    bn.backward(DY);
    assert.throws(() => bn.backward(DY), replaced);
    // A forward later all is well again, also for two losses.
    bn.forward(X, SHAPE);
    const dx = bn.backward(DY);
    assert.equal(bn.backward(DY), dx);
  });

  test('what is no such use: two losses, one forward computed again, evaluation between, forget', () => {
    const bn = new BatchNorm(1);
    const twice = () => assert.equal(bn.backward(DY), bn.backward(DY));
    bn.forward(X, SHAPE);
    twice();
    bn.forward(Y, SHAPE, { update: false });
    bn.forward(Y, SHAPE, { update: false });
    twice();
    bn.forward(X, SHAPE);
    bn.forget();
    bn.forward(Y, SHAPE);
    twice();
    bn.eval().forward(X, SHAPE);
    bn.eval().forward(Y, SHAPE);
    bn.train().forward(X, SHAPE);
    twice();
  });

  test('more channels than anybody has', () => {
    for (const channels of [2 ** 31, 2 ** 27, 1e12, Number.MAX_SAFE_INTEGER]) {
      const wanted = new RegExp(`"channels" expected at most 67108864 channels, got ${channels}`);
      const makers = [() => new BatchNorm(channels), () => new Moments(channels), () => new GradientSums(channels)];
      for (const make of makers) {
        assert.throws(make, (error: Error) => error instanceof RangeError && wanted.test(error.message));
      }
    }
    assert.throws(
      () => forwardTraining(new Float32Array(0), [0, 2 ** 40]),
      /"shape" expected at most 67108864 channels/,
    );
  });

  test('train takes a boolean', () => {
    const bn = new BatchNorm(1);
    assert.is(bn.train(false).training, false);
    assert.is(bn.train(true).training, true);
    assert.is(bn.eval().train().training, true);
    assert.throws(() => bn.train(wrong(0)), /BatchNorm.train: "training" expected true or false, got 0/);
  });

  test('switches take true and false only, settings stay', () => {
    const bn = new BatchNorm(2);
    const before = bn.state();
    for (const name of ['training', 'updateStatistics', 'learn'] as const) {
      for (const value of [1, 0, 'true', null, undefined]) {
        const message = messageOf(() => wrong<{ [key: string]: unknown }>(Object.assign(bn, { [name]: value })));
        assert.match(message, new RegExp(`^batchnorm: BatchNorm: "${name}" expected true or false, got `));
      }
    }
    for (const name of ['momentum', 'decay', 'epsilon', 'axis', 'activation', 'dtype', 'ghostBatchSize', 'renorm']) {
      const message = messageOf(() => Object.assign(bn, { [name]: 0.5 }));
      assert.match(message, new RegExp(`^batchnorm: BatchNorm: "${name}" cannot be set `));
    }
    assert.equal(bn.state(), before);
    assert.equal(BatchNorm.fromState(JSON.parse(JSON.stringify(bn))).state(), before);
  });

  test('settings are read, and say that they cannot be set', () => {
    const settings = { axis: -1, epsilon: 1e-3, dtype: 'float64', activation: 'relu', ghostBatchSize: 2 } as const;
    const bn = new BatchNorm(2, { ...settings, scale: false, renorm: { rMax: 3 } });
    for (const [name, value] of Object.entries(settings)) assert.is(bn[name as keyof typeof settings], value, name);
    assert.equal([bn.scale, bn.center, bn.singleValue, bn.grouping], [false, true, 'throw', 'consecutive']);
    assert.equal([bn.debias, bn.varianceEstimator, bn.onNonFinite], [false, 'unbiased', 'propagate']);
    assert.equal(bn.renorm, { rMin: 0, rMax: 3, dMax: Infinity, updateRate: 0.01 });
    assert.ok(Object.isFrozen(bn.renorm));
    const unset = new BatchNorm(2);
    assert.equal([unset.renorm, unset.ghostBatchSize, unset.activation], [null, null, 'none']);
    const advice: Record<string, RegExp> = {
      epsilon: /after the layer is made; pass it to new BatchNorm\(channels, \{ epsilon \}\)$/,
      momentum: /on a layer; set updateRate/,
      channels: /after the layer is made; pass it to new BatchNorm\(channels\)$/,
      ...Object.fromEntries(
        ['gamma', 'beta', 'runningMean', 'runningVariance', 'renormMean', 'renormDeviation'].map((name) => [
          name,
          new RegExp(`to another array; write into it with ${name}\\.set\\(values\\)$`),
        ]),
      ),
      batchesTracked: /loadState/,
      dgamma: /from outside/,
    };
    for (const [name, wanted] of Object.entries(advice)) {
      const before = bn.state();
      const message = messageOf(() => Object.assign(bn, { [name]: Float32Array.of(1, 2) }));
      assert.match(message, new RegExp(`^batchnorm: BatchNorm: "${name}" cannot be set `));
      assert.match(message, wanted);
      assert.equal(bn.state(), before);
    }
  });

  test('what can be read of a layer and not be set says so', () => {
    let tried = 0;
    for (const [name, { get, set }] of members(new BatchNorm(1))) {
      if (
        get === undefined ||
        ['training', 'updateStatistics', 'learn', 'normalizeWith', 'updateRate'].includes(name)
      ) {
        continue;
      }
      assert.match(
        messageOf(() => set!.call(new BatchNorm(1), 1)),
        new RegExp(`"${name}" cannot be set \\w`),
      );
      tried++;
    }
    assert.ok(tried > 20, `${tried}`);
  });

  test('threads of useBackend, and of the environment', () => {
    for (const threads of [-1, 0, 1.5, NaN, Infinity]) {
      const call = () => useBackend('auto', { threads });
      assert.throws(call, (error: Error) => error instanceof RangeError && /useBackend: "threads"/.test(error.message));
    }
    assert.throws(
      () => useBackend('auto', { threads: wrong('2') }),
      (error: Error) => error instanceof TypeError,
    );
  });

  test('channels last with the default axis: a hint', () => {
    const call = () => new BatchNorm(3).forward(new Float32Array(96), [2, 4, 4, 3]);
    assert.throws(call, /got 4 \(shape \[2, 4, 4, 3\]\); pass axis: -1 for channels on the last axis$/);
  });

  test('the state of a layer whose gamma is gone', () => {
    const bn = new BatchNorm(2);
    structuredClone(bn.gamma!.buffer, { transfer: [bn.gamma!.buffer as ArrayBuffer] });
    assert.throws(() => bn.state(), /BatchNorm.state: "gamma" expected .*detached/);
  });

  test('the last ghost batch of one sample is named', () => {
    const bn = new BatchNorm(1, { ghostBatchSize: 2 });
    assert.throws(
      () => bn.forward(X, SHAPE),
      /each ghost batch, got one in ghost batch 1 of 0 to 1; .* choose a ghostBatchSize/,
    );
  });

  test('how to convert what is no tensor', () => {
    const call = (x: unknown) => () => forwardTraining(wrong<Float32Array>(x), [2, 2]);
    assert.throws(call([1, 2, 3, 4]), /Array of length 4; Float32Array\.from\(x\) makes one$/);
    assert.throws(call(Uint16Array.of(1, 2, 3, 4)), /Uint16Array of length 4; Float32Array\.from\(x\) makes one/);
    assert.throws(call(Buffer.alloc(16)), /Uint8Array of length 16; .*new Float32Array\(x\.buffer, x\.byteOffset/);
  });

  test('no memory for a tensor, whose length is fine', () => {
    const bn = new BatchNorm(2);
    const x = Float32Array.of(1, 2, 3, 4);
    bn.forward(x, [2, 2]);
    const calls = [
      () => new BatchNorm(2),
      () => new BatchNorm(2, { dtype: 'float64', scale: false, center: false }),
      () => new Moments(2),
      () => new GradientSums(2),
      () => forwardTraining(x, [2, 2]),
      () => forwardInference(x, [2, 2], { mean: bn.runningMean, variance: bn.runningVariance }),
      () => bn.forward(x, [2, 2]),
      () => bn.backward(x),
    ];
    for (const call of calls) {
      const message = withoutMemory(call);
      assert.match(
        message,
        /^batchnorm: a Float(32|64)Array of length [24] needs more memory than the JavaScr/,
        `${call}: ${message}`,
      );
    }
  });

  test('what converts is what the error says', () => {
    const numbers = [3, 1, 2, 5];
    const bytes = new Uint8Array(new Uint8Array(17).buffer, 1);
    bytes.set(new Uint8Array(Float32Array.from(numbers).buffer));
    const given = [
      ...[numbers, Int8Array.from(numbers), Uint16Array.from(numbers), Uint32Array.from(numbers)],
      ...[BigInt64Array.from([3n, 1n, 2n, 5n]), BigUint64Array.from([3n, 1n, 2n, 5n])],
      ...[
        bytes,
        bytes.slice(),
        bytes.slice().buffer,
        new DataView(bytes.buffer, 1),
        new DataView(bytes.slice().buffer),
      ],
    ];
    const expected = forwardTraining(Float32Array.from(numbers), [2, 2]).y;
    for (const x of given) {
      const message = messageOf(() => forwardTraining(wrong<Float32Array>(x), [2, 2]));
      const way = (x instanceof Uint8Array ? /numbers, (new .*\)) of/ : /; (.*\)) makes one/).exec(message);
      const converted = new Function('x', `return ${way?.[1]}`)(x);
      assert.equal(forwardTraining(converted, [2, 2]).y, expected, message);
    }
    const out = messageOf(() => forwardTraining(Float32Array.from(numbers), [2, 2], { out: wrong([1, 2, 3, 4]) }));
    assert.match(out, /"out" .*; new Float32Array\(4\) makes one$/);
  });

  test('population statistics of what is no batch', async () => {
    for (const batch of [X, [X, SHAPE], 1, null]) {
      const error = await populationStatistics(wrong([batch])).then(
        () => null,
        (error: Error) => error,
      );
      assert.match(error!.message, /^batchnorm: populationStatistics: "batches\[0\]" expected \{ x, shape \}, got /);
    }
  });

  test('population statistics name themselves and the batch', async () => {
    const [good, bad] = [
      { x: X, shape: SHAPE },
      { x: X.subarray(1), shape: SHAPE },
    ];
    const error = await populationStatistics([good, bad]).then(
      () => null,
      (reason: Error) => reason,
    );
    assert.match(error!.message, /^batchnorm: populationStatistics: batches\[1\]: "x" expected Float32Array or /);
  });

  test('what is saved in another format is refused by its format, whatever its fields', () => {
    const other = { format: 'batchnorm/9', planes: 3 };
    for (const call of [
      () => BatchNorm.fromState(wrong<BatchNormState>(other)),
      () => new BatchNorm(1).loadState(wrong(other)),
      () => Moments.fromJSON(other),
      () => GradientSums.fromJSON(other),
    ]) {
      assert.throws(call, /: "format" expected 'batchnorm[^']*\/2', got "batchnorm\/9"$/);
    }
  });

  test('a recorded forward says that its parts cannot be set', () => {
    const recorded = new BatchNorm(1, { singleValue: 'allow' }).record(X, SHAPE);
    for (const name of ['y', 'dgamma', 'dbeta', 'dresidual'] as const) {
      const message = messageOf(() => Object.assign(recorded, { [name]: X }));
      assert.match(message, new RegExp(`^batchnorm: RecordedForward: "${name}" cannot be set from outside; `));
    }
  });

  test('a Proxy, as of Vue, says what to do', () => {
    for (const call of [
      () => new Proxy(new BatchNorm(1), {}).forward(X, SHAPE),
      () => new Proxy(new BatchNorm(1), {}).backward(X),
      () => new Proxy(new BatchNorm(1), {}).state(),
      () => new Proxy(new Moments(1), {}).add(X, SHAPE),
    ]) {
      assert.throws(call, /expected to be called on the object itself, got a Proxy of it; .*toRaw or markRaw/);
    }
  });

  test('a Proxy says so in every method and property', () => {
    const objects = {
      BatchNorm: new BatchNorm(1, { renorm: true }),
      Moments: new Moments(1),
      GradientSums: new GradientSums(1),
    };
    let tried = 0;
    for (const [name, object] of Object.entries(objects)) {
      const proxy = new Proxy(object, {}) as unknown as Record<string, unknown>;
      for (const [key, { value, get, set }] of members(object)) {
        const uses = [
          value && (() => (proxy[key] as () => unknown)()),
          get && (() => proxy[key]),
          set && (() => Object.assign(proxy, { [key]: get?.call(object) })),
        ].filter((use) => typeof use === 'function');
        for (const use of uses) {
          const message = messageOf(use);
          if (/cannot be set/.test(message)) continue;
          assert.match(message, new RegExp(`^batchnorm: ${name}\\.\\w+: "this" expected .* Proxy`), `${name}.${key}`);
          tried++;
        }
      }
    }
    assert.ok(tried > 45, `${tried}`);
  });

  test('console.log shows what matters', () => {
    const bn = new BatchNorm(2, { epsilon: 1e-3 });
    assert.match(
      inspect(bn),
      /BatchNorm \{[\s\S]*channels: 2[\s\S]*training: true[\s\S]*epsilon: 0.001[\s\S]*runningMean: Float64Array/,
    );
    assert.match(
      inspect([new Moments(1).add(X, SHAPE)]),
      /Moments \{[\s\S]*count: [\s\S]*3[\s\S]*mean: [\s\S]*variance: /,
    );
    assert.match(inspect(new GradientSums(2)), /GradientSums \{[\s\S]*count: 0[\s\S]*sumDy: /);
  });
}

/** Public ones, those of the classes that it extends too. */
function members(object: object): [string, PropertyDescriptor][] {
  const prototype: object = Object.getPrototypeOf(object);
  if (prototype === Object.prototype) return [];
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(([key]) => key !== 'constructor');
  return [...own, ...members(prototype)];
}

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

/** What a call says where the engine makes no new typed arrays of floating point. */
function withoutMemory(call: () => unknown): string {
  const own = { Float32Array, Float64Array };
  const fails = (array: Float32ArrayConstructor | Float64ArrayConstructor) =>
    new Proxy(array, {
      construct() {
        throw new RangeError('Array buffer allocation failed');
      },
    });
  Object.assign(globalThis, { Float32Array: fails(own.Float32Array), Float64Array: fails(own.Float64Array) });
  try {
    return messageOf(call);
  } finally {
    Object.assign(globalThis, own);
  }
}
