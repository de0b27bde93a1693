#!/usr/bin/env node
/** The command line: `batchnorm <command>`. Exit codes: 0 well, 1 not well, 128 + n ended by signal n. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runBench } from './bench.js';
import { runBuild } from './build/index.js';
import { runDemonstration } from './demonstration.js';
import { runDoctor } from './doctor/index.js';
import { Failure } from './failure.js';

function createProgram(): Command {
  const { version, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const program = new Command('batchnorm').description(description).version(version);
  for (const command of [trainCommand(), benchCommand(), doctorCommand(), buildCommand()]) program.addCommand(command);
  return program.addHelpText(
    'after',
    examples('batchnorm doctor', 'batchnorm train --quick', 'batchnorm bench --quick'),
  );
}

/** The options are the demonstration's own, which also explains them. */
function trainCommand(): Command {
  return new Command('train')
    .usage('[options]')
    .description(
      'Train small networks on handwritten digits without and with batch normalization, and write a report: figure 1 of the ' +
        'paper, covariate shift, learning rates, dropout, saturation, inference, cost. Takes some minutes. Under mpirun all ranks ' +
        'train each network together: every one has its share of each minibatch, and the first one reports.',
    )
    .argument('[options...]')
    .allowUnknownOption()
    .helpOption(false)
    .action((options: string[]) => runDemonstration(['train', ...options]));
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
