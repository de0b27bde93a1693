/** Rooms of source files and the walls between them: a file imports from its own room and from those before it. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** From the bottom up, rooms of one row side by side: these do not know each other. */
export type Rows = readonly (readonly string[])[];
export type Sources = ReadonlyMap<string, string>;

/** The TypeScript of a folder, by the path of each file from there. */
export function readSources(folder: URL): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const files = names.filter((name) => name.endsWith('.ts'));
  return new Map(files.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
}

/** The folder, or the name of a file that lies in none. */
const roomOf = (file: string) => file.replace(/\.ts$/, '').split('/')[0];

/** What a file imports, whether for types or for values: the names as they are written. */
export function specifiersOf(text: string): string[] {
  const declared = text.matchAll(/^(?:import|export)\b(?:[^;']*?\bfrom)? '([^']+)';/gms);
  const called = text.matchAll(/^(?! *(?:\*|\/\/)).*\bimport\('([^']+)'\)/gm);
  return [...declared, ...called].map(([, name]) => name);
}

/** The files beside it, or elsewhere by a path, that a file imports. */
function importsOf(file: string, text: string): string[] {
  const paths = specifiersOf(text).filter((name) => name.startsWith('.'));
  return paths.map((name) => posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts'));
}

/** Every import that runs up, to the side or out of the folder, and every room that nobody has given a row. */
export function breaches(sources: Sources, rows: Rows): string[] {
  const floorOf = (file: string) => rows.findIndex((row) => row.includes(roomOf(file)));
  return [...sources].flatMap(([file, text]) => {
    if (floorOf(file) < 0) return [`${file} lies in a room without a row`];
    return importsOf(file, text)
      .filter((other) => roomOf(other) !== roomOf(file) && !(floorOf(other) >= 0 && floorOf(other) < floorOf(file)))
      .map((other) => `${file} imports ${other}`);
  });
}

/** A circle of imports as the names in it, the first one again at its end; null where there is none. */
export function circle(sources: Sources): string[] | null {
  const left = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (left.has(file)) return null;
    left.add(file);
    for (const other of importsOf(file, sources.get(file) ?? '')) {
      const found = visit(other, [...path, file]);
      if (found !== null) return found;
    }
    return null;
  };
  for (const file of sources.keys()) {
    const found = visit(file, []);
    if (found !== null) return found;
  }
  return null;
}
