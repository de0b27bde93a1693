// The digests of test/digests.json on instruction sets that this processor may not have: NEON under qemu-aarch64,
// AVX-512 by SIMDe in portable C, and this machine's own without JavaScript. Debian: g++-aarch64-linux-gnu
// qemu-user-static libsimde-dev. What cannot be built is skipped aloud, or fails where BATCHNORM_REQUIRE names it.
import { hasCpuFlag, runAll } from './digest-driver.js';

const arm = process.arch === 'arm64';

const targets = [
  { isa: 'baseline', arch: 'x64', compiler: 'g++', how: 'here' },
  {
    isa: 'avx2',
    arch: 'x64',
    cpu: 'avx2',
    compiler: 'g++',
    flags: ['-mavx2', '-mfma', '-mf16c', '-DBN_AVX2'],
    how: 'here',
  },
  // -O1: SIMDe's portable C takes a minute at -O2, and the bits are the same.
  { isa: 'avx512', compiler: 'g++', flags: ['-O1', '-Inative/driver/simde', '-DBN_AVX512'], how: 'SIMDe' },
  {
    isa: 'neon',
    compiler: arm ? 'g++' : 'aarch64-linux-gnu-g++',
    flags: ['-static', '-DBN_NEON'],
    run: arm ? [] : ['qemu-aarch64-static'],
    how: arm ? 'here' : 'qemu-aarch64',
  },
];
runAll(targets.filter(({ arch, cpu }) => (!arch || arch === process.arch) && (!cpu || hasCpuFlag(cpu))));
