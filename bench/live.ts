/**
 * The live page in Chromium: `npm run bench:live [browser]`. Milliseconds to its first paint, and steps a second that
 * it shows, each of both networks, while it draws: the median of some seconds. The page is dist-demo/live.html.
 */
import { chromium, type Page } from 'playwright-core';
import { median } from '#demo/kit/statistics.js';

const PAGE = new URL('../dist-demo/live.html', import.meta.url).href;
const ROUNDS = 3;
const SECONDS = 5;
const WIDTHS = [390, 1280];

/** What the page says of itself. */
async function rateOf(page: Page): Promise<number> {
  const [, rate = 'NaN'] = /, (\d+) steps a second/.exec((await page.textContent('#status')) ?? '') ?? [];
  return Number(rate);
}

async function measure(page: Page): Promise<{ readonly paint: number; readonly rate: number }> {
  await page.goto(PAGE);
  await page.waitForTimeout(1000);
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  const rates: number[] = [];
  for (let second = 0; second < SECONDS; second++) {
    await page.waitForTimeout(1000);
    rates.push(await rateOf(page));
  }
  return { paint: paint ?? Number.NaN, rate: median(rates) };
}

const executablePath = process.argv[2] ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
console.log('| width | first paint, ms | steps a second |\n|---|---|---|');
for (const width of WIDTHS) {
  const found: Awaited<ReturnType<typeof measure>>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const page = await browser.newPage({ viewport: { width, height: 800 } });
    found.push(await measure(page));
    await page.close();
  }
  const cells = [width, median(found.map(({ paint }) => paint)), median(found.map(({ rate }) => rate))];
  console.log(`| ${cells.map(Math.round).join(' | ')} |`);
}
await browser.close();
