// What the benchmark computes from its samples, and whether it would notice a wrong result. Nothing is timed here.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backward, forwardTraining } from 'batchnorm';

import * as assert from 'uvu/assert';
import { geometricMean, median } from '#demo/kit/statistics.js';
import { milliseconds, percent, times } from '../dist-bench/format.js';
import { findGyp } from '../dist-bench/limit.js';
import { parseOptions } from '../dist-bench/options.js';
import { check, OURS, PEERS, ulp } from '../dist-bench/oracle.js';
import { EPSILON, makeProblem, type Outputs, type Problem } from '../dist-bench/problem.js';
import { renderReport } from '../dist-bench/report.js';
import { turnsOf } from '../dist-bench/rounds.js';
import { comparedSums, makeRow, type Row } from '../dist-bench/row.js';
import { LIMIT_SERIES, meanScaling, scalingOf } from '../dist-bench/scaling.js';
import type { Operation } from '../dist-bench/shapes.js';
import { overall, summarize } from '../dist-bench/summary.js';
import { formatTables, headOf, rowsOf } from '../dist-bench/table.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('benchmark');
const problem = makeProblem('F', 'nc');

/** Results of the library, in arrays of their own. */
function compute({ x, dy, dims, gamma, beta }: Problem): Required<Outputs> {
  const forward = forwardTraining(x, dims, { gamma, beta, epsilon: EPSILON });
  const { mean, variance } = forward;
  return { ...forward, ...backward(dy, x, dims, { gamma, mean, variance, epsilon: EPSILON }) };
}

test('the median is the middle, or between the two middles; NaN of nothing', () => {
  const values = [5, 1, 9];
  assert.is(median(values), 5);
  assert.equal(values, [5, 1, 9]);
  assert.is(median([10, 1, 2, 4]), 3);
  assert.ok(Number.isNaN(median([])));
  assert.ok(Math.abs(geometricMean([1, 100]) - 10) < 1e-12);
});

test('an ulp is the spacing of float32', () => {
  const values = [1, -1, 1.999, 2, 1e-3, 3e38, 2 ** -126, 2 ** -140, 0];
  const spacings = [2 ** -23, 2 ** -23, 2 ** -23, 2 ** -22, 2 ** -33, 2 ** 104, 2 ** -149, 2 ** -149, 2 ** -149];
  assert.equal(values.map(ulp), spacings);
});

test('the oracle takes what the library computes', () => {
  assert.is(check(compute(problem), problem, OURS.float32), null);
  assert.is(check({}, problem, OURS.float32), null);
});

for (const name of ['y', 'dx', 'dgamma', 'dbeta', 'mean', 'variance'] as const) {
  test(`the oracle refuses a wrong ${name}`, () => {
    const last = (name === 'y' || name === 'dx' ? problem.x.length : problem.view.c) - 1;
    for (const wrong of [(value: number) => value + 1e-4, () => NaN]) {
      const outputs = compute(problem);
      outputs[name][last] = wrong(outputs[name][last]);
      assert.match(check(outputs, problem, OURS.float32) ?? 'nothing', `${name}[${last}]`);
    }
  });
}

test('the oracle refuses results of another length, and forgives other libraries a thousandth', () => {
  assert.match(check({ y: new Float32Array(3) }, problem, OURS.float32) ?? 'nothing', 'y has 3 values');
  const { y } = compute(problem);
  y[0] += 1e-4;
  assert.is(check({ y }, problem, PEERS), null);
  y[0] += 1e-2;
  assert.match(check({ y }, problem, PEERS) ?? 'nothing', 'y[0]');
});

test('turns alternate, and what is slow has at least three of them', () => {
  const entrants = [{ secondsOfCall: 0.001 }, { secondsOfCall: 9 }, { secondsOfCall: 0.5 }];
  const turns = Array.from({ length: 12 }, (_, round) => turnsOf(entrants, round, 12));
  const countOf = (index: number) => turns.flat().filter((turn) => turn === index).length;
  assert.equal([0, 1, 2].map(countOf), [12, 3, 6]);
  assert.equal(turns[0], [0, 1, 2]);
  assert.equal(
    turns.filter((turn) => turn.length > 1).map((turn) => turn[0] < turn[1]),
    turns.flatMap((turn, round) => (turn.length > 1 ? [round % 2 === 0] : [])),
  );
  for (const rounds of [1, 3, 5]) {
    const slow = Array.from({ length: rounds }, (_, round) => turnsOf(entrants, round, rounds)).flat();
    assert.is(slow.filter((turn) => turn === 1).length, Math.min(3, rounds));
  }
});

test('a line has the fields of the format, in its order', () => {
  const who = { peer: 'batchnorm-native', variant: 'avx2', threads: 2, version: '1.2.3' };
  const row = makeRow(who, problem, 'bwd', 2, { samples: [3e-6, 1e-6, 2e-6], calls: 300 });
  assert.is(
    JSON.stringify(row),
    '{"peer":"batchnorm-native","shape":"F","layout":"nc","op":"bwd","threads":2,"variant":"avx2","ms_median":0.002,' +
      '"ms_min":0.001,"gbps":38.4,"bytes":76800,"reps":300,"version":"1.2.3","allowed":2}',
  );
});

function line(peer: string, variant: string, ms: number, op: Operation, allowed: number, threads = allowed): Row {
  const samples = [ms / 1e3];
  return makeRow({ peer, variant, threads, version: '1' }, problem, op, allowed, { samples, calls: 1 });
}

const LINES = [
  line('limit', 'copy', 2, 'fwd-train', 1),
  line('limit', 'copynt', 3, 'fwd-train', 1),
  line('limit', 'twopass', 1, 'fwd-train', 1),
  line('batchnorm-native', 'avx2', 4, 'fwd-train', 1),
  line('tfjs-wasm', '<simd>', 40, 'fwd-train', 1),
  line('limit', 'copy', 1, 'fwd-train', 2),
  line('batchnorm-native', 'avx2', 2, 'fwd-train', 2),
  line('ort-node', 'out', 50, 'fwd-train', 2),
  line('limit', 'copy', 2, 'step', 1),
  line('limit', 'triad', 5, 'step', 1),
  line('limit', 'triadnt', 4, 'step', 1),
  line('batchnorm-native', 'avx2', 12, 'step', 1),
];

test('a case is held against the better floor and the best peer of as many threads', () => {
  const [one, two, step] = summarize(LINES);
  assert.equal(one!.floor, { ms: 2, kernel: 'copy' });
  assert.equal(step!.floor, { ms: 6, kernel: 'copy + triadnt' });
  assert.is(one!.bestPeer!.peer, 'tfjs-wasm');
  assert.is(two!.bestPeer!.peer, 'tfjs-wasm'); // faster with one thread than the other with two
  assert.is(step!.bestPeer, null);
  const ours = [one, two, step].map((each) => each!.entries.find(({ row }) => row.peer === 'batchnorm-native')!);
  assert.equal(
    ours.map(({ ofLimit, ofBestPeer }) => [ofLimit, ofBestPeer]),
    [
      [0.5, 10],
      [0.5, 20],
      [0.5, null],
    ],
  );
  assert.equal(
    two!.entries.map(({ row, ofBestPeer }) => [row.peer, row.threads, ofBestPeer]),
    [
      ['batchnorm-native', 2, 20],
      ['ort-node', 2, null],
      ['tfjs-wasm', 1, null],
    ],
  );
  const means = overall(summarize(LINES)).map(({ allowed, ofBestPeer }) => [allowed, Math.round(ofBestPeer!)]);
  assert.equal(means, [
    [1, 10],
    [2, 20],
  ]);
});

test('a case without a contender that was right is left out', () => {
  assert.equal(summarize([...LINES, line('limit', 'triad', 1, 'bwd', 1)]), summarize(LINES));
});

test('the memory limit is built by the node-gyp of the npm that started the benchmark, else by that of a clone', () => {
  const given = process.env['npm_config_node_gyp'];
  try {
    for (const [named, found] of [
      [process.execPath, process.execPath],
      [join(tmpdir(), 'nowhere', 'node-gyp.js'), createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')],
    ]) {
      process.env['npm_config_node_gyp'] = named;
      assert.is(findGyp(), found);
    }
  } finally {
    if (given === undefined) delete process.env['npm_config_node_gyp'];
    else process.env['npm_config_node_gyp'] = given;
  }
});

test('a report and tables without the memory limit have no shares of it', async () => {
  const cases = summarize(LINES.filter(({ peer }) => peer === 'batchnorm-native'));
  const findings = { date: 'today', machine: 'a', node: 'v20', rows: [], notes: [], failures: [] };
  const html = renderReport(findings, cases);
  assert.not.match(html, /By shape|class="headline"|NaN|undefined/);
  assert.match(html, '<svg');
  assert.not.match(formatTables(cases, false), 'Geometric means');
});

test('a table goes from the limit to the slowest', () => {
  const [one] = summarize(LINES);
  assert.equal(rowsOf(one!), [
    ['F nc', 'limit: copy', '1', '2.00', '', '', '', ''],
    ['', 'batchnorm-native avx2', '1', '4.00', '4.00', '0.0128', '50 %', '10 ×'],
    ['', 'tfjs-wasm <simd> (best peer)', '1', '40.0', '40.0', '0.00128', '5.0 %', '–'],
  ]);
});

/** Both ways of summing, by one backend. */
const BOTH = comparedSums(
  (['ordered', 'exact'] as const).map((summation, i) => {
    const variant = i === 0 ? 'avx2' : 'avx2 exact';
    const who = { peer: 'batchnorm-native', variant, threads: 1, version: '1', summation };
    return makeRow(who, problem, 'fwd-train', 1, { samples: [(4 + i) / 1e3], calls: 1 });
  }),
);

test('exact sums are held against the ordered ones of the same backend', () => {
  assert.equal(
    BOTH.map(({ of_ordered }) => of_ordered),
    [undefined, 1.25],
  );
  assert.match(JSON.stringify(BOTH[1]), '"summation":"exact","of_ordered":1.25}');
  const [, exact] = BOTH;
  const [alone] = comparedSums([
    { ...exact!, of_ordered: undefined },
    line('batchnorm-wasm', 'avx2', 1, 'fwd-train', 1),
  ]);
  assert.is(alone!.of_ordered, undefined);
});

test('speed over threads is each contender against itself with the fewest', () => {
  const forwards = summarize(LINES.filter(({ op }) => op === 'fwd-train'));
  const four = summarize([line('batchnorm-native', 'avx2', 0.5, 'fwd-train', 4)]);
  const points = scalingOf([...four, ...forwards]);
  assert.equal(
    points.filter(({ series }) => series === 'batchnorm-native avx2').map(({ threads, speedup }) => [threads, speedup]),
    [
      [1, 1],
      [2, 2],
      [4, 8],
    ],
  );
  assert.equal(
    points.filter(({ series }) => series === LIMIT_SERIES).map(({ threads, speedup }) => [threads, speedup]),
    [
      [1, 1],
      [2, 2],
    ],
  );
  assert.is(points.length, 5, 'peers were measured once');
  const other = points.map((point) => ({ ...point, name: 'G nchw', speedup: 4 * point.speedup }));
  const mean = meanScaling([...points, ...other]).find(({ threads }) => threads === 4);
  assert.ok(Math.abs(mean!.speedup - 16) < 1e-12);
});

test('the report draws speed over threads where there are several', () => {
  const findings = { date: 'today', machine: 'a', node: 'v20', rows: LINES, notes: [], failures: [] };
  const html = renderReport(findings, summarize(LINES));
  assert.match(html, '<h2>By threads</h2>');
  assert.match(html, 'aria-label="Forward, training: speed over threads"');
  assert.not.match(html, 'aria-label="Step: forward and backward: speed over threads"');
  assert.not.match(html, /NaN|undefined/);
  const one = summarize(LINES.filter(({ allowed }) => allowed === 1));
  assert.not.match(renderReport(findings, one), 'By threads');
});

test('tables and report say what exact sums cost, where both were timed', () => {
  const cases = summarize(BOTH);
  assert.is(headOf(cases).at(-1), 'of ordered');
  assert.equal(
    rowsOf(cases[0], headOf(cases)).map((row) => row.at(-1)),
    ['', '1.25'],
  );
  assert.match(formatTables(cases, false), /avx2 exact +1 thread +1\.25 × the time of ordered sums/);
  const findings = { date: 'today', machine: 'a', node: 'v20', rows: BOTH, notes: [], failures: [] };
  assert.match(renderReport(findings, cases), '<th scope="col">of ordered</th>');
  assert.not.match(headOf(summarize(LINES)).join(), 'of ordered');
});

test('a table that is wider than the terminal has fewer columns', () => {
  const cases = summarize(LINES);
  const tableLines = (columns?: number) =>
    formatTables(cases, false, columns)
      .split('\n')
      .filter((text) => /[│┌]/.test(text));
  const width = (columns?: number) => Math.max(...tableLines(columns).map((text) => text.length));
  assert.ok(width() > 80, 'or it would prove nothing');
  assert.ok(width(80) <= 80);
  assert.match(tableLines(80).join('\n'), /contender.*ms.*of limit.*best peer/);
  assert.equal(tableLines(500), tableLines());
});

test('numbers are written with the digits that count', () => {
  assert.equal([0.0005234, 0.99951, 1.234, 12.34, 99.96, 1234.5].map(milliseconds), [
    '0.000523',
    '1.00',
    '1.23',
    '12.3',
    '100',
    '1235',
  ]);
  assert.equal([0.0994, 0.0996, 1.2, null].map(percent), ['9.9 %', '10 %', '120 %', '–']);
  assert.equal([9.94, 9.96, 123.4, null].map(times), ['9.9 ×', '10 ×', '123 ×', '–']);
});

test('options: what is given goes before --quick', () => {
  const options = parseOptions(['--shapes=A,B', '--threads=1', '--quick', '--json', '--backends=native/avx2,wasm']);
  const { shapes, threads, peers, json, backends, ops } = options;
  assert.equal([shapes, threads, backends], [['A', 'B'], [1], ['native/avx2', 'wasm']]);
  assert.equal([peers, json, ops], [['tfjs-wasm', 'ort-node'], true, ['fwd-train', 'bwd', 'inference', 'step']]);
  assert.is(parseOptions([]).shapes.length, 9);
  assert.equal(parseOptions(['--peers=none']).peers, []);
  assert.equal(parseOptions([]).summation, ['ordered']);
  assert.equal([parseOptions([]).dtypes, parseOptions(['--dtypes=bfloat16']).dtypes], [['float32'], ['bfloat16']]);
  const both = parseOptions(['--summation=exact,ordered', '--ops=statistics,gradient-sums']);
  assert.equal(
    [both.summation, both.ops],
    [
      ['exact', 'ordered'],
      ['statistics', 'gradient-sums'],
    ],
  );
});

for (const wrong of [
  '--shapes=Z',
  '--threads=0',
  '--threads=9999',
  '--backends=cuda',
  '--ops=forward',
  '--summation=any',
  '--dtypes=float8',
]) {
  test(`options: ${wrong} is refused`, () => {
    const program = fileURLToPath(new URL('../dist-bench/index.js', import.meta.url));
    const { status, stderr, stdout } = spawnSync(process.execPath, [program, wrong], { encoding: 'utf8' });
    assert.is(status, 1);
    assert.match(stderr, wrong.split('=')[0]);
    assert.is(stdout, '');
  });
}

test('the report needs no script and no network, and escapes what it shows', async () => {
  const findings = {
    date: 'today',
    machine: 'a <machine>',
    node: 'v20',
    rows: LINES,
    notes: ['a & b'],
    failures: ['wrong'],
  };
  const html = renderReport(findings, summarize(LINES));
  assert.not.match(html, /<script|<link|src=|url\(|<simd>|<machine>/);
  for (const text of ['tfjs-wasm &lt;simd&gt;', 'a &lt;machine&gt;', 'a &amp; b', 'wrong', '50 %', '<svg']) {
    assert.ok(html.includes(text), text);
  }
});
