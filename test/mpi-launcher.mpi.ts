// A launcher that does not belong to the MPI of the addon: each process would be rank 0 of 1, and is told so instead.
import * as assert from 'uvu/assert';
import { isRequired } from './support/backends.js';
import { run, runJob, whyNoMpi } from './support/mpi-job.js';
import { type Family, foreign, linked, start } from './support/mpi-launcher.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const OTHER: Record<Family, { readonly said: string; readonly by: string }> = {
  'Open MPI': { said: 'PMI_SIZE=3', by: 'mpirun of MPICH, or srun --mpi=pmi2' },
  MPICH: { said: 'OMPI_COMM_WORLD_SIZE=3', by: 'mpirun of Open MPI' },
};

if (whyNoMpi() === null) {
  testNames();
  testForeignLauncher();
}

function testNames(): void {
  const test = suiteOf('MPI: names');

  test('the library has a name and a version, in a few words', () => {
    assert.match(linked().library, /^(Open MPI v|MPICH )\d+\.[\w.]+$/);
  });
}

function testForeignLauncher(): void {
  const other = foreign();
  if (other === undefined) {
    const why = `the addon is linked to ${linked().library}, and there is no mpirun of another MPI`;
    if (isRequired('mpich')) suiteOf('MPI: both: required')('are there', () => assert.unreachable(why));
    else skipAloud('MPI: the launcher of another MPI', why);
    return;
  }
  const test = suiteOf('MPI: the launcher of another MPI');
  const { library, family } = linked();
  const { said, by } = OTHER[family];

  test('every process ends with an error that names both', async () => {
    const { code, answers, output } = await runJob(3, { scene: 'job' }, [...start(other), '-n', '3']);
    assert.is.not(code, 0);
    assert.equal(answers, [undefined, undefined, undefined]);
    const sentence =
      `MpiReducer: expected a job of 3 ranks, as ${said} says (set by ${by}), got a job of 1: ` +
      `the addon is linked to ${library}`;
    assert.ok(output.includes(sentence), output);
    assert.match(output, /ERR_BATCHNORM_MPI/);
  });

  test('a job of one rank is one', async () => {
    const { code, answers, output } = await runJob(1, { scene: 'job' }, [...start(other), '-n', '1']);
    assert.is(code, 0, output);
    assert.is((answers[0]!.result as { size: number }).size, 1);
  });

  test('it can be caught, and comes again', async () => {
    const script = `
      import { MpiReducer } from 'batchnorm/mpi';
      for (const time of [1, 2]) {
        try { new MpiReducer(); console.log('joined'); } catch (error) { console.log(time, error.code); }
      }`;
    const node = [process.execPath, '--input-type=module', '-e', script];
    const { code, output } = await run([...start(other), '-n', '2', ...node]);
    assert.is(code, 0, output);
    const lines = output.trim().split('\n').sort();
    assert.equal(lines, ['1 ERR_BATCHNORM_MPI', '1 ERR_BATCHNORM_MPI', '2 ERR_BATCHNORM_MPI', '2 ERR_BATCHNORM_MPI']);
  });
}
