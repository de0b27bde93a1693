// Under the sanitizers; any report ends the program that is tested, and this script with it.
//
//   the addon    in Node.js, with ASan and UBSan: calls with nonsense, 100,000 of them made up; every allocation
//                refused in turn; the suites of the native backend, with every instruction set of this processor
//   the pool     of threads by itself, with ASan and UBSan, and with TSan
//   the kernels  and their threads without JavaScript, with ASan and UBSan, and with TSan, and where the system gives
//                fewer threads than were asked for: every digest, by every walk, by two callers at once
//
// --quick leaves out the suites, the pool and the kernels, and links those that node-gyp has built: a minute.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { hasCpuFlag, ISA_FLAGS, runAll } from './digest-driver.js';
import { buildVariant } from './variant.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const support = join(root, 'dist-test', 'support');
const quick = process.argv.includes('--quick');
const address = ['-g1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-sanitize-'));
try {
  await testAddon(join(folder, 'batchnorm-instrumented.node'));
} catch (error) {
  console.log(`failed: the addon under ASan and UBSan: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (!quick && process.exitCode === undefined) testPool();
if (!quick && process.exitCode === undefined) testKernels();

async function testAddon(addon) {
  const started = Date.now();
  await buildVariant(addon, ['-O1', ...address, '-DBN_FAIL_ALLOCATION'], { withKernels: !quick });
  const built = Math.round((Date.now() - started) / 1000);
  console.log(`the addon, instrumented${quick ? '' : ' with its kernels'}: built in ${built} s`);
  nonsense(addon, 2800);
  node(addon, [join(support, 'native-shortage-child.js')]);
  console.log('every allocation refused in turn: as it should be');
  if (quick) return;
  const suites = '^(native|coefficient-cache)\\.test\\.js$';
  node(addon, [join(root, 'node_modules', 'uvu', 'bin.js'), join(root, 'dist-test'), suites]);
  console.log('the suites of the native backend: as they should be');
}

/** Node.js with the addon in place of the built one. It holds what V8 never gives back: leaks are not looked for. */
function node(addon, args) {
  const runtimes = ['libasan.so', 'libubsan.so'].map((name) =>
    execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim(),
  );
  const env = {
    ...process.env,
    LD_PRELOAD: runtimes.join(':'),
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    BATCHNORM_TEST_ADDON: addon,
    NODE_OPTIONS: `--import=${pathToFileURL(join(support, 'other-addon.js')).href}`,
  };
  const ran = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (ran.status !== 0) {
    throw new Error(
      `${args.join(' ')}: ${ran.signal ?? ran.status}\n${ran.stdout.slice(-4000)}\n${ran.stderr.slice(0, 8000)}`,
    );
  }
  return ran.stdout;
}

/**
 * Each function of each instruction set is called `runs` times with good arguments that were spoilt, and with nonsense.
 */
function nonsense(addon, runs) {
  const journal = join(folder, 'journal');
  try {
    const findings = node(addon, [join(support, 'addon-child.js'), journal, String(runs)])
      .trim()
      .split('\n')
      .map(JSON.parse);
    const wrong = findings.flatMap(({ title, wrong }) => wrong.map((message) => `${title}: ${message}`));
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    const calls = findings.reduce((sum, { accepted, refused }) => sum + accepted + refused, 0);
    if (!(calls >= 30 * runs)) throw new Error(`only ${calls} calls were made`);
    console.log(`${calls} calls with nonsense: as they should be`);
  } catch (error) {
    if (existsSync(journal)) error.message += `\nthe last call: ${readFileSync(journal, 'utf8').trim()}`;
    throw error;
  }
}

/** The pool of threads by itself, with parts that take no time, so that its own steps meet. */
function testPool() {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-sanitize-'));
  try {
    for (const flags of [address, ['-g1', '-fsanitize=thread']]) {
      const program = join(folder, 'pool');
      const sources = ['native/driver/pool.cc', 'native/runtime/pool.cc'];
      execFileSync('g++', ['-std=c++17', '-O1', ...flags, ...sources, '-pthread', '-o', program], { cwd: root });
      const env = { ...process.env, TSAN_OPTIONS: 'die_after_fork=0' }; // a child of the pool's starts threads
      execFileSync(program, { env, stdio: 'inherit', timeout: 300_000 });
    }
    console.log('the pool of threads, with ASan and UBSan, and with TSan: as it should be');
  } catch (error) {
    console.log(`failed: the pool of threads: ${error.message}`);
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function testKernels() {
  const here = process.arch === 'arm64' ? ['neon'] : ['baseline', 'avx2', 'avx512'];
  const isas = here.filter((isa) => !isa.startsWith('avx') || hasCpuFlag(isa === 'avx512' ? 'avx512vl' : isa));
  const best = isas.at(-1);
  const target = (isa, how, flags) => ({
    isa,
    how,
    compiler: 'g++',
    flags: [...ISA_FLAGS[isa], ...flags],
    mustRun: true,
  });
  runAll([
    ...isas.map((isa) => target(isa, 'address and undefined behaviour', address)),
    target(best, 'threads', ['-g1', '-fsanitize=thread']),
    target(best, 'one thread of those asked for', ['-DBN_FEW_THREADS', '-ldl']),
  ]);
}
