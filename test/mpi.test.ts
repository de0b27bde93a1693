// `batchnorm/mpi` where there is no MPI: the error, and that nobody else needs it.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as assert from 'uvu/assert';
import { checkLauncher, isLaunched } from '#dist/mpi/launcher.js';
import { differences, HEADER, writeEnd, writeHeader } from '#dist/ranks/exchange-header.js';
import { suiteOf } from './support/suite.js';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const test = suiteOf('batchnorm/mpi');

test('without the addon it says what to install and what to run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-no-mpi-'));
  try {
    cpSync(dist, join(folder, 'dist'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "name": "batchnorm", "type": "module" }');
    const { MpiReducer, mpiLibrary } = await import(pathToFileURL(join(folder, 'dist/mpi/index.js')).href);
    assert.throws(
      () => new MpiReducer(),
      (error: Error & { code?: string }) =>
        error.code === 'ERR_BATCHNORM_MPI' &&
        /libopenmpi-dev openmpi-bin/.test(error.message) &&
        /then: npx batchnorm build --mpi\.$/.test(error.message),
    );
    const addon = join(folder, 'native/mpi/build/Release');
    mkdirSync(addon, { recursive: true });
    writeFileSync(join(addon, 'batchnorm_mpi.node'), 'of another machine');
    assert.throws(
      () => mpiLibrary(),
      (error: Error & { code?: string }) =>
        error.code === 'ERR_BATCHNORM_MPI' &&
        /was built but does not load \(.*batchnorm_mpi\.node/.test(error.message) &&
        error.cause instanceof Error,
    );
    assert.throws(() => new MpiReducer({ timeout: -1 }), /"timeout" expected milliseconds >= 0, got -1/);
    assert.throws(() => new MpiReducer({ timeout: '1' }), TypeError);
    assert.throws(() => new MpiReducer({ timeuot: 1 }), /did you mean "timeout"/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('it is refused in a worker, which is no process', async () => {
  const script = `import('batchnorm/mpi').then(({ MpiReducer }) => new MpiReducer())`;
  const worker = new Worker(script, { eval: true });
  const error = await new Promise<Error & { code?: string }>((resolve) => worker.once('error', resolve));
  assert.is(error.code, 'ERR_BATCHNORM_MPI');
  assert.match(error.message, /main thread.*ThreadReducer/);
});

test('no other module loads it', () => {
  const others = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.js') && !/^(cjs\/)?(mpi|cli)\//.test(file),
  );
  assert.ok(others.includes('index.js') && others.includes('tfjs/index.js'));
  for (const file of others) assert.not.match(readFileSync(join(dist, file), 'utf8'), /['"][./]*mpi\//, file);
});

test('headers: equal places, different places, another version', () => {
  const received = new Float64Array(3 * 10);
  const of = (rank: number) => received.subarray(rank * 10, rank * 10 + HEADER);
  const tag = { pass: 'forward', layer: 1, channels: 2, step: 3 } as const;
  for (const rank of [0, 1, 2]) writeHeader(of(rank), tag, 5, 'exchange');
  assert.is(differences(received, 10), null);
  for (const [field, other] of Object.entries({ layer: 0, channels: 3, step: 4, pass: 'backward' })) {
    writeHeader(of(1), { ...tag, [field]: other }, 5, 'exchange');
    assert.match(
      differences(received, 10)!,
      /^ranks 0, 2: forward 3 of layer 1 \(2 channels, 5 numbers\); rank 1: /,
      field,
    );
  }
  writeHeader(of(1), tag, 6, 'exchange');
  assert.match(differences(received, 10)!, /rank 1: forward 3 of layer 1 \(2 channels, 6 numbers\)/);
  writeHeader(of(1), tag, 5, 'all-reduce');
  assert.match(differences(received, 10)!, /rank 1: forward 3 of layer 1 \(2 channels, all-reduce of 5 numbers\)/);
  writeEnd(of(1));
  assert.match(differences(received, 10)!, /rank 1: the end of its program/);
  of(1)[0] = 7;
  assert.match(differences(received, 10)!, /rank 1: another version of batchnorm/);
});

test('a launcher of more ranks than the library has found', () => {
  const job = (size: number) => ({ rank: 0, size, library: 'MPICH 4.0.2' });
  const [OPEN_MPI, PMI, STEP] = ['OMPI_COMM_WORLD_SIZE', 'PMI_SIZE', 'SLURM_STEP_NUM_TASKS'] as const;
  const refused: [Record<string, string>, RegExp][] = [
    [
      { [OPEN_MPI]: '4' },
      /a job of 4 ranks, as OMPI_COMM_WORLD_SIZE=4 says \(set by mpirun of Open MPI\), got a job of 1/,
    ],
    [{ [PMI]: '3', [STEP]: '1' }, /a job of 3 ranks, as PMI_SIZE=3 says .*the addon is linked to MPICH 4.0.2/],
    [{ [STEP]: '16', SLURM_NTASKS: '16' }, /a job of 16 ranks, as SLURM_STEP_NUM_TASKS=16 says \(set by srun\)/],
  ];
  for (const [environment, pattern] of refused) {
    const refusal = (error: Error & { code?: string }) =>
      error.code === 'ERR_BATCHNORM_MPI' && pattern.test(error.message) && /MPICC=mpicc.mpich/.test(error.message);
    assert.throws(() => checkLauncher(job(1), environment), refusal, JSON.stringify(environment));
  }
  // Alone; a batch script; one mpirun in another; the helpers that srun starts for mpirun, on two machines.
  const nested = { [OPEN_MPI]: '4', [PMI]: '1' };
  for (const environment of [{}, { SLURM_NTASKS: '4', SLURM_PROCID: '0' }, nested, { [PMI]: '1', [STEP]: '2' }]) {
    assert.not.throws(() => checkLauncher(job(1), environment), undefined, JSON.stringify(environment));
  }
  assert.not.throws(() => checkLauncher(job(4), { [OPEN_MPI]: '4' }));
});

test('whether a launcher has started this process, as the environment says', () => {
  for (const name of ['OMPI_COMM_WORLD_SIZE', 'PMI_SIZE', 'PMIX_RANK']) assert.ok(isLaunched({ [name]: '1' }), name);
  assert.ok(isLaunched({ SLURM_STEP_NUM_TASKS: '2' }));
  // Alone; a batch script; a shell that srun has started.
  for (const environment of [{}, { SLURM_NTASKS: '4', SLURM_PROCID: '0' }, { SLURM_STEP_NUM_TASKS: '1' }]) {
    assert.not(isLaunched(environment), JSON.stringify(environment));
  }
});
