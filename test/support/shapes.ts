/**
 * Shapes around every boundary of the order of summation (docs/numerics.md, section 2): 16 lanes; stacked rows below
 * c·s = 16, columns below s = 64 and rows from there on; groups of ⌊4096/s⌋ rows; segments of 4096; and, for vectors,
 * the tails of rows and channels.
 */
export interface Shape {
  readonly n: number;
  readonly c: number;
  readonly s: number;
  /** Where the arrays start, in elements: see Guarded. */
  readonly offset: number;
}

type Row = [n: number[], c: number[], s: number[]];

/** Every n with every c and every s of a row. */
const TABLE: readonly Row[] = [
  // One value, one row, one channel.
  [[1, 2, 3], [1, 2, 3], [1]],
  // Channels last: vectors and strips run across channels.
  [[9], [5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 65], [1]],
  [[1, 7, 8, 15, 17], [6], [1]],
  // Columns: lanes wrap at 16, strips of 16 cross channels.
  [
    [1, 5],
    [3, 17],
    [2, 3, 7, 15, 16, 17],
  ],
  [[3], [3, 33], [31, 33, 47, 48, 49, 63]],
  // Stacked rows: 16 of them, groups of 4096, 2048, 1360 and 272 rows.
  [[15, 16, 17, 31, 32, 33], [3, 15], [1]],
  [
    [1, 16, 19, 129],
    [1, 2, 5],
    [2, 3],
  ],
  [[4095, 4096, 4097, 8193], [3], [1]],
  [[2047, 2048, 2049], [2], [2]],
  [[1360, 1361, 1377], [2], [3]],
  [[271, 272, 273, 288], [1], [15]],
  // Groups of columns: 4096, 2048, 256, 240, 83, 65 rows.
  [[4096, 4097], [16], [1]],
  [[2048, 2049], [8], [2]],
  [[256, 257], [3], [16]],
  [[240, 241], [3], [17]],
  [[83, 84, 167], [3], [49]],
  [[65, 66], [2], [63]],
  // Rows that share a group: 64, 63, 20, 2, 1 of them.
  [[1, 63, 64, 65, 129], [2], [64]],
  [[63, 64], [3], [65]],
  [[20, 21, 41], [2], [196]],
  [[3], [31, 32, 33, 65], [65]],
  [[2, 3], [2], [2048, 2049]],
  // Rows that are cut into segments.
  [[1, 2], [2], [4095, 4096, 4097]],
  [[1], [1], [4111, 8191, 8192, 8193, 20000]],
  [[2], [2], [8209]],
  // As networks have them.
  [[2], [5], [56 * 56]],
  [[100], [64], [1]],
];

export const SHAPES: readonly Shape[] = TABLE.flatMap(([ns, cs, ss]) =>
  ns.flatMap((n) => cs.flatMap((c) => ss.map((s) => ({ n, c, s })))),
).map((view, index) => ({ ...view, offset: index % 4 }));
