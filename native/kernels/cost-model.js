// Prints the flag by which GCC makes vectors at -O2 wherever they pay: run by binding.gyp. Clang does so by itself, and
// ends at a flag that it does not know.
import { execSync } from 'node:child_process';

const compiler = process.env.CXX || (process.platform === 'linux' ? 'g++' : 'c++');
let version = '';
try {
  version = execSync(`${compiler} --version`, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
} catch {
  // Without a compiler the build ends at its first command, which says so.
}
if (!/clang/i.test(version)) console.log('-fvect-cost-model=dynamic');
