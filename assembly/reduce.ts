// Two sums per channel in the order that docs/numerics.md, section 2, defines. The three walks differ only in how they
// reach the elements; a term says what is summed.
import { gradientStrip } from './backward';
import {
  CENTRED,
  CHANNELS_AT_ONCE,
  COLUMNS_BELOW,
  columnsOf,
  groupRows,
  LANES,
  laneSets,
  least,
  PAIR_BYTES,
  ROWS_AT_ONCE,
  SEGMENT,
  SUMS,
  stackedRows,
  Term,
} from './layout';
import { centredStrip, sumsStrip } from './stats';

/**
 * Adds to `lanes` (first sums, then second sums) the terms of `count` strips of `width` elements: strip r is
 * x[position + r·stride ...]; its parameters are at `parameter`, and + j for element j if `spread`.
 */
function addStrip<T>(
  term: Term,
  lanes: usize,
  position: usize,
  parameter: usize,
  spread: bool,
  width: usize,
  count: usize,
  stride: usize,
): void {
  if (term.kind == SUMS) sumsStrip<T>(term, lanes, position, width, count, stride);
  else if (term.kind == CENTRED) centredStrip<T>(term, lanes, position, parameter, spread, width, count, stride);
  else gradientStrip<T>(term, lanes, position, parameter, spread, width, count, stride);
}

/** Adds one row (or segment) of a channel to its lanes: lane = index mod 16. */
function addRow<T>(term: Term, lanes: usize, position: usize, ch: usize, length: usize): void {
  const whole = length / LANES;
  const rest = length % LANES;
  if (whole > 0) addStrip<T>(term, lanes, position, ch, false, LANES, whole, LANES);
  if (rest > 0) addStrip<T>(term, lanes, position + whole * LANES, ch, false, rest, 1, LANES);
}

function lane(lanes: usize, j: usize): f64 {
  return load<f64>(lanes + (j << 3));
}

function quarter(lanes: usize, j: usize): f64 {
  return lane(lanes, j) + lane(lanes, j + 8) + (lane(lanes, j + 4) + lane(lanes, j + 12));
}

/** 16 lanes to one sum: halves are added until one is left. */
function foldLanes(lanes: usize): f64 {
  return quarter(lanes, 0) + quarter(lanes, 2) + (quarter(lanes, 1) + quarter(lanes, 3));
}

export function increase(pointer: usize, by: f64): void {
  store<f64>(pointer, load<f64>(pointer) + by);
}

/** Adds the fold of a pair of lanes to the totals of a channel. */
function fold(totals: usize, ch: usize, c: usize, lanes: usize): void {
  increase(totals + (ch << 3), foldLanes(lanes));
  increase(totals + ((c + ch) << 3), foldLanes(lanes + PAIR_BYTES / 2));
}

function clear(lanes: usize, sets: usize): void {
  memory.fill(lanes, 0, sets * PAIR_BYTES);
}

/** The columns of a channel are added to 16 lanes in turn, in order; then the lanes are folded. */
function foldColumns(totals: usize, c: usize, s: usize, lanes: usize, spare: usize): void {
  const columns = columnsOf(c, s);
  for (let ch: usize = 0; ch < c; ++ch) {
    clear(spare, 1);
    let to: usize = 0;
    for (let start = ch * s; start < columns; start += c * s) {
      for (let column = start; column < start + s; ++column) {
        const from = lanes + (column / LANES) * PAIR_BYTES + ((column % LANES) << 3);
        increase(spare + (to << 3), load<f64>(from));
        increase(spare + (to << 3) + PAIR_BYTES / 2, load<f64>(from + PAIR_BYTES / 2));
        to = (to + 1) % LANES;
      }
    }
    fold(totals, ch, c, spare);
  }
}

/** Adds `count` rows of `width` columns, from element k on. */
function addColumns<T>(lanes: usize, term: Term, k: usize, width: usize, count: usize, stride: usize): void {
  for (let j: usize = 0; j < width; j += LANES) {
    addStrip<T>(term, lanes + (j / LANES) * PAIR_BYTES, k + j, j, true, least(LANES, width - j), count, stride);
  }
}

/** Columns: one lane for each of the c·s columns of a group of rows, or of 16 rows where these are stacked. */
function reduceColumns<T>(totals: usize, term: Term, n: usize, c: usize, s: usize, lanes: usize): void {
  const columns = columnsOf(c, s);
  const strips = laneSets(c, s);
  const groupSize = (groupRows(s) / stackedRows(c, s)) * columns;
  const size = n * c * s;
  for (let start: usize = 0; start < size; start += groupSize) {
    const end = least(start + groupSize, size);
    const whole = end - ((end - start) % columns);
    clear(lanes, strips);
    for (let k = start; k < whole; k += ROWS_AT_ONCE * columns) {
      addColumns<T>(lanes, term, k, columns, least(ROWS_AT_ONCE, (whole - k) / columns), columns);
    }
    addColumns<T>(lanes, term, whole, end - whole, 1, columns);
    foldColumns(totals, c, s, lanes, lanes + strips * PAIR_BYTES);
  }
}

/** Rows that share a group: the lanes of a block of channels stay while the rows pass, so memory is walked in order. */
function reduceShortRows<T>(totals: usize, term: Term, n: usize, c: usize, s: usize, lanes: usize): void {
  for (let block: usize = 0; block < c; block += CHANNELS_AT_ONCE) {
    const channels = least(CHANNELS_AT_ONCE, c - block);
    for (let first: usize = 0; first < n; first += groupRows(s)) {
      const last = least(first + groupRows(s), n);
      clear(lanes, channels);
      for (let i = first; i < last; ++i) {
        for (let b: usize = 0; b < channels; ++b) {
          addRow<T>(term, lanes + b * PAIR_BYTES, (i * c + block + b) * s, block + b, s);
        }
      }
      for (let b: usize = 0; b < channels; ++b) fold(totals, block + b, c, lanes + b * PAIR_BYTES);
    }
  }
}

/** Rows that are groups by themselves, cut into segments where they are long. */
function reduceLongRows<T>(totals: usize, term: Term, n: usize, c: usize, s: usize, lanes: usize): void {
  for (let i: usize = 0; i < n; ++i) {
    for (let ch: usize = 0; ch < c; ++ch) {
      for (let j: usize = 0; j < s; j += SEGMENT) {
        clear(lanes, 1);
        addRow<T>(term, lanes, (i * c + ch) * s + j, ch, least(SEGMENT, s - j));
        fold(totals, ch, c, lanes);
      }
    }
  }
}

/** totals[ch], totals[c + ch] ← the two sums of channel ch. */
export function reduce<T>(totals: usize, term: Term, n: usize, c: usize, s: usize, lanes: usize): void {
  memory.fill(totals, 0, 2 * c * sizeof<f64>());
  if (s < COLUMNS_BELOW) reduceColumns<T>(totals, term, n, c, s, lanes);
  else if (groupRows(s) > 1) reduceShortRows<T>(totals, term, n, c, s, lanes);
  else reduceLongRows<T>(totals, term, n, c, s, lanes);
}

/** Values per channel to values per column, for vectors that run across channels. */
export function spread<T>(columns: usize, channels: usize, c: usize, s: usize): void {
  for (let row: usize = 0; row < stackedRows(c, s); ++row) {
    for (let ch: usize = 0; ch < c; ++ch) {
      const value = load<T>(channels + ch * sizeof<T>());
      for (let j: usize = 0; j < s; ++j, columns += sizeof<T>()) store<T>(columns, value);
    }
  }
}
