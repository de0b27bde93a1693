/** Addons compiled for tests: scripts/variant.js. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/variant.js', import.meta.url));
const preload = new URL('other-addon.js', import.meta.url).href;

/** Builds the addon as `file`; null, or why it cannot be built. */
export function buildVariant(file: string, ...flags: readonly string[]): string | null {
  const { status, stderr } = spawnSync(process.execPath, [script, file, ...flags], { encoding: 'utf8' });
  return status === 0 ? null : stderr.trim();
}

/** The environment in which Node.js and its worker threads open `addon` in place of the one that was built. */
export function environmentWith(addon: string): NodeJS.ProcessEnv {
  return { ...process.env, BATCHNORM_TEST_ADDON: addon, NODE_OPTIONS: `--import=${preload}` };
}
