/** Prebuilt addons are compiled as node-gyp would: scripts/prebuilds/gyp.js reads binding.gyp as gyp itself does. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ROOT } from './support/install.js';
import { suiteOf } from './support/suite.js';

interface Target {
  readonly os: string;
  readonly arch: string;
  readonly compiler: string;
  readonly packages?: readonly string[];
}

interface Unit {
  readonly sources: readonly string[];
  readonly defines: readonly string[];
  readonly flags: readonly string[];
}

/** What gyp makes of a target. */
interface Configured {
  readonly sources: readonly string[];
  readonly configurations: {
    readonly Default: Partial<Record<'cflags' | 'cflags_cc' | 'defines', readonly string[]>> & {
      readonly xcode_settings: Record<string, string | readonly string[]>;
    };
  };
}

const { TARGETS } = (await import(`${ROOT}scripts/prebuilds/targets.js`)) as { TARGETS: Record<string, Target> };
const { unitsOf } = (await import(`${ROOT}scripts/prebuilds/gyp.js`)) as {
  unitsOf(root: string, target: Target): readonly Unit[];
};

/** gyp writes what it has read beside what it reads: a copy. */
function configured({ os, arch, compiler }: Target): readonly Configured[] {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-gyp-'));
  try {
    cpSync(join(ROOT, 'binding.gyp'), join(folder, 'binding.gyp'));
    cpSync(join(ROOT, 'native'), join(folder, 'native'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
    writeFileSync(join(folder, 'addon.gypi'), "{'target_defaults': {'type': 'loadable_module'}}");
    const gyp = join(ROOT, 'node_modules', 'node-gyp', 'gyp', 'gyp_main.py');
    const options = ['-I', 'addon.gypi', '-f', 'gypd', '--depth=.', '--no-parallel', `-DOS=${os}`];
    const run = { cwd: folder, env: { ...process.env, CXX: compiler }, encoding: 'utf8' as const };
    execFileSync('python3', [gyp, 'binding.gyp', ...options, `-Dtarget_arch=${arch}`], run);
    const program = 'import ast, json; print(json.dumps(ast.literal_eval(open("binding.gypd").read())))';
    return JSON.parse(execFileSync('python3', ['-c', program], run)).targets;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const sorted = (list: readonly string[]) => [...list].sort();

for (const [name, target] of Object.entries(TARGETS)) {
  const test = suiteOf(`prebuilds: ${name}`);
  let byGyp: readonly Configured[];
  let units: readonly Unit[];
  test.before(() => {
    byGyp = configured(target);
    units = unitsOf(ROOT, target);
  });

  test('the kernels have the sources, definitions and flags of binding.gyp', () => {
    const wanted = byGyp.slice(1).map(ofGyp);
    const [, ...kernels] = units.map(ofUnit);
    assert.ok(wanted.length > 0);
    assert.equal(kernels, wanted);
  });

  test('so has the edge, but for what node-addon-api adds', () => {
    const [wanted] = byGyp.map(ofGyp);
    const [edge] = units.map(ofUnit);
    assert.equal(edge.sources, wanted.sources);
    assert.equal(sorted([...edge.defines, 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS']), wanted.defines);
    assert.equal(edge.flags, wanted.flags);
  });

  test('what Xcode is told of instruction sets and rounding, all compilers are', () => {
    for (const [i, { configurations }] of byGyp.entries()) {
      const { OTHER_CFLAGS = [], OTHER_CPLUSPLUSFLAGS = [] } = configurations.Default.xcode_settings;
      const untold = [OTHER_CFLAGS, OTHER_CPLUSPLUSFLAGS].flat().filter((flag) => !units[i].flags.includes(flag));
      assert.equal(untold, []);
    }
  });
}

function ofGyp({ sources, configurations: { Default: settings } }: Configured): Unit {
  const { cflags = [], cflags_cc = [], defines = [] } = settings;
  return ofUnit({ sources, defines, flags: [...cflags, ...cflags_cc] });
}

/** In an order, and as often, as does not matter. */
function ofUnit({ sources, defines, flags }: Unit): Unit {
  return { sources, defines: sorted(defines), flags: sorted([...new Set(flags)]) };
}

const workflow = suiteOf('prebuilds: the workflow');
const text = readFileSync(join(ROOT, '.github', 'workflows', 'prebuilds.yml'), 'utf8');

workflow('installs each compiler of scripts/prebuilds/targets.js', () => {
  const words = text.split(/\s+/);
  const packages = Object.values(TARGETS).flatMap((target) => target.packages ?? []);
  assert.ok(packages.length > 0);
  assert.equal(
    packages.filter((name) => !words.includes(name)),
    [],
  );
});

workflow('names actions by the hash of their commit', () => {
  const actions = text.match(/uses: .*/g) ?? [];
  assert.ok(actions.length > 0);
  for (const action of actions) assert.match(action, /^uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});
