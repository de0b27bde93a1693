// Makes the site: the live page in front, and behind it what TypeDoc makes of docs/ and of the comments in src/. A
// folder of static files, which works under any path and without a network. Whatever TypeDoc warns of, and a link to
// a page or a heading that is not there, is an error.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const site = join(root, 'dist-site');
// It is not among the packages of the library, since TypeScript 7 has no interface for it yet.
const TYPEDOC = join(root, 'site', 'node_modules', 'typedoc', 'bin', 'typedoc');
const NAVIGATION = `<nav aria-label="Site" style="margin-bottom: 1.5rem"><a href="docs/documents/start.html">Start</a> ·
<a href="docs/documents/batch-normalization.html">What batch normalization is</a> ·
<a href="docs/index.html">Documentation</a> · <a href="docs/modules/batchnorm.html">API</a></nav>`;

rmSync(site, { recursive: true, force: true });
execFileSync(process.execPath, [TYPEDOC], { cwd: join(root, 'site'), stdio: 'inherit' });
writeFront();
linkFront();
const broken = brokenLinks();
if (broken.length > 0) {
  console.error(`broken links:\n${broken.join('\n')}`);
  process.exitCode = 1;
}

/** The page that trains, with the way to the documents. */
function writeFront() {
  const page = readFileSync(join(root, 'dist-demo', 'live.html'), 'utf8');
  const front = page.replace('<main>\n', () => `<main>\n${NAVIGATION}\n`);
  if (front === page) throw new Error('the live page has no <main>');
  writeFileSync(join(site, 'index.html'), front);
}

/** The header of every page leads to the one that trains. */
function linkFront() {
  for (const name of readdirSync(site, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.html') || name === 'index.html') continue;
    const file = join(site, name);
    const up = '../'.repeat(name.split(sep).length - 1);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('href="LIVE"', `href="${up}index.html"`));
  }
}

/** Links of the pages that lead to no file, or to no place in it. */
function brokenLinks() {
  const names = readdirSync(site, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll(sep, '/'));
  const pages = new Map(names.filter((name) => name.endsWith('.html')).map((name) => [name, pageOf(name)]));
  const files = new Set(names);
  return [...pages].flatMap(([name, { links }]) =>
    links.filter((link) => !leadsSomewhere(name, link, pages, files)).map((link) => `${name} → ${link}`),
  );
}

function pageOf(name) {
  const html = readFileSync(join(site, name), 'utf8').replace(/<script>.*?<\/script>/gs, '');
  const links = [...html.matchAll(/<a\b[^>]* href="([^"]*)"/g)].map(([, link]) => link.replaceAll('&amp;', '&'));
  const places = new Set([...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id));
  return { links: [...new Set(links)], places };
}

function leadsSomewhere(from, link, pages, files) {
  if (/^[a-z]+:/.test(link) || link === '#') return true;
  const [path, place] = decodeURI(link).split('#');
  const target = path === '' ? from : posix.join(posix.dirname(from), path);
  if (!files.has(target)) return false;
  return place === undefined || place === '' || !pages.has(target) || pages.get(target).places.has(place);
}
