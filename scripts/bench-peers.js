// Installs the libraries of bench/peers. The CPU library of onnxruntime-node lies inside its package; its install
// script only fetches files for GPUs, and fails the whole install where it cannot: hence the variable.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const { status, error } = spawnSync('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund'], {
  cwd: fileURLToPath(new URL('../bench/peers/', import.meta.url)),
  env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  shell: process.platform === 'win32', // where npm is npm.cmd
  stdio: 'inherit',
});
if (error) console.error(`batchnorm: npm could not be run: ${error.message}`);
process.exitCode = status ?? 1;
