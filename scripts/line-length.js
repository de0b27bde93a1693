// Whether every line has at most 120 characters. Biome and clang-format leave comments, strings and prose as they are.
// Rows of Markdown tables may be longer, since a row cannot be broken.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MOST = 120;
const TEXT = /\.([cm]?[jt]s|md|cc|h|gypi?|py|yml)$/;

/** The long lines of a file, as `file:line: length`. */
export function longLines(file, text) {
  const isRow = (line) => file.endsWith('.md') && line.startsWith('|');
  return text.split('\n').flatMap((line, i) => {
    const { length } = [...line.trimEnd()];
    return length > MOST && !isRow(line) ? [`${file}:${i + 1}: ${length} characters`] : [];
  });
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function check() {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '-z'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  const long = files
    .filter((file) => TEXT.test(file))
    .flatMap((file) => longLines(file, readFileSync(join(root, file), 'utf8')));
  if (long.length === 0) return;
  console.error(`batchnorm: lines of more than ${MOST} characters:\n${long.join('\n')}`);
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) check();
