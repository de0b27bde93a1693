// Standardises the columns of a CSV file of any size: subtracts the mean, and divides by the standard deviation.
//   node examples/csv.js measurements.csv > standardised.csv
// The first line names the columns. A column whose first value is no number is copied. Fields have no quotes.
// The file is read twice, a block of rows at a time: for the statistics, and for the values.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { forwardInference, Moments } from 'batchnorm';

const ROWS_AT_ONCE = 4096;
const file = process.argv[2];
if (file === undefined) throw new Error('csv.js: expected a file, as in: node csv.js measurements.csv');

const lines = () => createInterface({ input: createReadStream(file) });
const [names, first] = await head();
/** Which columns have numbers. */
const columns = [...names.keys()].filter((column) => isNumber(first[column]));

const moments = new Moments(columns.length);
for await (const rows of blocks()) moments.add(numbersOf(rows), [rows.length, columns.length]);
const { mean, variance } = moments;

process.stdout.write(`${names.join()}\n`);
for await (const rows of blocks()) {
  const y = forwardInference(numbersOf(rows), [rows.length, columns.length], { mean, variance, epsilon: 0 });
  rows.forEach((row, i) => {
    columns.forEach((column, k) => {
      row[column] = String(y[i * columns.length + k]);
    });
  });
  const room = process.stdout.write(rows.map((row) => `${row.join()}\n`).join(''));
  if (!room) await once(process.stdout, 'drain');
}

/** The names, and the first row below them. */
async function head() {
  const rows = [];
  for await (const line of lines()) {
    if (rows.push(line.split(',')) === 2) return rows;
  }
  throw new Error(`csv.js: expected a line of names and a row in ${file}, got ${rows.length} lines`);
}

/** The rows below the names, as many as `ROWS_AT_ONCE` in one piece. */
async function* blocks() {
  /** @type {string[][]} */
  let rows = [];
  let isHead = true;
  for await (const line of lines()) {
    if (!isHead) rows.push(line.split(','));
    isHead = false;
    if (rows.length < ROWS_AT_ONCE) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

/**
 * The values of the columns that have numbers, row by row.
 *
 * @param {string[][]} rows
 */
function numbersOf(rows) {
  const fields = rows.flatMap((row) => columns.map((column) => row[column]));
  return Float64Array.from(fields, (field, i) => {
    if (isNumber(field)) return Number(field);
    const [row, column] = [rows[Math.floor(i / columns.length)], names[columns[i % columns.length]]];
    throw new Error(`csv.js: expected a number for "${column}", got "${field}" in the row "${row}"`);
  });
}

/** @param {string | undefined} field */
function isNumber(field) {
  return field !== undefined && field.trim() !== '' && Number.isFinite(Number(field));
}
