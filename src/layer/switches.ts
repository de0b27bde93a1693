/** The switches of a layer, one row each: what it does and what it leaves. */
import { choice, flag, type ValuesOf } from './rows.js';

export const SWITCHES = {
  training: flag(true),
  normalizeWith: choice('mode', 'batch', 'running'),
  updateStatistics: flag(true),
  learn: flag(true),
};

export type Switches = ValuesOf<typeof SWITCHES>;
