/** The tarball under test, with what its package.json says. */
import { spawnSync } from 'node:child_process';
import { pack } from '../install.js';
import type { Packed } from './registry.js';

export function packOnce(folder: string): Packed {
  const file = pack(folder);
  return { file, manifest: manifestOf(file) };
}

function manifestOf(tarball: string): Packed['manifest'] {
  return JSON.parse(tar(['-xzOf', tarball, 'package/package.json']));
}

function tar(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: exit code ${status}\n${stderr}`);
  return stdout;
}
