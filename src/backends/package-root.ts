/** Where the package is: the only module that asks. */

/** The folder of the package; undefined where that cannot be known: in a bundle, a single executable, a browser. */
export function packageRoot(): string | undefined {
  return /^(.*)[\\/]dist[\\/](?:cjs[\\/])?backends[\\/]package-root\.js$/.exec(ownFile() ?? '')?.[1];
}

/** undefined in bundles, and in browsers. In dist/cjs, scripts/build-ts.js makes it `module.filename`. */
function ownFile(): string | undefined {
  return import.meta.filename;
}
