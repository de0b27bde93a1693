// The kernels and their threads under the sanitizers, and where the system gives fewer threads than were asked for: every
// digest, by every walk, by two callers at once. Any report ends the program, and this script with it.
import { hasCpuFlag, runAll } from './digest-driver.js';

const avx2 = process.arch === 'x64' && hasCpuFlag('avx2');
const isa = process.arch === 'arm64' ? 'neon' : avx2 ? 'avx2' : 'baseline';
const own = { neon: ['-DBN_NEON'], avx2: ['-mavx2', '-mfma', '-DBN_AVX2'], baseline: [] }[isa];

const address = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const thread = ['-g', '-fsanitize=thread'];

runAll([
  { isa, how: 'address and undefined behaviour', compiler: 'g++', flags: [...own, ...address], mustRun: true },
  { isa, how: 'threads', compiler: 'g++', flags: [...own, ...thread], mustRun: true },
  {
    isa,
    how: 'one thread of those asked for',
    compiler: 'g++',
    flags: [...own, '-DBN_FEW_THREADS', '-ldl'],
    mustRun: true,
  },
]);
