/** Products of small matrices, row after row in float32 arrays. */

/**
 * y = a·b, where a is [rows, inner] and b is [inner, columns]. Four rows of b are added at a time, so that
 * y is read and written a quarter as often.
 */
export function multiply(
  y: Float32Array,
  a: Float32Array,
  b: Float32Array,
  [rows, inner, columns]: readonly [number, number, number],
): void {
  const whole = inner - (inner % 4);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    y.fill(0, from, from + columns);
    for (let i = 0; i < whole; i += 4) {
      const at = row * inner + i;
      const [p, q, r, s] = [a[at], a[at + 1], a[at + 2], a[at + 3]];
      const [b0, b1, b2, b3] = [i * columns, (i + 1) * columns, (i + 2) * columns, (i + 3) * columns];
      for (let j = 0; j < columns; j++) y[from + j] += p * b[b0 + j] + q * b[b1 + j] + r * b[b2 + j] + s * b[b3 + j];
    }
    for (let i = whole; i < inner; i++) {
      const factor = a[row * inner + i];
      for (let j = 0; j < columns; j++) y[from + j] += factor * b[i * columns + j];
    }
  }
}

/** The transposed matrix of a, which is [rows, columns]. */
export function transpose(a: Float32Array, rows: number, columns: number, into: Float32Array): Float32Array {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) into[column * rows + row] = a[row * columns + column];
  }
  return into;
}

/** √(Σ a²). */
export function norm(a: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * a[i];
  return Math.sqrt(sum);
}
