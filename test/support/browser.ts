/** A browser, bundles of browser-page.ts, and a server that gives them to it under the headers of a page. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';
import { build, createLogger } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'dist-test', 'browser');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking ' +
  '--disable-component-update --disable-sync';
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.html': 'text/html' };
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** The first browser of the PATH; undefined where there is none. */
export function findBrowser(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((path) => join(path, name))).find((file) => existsSync(file));
}

export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: FLAGS.split(' ') });
}

/** How a page comes to the package: bundled, or as it is. */
export const PAGES = {
  esbuild: '<!doctype html><script src="/dist-test/browser/esbuild.js"></script>',
  vite: '',
  plain: `<!doctype html>
    <script type="importmap">{ "imports": { "batchnorm": "/dist/index.js", "#dist/": "/dist/" } }</script>
    <script type="module">${main('/dist-test/support/browser-page.js')}</script>`,
};
export type PageName = keyof typeof PAGES;

function main(file: string): string {
  return `import { page } from '${file}';\nglobalThis.page = page;\n`;
}

/** Bundles the page by the bundlers' own defaults. Returns what they warned of, and the files that they wrote. */
export async function bundle(): Promise<{ warnings: string[]; scripts: string[]; files: string[] }> {
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, 'main.js');
  writeFileSync(entry, main('../support/browser-page.js'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="./main.js"></script>\n');
  const { warnings, metafile } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    outfile: join(folder, 'esbuild.js'),
    metafile: true,
    logLevel: 'silent',
  });
  const told: string[] = [];
  const logger = createLogger('silent');
  logger.warn = logger.warnOnce = logger.error = (message) => void told.push(message);
  const made = await build({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    customLogger: logger,
    build: { outDir: 'vite' },
  });
  if (!('output' in made)) throw new Error('vite made more than one bundle');
  return {
    // A script without modules has no import.meta, which esbuild says; it is used in Node.js only.
    warnings: [...warnings.filter(({ id }) => id !== 'empty-import-meta').map(({ text }) => text), ...told],
    scripts: [
      readFileSync(join(folder, 'esbuild.js'), 'utf8'),
      ...made.output.map((output) => ('code' in output ? output.code : '')),
    ],
    files: [...Object.keys(metafile.outputs), ...made.output.map(({ fileName }) => fileName)],
  };
}

/** Serves pages at /NAME?isolated&policy=…, and what they load. */
export async function serve(): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const name = pathname.slice(1);
    const policy = searchParams.get('policy');
    const headers = {
      ...(searchParams.has('isolated') ? ISOLATED : {}),
      ...(policy === null ? {} : { 'Content-Security-Policy': policy }),
      'Cross-Origin-Resource-Policy': 'same-origin',
    };
    const text = name in PAGES && name !== 'vite' ? PAGES[name as PageName] : readText(pathname);
    if (text === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...headers, 'Content-Type': TYPES[extname(name)] ?? 'text/html' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://localhost:${(server.address() as AddressInfo).port}` };
}

function readText(pathname: string): Buffer | undefined {
  const inside = pathname === '/vite' ? '/dist-test/browser/vite/index.html' : pathname;
  const file = join(root, inside.startsWith('/assets/') ? `/dist-test/browser/vite${inside}` : inside);
  return existsSync(file) ? readFileSync(file) : undefined;
}
