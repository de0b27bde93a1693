#!/usr/bin/env node
/** The command line: `batchnorm <command>`. Exit codes: 0 well, 1 not well, 128 + n ended by signal n. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runBench } from './bench.js';
import { runBuild } from './build/index.js';
import { runDoctor } from './doctor/index.js';
import { Failure } from './failure.js';
import { runTrain } from './train/index.js';
import { STEPS, type TrainOptions } from './train/settings.js';

function createProgram(): Command {
  const { version, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const program = new Command('batchnorm').description(description).version(version);
  for (const command of [trainCommand(), benchCommand(), doctorCommand(), buildCommand()]) program.addCommand(command);
  return program.addHelpText(
    'after',
    examples('batchnorm doctor', 'batchnorm train --quick', 'batchnorm bench --quick'),
  );
}

function trainCommand(): Command {
  return new Command('train')
    .description(
      'Train small networks on handwritten digits without and with batch normalization, and write a report: figure 1 of the ' +
        'paper, covariate shift, learning rates, dropout, saturation, inference, cost. Takes some minutes. Under mpirun all ranks ' +
        'train each network together: every one has its share of each minibatch, and the first one reports.',
    )
    .option('--quick', 'fewer steps and settings: less than a minute', false)
    .option('--data <dir>', 'train on IDX files with the names of MNIST, plain or .gz (default: the embedded digits)')
    .option(
      '--steps <n>',
      `training steps (default: ${STEPS.full}; with --quick ${STEPS.quick})`,
      wholeNumber(1, 1_000_000),
    )
    .option('--batch <n>', 'images in a minibatch', wholeNumber(1, 100_000), 60)
    .option('--learning-rate <x>', 'step size of gradient descent', learningRate, 0.3)
    .option('--seed <n>', 'seed of weights and of the order of data', wholeNumber(0, 2 ** 31 - 1), 1)
    .addOption(
      new Option('--backend <name>', 'what computes batch normalization (default: the best that runs)').choices([
        'auto',
        'native',
        'wasm',
        'reference',
      ]),
    )
    .option(
      '--workers <n>',
      `networks that are trained at a time (default: ${availableParallelism()}, the processors; over MPI one)`,
      wholeNumber(1, 256),
    )
    .option('--out <file>', 'where the report goes, and beside it the numbers as .json', 'report.html')
    .option('--resume', 'go on where an interrupted run with the same settings stopped', false)
    .option('--json', 'print the numbers as JSON on standard output, and nothing else', false)
    .addHelpText(
      'after',
      examples(
        'batchnorm train --quick --out quick.html',
        'batchnorm train --resume',
        'batchnorm train --data mnist --steps 10000',
        'mpirun -n 4 npx batchnorm train',
      ),
    )
    .action((options: Omit<TrainOptions, 'steps'> & { steps?: number }) =>
      runTrain({ ...options, steps: options.steps ?? (options.quick ? STEPS.quick : STEPS.full) }),
    );
}

/** The options are the benchmark's own, which also explains them. */
function benchCommand(): Command {
  return new Command('bench')
    .description('Hold every backend against an oracle, and time it beside other libraries and the memory.')
    .argument('[options...]', 'see batchnorm bench --help')
    .allowUnknownOption()
    .helpOption(false)
    .action((options: string[]) => runBench(options));
}

function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say what runs here and why, test it, and advise. The exit code is 1 where something is wrong.')
    .option('--json', 'print JSON on standard output, and nothing else', false)
    .addHelpText(
      'after',
      examples('batchnorm doctor', 'batchnorm doctor --json', 'BATCHNORM_BACKEND=wasm batchnorm doctor'),
    )
    .action(runDoctor);
}

function buildCommand(): Command {
  return new Command('build')
    .description(
      'Compile the native addon on this machine; it is used before the one that came with the package. Needs Python 3 and a ' +
        'C++17 compiler with make, or Visual Studio.',
    )
    .option('--mpi', 'compile the addon of batchnorm/mpi instead, by mpicc or what MPICC names', false)
    .option('--timeout <seconds>', 'give up then', wholeNumber(1, 24 * 3600), 900)
    .addOption(
      new Option('--optional', 'for npm ci in a clone: say what fails, and end well').default(false).hideHelp(),
    )
    .addHelpText(
      'after',
      examples('batchnorm build', 'batchnorm build --mpi', 'MPICC=mpicc.mpich batchnorm build --mpi'),
    )
    .action(runBuild);
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function wholeNumber(smallest: number, largest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= smallest && value <= largest) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${smallest} to ${largest}.`);
  };
}

function learningRate(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 1000) return value;
  throw new InvalidArgumentError('Expected a number above 0 and up to 1000.');
}

/** Whoever reads has seen enough, such as `head`. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!isExpected(error)) throw error;
  console.error(error.message.startsWith('batchnorm: ') ? error.message : `batchnorm: ${error.message}`);
  process.exitCode = 1;
}

/** Failures that the user can mend: their message says it all. Any other error is ours and shows its stack. */
function isExpected(error: unknown): error is Error {
  if (error instanceof Failure) return true;
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_BATCHNORM_');
}
