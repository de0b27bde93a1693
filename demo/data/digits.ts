/** The embedded digits: 1,797 handwritten digits of 8×8 pixels, which ship with this package. */
import { fileURLToPath } from 'node:url';
import { Failure } from '../kit/failure.js';
import { CLASSES, type Dataset, divide, type Images } from './dataset.js';
import { withData } from './file.js';

const SIDE = 8;
const WHITE = 16;
/** Twice the size of the file. */
const MOST_BYTES = 2 ** 19;
/** From dist-demo/data to data at the top of the package. */
const FILE = fileURLToPath(new URL('../../data/digits/digits.csv.gz', import.meta.url));

export function loadDigits(path = FILE): Dataset {
  return {
    name: 'handwritten digits, 8×8 pixels',
    attribution:
      'E. Alpaydin, C. Kaynak, “Optical Recognition of Handwritten Digits” (the test part), UCI Machine Learning ' +
      'Repository, 1998. Licence: CC BY 4.0 (creativecommons.org/licenses/by/4.0). Unchanged.',
    ...divide(parseDigits(withData(path, (data) => data.all(MOST_BYTES))?.toString('latin1') ?? '', path)),
  };
}

/** Rows of 64 pixels from 0 to 16 and a label, separated by commas. */
function parseDigits(text: string, path: string): Images {
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
