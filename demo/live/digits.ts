/** The digits in a page, which may read no files: scripts/build-live.js puts them into the code. */
import { type Dataset, divide } from '../data/dataset.js';
import { parseDigits } from '../data/digits-text.js';

/** data/digits/digits.csv.gz in base64. */
declare const DIGITS: string;

export async function readDigits(): Promise<Dataset> {
  const packed = Uint8Array.from(atob(DIGITS), (character) => character.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const images = parseDigits(await new Response(unpacked).text(), 'the digits in this page');
  return { name: 'handwritten digits, 8×8 pixels', attribution: '', ...divide(images) };
}
