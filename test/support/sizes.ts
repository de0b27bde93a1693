/** Bytes that the package may have, by parts, so that they hold for all five addons, whichever of them are there. */

/** An addon, by its processor: three instruction sets for x64, one for arm64. */
const ADDON: Readonly<Record<string, number>> = { x64: 2.8e6, arm64: 0.8e6 };
const ADDONS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'];
/** An addon is packed into less than this part of its bytes. */
const PACKED = 0.36;

/**
 * The package with all addons: 10 MB are theirs, 4 MB all the rest. That is JavaScript as CommonJS and as ES modules,
 * what an addon is built from, declarations, documents, and the programs of the command line.
 */
export const LIMIT = { unpacked: 14e6, packed: 5e6 };

export function limitOf(addon: string): number {
  return ADDON[addon.split('-')[1]];
}

/** What a package of so many bytes would have with all addons at their limits. */
export function withAllAddons(found: typeof LIMIT, addonsInIt: number): typeof LIMIT {
  const missing = ADDONS.reduce((sum, addon) => sum + limitOf(addon), 0) - addonsInIt;
  return { unpacked: found.unpacked + missing, packed: found.packed + missing * PACKED };
}
