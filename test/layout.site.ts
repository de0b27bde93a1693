/**
 * No page of the site scrolls sideways, on a phone or a desk: tables and code that are wider scroll by themselves. The
 * page in front has its tests in live.test.ts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import * as assert from 'uvu/assert';
import { isRequired } from './support/backends.js';
import { findBrowser, launch } from './support/browser.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const WIDTHS = [390, 1280];

const site = fileURLToPath(new URL('../dist-site/docs/', import.meta.url));
const executable = findBrowser();
const title = 'layout of the site';

if (executable === undefined) {
  if (isRequired('chromium')) suiteOf(title)('has a browser', () => assert.unreachable('no browser'));
  else skipAloud(title, 'no Chromium on the PATH');
} else if (!existsSync(site)) {
  suiteOf(title)('has a site', () => assert.unreachable('no dist-site: npm run docs makes it'));
} else {
  runIn(executable);
}

interface Shown {
  readonly name: string;
  readonly html: string;
}

function runIn(path: string): void {
  const test = suiteOf(title);
  let browser: Browser;
  test.before(async () => {
    browser = await launch(path);
  });
  test.after(() => browser.close());

  /** What is too wide in pages, at each width. One tab has the style of all, and shows the body of each. */
  async function wrongIn(pages: readonly Shown[]): Promise<string[]> {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const tab = await context.newPage();
    await tab.goto(pathToFileURL(`${site}index.html`).href);
    const wrong: string[] = [];
    for (const width of WIDTHS) {
      await tab.setViewportSize({ width, height: 800 });
      const found = await tab.evaluate(tooWide, pages);
      wrong.push(...found.map((text) => `${text} at ${width}`));
    }
    await context.close();
    return wrong;
  }

  test('every page', async () => {
    const names = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
    assert.ok(names.length > 100, `${names.length} pages`);
    const pages = names.map((name) => ({ name, html: readFileSync(site + name, 'utf8') }));
    assert.equal(await wrongIn(pages), []);
  });

  test('what is too wide is found: a table, code, and whatever makes the page scroll', async () => {
    const wide = '<div style="width: 2000px">wide</div>';
    const table = (style: string) => `<table style="${style}"><tr><td>${wide}</td></tr></table>`;
    const pages: Shown[] = [
      { name: 'table', html: table('') },
      { name: 'cut table', html: table('display: block; overflow-x: hidden') },
      { name: 'table that scrolls', html: table('display: block; overflow-x: auto') },
      { name: 'code', html: `<pre style="overflow-x: visible">${wide}</pre>` },
      { name: 'code that scrolls', html: `<pre style="overflow-x: auto">${wide}</pre>` },
      { name: 'page', html: wide },
    ];
    const wrong = await wrongIn(pages);
    const expected = [
      'table: <table> "wide" ends at 2',
      'table: the page is 2',
      'cut table: <table> "wide" does not scroll',
      'code: <pre> "wide" does not scroll',
      'code: the page is 2',
      'page: the page is 2',
    ];
    assert.equal(
      wrong.map((text, i) => text.slice(0, expected[i % expected.length]?.length)),
      [...expected, ...expected],
      wrong.join('\n'),
    );
  });
}

/** Runs in the page: shows one after the other, and finds whatever is wider than it. */
function tooWide(pages: readonly Shown[]): string[] {
  const wrong: string[] = [];
  for (const { name, html } of pages) {
    document.body.innerHTML = new DOMParser().parseFromString(html, 'text/html').body.innerHTML;
    const { clientWidth, scrollWidth } = document.documentElement;
    for (const element of document.querySelectorAll('table, pre')) {
      const { width, right } = element.getBoundingClientRect();
      if (width === 0) continue; // it is not shown
      const what = `${name}: <${element.localName}> "${element.textContent?.trim().slice(0, 30)}"`;
      if (!(right <= clientWidth + 0.5)) wrong.push(`${what} ends at ${right}`);
      const scrolls = ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
      if (element.scrollWidth > element.clientWidth + 1 && !scrolls) wrong.push(`${what} does not scroll`);
    }
    if (!(scrollWidth <= clientWidth)) wrong.push(`${name}: the page is ${scrollWidth} wide`);
  }
  return wrong;
}
