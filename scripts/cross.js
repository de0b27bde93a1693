// The digests of test/digests.json on instruction sets that this processor may not have: NEON under qemu-aarch64, AVX-512
// by SIMDe in portable C, and this machine's own without JavaScript. Debian: g++-aarch64-linux-gnu qemu-user-static
// libsimde-dev. What cannot be built is skipped aloud, or fails where BATCHNORM_REQUIRE names it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = ['stats', 'normalize', 'backward', 'table', 'pool', 'driver/digest'].map((name) => `native/${name}.cc`);
// As binding.gyp has it: -ffp-contract=off is what keeps bits equal.
const flags = ['-std=c++17', '-O2', '-ffp-contract=off', '-pthread'];

const targets = [
  { isa: 'baseline', arch: 'x64', compiler: 'g++' },
  { isa: 'avx2', arch: 'x64', cpu: 'avx2', compiler: 'g++', flags: ['-mavx2', '-mfma', '-DBN_AVX2'] },
  // -O1: SIMDe's portable C takes a minute at -O2, and the bits are the same.
  { isa: 'avx512', compiler: 'g++', flags: ['-O1', '-Inative/driver/simde', '-DBN_AVX512'], how: 'SIMDe' },
  {
    isa: 'neon',
    compiler: process.arch === 'arm64' ? 'g++' : 'aarch64-linux-gnu-g++',
    flags: ['-static', '-DBN_NEON'],
    run: process.arch === 'arm64' ? [] : ['qemu-aarch64-static'],
    how: process.arch === 'arm64' ? 'here' : 'qemu-aarch64',
  },
].filter(({ arch, cpu }) => (!arch || arch === process.arch) && (!cpu || hasCpuFlag(cpu)));

function hasCpuFlag(flag) {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8').includes(` ${flag} `);
  } catch {
    return false;
  }
}

/** How many digests differ. Throws where the driver cannot be built or run. */
function differences({ isa, compiler, flags: own = [], run = [], how = 'here' }, cases, folder) {
  const program = join(folder, isa);
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

const cases = JSON.parse(readFileSync(join(root, 'test', 'digests.json'), 'utf8'));
const required = (process.env.BATCHNORM_REQUIRE ?? '').split(',');
const folder = mkdtempSync(join(tmpdir(), 'batchnorm-cross-'));
let failures = 0;
for (const target of targets) {
  try {
    failures += differences(target, cases, folder);
  } catch (error) {
    const reason = (error.stderr || error.message).trim().split('\n').slice(0, 3).join(' | ');
    console.log(`${required.includes(target.isa) ? 'failed' : 'skipped'}: ${target.isa}: ${reason}`);
    if (required.includes(target.isa)) failures++;
  }
}
rmSync(folder, { recursive: true, force: true });
process.exit(failures === 0 ? 0 : 1);
