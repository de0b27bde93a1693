// The pages beside the reference, by the headings of the sidebar and in its order. README's table has the same order,
// and test/site-pages.test.ts holds that no page of docs is forgotten.
import { basename } from 'node:path';

/** The reference of the API, which comes from the comments, stands where this name does. */
export const API = 'API';

export const SECTIONS = {
  Introduction: ['docs/start.md', 'docs/batch-normalization.md'],
  Guides: [
    'docs/train-in-typescript.md',
    'docs/tfjs.md',
    'docs/inference.md',
    'docs/deploy.md',
    'docs/loading.md',
    'docs/interop.md',
    'docs/threads.md',
    'docs/distributed.md',
    'docs/reproducible.md',
    'docs/variants.md',
    'docs/recipes.md',
    'docs/memory.md',
    'docs/half.md',
    'docs/wasm.md',
    'examples/README.md',
  ],
  [API]: [],
  Background: ['docs/numerics.md', 'docs/performance.md', 'docs/errors.md', 'docs/conventions.md'],
  Project: ['CHANGELOG.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'],
};

/** All of them, from the root of the package. */
export const PAGES = Object.values(SECTIONS).flat();

/** The heading that a page stands under, given the name of its file, without the extension. */
export function sectionOf(name) {
  for (const [section, pages] of Object.entries(SECTIONS)) {
    if (pages.some((page) => basename(page, '.md') === name)) return section;
  }
  throw new Error(`site/pages.js has no section with ${name}.md`);
}
