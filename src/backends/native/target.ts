/** The platform that a prebuilt addon is made for: `linux-x64`, `linux-arm64-musl`, `win32-x64` and others. */
import { builtin } from '../host.js';

/** The target of the process that runs this. */
export function targetOfProcess(): string {
  const { platform, arch } = process;
  return platform === 'linux' && isMusl() ? `${platform}-${arch}-musl` : `${platform}-${arch}`;
}

/**
 * Which C library: the program names its loader in its first bytes. Where these may not be read, or name none, the
 * report of the process has the version of glibc; it takes milliseconds.
 */
function isMusl(): boolean {
  const [loader] = /\/ld-(musl|linux)[^\0]*/.exec(beginningOf(process.execPath)) ?? [];
  if (loader !== undefined) return loader.startsWith('/ld-musl');
  try {
    const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return header !== undefined && header.glibcVersionRuntime === undefined;
  } catch {
    return false;
  }
}

function beginningOf(file: string): string {
  try {
    const { closeSync, openSync, readSync } = builtin<typeof import('node:fs')>('node:fs')!;
    const bytes = new Uint8Array(4096);
    const opened = openSync(file, 'r');
    const count = readSync(opened, bytes);
    closeSync(opened);
    return String.fromCharCode(...bytes.subarray(0, count));
  } catch {
    return '';
  }
}
