/** The machine, as far as batch normalization cares: processor and caches. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { type ThreadBudget, threadBudget } from '../../backends/threads.js';

export interface Cache {
  readonly level: number;
  readonly bytes: number;
}

export interface Machine {
  readonly processor: string;
  readonly architecture: string;
  readonly processors: number;
  /** By default: `threads` of useBackend and BATCHNORM_THREADS come first. */
  readonly threads: Omit<ThreadBudget, 'processors'>;
  readonly system: string;
  readonly memoryBytes: number;
  readonly node: string;
  /** Caches of the first processor, data or unified, from the nearest; empty if the system does not say. */
  readonly caches: readonly Cache[];
}

export function inspectMachine(): Machine {
  const { processors, ...threads } = threadBudget();
  return {
    processor: cpus()[0]?.model.trim() || 'unknown',
    architecture: process.arch,
    processors,
    threads,
    system: `${type()} ${release()}`,
    memoryBytes: totalmem(),
    node: process.version,
    caches: process.platform === 'darwin' ? cachesOfDarwin() : cachesOfLinux(),
  };
}

/** @param folder - Another one for tests. */
export function cachesOfLinux(folder = '/sys/devices/system/cpu/cpu0/cache'): Cache[] {
  try {
    const caches = readdirSync(folder)
      .filter((name) => /^index\d+$/.test(name))
      .map((name) => {
        const read = (file: string) => readFileSync(join(folder, name, file), 'utf8').trim();
        return { level: Number(read('level')), bytes: bytesOf(read('size')), type: read('type') };
      });
    return caches
      .filter(({ type, level, bytes }) => type !== 'Instruction' && level > 0 && bytes > 0)
      .sort((a, b) => a.level - b.level)
      .map(({ level, bytes }) => ({ level, bytes }));
  } catch {
    return [];
  }
}

/** 32K, 16384K, 32M */
function bytesOf(text: string): number {
  const [, digits, unit] = /^(\d+)([KMG]?)$/.exec(text) ?? [];
  return Number(digits ?? 0) * ({ K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit ?? ''] ?? 1);
}

function cachesOfDarwin(): Cache[] {
  const ask = (name: string) => Number(spawnSync('sysctl', ['-n', name], { encoding: 'utf8' }).stdout) || 0;
  const names = ['hw.l1dcachesize', 'hw.l2cachesize', 'hw.l3cachesize'];
  return names.map((name, i) => ({ level: i + 1, bytes: ask(name) })).filter(({ bytes }) => bytes > 0);
}
