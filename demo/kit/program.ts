/** The frame of a program: how it ends when something does not go well. */
import { Failure } from './failure.js';

/** Runs `main`. What the user can mend is told after `name`, without a stack, and the exit code is 1. */
export async function runProgram(name: string, main: () => Promise<void>): Promise<void> {
  process.stdout.on('error', endWithReader);
  try {
    await main();
  } catch (error) {
    if (!isExpected(error)) throw error;
    console.error(`${name}: ${error.message.replace(/^batchnorm: /, '')}`);
    process.exitCode = 1;
  }
}

/** Whoever reads has seen enough, such as `head`. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  throw error;
}

/** Failures, and what the library refuses: their message says it all. Any other error is ours and shows its stack. */
function isExpected(error: unknown): error is Error {
  if (error instanceof Failure) return true;
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_BATCHNORM_');
}
