/** The file that GCC has made for this system, and the same by clang, which makes those for macOS: equal digests. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { OpenedAddon } from '#dist/backends/native/opened.js';
import { targetOfProcess } from '#dist/backends/native/target.js';
import { type DigestCase, digestOf } from './support/digests.js';
import { ROOT } from './support/install.js';
import { madeTargets, pathOf, testUnless, whyNoProgram, whyNotMade } from './support/prebuilds/made.js';
import { suiteOf } from './support/suite.js';

interface Target {
  readonly compiler: string;
}
interface Scripts {
  readonly build: (name: string, target: Target, take: (file: string) => void) => Promise<void>;
  readonly TARGETS: Readonly<Record<string, Target>>;
}

const CLANG = 'clang++-19';
const cases: DigestCase[] = JSON.parse(readFileSync(join(ROOT, 'test', 'digests.json'), 'utf8'));
const home = mkdtempSync(join(tmpdir(), 'batchnorm-compilers-'));
const test = suiteOf('prebuilds: compilers');
test.after(() => rmSync(home, { recursive: true, force: true }));

const name = targetOfProcess().replace('-musl', '');
const notLinux = name.startsWith('linux-') ? null : `this is ${name}`;
const reason = notLinux ?? whyNotMade(name);

testUnless(reason, test, name, 'the loader takes it, and every digest is right', () => expectDigests(pathOf(name)));

testUnless(
  reason ?? whyNoProgram(CLANG, 'clang-19'),
  test,
  `${name} by ${CLANG}`,
  'every digest is right',
  async () => {
    const file = join(home, 'clang.node');
    const { build, TARGETS } = await scripts();
    await build(name, { ...TARGETS[name], compiler: CLANG }, (made) => cpSync(made, file));
    assert.match(readFileSync(file, 'latin1'), 'clang version 19', 'its comment section');
    expectDigests(file);
  },
);

/** Of each instruction set that this processor has of those that the file is made for. */
function expectDigests(path: string): void {
  const opened = new OpenedAddon({ path, origin: path });
  assert.ok(opened.isas.length > 0);
  const { isas } = madeTargets()[name];
  assert.equal(
    opened.isas.filter((isa) => !isas.includes(isa)),
    [],
  );
  for (const isa of opened.isas) {
    const kernels = opened.load(isa, { threads: 1 });
    if (typeof kernels === 'string') throw new Error(`${isa}: ${kernels}`);
    const wrong = cases.filter((one) => digestOf(kernels, one) !== one.digest);
    assert.equal(
      wrong.map((one) => one.name),
      [],
      isa,
    );
  }
}

async function scripts(): Promise<Scripts> {
  const [made, targets] = await Promise.all(
    ['build.js', 'targets.js'].map((file) => import(pathToFileURL(join(ROOT, 'scripts', 'prebuilds', file)).href)),
  );
  return { build: made.build, TARGETS: targets.TARGETS };
}
