// The script of browser.html: the colours of a picture are normalised by this library's WebAssembly.
//   python3 -m http.server      at the top of the package; then open http://localhost:8000/examples/browser.html
import { backend, forwardTraining, ready } from 'batchnorm';

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 */
function find(selector, kind) {
  const element = document.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`${selector} is not there`);
  return element;
}

const before = contextOf('#before');
const after = contextOf('#after');
const input = find('input', HTMLInputElement);

await ready(); // compiles the WebAssembly, and starts workers where the page may have them
input.addEventListener('change', async () => {
  const [file] = input.files ?? [];
  if (file) show(await createImageBitmap(file, { resizeWidth: 256 }));
});
show(await createImageBitmap(example()));

/** @param {ImageBitmap} picture */
function show(picture) {
  const { width, height } = picture;
  for (const { canvas } of [before, after]) Object.assign(canvas, { width, height });
  before.drawImage(picture, 0, 0);
  const image = before.getImageData(0, 0, width, height);

  // Red, green, blue and alpha of a pixel follow each other: channels last, and alpha is left out.
  const x = Float32Array.from({ length: 3 * width * height }, (_, i) => image.data[4 * Math.floor(i / 3) + (i % 3)]);
  const start = performance.now();
  const { y, mean, variance } = forwardTraining(x, [width * height, 3]);
  const milliseconds = performance.now() - start;

  y.forEach((value, i) => {
    image.data[4 * Math.floor(i / 3) + (i % 3)] = 128 + 64 * value; // from −2 to 2 standard deviations
  });
  after.putImageData(image, 0, 0);
  const rows = ['red', 'green', 'blue'].map((name, ch) => [
    name,
    mean[ch].toFixed(1),
    Math.sqrt(variance[ch]).toFixed(1),
  ]);
  find('tbody', HTMLElement).innerHTML = rows.map((row) => `<tr><td>${row.join('<td>')}</tr>`).join('');
  const { name, isa } = backend();
  find('output', HTMLOutputElement).value = `${x.length} values by ${name}, ${isa}: ${milliseconds.toFixed(1)} ms`;
}

/** A dull picture: little contrast, and a cast of yellow. */
function example() {
  const image = new ImageData(128, 96);
  for (let i = 0; i < image.data.length; i += 4) {
    const [column, row] = [(i / 4) % 128, Math.floor(i / 4 / 128)];
    const light = 20 * Math.sin(column / 9) * Math.cos(row / 7);
    image.data.set([170 + light, 160 + light + row / 8, 90 + column / 8, 255], i);
  }
  return image;
}

/** @param {string} selector */
function contextOf(selector) {
  const context = find(selector, HTMLCanvasElement).getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('expected a browser with canvas');
  return context;
}
