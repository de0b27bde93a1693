/** The embedded digits: 1,797 handwritten digits of 8×8 pixels, which ship with this package. */
import { fileURLToPath } from 'node:url';
import { type Dataset, divide } from './dataset.js';
import { parseDigits } from './digits-text.js';
import { withData } from './file.js';

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
