// The layer for TensorFlow.js on ranks of an MPI job, against one process with the whole batch.
import * as assert from 'uvu/assert';
import { runJob, whyNoMpi } from './support/mpi-job.js';
import { type TfjsCase, type TfjsResult, tfjsStep } from './support/mpi-tfjs.js';
import { suiteOf } from './support/suite.js';
import { close, OUR_ERROR } from './support/tfjs.js';

const SHAPES = [
  { shape: [12, 3], axis: -1, masks: ['no', 'random', 'first', 'none left'] },
  { shape: [12, 5, 2, 3], axis: -1, masks: ['no', 'random'] },
  { shape: [12, 3, 4], axis: 1, masks: ['no'] },
] as const;
const SHARES = [
  [4, 4, 4],
  [1, 3, 8],
];

const cases: TfjsCase[] = (['cpu', 'wasm'] as const).flatMap((host) =>
  SHAPES.flatMap(({ masks, ...layout }) =>
    masks.flatMap((mask) =>
      SHARES.flatMap((shares) =>
        (['local', 'summed'] as const).map((gradients) => ({ host, ...layout, mask, shares, gradients })),
      ),
    ),
  ),
);

const exactly = cases
  .filter(({ gradients, mask }) => gradients === 'summed' && mask !== 'none left')
  .map((one) => ({ ...one, summation: 'exact' as const }));

if (whyNoMpi() === null) {
  const test = suiteOf('MPI: the layer for TensorFlow.js');

  test('parts of the batch are one process with all of it', async () => {
    const { answers, code, output } = await runJob(3, { scene: 'tfjs', cases });
    assert.is(code, 0, output);
    for (const [i, one] of cases.entries()) {
      const parts = answers.map((answer) => (answer!.result as TfjsResult[])[i]);
      compare(parts, await tfjsStep(one), one);
    }
  });

  test("summation: 'exact': they have the bits of one process", async () => {
    const { answers, code, output } = await runJob(3, { scene: 'tfjs', cases: exactly });
    assert.is(code, 0, output);
    for (const [i, one] of exactly.entries()) {
      const parts = answers.map((answer) => (answer!.result as TfjsResult[])[i]!);
      const { y, dx, ...whole } = await tfjsStep(one);
      for (const { y: _, dx: __, ...part } of parts) assert.equal(part, whole, JSON.stringify(one));
      const joined = { y: parts.flatMap((part) => part.y), dx: parts.flatMap((part) => part.dx) };
      assert.equal(joined, { y, dx }, JSON.stringify(one));
    }
  });
}

function compare(parts: readonly TfjsResult[], whole: TfjsResult, one: TfjsCase): void {
  const title = JSON.stringify(one);
  for (const part of parts) assert.equal(part.moving, parts[0].moving, title);
  const joined = (name: 'y' | 'dx') => parts.flatMap((part) => part[name]);
  const learnt = (name: 'dgamma' | 'dbeta') => {
    if (one.gradients === 'local' || one.mask === 'none left') {
      return whole[name].map((_, channel) => parts.reduce((sum, part) => sum + part[name][channel], 0));
    }
    for (const part of parts) assert.equal(part[name], parts[0][name], title);
    return parts[0][name];
  };
  const actual = [joined('y'), joined('dx'), learnt('dgamma'), learnt('dbeta'), ...parts[0].moving];
  const expected = [whole.y, whole.dx, whole.dgamma, whole.dbeta, ...whole.moving];
  const names = ['y', 'dx', 'dgamma', 'dbeta', 'moving_mean', 'moving_variance'].map((name) => `${title}: ${name}`);
  close(actual, expected, names, OUR_ERROR);
}
