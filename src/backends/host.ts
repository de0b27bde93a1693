/**
 * What runs this code: Node.js and its modules, or a browser without them. Nothing is imported, so that bundles stay
 * whole.
 */

/** A module of Node.js by its name; undefined elsewhere. */
export function builtin<T>(name: string): T | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as T | undefined;
}

/**
 * A variable of the environment; undefined where there is none, or where it may not be read, as in Deno without
 * --allow-env.
 */
export function environment(name: string): string | undefined {
  try {
    return globalThis.process?.env?.[name];
  } catch {
    return undefined;
  }
}
