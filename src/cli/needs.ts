/** The packages that single commands need, as demo/package.json has them: the library itself needs none. */
import { readFileSync } from 'node:fs';
import { packageManager, startOf } from '../backends/native/advice.js';
import { packageRoot } from '../backends/package-root.js';

type Ranges = Readonly<Record<string, string>>;

/** The demonstration as a package. What is optional there only the benchmark needs. */
interface Demonstration {
  readonly description: string;
  readonly dependencies: Ranges;
  readonly optionalDependencies: Ranges;
}

export type CommandWithNeeds = 'train' | 'bench';

/** Read only where it is asked for: what else the library does, it does without the demonstration. */
export function demonstration(): Demonstration {
  return JSON.parse(readFileSync(new URL('../../demo/package.json', import.meta.url), 'utf8')); // from dist/cli
}

/** What both commands need. */
export function allNeeds(): Ranges {
  return needsOf('bench');
}

function needsOf(command: CommandWithNeeds): Ranges {
  const { dependencies, optionalDependencies } = demonstration();
  return command === 'train' ? dependencies : { ...dependencies, ...optionalDependencies };
}

/**
 * Prints the help of a command that was kept when this was built, where it is asked for and packages that would print
 * it are missing. Help needs nothing.
 */
export function printKeptHelp(command: CommandWithNeeds, args: readonly string[]): boolean {
  const isAsked = args.includes('--help') || args.includes('-h');
  if (!isAsked || missingNeeds(command).length === 0) return false;
  const folder = command === 'train' ? 'dist-demo' : 'dist-bench';
  process.stdout.write(readFileSync(new URL(`../../${folder}/help.txt`, import.meta.url), 'utf8'));
  return true;
}

/** The needed packages that do not resolve. None is loaded. */
export function missingNeeds(command: CommandWithNeeds): string[] {
  return Object.keys(needsOf(command)).filter((name) => {
    try {
      import.meta.resolve(name);
      return false;
    } catch {
      return true; // by one code or another: Yarn Plug'n'Play has its own
    }
  });
}

/** The command that runs this one and installs what it needs: for itself, or, where that cannot be, for all. */
export function runningWithNeeds(command: CommandWithNeeds): string {
  const root = packageRoot() ?? '';
  return packageManager(root) === 'deno' ? installingNeeds(missingNeeds(command)) : startOf(root, `${command} --yes`);
}

/** The command that installs these, in versions that the demonstration was made for. */
export function installingNeeds(names: readonly string[]): string {
  const ranges = needsOf('bench');
  return installing(names.map((name) => `${name}@${ranges[name]}`));
}

/** The command by which the package manager in use installs packages. */
export function installing(packages: readonly string[]): string {
  const manager = packageManager(packageRoot() ?? '');
  if (manager === 'deno') return `deno add ${packages.map((name) => `npm:${name}`).join(' ')}`;
  return `${manager} ${manager === 'npm' ? 'install' : 'add'} ${packages.join(' ')}`;
}
