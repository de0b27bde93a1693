/** The live page as HTML, without its code. */
import { renderPage } from '../kit/page.js';
import { LIVE_STYLE } from './style.js';
import { EXAMPLE } from './worked-example.js';

const number = (id: string, label: string, value: number | string, step: string) =>
  `<label>${label} <input id="${id}" type="number" inputmode="decimal" step="${step}" value="${value}"></label>`;

const slider = (id: string, label: string, hint: string) => `<label class="slider" for="${id}">
<span>${label} <output id="${id}-value" for="${id}"></output></span>
<input id="${id}" type="range" min="0" step="1" aria-describedby="${id}-hint"><small
id="${id}-hint">${hint}</small></label>`;

const figure = (id: string, title: string, caption: string) => `<figure>
<h3 id="${id}-title">${title}</h3>
<svg id="${id}" viewBox="0 0 320 190" role="img" aria-labelledby="${id}-title"></svg>
<figcaption>${caption}</figcaption></figure>`;

const CONTROLS = `<section id="controls" aria-label="Controls">
<div class="buttons">
<button id="play" type="button" class="main" aria-keyshortcuts="Space">Pause</button>
<button id="step" type="button" aria-keyshortcuts="S">Step</button>
<button id="restart" type="button" aria-keyshortcuts="R">Restart</button>
<button id="reseed" type="button">New seed</button>
<a id="link" href="#">Link to these settings</a>
</div>
<div class="grid">
${slider('rate', 'Learning rate', 'the size of a step')}
${slider('deviation', 'Initial weights', 'their standard deviation')}
<label class="slider"><span>Activation</span><select id="activation"></select><small>of the hidden
layers</small></label>
${slider('depth', 'Hidden layers', '64 units each')}
${slider('batch', 'Minibatch', 'images a step')}
${slider('dropout', 'Dropout', 'share of hidden values set to 0')}
</div>
<p class="tries" aria-label="Things to try">Try: <span id="presets"></span></p>
</section>`;

const TABLE = `<table id="now"><caption class="hidden">Both networks now</caption>
<thead><tr><td></td><th scope="col">held-out images told right</th><th scope="col">90&nbsp;% after</th><th
scope="col">loss</th></tr></thead>
<tbody>
<tr class="plain"><th scope="row">without</th><td id="plain-accuracy">–</td><td id="plain-first">–</td><td
id="plain-loss">–</td></tr>
<tr class="normalized"><th scope="row">with batch normalization</th><td id="normalized-accuracy">–</td><td
id="normalized-first">–</td><td id="normalized-loss">–</td></tr>
</tbody></table>`;

const FIGURES = `<section id="figures" aria-label="Figures">
<div class="pair">
${figure(
  'accuracy',
  'Held-out images told right',
  `Over the steps of training. Both networks have the same weights at the start and see the same minibatches.`,
)}
${figure('loss', 'Loss', 'Cross-entropy of the minibatches, on a logarithmic scale.')}
</div>
<p class="choose"><label>Inputs of the activation in hidden layer <select id="layer"></select></label></p>
<div class="pair">
${figure(
  'fan-plain',
  'Without',
  `The median and the middle 50 and 90&nbsp;% of the values that enter the layer’s activation. A layer has to follow
whatever the layers below make of their outputs: a fan that drifts or widens is what the paper calls internal covariate
shift.`,
)}
${figure(
  'fan-normalized',
  'With batch normalization',
  `The same on the same scale. Every minibatch is brought to mean 0 and variance 1 for each unit, then to the mean β and
the deviation γ that the network learns.`,
)}
</div>
<div class="pair">
${figure(
  'flat',
  'Flat activations, by layer',
  `The share of values where the activation has hardly any slope (a sigmoid below 5 or above 95&nbsp;%, a ReLU at 0):
little gradient passes there.`,
)}
${figure(
  'gradients',
  'Size of the gradient, by layer',
  `Norm of the loss’ gradient for the weights of each layer, on a logarithmic scale; the last one makes the scores.
Where it falls by powers of ten from layer to layer, the lower layers do not learn.`,
)}
</div>
<output id="readout" class="readout" aria-live="off"></output>
</section>`;

const cell = (row: number, column: number) =>
  `<td><input id="x${row}${column}" type="number" inputmode="decimal" step="any" value="${EXAMPLE[row][column]}"
aria-label="sample ${row + 1}, feature ${column + 1}"></td>`;
const outputs = (id: string) => [0, 1, 2].map((column) => `<td id="${id}${column}"></td>`).join('');

const WORKED = `<section aria-labelledby="steps-title">
<h2 id="steps-title">The four steps, with numbers</h2>
<p>A minibatch of two samples with three features. Each feature, a column, is normalised by itself. Change any
number.</p>
<p class="formula">y = γ · <span class="fraction"><span>x − μ</span><span>√(σ² + ε)</span></span> + β</p>
<div class="scroll"><table id="example">
<thead><tr><td></td><th scope="col">feature 1</th><th scope="col">feature 2</th><th scope="col">feature
3</th></tr></thead>
<tbody>
<tr><th scope="row">sample 1, x</th>${[0, 1, 2].map((column) => cell(0, column)).join('')}</tr>
<tr><th scope="row">sample 2, x</th>${[0, 1, 2].map((column) => cell(1, column)).join('')}</tr>
</tbody><tbody>
<tr><th scope="row">1. mean μ</th>${outputs('mean')}</tr>
<tr><th scope="row">2. variance σ²</th>${outputs('variance')}</tr>
</tbody><tbody>
<tr><th scope="row">3. normalised x̂, sample 1</th>${outputs('normalized0')}</tr>
<tr><th scope="row">x̂, sample 2</th>${outputs('normalized1')}</tr>
</tbody><tbody>
<tr><th scope="row">4. scaled and shifted y, sample 1</th>${outputs('y0')}</tr>
<tr><th scope="row">y, sample 2</th>${outputs('y1')}</tr>
</tbody></table></div>
<div class="row">${number('gamma', 'γ', 1, 'any')} ${number('beta', 'β', 1, 'any')}
${number('epsilon', 'ε', '0.00001', 'any')}
<label>variance <select id="reading">
<option value="population">÷ m: the paper’s</option><option value="sample">÷ (m − 1): of a
sample</option></select></label></div>
<p class="note">There are two readings of “variance”. The paper divides by m when it normalises a minibatch, and so
does every
library; dividing by m − 1 estimates the variance of all data from a sample of them, and is what the paper uses in
inference. With two samples they differ by a factor of 2, and x̂ is ±1 or ±0.707.</p>
</section>`;

const MAIN = `<header>
<h1>Batch normalization, live</h1>
<p class="lead">Two networks learn to read handwritten digits in this page, on your machine. They differ in one thing:
one normalises the inputs of its activations over each minibatch. Move a slider, and watch both start again.</p>
</header>
<p id="status" role="status">Starting …</p>
<div class="lab">
${TABLE}
${CONTROLS}
${FIGURES}
</div>
${WORKED}
<section aria-labelledby="about-title">
<h2 id="about-title">What this is</h2>
<p>The networks, the data and the code are in this file: it fetches nothing and sends nothing. 1,438 of 1,797 digits
of 8×8
pixels are trained on, the other 359 are held out. Training is plain gradient descent; the paper’s network (sigmoids,
three hidden layers) is where it starts. Batch normalization runs by the WebAssembly module of the npm package
<b>batchnorm</b>, as <code>new BatchNorm(64)</code> in each hidden layer; in inference it uses running statistics.</p>
<p>The idea: S. Ioffe and C. Szegedy, <a href="https://arxiv.org/abs/1502.03167">Batch Normalization</a>, 2015. That
it helps
because of less internal covariate shift was doubted later (S. Santurkar and others,
<a href="https://arxiv.org/abs/1805.11604">How Does Batch Normalization Help Optimization?</a>, 2018): compare the
fans with
the accuracy yourself. The digits: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, CC BY 4.0.</p>
<p>Keys: space plays and pauses, S makes a step, R starts again.</p>
</section>`;

/** The page, with its script and the hash by which its policy knows it. */
export function renderLive(code: string, hash: string): string {
  return renderPage({
    title: 'Batch normalization, live',
    description:
      'Two networks learn to read digits in this page, one with batch normalization. Move a slider and watch.',
    style: LIVE_STYLE,
    main: MAIN,
    script: { code, hash },
  });
}
