/** `batchnorm train`, which the command line of the library starts. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runProgram } from './kit/program.js';
import { STEPS, type TrainOptions } from './runs/settings.js';
import { runTrain } from './train/index.js';

/** Runs the command line that these arguments are, of which `train` is the first. */
export async function main(args: readonly string[]): Promise<void> {
  await runProgram('batchnorm', async () => {
    await new Command('batchnorm').addCommand(trainCommand()).parseAsync(args, { from: 'user' });
  });
}

function trainCommand(): Command {
  const { description } = JSON.parse(readFileSync(new URL('../demo/package.json', import.meta.url), 'utf8'));
  return new Command('train')
    .description(description)
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
    .option('--live <file>', 'write the page in which networks learn while you move sliders, too, and link to it')
    .option('--resume', 'go on where an interrupted run with the same settings stopped', false)
    .option('--yes', 'install what it needs, in a folder of its own, without asking', false)
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
