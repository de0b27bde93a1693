#!/usr/bin/env node
/** The command line: `batchnorm <command>`. Exit codes: 0 well, 1 not well, 128 + n ended by signal n. */
import { readFileSync } from 'node:fs';
import { runBench } from './bench.js';
import { BUILD_OPTIONS, runBuild } from './build/index.js';
import { CONVERT_OPTIONS, runConvert } from './convert.js';
import { runDemonstration } from './demonstration.js';
import { DOCTOR_OPTIONS, runDoctor } from './doctor/index.js';
import { Failure } from './failure.js';
import { helpOf, helpOfAll } from './help.js';
import { INSPECT_OPTIONS, runInspect } from './inspect.js';
import { LIVE_OPTIONS, runLive } from './live.js';
import { demonstration } from './needs.js';
import { Misuse, type Options, readOptions, type Values } from './options.js';

interface Command {
  /** Its arguments, for the list of commands. */
  readonly usage: string;
  readonly description: string;
  /** Runs it with what is behind its name. */
  run(args: readonly string[]): void | Promise<void>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  train: {
    usage: '[options]',
    get description() {
      return demonstration().description;
    },
    run: (args) => runDemonstration(['train', ...args]),
  },
  bench: {
    usage: '[options...]',
    description: 'Hold every backend against an oracle, and time it beside other libraries and the memory.',
    run: runBench,
  },
  live: own(
    'live',
    'Write a page in which two networks learn to read digits, without and with batch normalization, while you move ' +
      'sliders. One file; it needs a browser and no network.',
    LIVE_OPTIONS,
    ['batchnorm live', 'batchnorm live --out page.html'],
    runLive,
  ),
  doctor: own(
    'doctor',
    'Say what runs here and why, test it, and advise. The exit code is 1 where something is wrong.',
    DOCTOR_OPTIONS,
    ['batchnorm doctor', 'batchnorm doctor --json', 'BATCHNORM_BACKEND=wasm batchnorm doctor'],
    runDoctor,
  ),
  build: own(
    'build',
    'Compile the native addon on this machine; it is used before the one that came with the package. Needs ' +
      'Python 3 and a C++17 compiler with make, or Visual Studio.',
    BUILD_OPTIONS,
    ['batchnorm build', 'batchnorm build --mpi', 'MPICC=mpicc.mpich batchnorm build --mpi'],
    runBuild,
  ),
  inspect: own(
    'inspect',
    'Say which tensors of a safetensors file are batch normalization, and what is odd about them.',
    INSPECT_OPTIONS,
    ['batchnorm inspect model.safetensors', 'batchnorm inspect model.safetensors --json'],
    runInspect,
  ),
  convert: own(
    'convert',
    'Write the batch normalizations of a safetensors file under the names of another framework.',
    CONVERT_OPTIONS,
    ['batchnorm convert model.safetensors --to keras --output keras.safetensors'],
    runConvert,
  ),
};

/** A command whose options are read here; those of the others explain themselves. */
function own<O extends Options>(
  name: string,
  description: string,
  options: O,
  examples: readonly string[],
  run: (values: Values<O>) => void | Promise<void>,
): Command {
  const operands = Object.keys(options).filter((option) => options[option].type === 'operand');
  return {
    ...{ usage: ['[options]', ...operands.map((operand) => `<${operand}>`)].join(' '), description },
    run(args) {
      if (!args.some(isHelp)) return run(readOptions(name, options, args));
      console.log(helpOf({ name: `batchnorm ${name}`, description, options, examples }));
    },
  };
}

function isHelp(argument: string | undefined): boolean {
  return argument === '--help' || argument === '-h';
}

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined) {
    console.error(help());
    process.exitCode = 1;
  } else if (isHelp(name) || (name === 'help' && args.length === 0)) console.log(help());
  else if (name === '--version' || name === '-V') console.log(ownManifest().version);
  else if (name === 'help') await commandOf(args[0]).run(['--help']);
  else await commandOf(name).run(args);
}

/** @throws Misuse */
function commandOf(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return command;
  if (name.startsWith('-')) throw new Misuse(`unknown option '${name}'`);
  throw new Misuse(`unknown command '${name}'\n(Commands are ${Object.keys(COMMANDS).join(', ')}.)`);
}

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, { usage, description }]) => [`${name} ${usage}`, description]);
  const examples = ['batchnorm doctor', 'batchnorm train --quick', 'batchnorm bench --quick'];
  return helpOfAll('batchnorm', ownManifest().description, rows as [string, string][], examples);
}

function ownManifest(): { readonly version: string; readonly description: string } {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
}

/** Whoever reads has seen enough, such as `head`. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof Misuse) console.error(`error: ${error.message}`);
  else if (isExpected(error)) console.error(`batchnorm: ${error.message.replace(/^batchnorm: /, '')}`);
  else throw error;
  process.exitCode = 1;
}

/** Failures that the user can mend: their message says it all. Any other error is ours and shows its stack. */
function isExpected(error: unknown): error is Error {
  if (error instanceof Failure) return true;
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_BATCHNORM_');
}
