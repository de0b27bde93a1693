// A convolutional network with a residual block learns handwritten digits, in TypeScript and with this library alone.
//   node examples/cnn.ts        Node.js from 22.18 on; before that: npm run examples && node dist-examples/cnn.js
// Channels are last: a product of matrices leaves [images · height · width, channels], and a layer takes that as it is.
import { BatchNorm } from 'batchnorm';
import { readDigits, shuffle, uniform } from './digits.js';
import { Convolution, crossEntropy, Descent, Linear } from './layers.ts';

const [EPOCHS, BATCH, RATE, TRAINING] = [8, 32, 0.1, 1437];
const random = uniform(3);

/** relu(norm(convolution(x)) + residual); all but the convolution in one pass. */
class Block {
  readonly convolution: Convolution;
  readonly norm: BatchNorm;

  constructor(channels: number, outputs: number, side: number, stride?: number) {
    this.convolution = new Convolution(channels, outputs, side, stride);
    this.norm = new BatchNorm(outputs, { activation: 'relu' });
  }

  forward(x: Float32Array, residual?: Float32Array): Float32Array {
    const y = this.convolution.forward(x);
    return this.norm.forward(y, [y.length / this.norm.channels, this.norm.channels], { residual });
  }

  backward(dy: Float32Array): Float32Array {
    return this.convolution.backward(this.norm.backward(dy));
  }
}

const [stem, inner, outer, last] = [new Block(1, 8, 8), new Block(8, 8, 8), new Block(8, 8, 8), new Block(8, 16, 8, 2)];
const blocks = [stem, inner, outer, last];
const head = new Linear(4 * 4 * 16, 10);

function forward(images: Float32Array): Float32Array {
  const x = stem.forward(images);
  return head.forward(last.forward(outer.forward(inner.forward(x), x)));
}

function backward(dscores: Float32Array): void {
  const dsum = last.backward(head.backward(dscores));
  const dx = inner.backward(outer.backward(dsum));
  stem.backward(dx.map((value, i) => value + outer.norm.dresidual![i])); // the way around the block, too
}

const descent = new Descent();
const digits = readDigits();
const [training, test] = [digits.slice(0, TRAINING), digits.slice(TRAINING)];
const scoresOf = (batch: typeof digits) => forward(Float32Array.from(batch.flatMap(({ pixels }) => pixels)));
const labelsOf = (batch: typeof digits) => batch.map(({ label }) => label);
const steps = Math.floor(TRAINING / BATCH);
for (let epoch = 0; epoch < EPOCHS; epoch++) {
  shuffle(training, random);
  let mean = 0;
  for (let step = 0; step < steps; step++) {
    const batch = training.slice(step * BATCH, (step + 1) * BATCH);
    const { loss, gradient } = crossEntropy(scoresOf(batch), labelsOf(batch));
    backward(gradient);
    const layers = [head, ...blocks.flatMap(({ convolution, norm }) => [convolution, ...norm.parameters()])];
    descent.step(layers, RATE * (1 - epoch / EPOCHS));
    mean += loss / steps;
  }
  console.log(`epoch ${epoch + 1}: loss ${mean.toFixed(4)}`);
}

for (const { norm } of blocks) norm.eval();
const { right } = crossEntropy(scoresOf(test), labelsOf(test));
console.log(`${right} of ${test.length} digits that it has not seen: ${((100 * right) / test.length).toFixed(1)} %`);
