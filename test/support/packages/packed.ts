/** The tarball under test and those of what it depends on, each with what its package.json says. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, pack, ROOT } from '../install.js';
import type { Packed } from './registry.js';

export function packAll(folder: string): Packed[] {
  const [own, ...dependencies] = pack(folder);
  return [prebuilt(folder, own!), ...dependencies].map((file) => ({ file, manifest: manifestOf(file) }));
}

/** As it is to be published: with the addon in it, and nothing that a package manager would run or ask about. */
function prebuilt(folder: string, tarball: string): string {
  const unpacked = join(folder, 'package');
  tar(['-xzf', tarball, '-C', folder]);
  const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
  manifest.scripts = {};
  manifest.gypfile = false;
  delete manifest.dependencies['node-addon-api'];
  manifest.files.push('build/Release/batchnorm.node');
  writeFileSync(join(unpacked, 'package.json'), JSON.stringify(manifest));
  rmSync(join(unpacked, 'binding.gyp'));
  mkdirSync(join(unpacked, 'build', 'Release'), { recursive: true });
  const addon = join('build', 'Release', 'batchnorm.node');
  cpSync(join(ROOT, addon), join(unpacked, addon));
  npm(folder, ['pack', '--ignore-scripts', '--silent', unpacked]);
  return tarball;
}

function manifestOf(tarball: string): Packed['manifest'] {
  return JSON.parse(tar(['-xzOf', tarball, 'package/package.json']));
}

function tar(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: exit code ${status}\n${stderr}`);
  return stdout;
}
