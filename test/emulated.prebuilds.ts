/** The packed package on machines that this one emulates: native there, and with the bits that it has here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { compileConsumers, install, pack, ROOT, report } from './support/install.js';
import { linuxArm64, type Machine, windowsX64 } from './support/prebuilds/emulated.js';
import { testUnless, whyNotMade } from './support/prebuilds/made.js';
import { suiteOf } from './support/suite.js';

const home = mkdtempSync(join(tmpdir(), 'batchnorm-emulated-'));
const DOCTOR = [join('node_modules', 'batchnorm', 'dist', 'cli', 'main.js'), 'doctor'];
const DIGESTS = [join('dist-test', 'support', 'runtime.js')];
const MODULES = ['esm.mjs', 'cjs.cjs'];

let made: { readonly folder: string; readonly bits: string } | undefined;

/**
 * A folder in which the package is installed, with the user's modules in `compiled`; and what they compute on this
 * machine.
 */
function installed() {
  if (made === undefined) {
    const folder = install(join(home, 'installed'), pack(home));
    made = { folder, bits: report(folder, compileConsumers(folder), 'esm.mjs').bits };
  }
  return made;
}

const arm64 = linuxArm64(home);
const windows = windowsX64(home);
const electron = windowsX64(home, 'electron.exe');

const test = suiteOf('prebuilds: emulated');
test.after(() => {
  windows.close();
  rmSync(home, { recursive: true, force: true });
});

for (const machine of [arm64, windows]) {
  const { target, isas } = machine;
  const reason = whyNotMade(target) ?? machine.reason;

  testUnless(reason, test, target, 'native, with the bits of this machine', () => expectBits(machine));

  testUnless(reason, test, target, 'the doctor finds nothing wrong', () => {
    const text = machine.node(installed().folder, DOCTOR);
    assert.match(text, new RegExp(`✓ native .*, prebuilt ${target}, in use`));
    assert.match(
      text,
      new RegExp(`✓ prebuilt ${target}: prebuilds.${target}\\.node, SHA-256 \\w+, as when it was made`),
    );
    assert.match(text, /✓ native\/\w+ /);
    assert.not.match(text, '✗');
  });

  // In the clone, whose own addon is for another system: it is refused, and the prebuilt one is used.
  testUnless(reason, test, target, 'the digests of every instruction set', () => {
    const text = machine.node(ROOT, DIGESTS);
    const found = [...text.matchAll(/^native\/(\w+): \d+ digests equal\r?$/gm)].map(([, isa]) => isa!);
    assert.ok(found.length > 0, text);
    assert.equal(found, isas.slice(isas.length - found.length), text);
  });
}

const reason = whyNotMade(electron.target) ?? electron.reason;
testUnless(reason, test, 'win32-x64', 'in a program of another name, too', () => expectBits(electron));

function expectBits(machine: Machine): void {
  const { folder, bits } = installed();
  for (const module of MODULES) {
    const found = JSON.parse(machine.node(folder, [join('compiled', module)]));
    assert.equal(found, { backend: 'native', origin: `prebuilt ${machine.target}`, reason: null, bits }, module);
  }
}
