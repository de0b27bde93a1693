/**
 * Run with the file of an addon by a process of its own, which a damaged one may end: prints the instruction sets that
 * run here, or why it is not trusted; the exit code tells which.
 */
import { OpenedAddon } from '../../backends/native/opened.js';

try {
  const opened = new OpenedAddon({ path: process.argv[2], origin: 'built here' });
  const wrong = opened.isas.find((isa) => opened.load(isa, { threads: 1 }) === undefined);
  process.exitCode = wrong === undefined ? 0 : 1;
  console.log(wrong === undefined ? opened.isas.join(' ') : `it computes other bits than it should with ${wrong}`);
} catch (error) {
  process.exitCode = 1;
  console.log(`it does not load (${(error as Error).message})`);
}
