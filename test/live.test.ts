/** The live page: its networks, what it says of settings and of the worked example, and the page in Chromium. */
import { readFileSync, statSync } from 'node:fs';
import { useBackend } from 'batchnorm';
import type { Browser, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { loadDigits } from '#demo/data/digits.js';
import { CHOICES, DEFAULTS, fromLink, toLink } from '#demo/live/settings.js';
import { Trainer } from '#demo/live/trainer.js';
import { EXAMPLE, fourSteps } from '#demo/live/worked-example.js';
import { Layer } from '#demo/net/layer.js';
import { isRequired } from './support/backends.js';
import { findBrowser, launch } from './support/browser.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const FILE = new URL('../dist-demo/live.html', import.meta.url);

const test = suiteOf('live');
test.before(() => void useBackend('reference'));
test.after(() => void useBackend('auto'));

test('settings go into a link and come back; what a link says wrongly is as by default', () => {
  assert.is(toLink(DEFAULTS), '');
  for (const [name, choices] of Object.entries(CHOICES)) {
    for (const value of choices) {
      const settings = { ...DEFAULTS, [name]: value, seed: 7, activation: 'relu' as const };
      assert.equal(fromLink(`#${toLink(settings)}`), settings);
    }
  }
  assert.equal(fromLink('#rate=2&depth=99&activation=softmax&seed=-1&batch=<script>'), DEFAULTS);
});

test("the four steps give the tutorial's numbers in both readings", () => {
  const ofColumns = (values: readonly number[]) => values.map((value) => value.toFixed(3)).join(' ');
  const paper = fourSteps(EXAMPLE, { reading: 'population', gamma: 1, beta: 1, epsilon: 1e-5 });
  assert.is(ofColumns(paper.mean), '0.395 1.005 -0.705');
  assert.is(ofColumns(paper.y[0]), '0.000 2.000 0.000');
  const tutorial = fourSteps(EXAMPLE, { reading: 'sample', gamma: 1, beta: 0, epsilon: 0 });
  assert.is(ofColumns(tutorial.variance), '0.054 0.130 5.814');
  assert.is(ofColumns(tutorial.y[0]), '-0.707 0.707 -0.707');
});

for (const activation of ['sigmoid', 'tanh', null] as const) {
  for (const normalized of [false, true]) {
    test(`gradients of a layer are those of its outputs: ${activation}, ${normalized ? 'with' : 'without'}`, () => {
      const [rows, inputs, units] = [5, 3, 2];
      const make = () =>
        new Layer({ inputs, units, activation, normalized, dropout: 0, deviation: 0.7, seed: 3, rows });
      const x = Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(3 * i));
      const factors = Float32Array.from({ length: rows * units }, (_, i) => Math.cos(2 * i));
      const loss = (change: (layer: Layer, x: Float32Array) => void) => {
        const [layer, own] = [make(), x.slice()];
        change(layer, own);
        return layer.forward(own, rows, true).reduce((sum, h, i) => sum + h * factors[i], 0);
      };
      const slopeAt = (move: (layer: Layer, x: Float32Array, by: number) => void) => {
        const by = 2 ** -7;
        return (loss((l, own) => move(l, own, by)) - loss((l, own) => move(l, own, -by))) / (2 * by);
      };
      const layer = make();
      layer.forward(x, rows, true);
      const before = layer.weights.slice();
      const dx = layer.backward(factors, rows);
      layer.descend(1);
      for (let i = 0; i < x.length; i++) {
        const slope = slopeAt((_, own, by) => {
          own[i] += by;
        });
        assert.ok(!!(Math.abs(dx[i] - slope) <= 2e-3), `dx[${i}] is ${dx[i]}, the loss changes by ${slope}`);
      }
      for (let i = 0; i < before.length; i++) {
        const slope = slopeAt(({ weights }, _, by) => {
          weights[i] += by;
        });
        const gradient = before[i] - layer.weights[i];
        assert.ok(!!(Math.abs(gradient - slope) <= 2e-3), `dW[${i}] is ${gradient}, the loss changes by ${slope}`);
      }
    });
  }
}

test('both networks start from the same weights, see the same images, and batch normalization learns first', () => {
  const trainer = new Trainer(DEFAULTS, loadDigits());
  for (let step = 0; step < 60; step++) trainer.advance();
  const { step, plain, normalized } = trainer.measure();
  trainer.dispose();
  assert.is(step, 60);
  assert.ok(normalized.accuracy > 0.85 && plain.accuracy < 0.5, `${plain.accuracy}, ${normalized.accuracy}`);
  assert.equal([normalized.fans.length, normalized.flat.length, normalized.gradients.length], [3, 3, 4]);
  for (const fan of [...plain.fans, ...normalized.fans]) {
    assert.ok(
      fan.every((value, i) => i === 0 || value >= fan[i - 1]),
      fan.join(),
    );
  }
});

test('a run is the same for the same seed, and another one for another', () => {
  const digits = loadDigits();
  const run = (seed: number) => {
    const trainer = new Trainer({ ...DEFAULTS, depth: 2, dropout: 0.3, batch: 8, seed }, digits);
    for (let step = 0; step < 5; step++) trainer.advance();
    const frame = trainer.measure();
    trainer.dispose();
    return frame;
  };
  assert.equal(run(1), run(1));
  assert.not.equal(run(1), run(2));
});

test('a network that leaves the finite numbers is trained no more, and the other one goes on', () => {
  const trainer = new Trainer({ ...DEFAULTS, activation: 'relu', rate: 100, deviation: 3 }, loadDigits());
  for (let step = 0; step < 20; step++) trainer.advance();
  const { plain, normalized } = trainer.measure();
  trainer.dispose();
  assert.ok(plain.diverged !== null && plain.diverged < 20, String(plain.diverged));
  assert.is(normalized.diverged, null);
});

test('the page is one small file that can load nothing', () => {
  assert.ok(statSync(FILE).size < 500_000, String(statSync(FILE).size));
  const html = readFileSync(FILE, 'utf8');
  assert.match(html, "default-src 'none'");
  assert.not.match(html.replace(/<script>.*<\/script>/s, ''), /<script|<link|<img|<iframe|@import|\bsrc=|url\(/);
});

const executable = findBrowser();
if (executable !== undefined) runIn(executable);
else if (isRequired('chromium')) suiteOf('live page: required')('is there', () => assert.unreachable('no browser'));
else skipAloud('live page', 'no Chromium on the PATH');

function runIn(path: string): void {
  const test = suiteOf('live page');
  let browser: Browser;
  test.before(async () => {
    browser = await launch(path);
  });
  test.after(() => browser.close());

  interface Options {
    readonly hash?: string;
    readonly width?: number;
    readonly calm?: boolean;
  }

  async function open(act: (page: Page) => Promise<void>, { hash = '', width = 1280, calm = false }: Options = {}) {
    const page = await browser.newPage({
      viewport: { width, height: 800 },
      reducedMotion: calm ? 'reduce' : 'no-preference',
    });
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => {
      if (!/^(file|blob):/.test(request.url())) said.push(`asked for ${request.url()}`);
    });
    try {
      await page.goto(`${FILE.href}${hash}`);
      await act(page);
      assert.equal(said, []);
    } finally {
      await page.close();
    }
  }

  /** Waits until the page shows at least this step, and gives the one that it shows. */
  async function reach(page: Page, step: number): Promise<number> {
    await page.waitForFunction(
      (wanted) => {
        const [, shown = '-1'] = /^Step ([\d,]+)/.exec(document.querySelector('#status')?.textContent ?? '') ?? [];
        return Number(shown.replaceAll(',', '')) >= wanted;
      },
      step,
      { timeout: 60_000 },
    );
    const [, shown = ''] = /^Step ([\d,]+)/.exec((await page.textContent('#status')) ?? '') ?? [];
    return Number(shown.replaceAll(',', ''));
  }

  /** The step that is shown when it has been so for half a second. */
  async function rest(page: Page): Promise<number> {
    let shown = await reach(page, 0);
    for (;;) {
      await page.waitForTimeout(500);
      const next = await reach(page, 0);
      if (next === shown) return shown;
      shown = next;
    }
  }

  for (const width of [390, 1280]) {
    test(`trains by WebAssembly and draws, nothing wider than the screen: ${width} pixels`, () =>
      open(
        async (page) => {
          await reach(page, 30);
          assert.match((await page.textContent('#status')) ?? '', 'by wasm/');
          assert.match((await page.textContent('#normalized-accuracy')) ?? '', /^\d+\.\d/);
          for (const figure of ['accuracy', 'loss', 'fan-plain', 'fan-normalized', 'flat', 'gradients']) {
            assert.ok((await page.locator(`#${figure} > *`).count()) > 5, figure);
          }
          assert.is(await page.evaluate(() => document.documentElement.scrollWidth), width);
        },
        { width },
      ));
  }

  test('a slider that is moved by keys starts again, and the link says so', () =>
    open(async (page) => {
      await reach(page, 20);
      await page.focus('#rate');
      await page.keyboard.press('ArrowRight');
      assert.is(await page.textContent('#rate-value'), '1');
      assert.match(page.url(), /#rate=1$/);
      assert.ok((await reach(page, 0)) >= 0);
      await page.focus('#depth');
      await page.keyboard.press('End');
      assert.match(page.url(), /#rate=1&depth=8$/);
      assert.is(await page.locator('#layer option').count(), 8);
    }));

  test('a link brings its settings', () =>
    open(
      async (page) => {
        await reach(page, 1);
        assert.is(await page.inputValue('#activation'), 'tanh');
        assert.is(await page.textContent('#depth-value'), '2');
        assert.is(await page.locator('#flat .bar').count(), 4);
      },
      { hash: '#activation=tanh&depth=2' },
    ));

  test('space pauses, S makes one step, R starts again', () =>
    open(async (page) => {
      await reach(page, 5);
      await page.keyboard.press(' ');
      assert.is(await page.textContent('#play'), 'Play');
      const paused = await rest(page);
      await page.keyboard.press('s');
      assert.is(await reach(page, paused + 1), paused + 1);
      assert.is(await rest(page), paused + 1);
      await page.keyboard.press('r');
      assert.is(await page.textContent('#play'), 'Pause');
      await reach(page, 1);
    }));

  test('who wants less motion starts it by hand', () =>
    open(
      async (page) => {
        assert.is(await reach(page, 0), 0);
        await page.waitForTimeout(300);
        assert.is(await reach(page, 0), 0);
        await page.click('#play');
        await reach(page, 3);
      },
      { calm: true },
    ));

  test('the worked example follows the numbers that are typed', () =>
    open(async (page) => {
      assert.is(await page.textContent('#y01'), '2.000');
      await page.selectOption('#reading', 'sample');
      await page.fill('#beta', '0');
      assert.is(await page.textContent('#y01'), '0.707');
      await page.fill('#x00', '1');
      assert.is(await page.textContent('#mean0'), '0.780');
    }));
}
