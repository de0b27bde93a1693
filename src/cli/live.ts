/** `batchnorm live`: the page that trains, as one file. */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Failure } from './failure.js';
import type { Options, Values } from './options.js';

export const LIVE_OPTIONS = {
  out: { type: 'text', unit: 'file', description: 'where the page goes', default: 'live.html' },
} as const satisfies Options;

/** From dist/cli. */
const PAGE = new URL('../../dist-demo/live.html', import.meta.url);

/** @throws Failure where the page is not built, or cannot be written */
export async function runLive({ out }: Values<typeof LIVE_OPTIONS>): Promise<void> {
  const page = await readFile(PAGE).catch(() => {
    throw new Failure('live: the page is not built; npm run build:demo builds it');
  });
  await writeFile(out, page).catch((error: Error) => {
    throw new Failure(`live: cannot write ${out}: ${error.message}`);
  });
  console.log(`${out} is written: open ${pathToFileURL(resolve(out)).href} in a browser`);
}
