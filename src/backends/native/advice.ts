/** What to do where the addon does not load: a line that helps when it is followed, where this process runs. */
import { builtin, environment } from '../host.js';

export const BUNDLE = `this is a bundle, which leaves the addon behind: keep batchnorm out of it \
(esbuild: --external:batchnorm; rollup: external: ['batchnorm']; webpack: externals: ['batchnorm']; Vite: ssr: { external: ['batchnorm'] }; \
bun build: --external batchnorm), and install it beside the bundle.`;

/** @param causes - why each of the files is not used */
export function adviceFor(root: string, causes: readonly Error[]): string {
  const codes = causes.map((error) => (error as NodeJS.ErrnoException).code);
  if (causes.some(({ name }) => name === 'NotCapable' || name === 'PermissionDenied')) {
    return 'Start Deno with --allow-read --allow-ffi --allow-env --allow-sys.';
  }
  if (codes.includes('ERR_ACCESS_DENIED')) {
    return `Let Node.js read the package: --allow-fs-read=${root}; and load addons: --allow-addons.`;
  }
  if (codes.includes('ERR_DLOPEN_DISABLED')) {
    return isRestricted() ? 'Start Node.js with --allow-addons.' : 'Start Node.js without --no-addons.';
  }
  return `To build it: ${buildCommand(root)}; it needs Python 3 and ${COMPILERS[process.platform] ?? 'make and a C++17 compiler'}.`;
}

const COMPILERS: Partial<Record<NodeJS.Platform, string>> = {
  darwin: "Xcode's command line tools (xcode-select --install)",
  win32: 'Visual Studio with C++',
};

/** By the permission model, which knows more than --no-addons. */
function isRestricted(): boolean {
  return (process as { permission?: unknown }).permission !== undefined;
}

/** `batchnorm build`, as the package manager in use starts it. */
export function buildCommand(root: string): string {
  const { existsSync } = builtin<typeof import('node:fs')>('node:fs')!;
  if (existsSync(`${root}/binding.gyp`)) return 'npm run build:native'; // in a clone
  const { versions } = process as { versions: Partial<Record<string, string>> };
  const agent = environment('npm_config_user_agent') ?? '';
  if (versions['deno'] !== undefined) return 'deno run -A npm:batchnorm build';
  if (versions['pnp'] !== undefined || agent.startsWith('yarn/')) return 'yarn batchnorm build';
  if (agent.startsWith('pnpm/') || /[\\/]\.pnpm[\\/]/.test(root)) return 'pnpm exec batchnorm build';
  if (versions['bun'] !== undefined || agent.startsWith('bun/')) return 'bunx batchnorm build';
  return 'npx batchnorm build';
}
