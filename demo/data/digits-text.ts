/** The embedded digits as text: one line an image. */
import { Failure } from '../kit/failure.js';
import { CLASSES, type Images } from './dataset.js';

const SIDE = 8;
const WHITE = 16;

/**
 * Rows of 64 pixels from 0 to 16 and a label, separated by commas.
 *
 * @param path for messages
 */
export function parseDigits(text: string, path: string): Images {
  const rows = text.trimEnd().split('\n');
  const pixels = new Uint8Array(rows.length * SIDE * SIDE);
  const labels = Uint8Array.from(rows, (row, i) => {
    const values = row.split(',').map(Number);
    const label = values.pop();
    const good =
      values.length === SIDE * SIDE && values.every((value) => within(value, WHITE)) && within(label, CLASSES - 1);
    if (!good) {
      throw new Failure(`${path}: line ${i + 1}: expected ${SIDE * SIDE} pixels from 0 to ${WHITE} and a label 0 to 9`);
    }
    pixels.set(values, i * SIDE * SIDE);
    return label!;
  });
  return { count: rows.length, rows: SIDE, columns: SIDE, pixels, white: WHITE, labels };
}

function within(value: number | undefined, largest: number): boolean {
  return Number.isInteger(value) && value! >= 0 && value! <= largest;
}
