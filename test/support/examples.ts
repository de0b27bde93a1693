/** Code in the documentation: the blocks of pages, and the examples in the doc comments of the sources. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ROOT } from './install.js';

export interface Example {
  /** The file, and which of its examples. */
  readonly title: string;
  readonly code: string;
  readonly language: 'js' | 'ts';
}

/** In the pages that users read, README first, and in the sources. */
export function allExamples(): Example[] {
  const pages = namesIn('docs').filter((file) => file.endsWith('.md'));
  const sources = namesIn('src').filter((file) => file.endsWith('.ts'));
  return [...['README.md', ...pages].flatMap(fromMarkdown), ...sources.flatMap(fromComments)];
}

function namesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names.map((name) => `${folder}/${name.replaceAll('\\', '/')}`).sort();
}

function fromComments(file: string): Example[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/ \* @example\n(( +\*(?! @|\/).*\n)+)/g)].map(([, lines], i) => ({
    title: `${file} ${i + 1}`,
    code: lines.replace(/^ +\* ?/gm, ''),
    language: 'js',
  }));
}

function fromMarkdown(file: string): Example[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const blocks = text.matchAll(/^```([jt]s|javascript|typescript|[cm][jt]s)\b[^\n]*\n(.*?)^```/gms);
  return [...blocks].map(([, language, code], i) => {
    if (language !== 'js' && language !== 'ts')
      throw new Error(`${file}: expected \`\`\`js or \`\`\`ts, got ${language}`);
    return { title: `${file} ${i + 1}`, code, language };
  });
}

/** Lies inside the package, where 'batchnorm' means this very package. */
const FOLDER = join(ROOT, 'dist-test', 'examples');
const CONFIGURATION = {
  extends: '../../../tsconfig.json',
  compilerOptions: {
    rootDir: '.',
    outDir: '../compiled',
    declaration: false,
    noUnusedLocals: false, // some examples end where the next line would use what they have
    erasableSyntaxOnly: true, // so that Node.js, from 22.18 on, runs it as it is printed
  },
  include: ['*.mts'],
};

/** Compiles examples as strict TypeScript, all of them at once. Gives the compiler's messages: '' where all is well. */
export function compileExamples(examples: readonly Example[], folder = 'printed'): string {
  const printed = join(FOLDER, folder);
  rmSync(printed, { recursive: true, force: true });
  mkdirSync(printed, { recursive: true });
  writeFileSync(join(printed, 'tsconfig.json'), JSON.stringify(CONFIGURATION));
  for (const { title, code } of examples) writeFileSync(join(printed, fileName(title, 'mts')), code);
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  try {
    return execFileSync(process.execPath, [tsc, '-p', printed, '--pretty', 'false'], { encoding: 'utf8' });
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (stdout) return stdout;
    throw error;
  }
}

/** Whether this Node.js runs TypeScript as it is. */
export const RUNS_TYPESCRIPT = 'typescript' in process.features && process.features.typescript !== false;

/** The file that runs: as it is printed; where this Node.js cannot, what {@link compileExamples} has made of it. */
export function fileToRun({ title, code, language }: Example): string {
  if (language === 'ts' && !RUNS_TYPESCRIPT) return join(FOLDER, 'compiled', fileName(title, 'mjs'));
  const file = join(FOLDER, 'printed', fileName(title, language === 'ts' ? 'mts' : 'mjs'));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, code);
  return file;
}

function fileName(title: string, extension: string): string {
  return `${title.replace(/\W+/g, '-')}.${extension}`;
}

/** What the comments of an example say that it prints, by lines: `// → value`. */
export function promisedBy({ code }: Example): string[] {
  return [...code.matchAll(/\/\/ → (.*)/g)].map(([, value]) => value.trim());
}

/** What an example says that it needs besides the packages of this repository: `// Needs MPI: …`. */
export function needOf({ code }: Example): string | null {
  return /^\/\/ Needs (.*?)(: .*|\.)?$/m.exec(code)?.[1] ?? null;
}
