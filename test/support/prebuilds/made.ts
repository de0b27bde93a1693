/** What `npm run build:prebuilds` has left in prebuilds/, a row for each file, and tests that need it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Callback, Test } from 'uvu';
import * as assert from 'uvu/assert';
import { isRequired } from '../backends.js';
import { ROOT } from '../install.js';
import { skipAloud } from '../runner.js';

export interface Made {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly isas: readonly string[];
}

export const FOLDER = join(ROOT, 'prebuilds');

/** What the manifest says of each target. What passes for a prebuilt file in other tests is none here. */
export function madeTargets(): Readonly<Record<string, Made & { readonly toolchain: string }>> {
  const manifest = join(FOLDER, 'manifest.json');
  const { targets } = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : { targets: {} };
  return Object.values<{ toolchain: string }>(targets).some(({ toolchain }) => toolchain.endsWith('for tests'))
    ? {}
    : targets;
}

/** Why a target's file cannot be tested; null where it can. */
export function whyNotMade(target: string): string | null {
  return target in madeTargets() ? null : `npm run build:prebuilds -- ${target} was not run`;
}

/** Why a program cannot be run, and what has it; null where it can. */
export function whyNoProgram(program: string, debian: string): string | null {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  return error === undefined ? null : `${program} was not found. Debian: apt-get install ${debian}`;
}

export function pathOf(target: string): string {
  return join(FOLDER, madeTargets()[target].file);
}

export function bytesOf(target: string): Buffer {
  return readFileSync(pathOf(target));
}

/**
 * A test of a target that is skipped aloud for a reason, or fails with it where BATCHNORM_REQUIRE names the target, or
 * `prebuilds`.
 */
export function testUnless(reason: string | null, test: Test, target: string, what: string, body: Callback): void {
  const name = `${target}: ${what}`;
  if (reason === null) test(name, body);
  else if (isRequired('prebuilds') || isRequired(target)) test(name, () => assert.unreachable(reason));
  else skipAloud(name, reason);
}
