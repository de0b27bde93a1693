#!/usr/bin/env node
/** The command line: `batchnorm <command>`. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from './failure.js';
import { runTrain, type TrainOptions } from './train.js';

function createProgram(): Command {
  const { version, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const program = new Command('batchnorm').description(description).version(version);
  program.addCommand(trainCommand());
  return program;
}

function trainCommand(): Command {
  return new Command('train')
    .description(
      'Train the network of the batch normalization paper on handwritten digits, without and with batch normalization, ' +
        'and write a report with the figure 1 of the paper.',
    )
    .option('--data <dir>', 'train on IDX files with the names of MNIST, plain or .gz (default: the embedded digits)')
    .option('--steps <n>', 'training steps', wholeNumber(1, 1_000_000), 3000)
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
    .option('--out <file>', 'where the report goes', 'report.html')
    .action((options: TrainOptions) => runTrain(options));
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
