/** The package as users get it: packed, installed in folders of their own by npm, and used by modules of theirs. */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { targetOfProcess } from '#dist/backends/native/target.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONSUMER = join(ROOT, 'test', 'support', 'consumer');
const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** What test/support/consumer/probe.cts finds. */
export interface Report {
  readonly backend: string;
  readonly origin: string | null;
  readonly reason: string | null;
  readonly bits: string;
}

/**
 * Until `npm run build:prebuilds` has made one, what was built here passes for the addon that comes with the package.
 */
function ensurePrebuilt(): void {
  const [folder, toolchain] = [join(ROOT, 'prebuilds'), 'a copy of what node-gyp has built, for tests'];
  const manifest = join(folder, 'manifest.json');
  const isOurs = existsSync(manifest) && readFileSync(manifest, 'utf8').includes(toolchain);
  const built = join(ROOT, 'build', 'Release', 'batchnorm.node');
  if ((existsSync(manifest) && !isOurs) || !existsSync(built)) return;
  const target = targetOfProcess();
  mkdirSync(folder, { recursive: true });
  cpSync(built, join(folder, `${target}.node`));
  const bytes = readFileSync(built);
  const made = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), toolchain };
  const targets = { [target]: { file: `${target}.node`, ...made } };
  writeFileSync(manifest, JSON.stringify({ version, targets }));
}

/** The tarball of this package, which depends on no other: installing it needs no registry. */
export function pack(folder: string): string {
  ensurePrebuilt();
  return join(folder, npm(folder, ['pack', '--ignore-scripts', '--silent', ROOT]).trim());
}

/** `npm install` of the tarball in a new folder. */
export function install(folder: string, tarball: string): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{}\n'); // or npm would look for one further up
  const flags = ['--offline', '--no-audit', '--no-fund'];
  npm(folder, ['install', ...flags, tarball]);
  return folder;
}

/** Compiles the user's modules where the package is installed; the folder of the compiled ones. */
export function compileConsumers(folder: string): string {
  const sources = join(folder, 'consumer');
  cpSync(CONSUMER, sources, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', '@tensorflow'), join(folder, 'node_modules', '@tensorflow'), 'junction');
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  for (const config of ['tsconfig.json', 'tsconfig.tfjs.json']) {
    execute(process.execPath, [tsc, '-p', join(sources, config)], { cwd: folder });
  }
  return join(sources, 'out');
}

/** Runs a compiled module of the user's in the folder, with whatever package is found from there. */
export function report(folder: string, compiled: string, module: string, ...flags: readonly string[]): Report {
  const copy = join(folder, 'compiled');
  cpSync(compiled, copy, { recursive: true });
  return JSON.parse(execute(process.execPath, [...flags, join(copy, module)], { cwd: folder, env: environment() }));
}

/** npm's output; that npm which runs the tests, if one does. */
export function npm(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const running = process.env['npm_execpath'] ?? '';
  const [command, ...before] = running.endsWith('npm-cli.js') ? [process.execPath, running] : ['npm'];
  return execute(command, [...before, ...args], { cwd: folder, env: { ...environment(), ...env } });
}

/** That of a user's shell: without what the npm that runs the tests says of itself, and without forced backends. */
export function environment(): NodeJS.ProcessEnv {
  const foreign =
    /^(BATCHNORM_|INIT_CWD|npm_(command|lifecycle|package|config_(ignore_scripts|local_prefix|node_gyp)))/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

export function execute(command: string, args: readonly string[], options: SpawnSyncOptions): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, { ...options, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}
