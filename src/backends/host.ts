/** What runs this code: Node.js and its modules, or a browser without them. Nothing is imported, so that bundles stay whole. */

/** A module of Node.js by its name; undefined elsewhere. */
export function builtin<T>(name: string): T | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as T | undefined;
}
