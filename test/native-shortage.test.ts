/**
 * Whatever allocation of the addon fails, and whatever thread cannot be started, in whatever call: there is a right
 * answer or a clear error, and everything is as before.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { underTest } from './support/backends.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';
import { buildVariant, environmentWith } from './support/variant.js';

const native = underTest('native');
if (!Array.isArray(native)) skipAloud('native: shortage', native.reason);
else if (process.platform !== 'linux') skipAloud('native: shortage', 'the addon for it is built on Linux only');
else {
  suiteOf('native: shortage')('is answered rightly or refused clearly, wherever it begins', () => {
    const folder = mkdtempSync(join(tmpdir(), 'batchnorm-shortage-'));
    try {
      const addon = join(folder, 'refusing.node');
      assert.is(buildVariant(addon, '-O1', '-DBN_FAIL_ALLOCATION'), null);
      const child = fileURLToPath(new URL('support/native-shortage-child.js', import.meta.url));
      const env = environmentWith(addon);
      const { status, stdout, stderr } = spawnSync(process.execPath, [child], { encoding: 'utf8', env });
      assert.is(status, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, /Passed: +\d\d/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
