// The memory that a thread keeps for itself while it sums: windows and a group of values, and behind them tiles.
import { BINS_BYTES } from './bins';
import { ROWS } from './columns';
import { GROUP, Group } from './group';
import { COLUMNS, LANES_BYTES, RUN } from './lanes';
import { RESULTS_BYTES } from './results';
import { TILE_BYTES } from './tile';
import { WINDOW_BYTES, Window } from './window';

const GROUP_BYTES: usize = (GROUP << 2) + 64;
export const RESULTS: usize = COLUMNS * WINDOW_BYTES;
const BINS: usize = RESULTS + RESULTS_BYTES;
export const LANES: usize = BINS + BINS_BYTES;
const GROUP_AT: usize = LANES + LANES_BYTES;
export const G: usize = GROUP_AT + 64;
export const D: usize = G + GROUP_BYTES;
export const X: usize = D + GROUP_BYTES;
export const DY: usize = X + TILE_BYTES;
export const RESIDUAL: usize = DY + TILE_BYTES;
/** Rows of 16 bits as float32, on their way to a tile or to columns. */
export const WIDE: usize = RESIDUAL + TILE_BYTES;
const WIDE_BYTES: usize = ((ROWS * COLUMNS) << 2) + 64;
export const OWN_BYTES: usize = WIDE + WIDE_BYTES;

/** The window of a channel of the tile. */
export function windowOf(own: usize, channel: usize): Window {
  return changetype<Window>(own + channel * WINDOW_BYTES);
}

/** The group of a thread, for one of the channels of the tile. */
export function beginGroup(own: usize, channel: usize, record: usize): void {
  const group = groupOf(own);
  group.window = windowOf(own, channel);
  group.record = record;
  group.lanes = own + LANES + RUN;
  group.bins = own + BINS;
}

export function groupOf(own: usize): Group {
  return changetype<Group>(own + GROUP_AT);
}
