/** Advice for an addon that does not load: a line that helps on this machine, if it is followed. */
import { builtin, environment } from '../host.js';

export const BUNDLE =
  'this is a bundle, which leaves the addon behind: keep batchnorm out of it (esbuild: --external:batchnorm; ' +
  "rollup: external: ['batchnorm']; webpack: externals: { batchnorm: 'node-commonjs batchnorm' }; " +
  "Vite: ssr: { external: ['batchnorm'] }; " +
  'bun build: --external batchnorm; bun build --compile: --external batchnorm --compile-autoload-package-json), ' +
  'and install it beside the bundle.';

export const EXECUTABLE =
  'this is a bundle in a single executable, which leaves the addon behind: keep batchnorm out of it ' +
  '(--external:batchnorm), load it by ' +
  "createRequire(process.execPath)('batchnorm'), and install it beside the executable.";

/** Why a package that does not know where it is has no addon. */
export function bundled(): string {
  return builtin<{ isSea(): boolean }>('node:sea')?.isSea() ? EXECUTABLE : BUNDLE;
}

/** @param causes - why each of the files is not used */
export function adviceFor(root: string, causes: readonly Error[]): string {
  const codes = causes.map((error) => (error as NodeJS.ErrnoException).code);
  if (causes.some(({ name }) => name === 'NotCapable' || name === 'PermissionDenied')) {
    return 'Start Deno with --allow-read --allow-ffi (and --allow-env, for BATCHNORM_… variables).';
  }
  if (codes.includes('ERR_ACCESS_DENIED')) {
    return `Let Node.js read the package: --allow-fs-read=${root}; and load addons: --allow-addons.`;
  }
  if (codes.includes('ERR_DLOPEN_DISABLED')) {
    return isRestricted() ? 'Start Node.js with --allow-addons.' : 'Start Node.js without --no-addons.';
  }
  const tools = TOOLS[process.platform] ?? 'Python 3, make and a C++17 compiler';
  return `To build it: ${buildCommand(root)}; it needs ${tools}.`;
}

const TOOLS: Partial<Record<NodeJS.Platform, string>> = {
  darwin: "Python 3 and Xcode's command line tools (xcode-select --install)",
  win32: 'Python 3 and Visual Studio with C++',
};

/** By the permission model, which knows more than --no-addons. */
function isRestricted(): boolean {
  return (process as { permission?: unknown }).permission !== undefined;
}

/** `batchnorm build`, as the package manager in use starts it; in a clone the script that does it there. */
export function buildCommand(root: string, addon: 'native' | 'mpi' = 'native'): string {
  if (isClone(root)) return `npm run build:${addon}`;
  return startOf(root, `build${addon === 'mpi' ? ' --mpi' : ''}`);
}

/** A command of `batchnorm`, as the package manager in use starts it. */
export function startOf(root: string, command: string): string {
  return `${STARTERS[packageManager(root)]} ${command}`;
}

function isClone(root: string): boolean {
  const { existsSync } = builtin<typeof import('node:fs')>('node:fs')!;
  try {
    return existsSync(`${root}/binding.gyp`);
  } catch {
    return false; // Deno may not look
  }
}

type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'bun' | 'deno';

const STARTERS: Record<PackageManager, string> = {
  npm: 'npx batchnorm',
  pnpm: 'pnpm exec batchnorm',
  yarn: 'yarn batchnorm',
  bun: 'bunx batchnorm',
  deno: 'deno run -A npm:batchnorm',
};

/** The program that started this process, or installed the package. */
export function packageManager(root: string): PackageManager {
  const { versions } = process as { versions: Partial<Record<string, string>> };
  if (versions['deno'] !== undefined) return 'deno';
  if (versions['pnp'] !== undefined) return 'yarn';
  const [, agent] = /^(pnpm|yarn|bun)\//.exec(environment('npm_config_user_agent') ?? '') ?? [];
  if (agent !== undefined) return agent as PackageManager;
  if (/[\\/]\.pnpm[\\/]/.test(root)) return 'pnpm';
  return versions['bun'] !== undefined ? 'bun' : 'npm';
}
