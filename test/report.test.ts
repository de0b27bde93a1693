/** The report in a real browser: it opens from disk without errors, and its drawings fit a phone and a desktop. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import * as assert from 'uvu/assert';
import { isRequired } from './support/backends.js';
import { findBrowser, launch } from './support/browser.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const executable = findBrowser();

if (executable !== undefined) runIn(executable);
else if (isRequired('chromium')) suiteOf('report: required')('is there', () => assert.unreachable('no browser'));
else skipAloud('report', 'no Chromium on the PATH');

/** What can be seen of a page. */
interface Seen {
  /** How wide the page is, of which the window shows so much. */
  readonly width: number;
  readonly drawings: readonly {
    left: number;
    right: number;
    height: number;
    marks: number;
    label: string;
    /** The smallest letters, in pixels of the window. */
    letters: number;
  }[];
  /** Tables that are wider than what is seen of them. */
  readonly cut: number;
  /** Lines that would begin with a unit. */
  readonly parted: string[];
  /** Links of the page to places in it that are not there. */
  readonly dangling: string[];
  /** Sections, and those of them that the contents name. */
  readonly sections: readonly [number, number];
  /** Values that a pointer reads. */
  readonly values: number;
  /** How high the formula is set, in pixels of the window: a fraction, not a line. */
  readonly formula: number;
  /** Links to what may not be there. */
  readonly links: string[];
}

function runIn(path: string): void {
  const test = suiteOf('report in a browser');
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-report-'));
  const report = join(folder, 'report.html');
  let browser: Browser;

  test.before(async () => {
    const options = ['train', '--quick', '--steps', '60', '--out', report];
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...options], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    browser = await launch(path);
  });
  test.after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  for (const width of [360, 1280]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`${width} wide, ${colorScheme}`, async () => {
        const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
        const page = await context.newPage();
        const told: string[] = [];
        page.on('console', (message) => told.push(message.text()));
        page.on('pageerror', (error) => told.push(String(error)));
        page.on('requestfailed', (request) => told.push(request.url()));
        await page.goto(pathToFileURL(report).href);
        const seen = (await page.evaluate(LOOK)) as Seen;
        assert.equal(told, []);
        check(seen, width);
        await context.close();
      });
    }
  }

  test('on paper', async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(report).href);
    const pages = (await page.pdf({ format: 'A4' })).toString('latin1').match(/\/Type \/Page\b/g)!.length;
    assert.ok(pages >= 4 && pages <= 16, `${pages} pages`);
    const margin = { top: '12mm', right: '12mm', bottom: '12mm', left: '12mm' };
    const narrower = (await page.pdf({ format: 'A4', margin })).toString('latin1').match(/\/Type \/Page\b/g)!.length;
    assert.ok(narrower <= 1.25 * pages, `${narrower} pages with margins, ${pages} without: not the layout of a phone`);
  });
}

/** Runs in the page. Some drawings exist twice, for wide and narrow windows: only those that are shown count. */
const LOOK = `({
  width: document.documentElement.scrollWidth,
  cut: [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length,
  parted: document.querySelector('main').textContent.match(/\\d %/g) ?? [],
  dangling: [...document.querySelectorAll('a[href^="#"]')]
    .map((a) => a.getAttribute('href'))
    .filter((href) => document.getElementById(href.slice(1)) === null),
  sections: [document.querySelectorAll('section').length, document.querySelectorAll('nav a').length],
  values: document.querySelectorAll('.values title').length,
  formula: document.querySelector('math').getBoundingClientRect().height,
  links: [...document.querySelectorAll('a')]
    .map((a) => a.getAttribute('href'))
    .filter((href) => !/^(#|https:)/.test(href)),
  drawings: [...document.querySelectorAll('figure svg')]
    .filter((svg) => svg.getClientRects().length > 0)
    .map((svg) => {
      const { left, right, height } = svg.getBoundingClientRect();
      return {
        left, right, height,
        marks: svg.querySelectorAll('path, rect, line, circle, text').length,
        label: svg.getAttribute('aria-label') ?? '',
        letters: Math.min(...[...svg.querySelectorAll('text')].map((text) => {
          const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
          return parseFloat(getComputedStyle(text).fontSize) * scale;
        })),
      };
    }),
})`;

function check({ width, drawings, cut, parted, links, ...seen }: Seen, window: number): void {
  assert.is(cut, 0, 'tables are whole');
  assert.equal(parted, [], 'numbers stay with their units');
  assert.equal(links, ['./report.json']);
  assert.equal(seen.dangling, []);
  assert.ok(seen.sections[0] >= 10 && seen.sections[0] === seen.sections[1], `sections: ${seen.sections}`);
  assert.ok(seen.values > 200, `${seen.values} values`);
  assert.ok(seen.formula > 30, `the formula is ${seen.formula} high`);
  assert.ok(width <= window, `the page is ${width} wide`);
  assert.ok(drawings.length >= 8, `${drawings.length} drawings`);
  for (const { left, right, height, marks, label, letters } of drawings) {
    assert.ok(label.length > 10, 'a drawing says what it is');
    assert.ok(left >= 0 && right <= window, `${label}: from ${left} to ${right}`);
    assert.ok(height >= 120 && height <= 800, `${label}: ${height} high`);
    assert.ok(letters >= 9.5, `${label}: letters of ${letters} pixels`);
    assert.ok(marks >= 10, `${label}: ${marks} marks`);
  }
}
