/** Of the rows of a tensor with the channels last. */
export interface Weights {
  /** [n], each > 0. */
  readonly each: Float64Array;
  /** Their sum, in order. */
  readonly total: number;
}

/** With their sum, in order. */
export function weightsOf(each: Float64Array): Weights {
  let total = 0;
  for (const weight of each) total += weight;
  return { each, total };
}
