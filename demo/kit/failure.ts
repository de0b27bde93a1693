/** A failure that the user can mend: `main` prints its message alone, without a stack, and the exit code is 1. */
export class Failure extends Error {
  override name = 'Failure';
}
