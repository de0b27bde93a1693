/**
 * The folder in which `train` and `bench` run where the packages that they need are not installed beside the library:
 * in the cache of npx, globally, or in a project that has no use for them. It has these packages and a copy of this
 * one, so that all of them find each other, and nothing of the user's is touched.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { environment } from '../backends/host.js';
import { packageManager } from '../backends/native/advice.js';
import { packageRoot } from '../backends/package-root.js';
import { runFile } from './child.js';
import { Failure } from './failure.js';
import { allNeeds, type CommandWithNeeds, installingNeeds, missingNeeds } from './needs.js';

/** Runs the command in the folder, which is made first if the user agrees. */
export async function runApart(command: CommandWithNeeds, args: readonly string[]): Promise<void> {
  const root = packageRoot();
  if (root === undefined || packageManager(root) === 'deno') {
    const line = installingNeeds(missingNeeds(command));
    throw new Failure(`${command} needs packages that are not installed; this installs them:\n\n  ${line}\n`);
  }
  const folder = join(cacheFolder(), 'batchnorm', keyOf(root));
  const copy = join(folder, 'node_modules', 'batchnorm');
  if (!existsSync(copy)) {
    if (!(await isAgreed(command, args, folder))) throw new Failure(`${command}: nothing was installed`);
    install(root, folder);
  }
  await runFile(join(copy, 'dist', 'cli', 'main.js'), [command, ...args]);
}

/** Where programs keep what they can get again. */
function cacheFolder(): string {
  if (process.platform === 'win32') return environment('LOCALAPPDATA') || join(homedir(), 'AppData', 'Local');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  return environment('XDG_CACHE_HOME') || join(homedir(), '.cache');
}

/** The version, and a digest of the programs: another build of the same version has a folder of its own. */
function keyOf(root: string): string {
  const hash = createHash('sha256');
  for (const folder of ['dist', 'dist-demo', 'dist-bench', 'demo']) {
    const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder), { recursive: true }) : [];
    const scripts = names.map(String).filter((name) => name.endsWith('.js') || name === 'package.json');
    for (const name of scripts.sort()) hash.update(name).update(readFileSync(join(root, folder, name)));
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return `${version}-${hash.digest('hex').slice(0, 8)}`;
}

/** @throws Failure where nobody can be asked */
async function isAgreed(command: CommandWithNeeds, args: readonly string[], folder: string): Promise<boolean> {
  // As npx has it: with --yes it does not ask either.
  if (args.includes('--yes') || environment('npm_config_yes') === 'true') return true;
  const what = `${Object.keys(allNeeds()).length} packages (130 MB)`;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Failure(
      `${command} needs packages that are not installed; with --yes it installs ${what} into ${folder}, and goes on`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('no')));
  const told = `batchnorm ${command} needs ${what}, which it would keep in\n  ${folder}`;
  const question = `${told}\nInstall them there? (Y/n) `;
  try {
    return !/^\s*n/i.test(await Promise.race([terminal.question(question), closed]));
  } finally {
    terminal.close();
  }
}

/** Made beside its place and renamed: the folder is whole, or it is not there. */
function install(root: string, folder: string): void {
  const fresh = `${folder}.${process.pid}`;
  try {
    mkdirSync(fresh, { recursive: true });
    writeFileSync(join(fresh, 'package.json'), JSON.stringify({ private: true, dependencies: allNeeds() }));
    runNpm(['install', '--prefix', fresh, '--no-package-lock', '--no-audit', '--no-fund', '--no-global'], fresh);
    const own = join(root, 'node_modules');
    cpSync(root, join(fresh, 'node_modules', 'batchnorm'), { recursive: true, filter: (path) => path !== own });
    if (!existsSync(folder)) renameSync(fresh, folder);
  } catch (cause) {
    throw new Failure(`${folder} cannot be made (${(cause as Error).message})`, { cause });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The npm that started this process, or else that of the PATH. Standard output is kept for results. */
function runNpm(args: readonly string[], cwd: string): void {
  const path = environment('npm_execpath');
  const isNpm = path !== undefined && /np[mx]-cli\.js$/.test(path);
  const [program, first] = isNpm ? [process.execPath, [path.replace(/npx-cli\.js$/, 'npm-cli.js')]] : ['npm', []];
  const { status, error } = spawnSync(program, [...first, ...args], {
    ...{ cwd, stdio: ['ignore', 2, 2], shell: !isNpm && process.platform === 'win32' },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ended with exit code ${status}`);
}
