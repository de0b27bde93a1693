// What ranks at different places of their programs get, and what layers make of the answers of a reducer.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  BatchNorm,
  exchangeAll,
  GradientSums,
  Moments,
  mergeRanks,
  type Reducer,
  sumRanks,
  ThreadReducer,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { RankTask } from './support/rank-worker.js';
import { suiteOf } from './support/suite.js';

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
}

/** Each body on a rank of its own, in a thread. */
async function onRanks(...bodies: readonly string[]): Promise<Answer[]> {
  const memory = ThreadReducer.memory(bodies.length, 8);
  const file = new URL('support/rank-worker.js', import.meta.url);
  const workers = bodies.map((body, rank) => {
    const workerData: RankTask = { memory, rank, timeout: 20_000, body };
    return new Worker(file, { workerData });
  });
  const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as Answer));
  await Promise.all(workers.map((worker) => worker.terminate()));
  return answers;
}

const LAYERS = `const { BatchNorm, exchangeAll } = batchnorm;
const layers = [0, 1].map(() => new BatchNorm(2, { synchronize: reducer }));
const x = Float32Array.of(1 + rank, 2, 3, 5), dy = Float32Array.of(1, 0, 0, 2), shape = [2, 2];`;

const tags = suiteOf('ThreadReducer: tags');

const MISTAKES = [
  {
    title: 'another layer of the same width',
    bodies: [
      'layers[0].forward(x, shape); layers[1].forward(x, shape);',
      'layers[1].forward(x, shape); layers[0].forward(x, shape);',
    ],
    places: ['forward 1 of layer 0 (2 channels, 5 numbers)', 'forward 1 of layer 1 (2 channels, 5 numbers)'],
  },
  {
    title: 'backward in another order',
    bodies: ['layers[0].backward(dy);', 'layers[1].backward(dy);'],
    before: 'for (const layer of layers) layer.forward(x, shape);',
    places: ['backward 1 of layer 0 (2 channels, 4 numbers)', 'backward 1 of layer 1 (2 channels, 4 numbers)'],
  },
  {
    title: 'one step less',
    bodies: ['layers[0].forward(x, shape);', 'reducer.exchange(new Float64Array(5));'],
    places: ['forward 1 of layer 0 (2 channels, 5 numbers)', 'an exchange of 5 numbers'],
  },
  {
    title: 'another tag of their own',
    bodies: [
      "exchangeAll(reducer, [new Float64Array(5)], { pass: 'forward', layer: 9, channels: 1, step: 4 });",
      "exchangeAll(reducer, [new Float64Array(5)], { pass: 'forward', layer: 9, channels: 1, step: 5 });",
    ],
    places: ['forward 4 of layer 9 (1 channels, 5 numbers)', 'forward 5 of layer 9 (1 channels, 5 numbers)'],
  },
];

for (const { title, bodies, places, before = '' } of MISTAKES) {
  tags(`${title}: an error on every rank, which names both`, async () => {
    const answers = await onRanks(...bodies.map((body) => `${LAYERS}\n${before}\n${body}`));
    for (const { error } of answers) {
      assert.is(error?.code, 'ERR_BATCHNORM_MISMATCH', JSON.stringify(answers));
      assert.ok(error!.message.includes(`rank 0: ${places[0]}; rank 1: ${places[1]}`), error!.message);
    }
  });
}

tags('after it the ranks may go on, at the same place', async () => {
  const body = `${LAYERS}
try { layers[rank].forward(x, shape); return 'nothing was thrown'; } catch {}
return [...batchnorm.sumRanks(reducer, [Float64Array.of(1 + rank)])[0]];`;
  assert.equal(await onRanks(body, body), [{ result: [3] }, { result: [3] }]);
});

tags('different lengths name the layers too', async () => {
  const body = `const layer = new batchnorm.BatchNorm(2 + rank, { synchronize: reducer });
    layer.forward(new Float32Array(6), [6 / (2 + rank), 2 + rank]);`;
  for (const { error } of await onRanks(body, body)) {
    assert.is(error!.name, 'RangeError');
    assert.match(
      error!.message,
      /rank 0: forward 1 of layer 0 \(2 channels, 5 numbers\); rank 1: .*3 channels, 7 numbers/,
    );
  }
});

tags(
  'a layer wider than the memory is an error at once, on the rank that has it and on those that wait for it',
  async () => {
    const body = `const c = rank === 0 ? 2 : 40;
new batchnorm.BatchNorm(c, { synchronize: reducer }).forward(new Float32Array(2 * c), [2, c]);`;
    const [narrow, wide] = await onRanks(body, body);
    assert.match(wide!.error!.message, /at most 27 numbers \(8 channels/);
    assert.is(narrow!.error!.code, 'ERR_BATCHNORM_MISMATCH');
    assert.match(narrow!.error!.message, /rank 1: forward 1 of layer 0 \(40 channels, 81 numbers\)/);
    const once = 'try { reducer.exchange(new Float64Array(rank === 0 ? 28 : 1)); } catch {}';
    const sum = 'return [...batchnorm.sumRanks(reducer, [Float64Array.of(1)])[0]];';
    const late = await onRanks(`${once} ${sum}`, `${once} ${sum}`);
    assert.equal(late, [{ result: [2] }, { result: [2] }]);
  },
);

tags('a tag that is none is refused', () => {
  const reducer = new ThreadReducer(ThreadReducer.memory(1, 1), 0);
  const tag = { pass: 'forward', layer: 0, channels: 1, step: 1 };
  const refused = (wrong: unknown, pattern: RegExp) => {
    assert.throws(() => reducer.exchange(new Float64Array(1), wrong as never), pattern);
  };
  refused({ ...tag, layer: Number.NaN }, /ThreadReducer.exchange: "tag.layer" expected an integer >= 0, got NaN/);
  refused({ ...tag, pass: 'sideways' }, /"tag.pass" expected 'forward' or 'backward', got "sideways"/);
  refused('forward', /"tag" expected an ExchangeTag or undefined, got "forward"/);
  assert.throws(() => reducer.exchange([1] as never), /"values" expected a Float64Array, got Array of length 1/);
});

const answers = suiteOf('Reducer: answers');

/** Of two ranks, this being the first; `answer` is what exchange makes of this rank's values. */
function reducerOf(answer: (values: Float64Array) => unknown): Reducer {
  return { rank: 0, size: 2, exchange: answer as Reducer['exchange'] };
}

/** Every public way to exchange. */
const CALLS: Record<string, (reducer: Reducer) => unknown> = {
  'BatchNorm.forward': (reducer) =>
    new BatchNorm(2, { synchronize: reducer }).forward(Float32Array.of(1, 2, 3, 4), [2, 2]),
  mergeRanks: (reducer) => mergeRanks(reducer, [new Moments(2).add(Float32Array.of(1, 2, 3, 4), [2, 2])]),
  'mergeRanks of sums': (reducer) => mergeRanks(reducer, [new GradientSums(2)]),
  sumRanks: (reducer) => sumRanks(reducer, [Float32Array.of(1, 2)]),
  exchangeAll: (reducer) => exchangeAll(reducer, [Float64Array.of(1, 2)]),
};

for (const [name, call] of Object.entries(CALLS)) {
  answers(`${name} refuses what are no Float64Arrays`, () => {
    const refused = (answer: (values: Float64Array) => unknown, kind: typeof TypeError | typeof RangeError) => {
      assert.throws(
        () => call(reducerOf(answer)),
        (error: Error) => {
          assert.instance(error, kind);
          assert.match(error.message, /^batchnorm: \S+: "(synchronize|reducer)\.exchange\(\)/);
          return true;
        },
      );
    };
    refused((values) => [[...values], [...values]], TypeError);
    refused((values) => [values, Float32Array.from(values)], TypeError);
    refused((values) => [values, undefined], TypeError);
    refused((values) => Promise.resolve([values, values]), TypeError);
    refused(() => undefined, TypeError);
    refused((values) => [values], RangeError);
    refused((values) => [values, values.subarray(1)], RangeError);
  });
}

/** Where the counts lie in what is sent, by call. */
const COUNTS: Record<string, readonly number[]> = {
  'BatchNorm.forward': [0],
  mergeRanks: [0, 1],
  'mergeRanks of sums': [0],
};
const WRONG_COUNTS = [Number.NaN, -1, -0.5, Infinity, -Infinity];

for (const [name, places] of Object.entries(COUNTS)) {
  answers(`${name} refuses counts that are none, whichever rank sent them`, () => {
    for (const place of places) {
      for (const count of WRONG_COUNTS) {
        for (const from of [0, 1]) {
          const wrong = (values: Float64Array) => {
            const sent = [values.slice(), values.slice()];
            sent[from][place] = count;
            return sent;
          };
          const what = new RegExp(`exchange\\(\\)" expected .*count.*got another from rank ${from}`);
          assert.throws(() => CALLS[name](reducerOf(wrong)), what, `${count} from rank ${from}`);
        }
      }
    }
  });
}

answers('nothing of the layer has changed after a refusal', () => {
  const bn = new BatchNorm(2, { synchronize: reducerOf((values) => [values, values.map(() => -1)]) });
  const before = JSON.stringify(bn.state());
  assert.throws(() => bn.forward(Float32Array.of(1, 2, 3, 4), [2, 2]), RangeError);
  assert.is(JSON.stringify(bn.state()), before);
  assert.is(bn.batchesTracked, 0);
});

answers('NaN statistics are data', () => {
  const nanInChannel0 = (values: Float64Array) => {
    const other = values.slice();
    other[1] = Number.NaN;
    return [values, other];
  };
  const bn = new BatchNorm(2, { synchronize: reducerOf(nanInChannel0) });
  const y = bn.forward(Float32Array.of(1, 2, 3, 4), [2, 2]);
  assert.equal(
    [...y].map((value) => Number.isNaN(value)),
    [true, false, true, false],
  );
});

answers('an allreduce whose ranks each join a part: all refuse a count alike', () => {
  /** This rank joined column 0 alone, the other one the rest, and each gave the other what came of it. */
  const divided = (own: 0 | 1): Reducer => ({
    rank: own,
    size: 2,
    exchange: () => [],
    allreduce({ head, rows }, join) {
      const wrong = rows.map((row, i) => row.map((value, ch) => (i === 0 && ch === 1 ? -3 : value)));
      const parts = [0, 1].map((column) =>
        join(
          [rows, wrong].map((sent) => ({ head, rows: sent.map((row) => row.slice(column, column + 1)) })),
          column,
        ),
      );
      return parts[0].map((_, i) => Float64Array.of(...parts.map((part) => part[i][0])));
    },
  });
  for (const rank of [0, 1] as const) {
    const call = () => mergeRanks(divided(rank), [new Moments(2).add(Float32Array.of(1, 2, 3, 4), [2, 2])]);
    assert.throws(call, /count.*got another from rank 1/);
  }
});

answers('an allreduce is checked: what it answers, and what it hands to join', () => {
  const refused = (allreduce: (...given: never[]) => unknown, pattern: RegExp) => {
    const reducer = { ...reducerOf(() => []), allreduce } as unknown as Reducer;
    for (const call of [CALLS['BatchNorm.forward'], CALLS['mergeRanks']]) assert.throws(() => call(reducer), pattern);
  };
  type Given = [own: { head: Float64Array; rows: Float64Array[] }, join: (ranks: unknown, start: unknown) => unknown];
  refused(() => undefined, /allreduce\(\)" expected 3 rows of 2 numbers, got undefined/);
  refused(() => [], /allreduce\(\)" expected 3 rows of 2 numbers, got Array of length 0/);
  refused(
    () => [1, 2, 3].map(() => [1, 2]),
    /allreduce\(\)\[0\]" expected a Float64Array: rows of 2 numbers, got Array/,
  );
  refused(
    (...[own, join]: Given) => join([own], 0),
    /join\(ranks\)" expected columns of 2 ranks, got Array of length 1/,
  );
  refused(
    (...[own, join]: Given) => join([own, own], 1),
    /join\(ranks, start\)" expected an integer from 0 to 0, got 1/,
  );
  refused((...[own, join]: Given) => join([own, null], 0), /join\(ranks\)\[1\].head" expected a Float64Array/);
  const plain = ({ head, rows }: Given[0]) => ({ head, rows: rows.map((row) => [...row]) });
  refused(
    (...[own, join]: Given) => join([own, plain(own)], 0),
    /join\(ranks\)\[1\].rows\[0\]" expected a Float64Array/,
  );
});
