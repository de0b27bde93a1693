/** Where the package is: the only module that asks. */

/** The folder of the package; undefined where that cannot be known: in a bundle, a single executable, a browser. */
export function packageRoot(): string | undefined {
  return /^(.*)[\\/]dist[\\/](?:cjs[\\/])?package-root\.js$/.exec(ownFile() ?? '')?.[1];
}

/** In dist/cjs, scripts/build-ts.js makes it `__filename`. Bundles that are ES modules have neither, hence `typeof`. */
function ownFile(): string | undefined {
  return typeof import.meta.filename === 'string' ? import.meta.filename : undefined;
}
