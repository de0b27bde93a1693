/** IDX files to read in tests: pixels count up, labels go round from 0 to 9. */
export function idxImages(count: number, rows: number, columns: number): Buffer {
  return Buffer.concat([header(0x803, [count, rows, columns]), counting(count * rows * columns, 256)]);
}

/** @param largest - The label of the last image, where it is not to be the next one. */
export function idxLabels(count: number, largest?: number): Buffer {
  const labels = counting(count, 10);
  if (largest !== undefined) labels[count - 1] = largest;
  return Buffer.concat([header(0x801, [count]), labels]);
}

function header(magic: number, sizes: number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  for (const [i, value] of [magic, ...sizes].entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

function counting(length: number, modulus: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => i % modulus));
}
