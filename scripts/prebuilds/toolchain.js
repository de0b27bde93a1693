// Files that compilers read and Debian does not have: headers of macOS, which Zig's package brings, and the names of
// Node-API. Both come from npm by version and hash (toolchain/package-lock.json), once, into a cache. No program of
// theirs is run.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const lists = join(dirname(fileURLToPath(import.meta.url)), 'toolchain');
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'batchnorm');

let installed;

/** The folder of the installed packages. */
function packages() {
  if (installed !== undefined) return installed;
  const lock = readFileSync(join(lists, 'package-lock.json'));
  const folder = join(cache, `toolchain-${createHash('sha256').update(lock).digest('hex').slice(0, 16)}`);
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`;
    mkdirSync(fresh, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(lists, name), join(fresh, name));
    const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--force']; // headers are of no processor
    execFileSync('npm', options, {
      cwd: fresh,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
    try {
      renameSync(fresh, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error;
      rmSync(fresh, { recursive: true }); // another build was quicker
    }
  }
  installed = join(folder, 'node_modules');
  return installed;
}

export function nodeApiHeaders() {
  return join(packages(), 'node-api-headers', 'include');
}

/** Folders of headers that the target's compiler does not find by itself. */
export function headersOf({ headers, arch }) {
  if (headers !== 'macos') return [];
  const library = zigLibrary();
  const processor = arch === 'arm64' ? 'aarch64' : 'x86_64';
  const libc = [`${processor}-macos.11-none`, 'any-macos.11-any', 'any-macos-any'];
  return [join(library, 'libcxx', 'include'), ...libc.map((name) => join(library, 'libc', 'include', name))];
}

/** The list of names that the linker reads in the place of the target's system library. */
export function systemLibrary({ headers }) {
  return headers === 'macos' ? [join(zigLibrary(), 'libc', 'darwin', 'libSystem.11.tbd')] : [];
}

function zigLibrary() {
  return join(packages(), '@ryoppippi', 'zig-linux-x64', 'lib');
}

/** An import library, made by dlltool, of all that node.exe exports of Node-API; bound at the first call. */
export function hostLibrary(dlltool, folder) {
  const def = join(folder, 'node.def');
  const names = ['js_native_api', 'node_api'].flatMap((name) =>
    readFileSync(join(packages(), 'node-api-headers', 'def', `${name}.def`), 'utf8')
      .split(/\r?\n/)
      .filter((line) => /^\w+$/.test(line) && line !== 'EXPORTS'),
  );
  writeFileSync(def, `NAME node.exe\nEXPORTS\n${names.join('\n')}\n`);
  const library = join(folder, 'libnode.a');
  execFileSync(dlltool, ['--input-def', def, '--output-delaylib', library]);
  return library;
}
