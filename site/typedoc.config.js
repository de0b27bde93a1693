// What TypeDoc makes the site of.
import { API, PAGES, SECTIONS } from './pages.js';

/** @type {import('typedoc').TypeDocOptions} */
export default {
  name: 'batchnorm',
  entryPoints: ['reference/index.ts', '../src/tfjs/index.ts', '../src/interop/index.ts', '../src/mpi/index.ts'],
  tsconfig: 'tsconfig.json',
  out: '../dist-site/docs',
  customCss: 'style.css',
  readme: '../README.md',
  projectDocuments: PAGES.map((page) => `../${page}`),
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  includeVersion: true,
  treatWarningsAsErrors: true,
  validation: {
    notExported: true,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: true,
  },
  requiredToBeDocumented: ['Module', 'Class', 'Function', 'Interface', 'Method', 'TypeAlias', 'Variable'],
  intentionallyNotExported: [
    'Tensors',
    'DENSE',
    'CONVOLUTION',
    'TRANSPOSED',
    'DEPTHWISE',
    'OriginalConfig',
    'OptionsFor',
    'AnyLayer',
    'Environment',
    'src/layer/constructor.ts:BatchNorm',
  ],
  highlightLanguages: ['javascript', 'typescript', 'json', 'shellscript', 'python', 'diff', 'cpp'],
  sort: ['kind', 'alphabetical-ignoring-documents'],
  navigation: {
    includeCategories: true,
    includeGroups: false,
  },
  categorizeByGroup: false,
  searchInDocuments: true,
  defaultCategory: API,
  categoryOrder: Object.keys(SECTIONS),
  plugin: ['./titles.js'],
  // scripts/docs.js puts the way to the live page here, which depends on the folder of each page.
  navigationLinks: { 'Watch it train': 'LIVE' },
  markdownItLoader,
  router: 'files',
  entryPointStrategy: 'resolve',
  sortEntryPoints: false,
  intentionallyNotDocumented: [
    'batchnorm/interop.OnnxAttribute.i.__type.toNumber',
    'batchnorm/tfjs.BatchNormalization.fromConfig',
  ],
};

/** Cells with more letters need some width, where a table is wider than its page. */
const LONG = 24;

function markdownItLoader(parser) {
  parser.core.ruler.push('batchnorm', ({ tokens }) => {
    tokens.forEach((token, i) => {
      // TypeDoc takes blocks of no language for TypeScript; here they are formulas, diagrams and commands.
      if (token.type === 'fence' && token.info === '') token.info = 'text';
      if (token.type === 'td_open' && textOf(tokens[i + 1]).length > LONG) token.attrJoin('class', 'long');
    });
  });
}

function textOf({ children }) {
  return children.map(({ content }) => content).join('');
}
