// native/driver/digest.cc, compiled as one is asked to, against the digests of test/digests.json.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelSources } from './kernel-sources.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const kernels = kernelSources().map((name) => `native/kernels/${name}.cc`);
const sources = [...kernels, 'native/runtime/pool.cc', 'native/driver/digest.cc'];
// As binding.gyp has it: -ffp-contract=off is what keeps bits equal.
const flags = ['-std=c++17', '-O2', '-ffp-contract=off', '-pthread'];
const cases = JSON.parse(readFileSync(join(root, 'test', 'digests.json'), 'utf8'));
const required = (process.env.BATCHNORM_REQUIRE ?? '').split(',');

/** The flags that binding.gyp gives to the kernels of each instruction set. */
export const ISA_FLAGS = {
  baseline: [],
  avx2: ['-mavx2', '-mfma', '-mf16c', '-DBN_AVX2'],
  avx512: [
    '-mavx512f',
    '-mavx512vl',
    '-mavx512bw',
    '-mfma',
    '-mf16c',
    '-DBN_AVX512',
    '-Wno-uninitialized',
    '-Wno-maybe-uninitialized',
  ],
  neon: ['-DBN_NEON'],
};

/** Whether /proc/cpuinfo names it. */
export function hasCpuFlag(flag) {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8').includes(` ${flag} `);
  } catch {
    return false;
  }
}

/** How many digests differ. Throws where the driver cannot be built, or does not end well. */
function differences({ isa, how, compiler, flags: own = [], run = [] }, folder) {
  const program = join(folder, 'digest');
  const quiet = { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' };
  execFileSync(compiler, [...flags, ...own, `-DBN_ISA=${isa}`, ...sources, '-o', program], quiet);
  const [command, ...before] = [...run, program];
  let different = 0;
  for (const { name, n, c, s, dtype, data, residual, activation, seed, digest } of cases) {
    const args = [n, c, s, dtype, data, residual, activation, seed].map(String);
    const got = execFileSync(command, [...before, ...args], quiet).trim();
    if (got === digest) continue;
    different++;
    console.log(`  ${isa}: ${name}: ${got} instead of ${digest}`);
  }
  console.log(`${isa} (${how}): ${cases.length - different} of ${cases.length} digests are equal`);
  return different;
}

/** Runs all targets; what cannot be built is skipped aloud, or fails where it must run, or BATCHNORM_REQUIRE
 * names it. Exits. */
export function runAll(targets) {
  let failures = 0;
  for (const target of targets) {
    const folder = mkdtempSync(join(tmpdir(), 'batchnorm-digest-'));
    try {
      failures += differences(target, folder);
    } catch (error) {
      const reason = (error.stderr || error.message).trim().split('\n').slice(0, 12).join('\n  ');
      const fails = target.mustRun || required.includes(target.isa);
      console.log(`${fails ? 'failed' : 'skipped'}: ${target.isa} (${target.how}): ${reason}`);
      if (fails) failures++;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  process.exit(failures === 0 ? 0 : 1);
}
