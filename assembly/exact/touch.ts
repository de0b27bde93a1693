// Memory on its way to the caches before it is needed: WebAssembly has no instruction for that.

/**
 * Reads a number of each cache line of rows, and uses none, so that all lines are on their way at once: a loop that
 * computes waits for one after the other. A load may trap, so that no compiler leaves it out.
 */
export function touch(from: usize, bytes: usize, rows: usize, stride: usize): void {
  // Rows without anything between them are one.
  if (bytes == stride) {
    bytes *= rows;
    rows = 1;
  }
  for (let i: usize = 0; i < rows; ++i, from += stride) {
    for (let k: usize = 0; k < bytes; k += 64) load<u32>(from + k);
  }
}
