/**
 * Hooks of the module loader: what a module that was loaded with `?facade=…` imports is loaded with the same query. So
 * each contender has the library's modules to itself, with its own chosen backend, as in a process of its own.
 */
import type { ResolveHook } from 'node:module';

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const found = await nextResolve(specifier, context);
  const query = context.parentURL === undefined ? '' : new URL(context.parentURL).search;
  const isOurs = query.startsWith('?facade=') && found.url.startsWith('file:') && !found.url.includes('?');
  return isOurs ? { ...found, url: found.url + query } : found;
};
