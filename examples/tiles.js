// A producer that hands over tiles, which are summed while the caches have them, against whole passes:
//   node tiles.js                 ordered sums of 200,000 rows of 64 channels
//   node tiles.js exact 200000    exact sums
import { forwardInference, forwardTraining, Moments } from 'batchnorm';

const [given, count = '200000'] = process.argv.slice(2);
const summation = given === 'exact' ? 'exact' : 'ordered';
const [rows, channels] = [Number(count), 64];
const source = Float32Array.from({ length: rows * channels }, (_, i) => Math.sin(i) + (i % channels));
const [x, y] = [new Float32Array(source.length), new Float32Array(source.length)];

/** The cheapest producer that there is: a copy. */
function produce(from = 0, to = x.length) {
  x.set(source.subarray(from, to), from);
}

function byWholePasses() {
  produce(0, x.length);
  forwardTraining(x, [rows, channels], { out: y, summation });
}

function byTiles(size = rows) {
  const moments = new Moments(channels, { summation });
  /** @param {(from: number, to: number) => void} visit */
  const eachTile = (visit) => {
    for (let first = 0; first < rows; first += size) {
      visit(first * channels, Math.min(first + size, rows) * channels);
    }
  };
  eachTile((from, to) => {
    produce(from, to);
    moments.add(x.subarray(from, to), [(to - from) / channels, channels]);
  });
  const { mean, variance } = moments; // copies: read once
  eachTile((from, to) => {
    const shape = [(to - from) / channels, channels];
    forwardInference(x.subarray(from, to), shape, { mean, variance, out: y.subarray(from, to) });
  });
}

const sizes = [16, 64, 256, 1024, 4096, 16_384, rows];
const ways = [byWholePasses, ...sizes.map((size) => () => byTiles(size))];
/** @type {number[][]} */
const times = ways.map(() => []);
for (let round = 0; round < 11; round++) {
  ways.forEach((way, k) => {
    const start = performance.now();
    way();
    times[k].push(performance.now() - start);
  });
}
const [whole, ...tiles] = times.map((all) => all.sort((a, b) => a - b)[all.length >> 1]);
console.log(`whole passes: ${whole.toFixed(1)} ms`);
sizes.forEach((size, k) => {
  const kilobytes = (size * channels * 4) / 1024;
  console.log(`tiles of ${kilobytes.toFixed(0).padStart(6)} KB: ${(tiles[k] / whole).toFixed(2)} of that`);
});
