/** The switches of a layer, one row each: what it does and what it leaves. */
import { normalizeWith } from './mixture.js';
import { flag, type ValuesOf } from './rows.js';

export const SWITCHES = {
  training: flag(true),
  normalizeWith,
  updateStatistics: flag(true),
  learn: flag(true),
};

export type Switches = ValuesOf<typeof SWITCHES>;
