/**
 * The package in real pages of Chromium: bundled and plain, isolated and not, and under policies that forbid things.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Browser, Page as BrowserPage } from 'playwright-core';
import * as assert from 'uvu/assert';
import { isRequired } from './support/backends.js';
import { bundle, findBrowser, launch, type PageName, serve } from './support/browser.js';
import type { Page } from './support/browser-page.js';
import type { DigestCase } from './support/digests.js';
import { exactText } from './support/exact-page.js';
import { randomFor } from './support/random.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

declare const page: Page;

const cases: DigestCase[] = JSON.parse(readFileSync(new URL('../test/digests.json', import.meta.url), 'utf8'));
const executable = findBrowser();

if (executable !== undefined) runIn(executable);
else if (isRequired('chromium')) suiteOf('browser: required')('is there', () => assert.unreachable('no browser'));
else skipAloud('browser', 'no Chromium on the PATH');

function runIn(path: string): void {
  const test = suiteOf('browser');
  let browser: Browser;
  let server: Server;
  let origin: string;
  let bundled: Awaited<ReturnType<typeof bundle>>;

  test.before(async () => {
    bundled = await bundle();
    browser = await launch(path);
    ({ server, origin } = await serve());
  });
  test.after(async () => {
    await browser.close();
    server.close();
  });

  /** Opens a page, lets `act` use it, and fails if anything in it did. */
  async function inPage(name: PageName, query: string, act: (tab: BrowserPage) => Promise<void>, script = '') {
    const tab = await browser.newPage();
    const errors: string[] = [];
    tab.on('pageerror', (error) => errors.push(String(error)));
    try {
      await tab.addInitScript(script);
      await tab.goto(`${origin}/${name}?${query}`);
      await tab.waitForFunction(() => 'page' in globalThis, null, { timeout: 10_000 }).catch(() => {});
      assert.equal(errors, []);
      await act(tab);
      assert.equal(errors, []);
    } finally {
      await tab.close();
    }
  }

  test('bundlers warn of nothing, and make one script each', () => {
    assert.equal(bundled.warnings, []);
    assert.is(bundled.files.filter((file) => file.endsWith('.js')).length, 2);
    assert.equal(
      bundled.files.filter((file) => !/\.(js|html)$/.test(file)),
      [],
    );
  });

  test('bundles do not carry what looks for files', () => {
    for (const script of bundled.scripts) assert.not.match(script, 'prebuilds/manifest.json');
  });

  for (const name of ['esbuild', 'vite', 'plain'] as const) {
    test(`${name}: the digests of native, on workers where the page is isolated`, () =>
      inPage(name, 'isolated', async (tab) => {
        const info = await tab.evaluate(() => page.ready());
        assert.equal([info.name, info.isa], ['wasm', 'simd128']);
        assert.equal(await tab.evaluate((all) => page.differing(all, 3), cases), []);
        assert.ok((await tab.evaluate(() => page.workersServing())) >= 2, 'workers serve');
        assert.equal(await tab.evaluate(() => page.inPlace()), [-1, 1, 1, -1]);
      }));

    test(`${name}: the digests of native, on one thread where it is not`, () =>
      inPage(name, '', async (tab) => {
        const info = await tab.evaluate(() => page.ready({ memory: 2 ** 25 }));
        assert.equal([info.name, info.isa, info.threads], ['wasm', 'simd128', 1]);
        assert.equal(await tab.evaluate((all) => page.differing(all, 1), cases), []);
        assert.equal(await tab.evaluate(() => page.inPlace()), [-1, 1, 1, -1]);
      }));
  }

  test('exact sums of pieces are those of the whole batch in Node.js', () =>
    inPage('plain', '', async (tab) => {
      const random = randomFor('exact sums in a page');
      const draw = () => Array.from({ length: 12 * 12 }, () => random.normal() * 2 ** (random.integer(60) - 30));
      const [x, dy] = [draw(), draw()];
      const expected = exactText(x, dy, 1);
      for (const name of ['wasm', 'reference'] as const) {
        await tab.evaluate((name) => page.useBackend(name), name);
        const actual = await tab.evaluate(([x, dy]) => page.exactText(x, dy, 5), [x, dy] as const);
        assert.is(actual, expected, name);
      }
    }));

  test('the first call loads, without ready', () =>
    inPage('esbuild', '', async (tab) => {
      assert.equal(await tab.evaluate(() => page.inPlace()), [-1, 1, 1, -1]);
      assert.is(await tab.evaluate(() => page.backend().name), 'wasm');
      const [native] = await tab.evaluate(() => page.backends());
      assert.equal([native.available, native.reason], [false, 'native: a browser loads no addons.']);
    }));

  const FORBIDDING = `
    const refuse = { construct() { throw new RangeError('disallowed on the main thread'); } };
    WebAssembly.Module = new Proxy(WebAssembly.Module, refuse);
    WebAssembly.Instance = new Proxy(WebAssembly.Instance, refuse);`;
  for (const query of ['', 'isolated']) {
    test(`where compiling at once is forbidden, calls before ready say so ${query}`, () =>
      inPage(
        'vite',
        query,
        async (tab) => {
          const calls = await tab.evaluate(() => [
            page.refusal(() => page.inPlace()),
            page.refusal(() => page.useBackend('wasm')),
          ]);
          for (const refused of calls) {
            assert.is(refused?.[0], 'ERR_BATCHNORM_NOT_READY');
            assert.match(refused?.[1] ?? '', /await ready\(\)/);
          }
          assert.is(await tab.evaluate(async () => (await page.ready()).name), 'wasm');
          assert.equal(await tab.evaluate(() => page.inPlace()), [-1, 1, 1, -1]);
        },
        FORBIDDING,
      ));
  }

  const STRICT = "default-src 'none'; script-src 'self'";
  const policy = (text: string) => `isolated&policy=${encodeURIComponent(text)}`;
  test('a strict policy with wasm-unsafe-eval and workers', () =>
    inPage('esbuild', policy(`${STRICT} 'wasm-unsafe-eval'; worker-src blob:`), async (tab) => {
      assert.is(await tab.evaluate(async () => (await page.ready()).name), 'wasm');
      assert.equal(await tab.evaluate((all) => page.differing(all, 2), cases), []);
      assert.ok((await tab.evaluate(() => page.workersServing())) >= 1, 'a worker serves');
    }));

  test('a strict policy with wasm-unsafe-eval and without workers: one thread', () =>
    inPage('esbuild', policy(`${STRICT} 'wasm-unsafe-eval'`), async (tab) => {
      assert.is(await tab.evaluate(async () => (await page.ready()).name), 'wasm');
      assert.equal(await tab.evaluate((all) => page.differing(all, 2), cases), []);
      assert.is(await tab.evaluate(() => page.workersServing()), 0);
    }));

  test('a strict policy without wasm-unsafe-eval: the reference, and why', () =>
    inPage('esbuild', policy(STRICT), async (tab) => {
      assert.is(await tab.evaluate(async () => (await page.ready()).name), 'reference');
      assert.equal(await tab.evaluate(() => page.inPlace()), [-1, 1, 1, -1]);
      const wasm = await tab.evaluate(() => page.backends()[1]);
      assert.is(wasm.available, false);
      assert.match(wasm.reason ?? '', /Content-Security-Policy, add 'wasm-unsafe-eval'/);
      const refused = await tab.evaluate(() => page.refusal(() => page.useBackend('wasm')));
      assert.is(refused?.[0], 'ERR_BATCHNORM_BACKEND');
      assert.match(refused?.[1] ?? '', /wasm-unsafe-eval/);
    }));

  test('examples/browser.html: each colour of a picture gets mean 0 and variance 1', async () => {
    const tab = await browser.newPage();
    const errors: string[] = [];
    tab.on('pageerror', (error) => errors.push(String(error)));
    tab.on('console', (message) => errors.push(message.text()));
    await tab.goto(`${origin}/examples/browser.html`);
    const shown = tab.getByText(/values by wasm, simd128: [\d.]+ ms$/);
    await shown.waitFor({ timeout: 10_000 });
    assert.match(await shown.innerText(), /^36864 /);
    const means = await tab.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('#after')!;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return [0, 1, 2].map((ch) => data.reduce((sum, value, i) => sum + (i % 4 === ch ? value : 0), 0) / 128 / 96);
    });
    for (const mean of means) assert.ok(Math.abs(mean - 128) <= 2, `mean ${mean}, of 0 to 255`);

    const file = { name: 'red-blue.bmp', mimeType: 'image/bmp', buffer: redBesideBlue() };
    await tab.setInputFiles('input', file);
    await tab.getByText('98304 values').waitFor({ timeout: 10_000 });
    const rows = (await tab.locator('tbody tr').allInnerTexts()).map((text) => text.split(/\s+/));
    assert.equal(
      [rows[0]?.slice(0, 2), rows[1]],
      [
        ['red', '127.5'],
        ['green', '0.0', '0.0'],
      ],
    );
    assert.equal(errors, []);
    await tab.close();
  });
}

/** A bitmap of two pixels. */
function redBesideBlue(): Buffer {
  const bytes = Buffer.alloc(62);
  bytes.write('BM');
  bytes.writeUInt32LE(62, 2); // the size of the file
  bytes.writeUInt32LE(54, 10); // where pixels begin
  bytes.writeUInt32LE(40, 14); // the size of this header
  bytes.writeInt32LE(2, 18); // width
  bytes.writeInt32LE(1, 22); // height
  bytes.writeUInt16LE(1, 26); // planes
  bytes.writeUInt16LE(24, 28); // bits of a pixel
  bytes.set([0, 0, 255, 255, 0, 0], 54); // blue, green, red
  return bytes;
}
