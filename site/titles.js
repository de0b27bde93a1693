// TypeDoc calls a document, and its page, as its file is called; readers look for its heading. And it knows no sections
// of documents, unless each file begins with its own.
import { basename } from 'node:path';
import { Converter, KindRouter, ReflectionKind } from 'typedoc';
import { sectionOf } from './pages.js';

/** The file that each document comes from. */
const files = new WeakMap();

/** Pages of documents by the names of their files: `documents/numerics.html`. */
class Router extends KindRouter {
  getIdealBaseName(reflection) {
    if (!reflection.kindOf(ReflectionKind.Document)) return super.getIdealBaseName(reflection);
    return `documents/${files.get(reflection)}`;
  }
}

/** Gives each document the text of its first heading, and its section. */
export function load({ converter, renderer }) {
  renderer.defineRouter('files', Router);
  converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const [heading] = document.content;
    const [, title] = /^# (.+)$/m.exec(heading?.text ?? '') ?? [];
    const name = basename(document.name);
    document.frontmatter.category = sectionOf(name);
    files.set(document, name.toLowerCase());
    if (title !== undefined) document.name = title.replace(/:.*/, '');
  });
}
